"""Known hard days: what a careful person counts by hand, with the naive answer that is wrong.

Sources of the arithmetic: Regulation 1182/71 Article 3, the ICO's guidance on time limits, 11 CCR 7021 and 7026,
California Civil Code 1798.99.86 as amended by AB 883. Each vector is held against the product and against the oracle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from portal.cases import law
from portal.cases.clocks.deadlines import Waited, clock_for
from tests.law.oracle import with_later_versions


@dataclass(frozen=True)
class Vector:
    """A request, and the days that are known of it by the names of `deadlines.Clock`, as ISO dates."""

    place: str
    received: str
    holidays: str
    right: str = "access"
    waited: tuple[tuple[str, str, str], ...] = ()
    days: dict[str, str] = field(default_factory=dict)

    def wrong(self) -> list[str]:
        """A line for each day that the product or the oracle counts otherwise."""
        received = date.fromisoformat(self.received)
        rule = law.rules_for(self.place, self.right, received)
        waited = [Waited(cause, *map(date.fromisoformat, days)) for cause, *days in self.waited]
        counted = {
            "product": vars(clock_for(rule, received, self.holidays, waited)),
            "oracle": with_later_versions(rule, received, self.holidays, waited),
        }
        return [
            f"{self.place} {self.right} of {self.received}: {name} is {found[name]} by the {who}, not {day}"
            for who, found in counted.items()
            for name, day in self.days.items()
            if found[name] != date.fromisoformat(day)
        ]


def _due(on: str, latest: str = "") -> dict[str, str]:
    return {"due_on": on} | ({"latest_on": latest} if latest else {})


CLARIFIED = (("clarification", "2026-11-05", "2026-11-16"),)
IDENTIFIED = (("identity", "2026-11-05", "2026-11-16"),)
VECTORS = (
    # 28 February 2026 is a Saturday.
    Vector("EU", "2026-01-31", "DE", days=_due("2026-03-02", "2026-04-30")),
    # Easter Sunday, then Easter Monday; and a place without Easter Monday.
    Vector("EU", "2026-03-05", "DE", days=_due("2026-04-07", "2026-06-05")),
    Vector("EU", "2026-03-05", "", days=_due("2026-04-06", "2026-06-05")),
    # An extension is three months from receipt, not 90 days.
    Vector("EU", "2026-08-31", "DE", days=_due("2026-09-30", "2026-11-30")),
    Vector("EU", "2026-11-20", "DE", days=_due("2026-12-21", "2027-02-22")),
    # 1 March would be late.
    Vector("EU", "2028-01-31", "DE", days=_due("2028-02-29", "2028-05-02")),
    # Twelve days do not count: the day of the question and the day of the answer are among them.
    Vector("UK", "2026-11-02", "GB-ENG", waited=CLARIFIED, days=_due("2026-12-14")),
    # The month begins when the identity is shown.
    Vector("UK", "2026-11-02", "GB-ENG", waited=IDENTIFIED, days=_due("2026-12-16")),
    # Thanksgiving is no business day. Safe where Saturdays are read as business days: 3 December.
    Vector("US-CA", "2026-11-20", "US", days={"acknowledge_by": "2026-12-07", "acknowledge_aim": "2026-12-03"}),
    Vector("US-CA", "2026-11-20", "US", "opt-out", days={"due_on": "2026-12-14", "aim_on": "2026-12-09"}),
    Vector("US-CA", "2026-11-20", "US", days=_due("2027-01-04", "2027-02-18") | {"aim_on": "2027-01-03"}),
    # 45 days between two looks into the mechanism; 30 from 1 January 2027.
    Vector("US-CA-DB", "2026-12-01", "US", "deletion", days=_due("2026-12-31")),
    Vector("BR", "2026-11-20", "", days=_due("2026-12-05")),
    Vector("KR", "2026-11-20", "", days=_due("2026-11-30")),
    Vector("CH", "2026-11-20", "", days=_due("2026-12-20")),
)

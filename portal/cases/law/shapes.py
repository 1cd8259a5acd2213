"""What a file of law is read into: places, rules with their clocks, duties that run without a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Term:
    """A length of time: `n` units from the day of receipt.

    `calendar` says whose holidays count: "place" the organisation's, "weekends" nobody's, else a code such as US.
    `roll`: a last day that is no working day moves to the next. `aim`: the day to aim at where the law can be read
    two ways.
    """

    n: int
    unit: str
    calendar: str = "place"
    roll: bool = False
    aim: Term | None = None


@dataclass(frozen=True)
class Pause:
    """What waiting for the person does to the clock. `effect` is one of EFFECTS."""

    cause: str
    effect: str


@dataclass(frozen=True)
class Source:
    """Where a rule was read, and when; nothing was read where `kind` is memory."""

    cite: str
    url: str
    seen_on: date | None
    kind: str

    def __str__(self) -> str:
        return f"{self.cite} ({self.url})" if self.url else self.cite


@dataclass(frozen=True)
class Appeal:
    """What happens when the person objects to an answer, counted from the day of the objection.

    `acknowledge`, `respond` and `extended` bind the organisation. `status` says how far this part was checked, which
    is often less than the rest of the rule.
    """

    status: str
    acknowledge: Term | None = None
    respond: Term | None = None
    extended: Term | None = None


@dataclass(frozen=True)
class Disclose:
    """What an answer gives, and what it must keep back, in sentences for the people who write it.

    `template`: "forbidden" where the law forbids to give it, else "described". `recipients` is one of RECIPIENTS.
    """

    template: str
    recipients: str
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One right at one place, in one version.

    `notice`: by when the person is told of an extension, from receipt. `cap`: no day of this rule is later than that
    after receipt, whatever paused it. `declaration`: the words that a person signs for the
    strong check, one of DECLARATIONS. `backups`: by when copies in backups are gone. `scope`: which data it reaches.
    `fee`: when the law lets a fee be asked for, and of how much; empty where it lets none, or nobody read that it does.
    `change`: why there is a new version where the law did not change, but what is written down of it.
    """

    id: str
    version: int
    right: str
    title: str
    first_day: date
    last_day: date | None
    identity: str
    why_identity: str
    acknowledge: Term | None
    respond: Term
    extended: Term | None
    notice: Term | None
    cap: Term | None
    backups: Term | None
    pauses: tuple[Pause, ...]
    appeal: Appeal | None
    scope: str
    disclose: Disclose
    downstream: str
    hold: str
    authority: str
    status: str
    sources: tuple[Source, ...]
    declaration: str = "plain"
    fee: str = ""
    change: str = ""

    def in_force(self, on: date) -> bool:
        return self.first_day <= on and (self.last_day is None or on <= self.last_day)


@dataclass(frozen=True)
class Destroy:
    """A clock that no request starts: `after` is the event, `term` how long the thing may be kept then."""

    after: str
    term: Term | None


@dataclass(frozen=True)
class Duty:
    """Something the law asks without a request. `destroy`: the earliest of these clocks counts; may be none."""

    id: str
    version: int
    title: str
    first_day: date
    last_day: date | None
    says: str
    destroy: tuple[Destroy, ...]
    status: str
    sources: tuple[Source, ...]

    def in_force(self, on: date) -> bool:
        return self.first_day <= on and (self.last_day is None or on <= self.last_day)


@dataclass(frozen=True)
class Place:
    """Whose law it is: rules in order of right and version, and duties. `residence`: people can say they live there."""

    code: str
    name: str
    residence: bool
    rules: tuple[Rule, ...]
    duties: tuple[Duty, ...] = field(default=())

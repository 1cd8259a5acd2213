"""The report of a period on paper: charts, under each the table with the same figures, and what may be published."""

from __future__ import annotations

from collections.abc import Sequence

from portal.cases.figures.published import LEFT_OUT, Published
from portal.cases.figures.reports import Line, Report
from portal.cases.mails import long_date
from portal.cases.paper import Paper

RIGHTS = {"access": "Find out", "copy": "Get a copy", "opt-out": "Not used any more", "deletion": "Deletion"}
ENDED = {
    "fulfilled": "Done",
    "partly-fulfilled": "In part",
    "nothing-found": "None found",
    "refused": "Refused",
    "withdrawn": "Taken back",
    "unverified": "Not sure who",
    "open": "Open",
}


def as_pdf(
    whole: Report, organisation: str, california: Sequence[Published] = (), judged: tuple[int, float | None] = (0, None)
) -> bytes:
    """The report as PDF. Like the page it names no person. `judged` is how many pairs were settled, and kappa."""
    period = f"Received from {long_date(whole.since)} to {long_date(whole.until)}"
    paper = Paper(f"How requests went. {period}", foot=organisation)
    paper.heading("How requests went", 1)
    paper.paragraph(organisation)
    paper.paragraph(f"{period}. For staff: small numbers may tell about one person, so do not publish this.")
    line = whole.whole
    paper.paragraph(f"Rights asked for: {line.received}. Answered in time: {line.in_time}. Late: {line.late}.")
    if line.received:
        _charts(paper, whole)
    if california:
        _published(paper, california, whole.until.year)
    paper.heading("How far reviewers agree")
    paper.paragraph(agreed(*judged))
    return paper.finish()


def in_time(line: Line) -> str:
    """`3 of 4 in time`, of those that have come to their end or their last day."""
    return f"{line.in_time} of {line.in_time + line.late} in time"


def agreed(pairs: int, kappa: float | None) -> str:
    """How far first and second answers agree, in a sentence or two."""
    if kappa is None:
        return (
            "Too few pairs, or all answers were alike: Cohen's kappa, how far people agree beyond chance, is not known."
        )
    settled = "1 pair" if pairs == 1 else f"{pairs} pairs"
    return (
        f"First and second answers about {settled}: Cohen's kappa is {kappa:.2f}. At 1 two people always agree. "
        "At 0 they agree only as often as by chance."
    )


def _charts(paper: Paper, whole: Report) -> None:
    paper.heading("In time and late, by right")
    paper.paragraph("Dark: answered in time. Pale: late. The tables have all figures.")
    paper.bars([(_name(one), one.in_time, one.late, in_time(one)) for one in whole.rights])
    paper.heading("How they ended")
    most = max(whole.whole.endings.values())
    paper.bars([(ENDED[ending], count, most - count, str(count)) for ending, count in whole.whole.endings.items()])
    _tables(paper, "By right", whole.rights)
    _tables(paper, "By law", whole.laws)


def _published(paper: Paper, lines: Sequence[Published], year: int) -> None:
    paper.heading(f"California, {year}: what may be published (11 CCR 7102)")
    paper.paragraph(f"Numbers that tell about few people are {LEFT_OUT}, and those that would give them away, too.")
    paper.table(
        ("Requests to", "Received", "Done in whole", "Done in part", "Denied", "Days, median"),
        [
            (
                one.right,
                *(
                    LEFT_OUT if number is None else str(number)
                    for number in (one.received, one.in_whole, one.in_part, one.denied)
                ),
                LEFT_OUT if one.median_days is None else f"{one.median_days:.1f}",
            )
            for one in lines
        ],
        (20, 16, 16, 16, 16, 16),
    )


def _tables(paper: Paper, title: str, lines: list[Line]) -> None:
    """First how many and how fast, then how they ended: all in one table would be too small to read."""
    paper.heading(title)
    paper.table(
        ("What", "Received", "In time", "Late", "Days, median", "Days, mean"),
        [
            (
                _name(one),
                str(one.received),
                str(one.in_time),
                str(one.late),
                _days(one.median_days),
                _days(one.mean_days),
            )
            for one in lines
        ],
        (40, 12, 12, 12, 12, 12),
    )
    paper.table(
        ("What", *(ENDED[ending] for ending in lines[0].endings)),
        [(_name(one), *(str(count) for count in one.endings.values())) for one in lines],
        (34, *(12 for _ in lines[0].endings)),
    )


def _name(line: Line) -> str:
    return RIGHTS.get(line.name, line.name)


def _days(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"

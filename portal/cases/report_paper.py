"""The report of a period on paper: the chart of what was in time, and under it the tables with the same figures."""

from __future__ import annotations

from portal.cases.answers import RIGHTS
from portal.cases.mails import long_date
from portal.cases.paper import Paper
from portal.cases.reports import Line, Report

ENDED = {
    "fulfilled": "Done",
    "partly-fulfilled": "In part",
    "nothing-found": "None found",
    "refused": "Refused",
    "withdrawn": "Taken back",
    "unverified": "Not sure who",
    "open": "Open",
}


def as_pdf(whole: Report, organisation: str) -> bytes:
    """The report as PDF. Like the page it names no person."""
    period = f"Received from {long_date(whole.since)} to {long_date(whole.until)}"
    paper = Paper(f"How requests went. {period}", foot=organisation)
    paper.heading("How requests went", 1)
    paper.paragraph(organisation)
    paper.paragraph(f"{period}.")
    line = whole.whole
    paper.paragraph(f"Rights asked for: {line.received}. Answered in time: {line.in_time}. Late: {line.late}.")
    if line.received:
        paper.heading("In time and late, by right")
        paper.paragraph("Dark: answered in time. Pale: late. The tables have all figures.")
        paper.bars([_bar(one) for one in whole.rights])
        _tables(paper, "By right", whole.rights)
        _tables(paper, "By law", whole.laws)
    return paper.finish()


def _bar(line: Line) -> tuple[str, int, int, str]:
    words = f"{line.in_time} of {line.in_time + line.late} in time"
    return line.name.capitalize(), line.in_time, line.late, words


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

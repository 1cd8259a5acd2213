"""The sworn statement on paper: the same sections as on the page, with lines to sign on."""

from __future__ import annotations

from typing import Any

from portal.cases.paper import Paper
from portal.orders import wording

MOST_ROWS = 500
WIDTHS = {2: (70, 30), 3: (30, 25, 45)}


def as_pdf(statement: dict[str, Any], lines: list[dict[str, Any]], signatory: str) -> bytes:
    """The statement as PDF. The name of whoever signs stands here alone: it is not in the log."""
    told = wording.sections(statement, lines)
    paper = Paper(told[0].title, foot=f"{statement['issuer']['organisation']}, statement {statement['id'][:8]}")
    for number, section in enumerate(told):
        paper.heading(section.title, 1 if number == 0 else 2)
        for sentence in section.sentences:
            paper.paragraph(sentence)
        if section.rows:
            paper.table(section.head, section.rows[:MOST_ROWS], WIDTHS[len(section.head)])
        if len(section.rows) > MOST_ROWS:
            left = len(section.rows) - MOST_ROWS
            paper.paragraph(f"And {left:,} more, which are in the file of this statement.")
    paper.paragraph(f"\nName: {signatory}\nPosition: {statement['declaration']['position']}")
    paper.paragraph("\nSignature: ________________________________\n\nExecuted on: ______________  at: ______________")
    return paper.finish()

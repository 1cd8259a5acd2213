"""The answer of a case on paper: what the person reads on their page, sentence by sentence, in the language spoken now.

It is made from the same `Answer`, so it tells no more than the page: where nobody was checked, it is blind, too.
"""

from __future__ import annotations

from datetime import date

from portal.cases.answer.answers import Answer, RightAnswer
from portal.cases.answer.held import Held
from portal.cases.paper import Paper
from portal.languages import current, day, isolated
from portal.languages import gettext as _


def as_pdf(answer: Answer, reference: str, organisation: str, received_on: date, logo: bytes | None = None) -> bytes:
    """The answer as PDF, below the logo (PNG). Raises BadInput naming letters that no typeface has."""
    paper = Paper(_("Your answer"), current().code, f"{isolated(organisation)}, {isolated(reference)}")
    if logo is not None:
        paper.picture(logo, organisation)
    paper.heading(_("Your answer"), 1)
    paper.paragraph(_("Reference %(reference)s", reference=isolated(reference)))
    paper.paragraph(_line(_("We got it on"), isolated(day(received_on))))
    for right in answer.rights:
        _right(paper, right)
    if answer.found:
        paper.paragraph(answer.found)
    _coverage(paper, answer)
    if answer.certificate_ids:
        paper.heading(_("Your certificate"))
        paper.paragraph(
            _("It says what was done, what was not, and why. You can check it, and so can anybody you show it to.")
        )
        paper.paragraph(", ".join(isolated(each) for each in answer.certificate_ids), small=True)
    if answer.photographs:
        paper.heading(_("The photographs"))
    for one in answer.photographs:
        _photograph(paper, one)
    return paper.finish()


def _right(paper: Paper, right: RightAnswer) -> None:
    paper.heading(right.asked)
    for sentence in (right.sentence, right.note, right.complaint, right.appeal):
        if sentence:
            paper.paragraph(sentence)


def _coverage(paper: Paper, answer: Answer) -> None:
    if answer.coverage is None:
        return
    paper.paragraph(answer.coverage.sentence)
    for part in answer.coverage.parts:
        paper.paragraph("\n".join((isolated(part.name), *part.lines)), small=True)


def _photograph(paper: Paper, one: Held) -> None:
    """All that the page says about a photograph; the photograph itself is in the copy, not here."""
    rows = [(_("Where it is"), isolated(one.store)), (_("We have had it since"), isolated(day(one.first_seen)))]
    if one.width:
        rows.append((_("Size"), _("%(width)s by %(height)s pixels", width=one.width, height=one.height)))
    rows += [(name.replace("_", " ").capitalize(), isolated(str(value))) for name, value in one.manifest.items()]
    reached = (
        (_("Where it came from"), one.sources),
        (_("Datasets it is in"), one.datasets),
        (_("Trained with it"), one.models),
        (_("What models said about you"), one.outputs),
        (_("Products built on that"), one.products),
        (_("Who got it"), one.recipients),
    )
    rows += [(title, "; ".join(isolated(thing.name) for thing in things)) for title, things in reached if things]
    if one.templates:
        rows.append((_("Made from the face"), "; ".join(each.sentence for each in one.templates)))
    paper.heading(_("Photograph %(number)s", number=one.number))
    paper.paragraph("\n".join(_line(title, text) for title, text in rows))


def _line(name: str, text: str) -> str:
    """`name: text`; both stand in the right order in every direction of writing."""
    return f"{name}: {text}"

"""Letters about one right: answer, refusal, more time, a fee. Filled from the decision and the rule, and sent once.

A letter is in the language of the case where there are letters in it (`<language>-<version>.toml`), else in English.
What was sent is kept, sealed, until the person's contact is deleted: an old letter never shows new words. The internal
copy is for staff, in English: it says who decided and how far the rule was checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, mails
from portal.cases.answer import answers
from portal.cases.clocks import charging, extending
from portal.cases.law import Rule
from portal.cases.letters.forms import KINDS, Form, form_of, length, newest
from portal.cases.paper import Paper, check_letters
from portal.db import config_of
from portal.errors import Conflict, NotAllowed, NotFound
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import isolated, speaking
from portal.tables import Account, Case, CaseEvent, CaseRight, SentLetter

__all__ = ["CHECKED", "KINDS", "NAMES", "Letter", "as_pdf", "kinds_of", "may_send", "of_person", "send", "write"]

NAMES = {"answer": "Answer", "refusal": "Refusal", "extension": "More time", "fee": "A fee"}
# These are sent before anything is decided, and tell nothing of what was found.
BEFORE = ("extension", "fee")
CHECKED = {
    "verified": "checked against the text of the law",
    "second-hand": "NOT CHECKED against the text of the law: it comes from a second-hand source",
    "from memory": "NOT CHECKED: it was written from memory and nobody has looked it up",
}


@dataclass(frozen=True)
class Letter:
    """One letter. `sent_on` is empty until it is sent; `notes` stand on the internal copy only.

    `changed` is True where what was sent is not what would be written now, because the case changed since. The words
    are those that were sent; `lost` is True where these are not kept any more, and a sentence says so in their place.
    """

    kind: str
    language: str
    version: int
    day: date
    title: str
    paragraphs: tuple[str, ...]
    notes: tuple[str, ...]
    sent_on: date | None
    changed: bool
    lost: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the words, without the day."""
        return hashlib.sha256("\n\n".join((self.title, *self.paragraphs)).encode()).hexdigest()


def kinds_of(session: Session, right: CaseRight) -> list[str]:
    """Which letters there are about a right, by what was decided about it so far."""
    over = right.outcome in {"withdrawn", "unverified"}
    decided = [] if over else {"grant": ["answer"], "refuse": ["refusal"]}.get(right.decision or "", [])
    before = {"extension": _event(session, right, "more-time"), "fee": charging.asked(session, right)}
    return decided + [kind for kind, event in before.items() if event is not None]


def write(session: Session, right: CaseRight, kind: str) -> Letter:
    """The letter as it was sent, or as it would be sent now. Raises NotFound when there is none of this kind yet."""
    if kind not in kinds_of(session, right):
        raise NotFound("There is no such letter yet. Decide first, or take more time.")
    event = _sent(session, right, kind)
    form = form_of(event.facts["language"], event.facts["version"]) if event else newest(right.case.language)
    zone = config_of(session).zone
    sent_on = clock.local_date(event.at, zone) if event else None
    with speaking(form.language):
        title, paragraphs = form.letters[kind].filled(_values(session, right, form))
    letter = Letter(
        kind=kind,
        language=form.language,
        version=form.version,
        day=_day(session, right.case, kind, sent_on or clock.local_date(clock.now(), zone)),
        title=title,
        paragraphs=tuple(part for each in paragraphs for part in each.split("\n\n")),
        notes=_notes(session, right, form),
        sent_on=sent_on,
        changed=False,
    )
    return letter if event is None else _as_sent(session, letter, event)


def _as_sent(session: Session, letter: Letter, event: CaseEvent) -> Letter:
    """The letter with the words and the day with which it was sent."""
    if event.facts["digest"] == letter.digest:
        kept = session.get(SentLetter, event.id)
        return letter if kept is None else replace(letter, day=date.fromisoformat(_opened(session, kept)["day"]))
    kept = session.get(SentLetter, event.id)
    if kept is None:
        with speaking(letter.language):
            gone = _("The words of this letter are not kept any more.")
        return replace(letter, paragraphs=(gone,), changed=True, lost=True)
    words = _opened(session, kept)
    return replace(
        letter,
        day=date.fromisoformat(words["day"]),
        title=words["title"],
        paragraphs=tuple(words["paragraphs"]),
        changed=True,
    )


def _keep(session: Session, letter: Letter, event: CaseEvent) -> None:
    words = {"title": letter.title, "paragraphs": letter.paragraphs, "day": letter.day.isoformat()}
    sealed = keys_of(session).seal(json.dumps(words).encode(), f"letter/{event.id}")
    session.add(SentLetter(event_id=event.id, case_id=event.case_id, sealed=sealed))
    session.flush()


def _opened(session: Session, kept: SentLetter) -> dict[str, Any]:
    words: dict[str, Any] = json.loads(keys_of(session).unseal(kept.sealed, f"letter/{kept.event_id}"))
    return words


def may_send(session: Session, right: CaseRight, kind: str) -> bool:
    """True once what the letter says holds (a refusal approved, a grant carried out), and it was not sent yet."""
    holds = kind in BEFORE or right.outcome is not None
    return holds and kind in kinds_of(session, right) and _sent(session, right, kind) is None


def send(session: Session, right: CaseRight, kind: str, account_id: str, seen: str) -> None:
    """Put the letter on the person's page and mail them that it is there. `seen` is the digest that was read before.

    Where nobody checked who is asking, the mail leaves on the day the answer is due, like every other. Raises
    NotAllowed (no caseworker), Conflict (not the time, sent before, or its words changed meanwhile), BadInput (a letter
    of an alphabet that the PDF cannot write: the person could not read it).
    """
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker sends letters.", "not-your-step")
    if not may_send(session, right, kind):
        raise Conflict("This letter was sent already, or what it says does not hold yet.", "not-to-send")
    case, letter = right.case, write(session, right, kind)
    if letter.digest != seen:
        raise Conflict("The letter says something else by now. Go back and read it first.", "letter-changed")
    check_letters(letter.title, *letter.paragraphs)
    facts = {"right": right.right, "letter": kind, "language": letter.language, "version": letter.version}
    event = lifecycle.record(session, case, "letter-sent", account_id, **facts, digest=letter.digest)
    audit.append(session, "letter-sent", {"case": case.id, "actor": account_id, **facts, "digest": letter.digest})
    session.flush()
    _keep(session, letter, event)
    with speaking(letter.language):
        body = form_of(letter.language, letter.version).mail.filled(_sender(session, case))[1]
    mails.write_to(session, case, "\n\n".join(body) + "\n", f"letter/{event.id}", _delay(session, case, kind))


def of_person(session: Session, case: Case) -> list[tuple[CaseRight, str]]:
    """The letters the person may read by now: those sent; answers not before their page has the answer."""
    answered = answers.is_answered(session, case)
    sent = [(right, kind) for right in case.rights for kind in kinds_of(session, right)]
    return [
        (right, kind)
        for right, kind in sent
        if (answered or kind in BEFORE) and _sent(session, right, kind) is not None
    ]


def as_pdf(
    letter: Letter, organisation: str, reference: str, internal: bool = False, logo: bytes | None = None
) -> bytes:
    """The letter on paper, below the logo (PNG); the internal copy says that it is one, and has the notes.

    Raises BadInput naming letters that no typeface has.
    """
    with speaking(letter.language):
        return _on_paper(letter, organisation, reference, internal, logo)


def _on_paper(letter: Letter, organisation: str, reference: str, internal: bool, logo: bytes | None) -> bytes:
    paper = Paper(letter.title, letter.language, f"{isolated(organisation)}, {isolated(reference)}")
    if logo is not None:
        paper.picture(logo, organisation)
    if internal:
        paper.paragraph(isolated("INTERNAL COPY. Do not send this page."))
    paper.paragraph(mails.long_date(letter.day))
    paper.heading(letter.title, 1)
    for paragraph in letter.paragraphs:
        if paragraph.startswith("# "):
            paper.heading(paragraph.removeprefix("# "))
        else:
            paper.paragraph(paragraph)
    if internal:
        paper.heading("For the file")
        for note in letter.notes:
            paper.paragraph(isolated(note), small=True)
    return paper.finish()


def _values(session: Session, right: CaseRight, form: Form) -> Mapping[str, str]:
    rule, case = law.rule_by(right.rule, right.rule_version), right.case
    event = _event(session, right, "more-time")
    reason = extending.REASONS[event.facts["reason"]] if event else ""
    fee = charging.asked(session, right)
    appeal = rule.appeal
    return {
        **_sender(session, case),
        "received_on": mails.long_date(clock.local_date(case.received_at, config_of(session).zone)),
        "asked": form.rights[right.right],
        "told": "\n\n".join(answers.told(session, right)) if right.decision else "",
        "law": isolated(rule.title),
        "source": next((isolated(str(source)) for source in rule.sources if source.url), ""),
        "due_on": mails.long_date(right.due_on),
        "reason": _(reason) if reason else "",
        "fee": charging.sentence(fee) if fee else "",
        "how": charging.how_to_pay(session, fee) if fee else "",
        "authority": _(rule.authority),
        "appeal_acknowledge": length(appeal.acknowledge) if appeal else "",
        "appeal_respond": length(appeal.respond) if appeal else "",
    }


def _day(session: Session, case: Case, kind: str, written: date) -> date:
    """The day that stands on the letter. Without an identity check it is not before the day of every answer.

    An earlier one would tell: where there are photographs, it takes longer to carry out what was decided.
    """
    if kind in BEFORE or not answers.is_blind(case):
        return written
    return max(written, answers.status_of(session, case).answer_by)


def _sender(session: Session, case: Case) -> dict[str, str]:
    config = config_of(session)
    return {
        "reference": isolated(case.reference),
        "address": config.address,
        "organisation": isolated(config.organisation),
        "contact": config.contact,
    }


def _notes(session: Session, right: CaseRight, form: Form) -> tuple[str, ...]:
    """What the file needs and the person does not: the rule, how far it was checked, who decided."""
    rule = law.rule_by(right.rule, right.rule_version)
    notes = [f"Rule {rule.id}, version {rule.version}: {CHECKED[rule.status]}."]
    if rule.appeal is not None:
        notes.append(f"What it says about objections: {CHECKED[rule.appeal.status]}.")
    notes += [f"Read in: {source} ({source.kind})." for source in rule.sources]
    notes += _disclosure(rule)
    notes.append(f"Text of this letter: {form.name} ({form.language}), version {form.version}.")
    if right.case.language != form.language:
        notes.append(
            f"The person chose the language {right.case.language}, and there are no letters in it: this is in English."
        )
    for what, account_id in (("Decided", right.decided_by), ("Agreed to", right.approved_by)):
        if account_id is not None:
            account = session.get(Account, account_id)
            notes.append(f"{what} by {account.name if account else 'a former account'}.")
    if answers.is_blind(right.case):
        notes.append(
            f"Nobody made sure who is asking. Do not post this before {mails.long_date(right.due_on)}: "
            "an early letter could tell what was found."
        )
    return tuple(notes)


def _disclosure(rule: Rule) -> list[str]:
    must = [f"The answer must say: {each}" for each in rule.disclose.must]
    return must + [f"The answer must not say: {each}" for each in rule.disclose.must_not]


def _delay(session: Session, case: Case, kind: str) -> timedelta:
    if kind in BEFORE or not answers.is_blind(case):
        return timedelta(0)
    days = (case.due_on - clock.local_date(clock.now(), config_of(session).zone)).days
    return timedelta(days=max(days, 0))


def _sent(session: Session, right: CaseRight, kind: str) -> CaseEvent | None:
    """When this letter was sent. What was decided anew has a new letter, so an older one does not count."""
    event = _event(session, right, "letter-sent", letter=kind)
    if event is None or kind in BEFORE:
        return event
    return event if right.fulfilled_at is not None and event.at >= right.fulfilled_at else None


def _event(session: Session, right: CaseRight, kind: str, **facts: str) -> CaseEvent | None:
    """The newest line of the timeline of this kind about this right."""
    events = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == right.case_id, CaseEvent.kind == kind)
        .order_by(CaseEvent.id.desc())
    )
    wanted = {"right": right.right, **facts}
    return next((event for event in events if wanted.items() <= event.facts.items()), None)

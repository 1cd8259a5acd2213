"""How a draft becomes a case: what it still lacks, and the one transaction that sends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.cases import law, lifecycle, mails
from portal.cases.acting import mandates, person_link
from portal.cases.arrival import drafts, limits, looking, words
from portal.cases.clocks import deadlines
from portal.cases.requester import alarms, assurance
from portal.db import config_of
from portal.errors import BadInput
from portal.keys import contact_digest, keys_of
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Blob, Case, CaseRight, Draft, Mandate, random_id

# The steps a draft cannot be sent without, with what to say where one is missing.
STEPS = {
    "rights": mark("Choose what you would like to do."),
    "residence": mark("Choose where you live, or say that you would rather not tell us."),
    "acting": mark("Tell us for whom you act, and what gives you the right to."),
    "papers": mark("Send what shows that you may act for this person."),
    "ways": mark("Give us at least one way to look for you: a photo, a link, a picture file or an account name."),
    "contact": mark("Tell us where we can reply, or choose to come back with your secret words."),
    "code": mark("Type the code that we sent you."),
}


@dataclass(frozen=True)
class Submitted:
    """A case that was just opened. The secret words exist nowhere else: show them once."""

    case: Case
    secret_words: str


def missing(session: Session, draft: Draft, by_hand: bool = False) -> list[str]:
    """The steps of `STEPS` that are not complete, in their order. Empty: the draft can be sent.

    `by_hand`: a caseworker enters it for somebody, who then gets letters and types in no code.
    """
    answers = drafts.read_answers(session, draft)
    unwritten = bool(answers.get("no_contact"))
    acting = mandates.lacks(session, draft)
    # Somebody who acts for another is somebody whom we can reach.
    unwritten = unwritten and answers.get("for_whom") != "agent"
    lacks = {
        "rights": not answers.get("rights"),
        "residence": "residence" not in answers,
        "acting": acting == "acting",
        "papers": acting == "papers",
        "ways": not looking.is_usable(session, draft),
        "contact": not by_hand and not unwritten and not answers.get("contact"),
        "code": not by_hand and not unwritten and bool(answers.get("contact")) and draft.contact_confirmed_at is None,
    }
    return [step for step in STEPS if lacks[step]]


def submit(session: Session, draft: Draft, network: str = "", received_at: datetime | None = None) -> Submitted:
    """Open a case from a draft, with rules and clocks frozen, and let it move on. The draft is gone after.

    `network` is where it was sent from; only a digest under the day's key is kept, for a day, to count with.
    `received_at` is when it came, for what was entered later: all clocks run from there.
    Raises NotFound when the draft was sent already (a form sent twice), BadInput naming the first missing step.
    """
    draft = drafts.find_draft(session, draft.id)
    lacking = missing(session, draft, by_hand=received_at is not None)
    if lacking:
        raise BadInput(_(STEPS[lacking[0]]), f"missing-{lacking[0]}")
    answers = drafts.read_answers(session, draft)
    secret = words.new_words()
    received = received_at or clock.now()
    case = _open_case(session, draft, answers, secret, received)
    mandate = mandates.hand_over(session, draft, case, clock.local_date(received, config_of(session).zone))
    case.network_digest = limits.todays_digest(session, "case", network) if network else None
    for probe in looking.probes_of(session, draft):
        probe.draft_id, probe.case_id = None, case.id
        for blob_id in (probe.blob_id, probe.crop_id):
            _keep(session, blob_id)
    session.flush()
    session.delete(draft)
    session.flush()
    log_receipt(session, case)
    alarms.look_at_receipt(session, case)
    mails.queue_acknowledgement(session, case, assurance.waits_for_person(session, case))
    if mandate is not None:
        person_link.ask_person(session, case, mandate)
    _begin(session, case, mandate)
    return Submitted(case, secret)


def _open_case(session: Session, draft: Draft, answers: dict[str, Any], secret: str, received: datetime) -> Case:
    config = config_of(session)
    case_id = random_id()
    rights = frozen_rights(answers, clock.local_date(received, config.zone), config.holidays)
    contact = None if answers.get("no_contact") else answers.get("contact")
    details = {name: answers[name] for name in ("helps", "for_whom") if answers.get(name)}
    keys = keys_of(session)
    case = Case(
        id=case_id,
        reference=free_reference(session),
        secret_hash=words.hashed(secret),
        residence=answers["residence"],
        language=answers.get("language", "en"),
        contact=keys.seal(contact.encode(), f"case/{case_id}/contact") if contact else None,
        contact_digest=contact_digest(session, contact) if contact else None,
        contact_confirmed_at=draft.contact_confirmed_at if contact else None,
        details=keys.seal(json.dumps(details).encode(), f"case/{case_id}/details") if details else None,
        consented_at=received if answers.get("consent") is True else None,
        received_at=received,
        due_on=min(right.due_on for right in rights),
        rights=rights,
    )
    session.add(case)
    session.flush()
    return case


def frozen_rights(answers: dict[str, Any], received: date, holidays: str) -> list[CaseRight]:
    rights = []
    for right in answers["rights"]:
        rule = law.rules_for(answers["residence"], right, received)
        days = deadlines.clock_for(rule, received, holidays)
        rights.append(
            CaseRight(
                right=right,
                rule=rule.id,
                rule_version=rule.version,
                acknowledge_by=days.acknowledge_by,
                due_on=days.due_on,
                latest_on=days.latest_on,
            )
        )
    return rights


def free_reference(session: Session) -> str:
    while True:
        reference = words.new_reference()
        if session.scalar(select(Case.id).where(Case.reference == reference)) is None:
            return reference


def _keep(session: Session, blob_id: str | None) -> None:
    """From now on the picture's clock is that of its case."""
    blob = session.get(Blob, blob_id) if blob_id else None
    if blob is not None:
        blob.purge_after = None


def log_receipt(session: Session, case: Case) -> None:
    rights = [
        {"right": right.right, "rule": right.rule, "version": right.rule_version, "due": right.due_on.isoformat()}
        for right in case.rights
    ]
    due = {right.right: right.due_on.isoformat() for right in case.rights}
    lifecycle.record(session, case, "received", "subject", due=due)
    audit.append(session, "case-received", {"case": case.id, "rights": rights})


def _begin(session: Session, case: Case, mandate: Mandate | None) -> None:
    """On to a caseworker where a rule asks for more than what was given, else straight to the search."""
    if mandate is not None or needs_identity_check(case):
        lifecycle.move(session, case, "identity-check", "machine")
        return
    case.identity = "not-needed"
    lifecycle.move(session, case, "searching", "machine")


def needs_identity_check(case: Case) -> bool:
    """True when a right's frozen rule asks for a check, or for a contact that was not confirmed."""
    needed = {law.rule_by(right.rule, right.rule_version).identity for right in case.rights}
    return bool(needed & {"challenge", "strong"}) or ("contact" in needed and case.contact_confirmed_at is None)

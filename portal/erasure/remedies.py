"""What was done about a model that saw the photographs, and by what that can be checked.

Each remedy demands evidence of its own, and what contradicts it is refused by name. Where the installation asks for
two people, the answer of the first counts once another one has read it and confirmed it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.erasure import retraining
from portal.erasure.plans import take_back
from portal.erasure.wording import UNLEARNING
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.tables import Erasure, ErasureItem, Remedy, Retraining, TrainedModel
from portal.tables.remedies import MODEL_REMEDIES

# What each remedy must be shown by.
DEMANDS: dict[str, tuple[str, ...]] = {
    "destroyed": ("weights_before", "method"),
    "retrained-without": ("weights_before", "weights_after", "run"),
    "unlearned": ("weights_before", "weights_after", "method"),
    "output-suppressed": ("method",),
    "not-affected": ("basis",),
    "kept": ("basis",),
}
MISSING = {
    "weights_before": "Give the SHA-256 of the weights that saw the photographs.",
    "weights_after": "Give the SHA-256 of the weights that are in use now.",
    "run": "Give the id of the training run.",
    "method": "Say by which method.",
    "basis": "Say on what legal basis it is kept, or why it is not affected.",
}
LONGEST = {"run": 200, "method": 500, "basis": 5000}


@dataclass(frozen=True)
class Evidence:
    """By what a remedy can be checked. Digests are SHA-256 in hexadecimal; `run` is the id in its own system."""

    done_on: date
    weights_before: str = ""
    weights_after: str = ""
    run: str = ""
    method: str = ""
    basis: str = ""


def answer(session: Session, item: ErasureItem, account_id: str, remedy: str, note: str, evidence: Evidence) -> Remedy:
    """Write down the remedy of the model of this item. An earlier answer is replaced.

    Raises BadInput, with a code of its own for each thing that is missing or contradicts, and Conflict when the
    certificate was issued and the remedy would take back what it says.
    """
    if item.kind != "model":
        raise BadInput("This is not about a model.", "not-a-model")
    if remedy not in MODEL_REMEDIES:
        raise BadInput("Choose what was done from the list.", "unknown-remedy")
    if not note.strip():
        raise BadInput("Say in a sentence what was done, and how that can be checked.", "note-missing")
    model = session.get(TrainedModel, item.target)
    check(remedy, evidence, model.weights_digest if model is not None else "")
    checked = _checked_run(session, item, evidence) if remedy == "retrained-without" else None
    take_back(session, item)
    alone = not config_of(session).two_people
    row = Remedy(
        item_id=item.id,
        remedy=remedy,
        retraining_id=checked.id if checked is not None else None,
        answered_by=account_id,
        answered_at=clock.now(),
        one_person=alone,
        **vars(evidence),
    )
    session.add(row)
    item.result, item.note = remedy, note.strip()
    item.state, item.done_by, item.done_at = "verified" if alone else "planned", account_id, clock.now()
    session.flush()
    said = {"erasure": item.erasure_id, "item": item.position, "remedy": remedy}
    audit.append(session, "remedy-answered", said)
    return row


def confirm(session: Session, item: ErasureItem, account_id: str) -> Remedy:
    """A second person has read the answer and its evidence. Raises NotAllowed to the first, Conflict without answer."""
    row = sign(of_item(session, item), account_id)
    item.state = "verified"
    session.flush()
    audit.append(session, "remedy-confirmed", {"erasure": item.erasure_id, "item": item.position})
    return row


def sign(row: Remedy | None, account_id: str) -> Remedy:
    """Write down who confirms a remedy, of a case or an order. Raises as `confirm`."""
    if row is None or row.confirmed_at is not None or row.one_person:
        raise Conflict("Nothing about this model waits to be confirmed.", "not-waiting")
    if row.answered_by == account_id:
        raise NotAllowed("You gave this answer. A second person must confirm it.", "same-person")
    row.confirmed_by, row.confirmed_at = account_id, clock.now()
    return row


def facts_of(row: Remedy) -> dict[str, Any]:
    """The evidence of a remedy, without the people who gave it."""
    facts = ("weights_before", "weights_after", "run", "method", "basis")
    said: dict[str, Any] = {name: getattr(row, name) for name in facts if getattr(row, name)}
    said["done_on"] = row.done_on.isoformat()
    if row.remedy == "unlearned":
        said["caution"] = UNLEARNING
    return said


def of_item(session: Session, item: ErasureItem) -> Remedy | None:
    """What was answered about the model of this item so far."""
    return session.scalar(select(Remedy).where(Remedy.item_id == item.id))


def is_closed(session: Session, item: ErasureItem) -> bool:
    """Whether the model of this item has a remedy that counts."""
    row = of_item(session, item)
    return row is not None and row.remedy == item.result and (row.one_person or row.confirmed_at is not None)


def evidence_of(session: Session, item: ErasureItem) -> dict[str, Any]:
    """The evidence as the certificate lists it, without the people who gave it. `run` has the proofs of absence."""
    row = of_item(session, item)
    if row is None:
        raise NotFound("Nothing was answered about this model.", "no-remedy")
    said = facts_of(row)
    if row.run:
        said["run"] = {"id": row.run}
    if row.retraining is not None:
        said["run"] |= retraining.proofs_of(session, row.retraining, item.erasure_id)
    return said


def check(remedy: str, evidence: Evidence, recorded: str) -> None:
    """Is there what this remedy demands? `recorded` are the model's weights as lineage has them. Raises BadInput."""
    for name in DEMANDS[remedy]:
        if not getattr(evidence, name):
            raise BadInput(MISSING[name], f"{name.replace('_', '-')}-missing")
    for name, longest in LONGEST.items():
        if len(getattr(evidence, name)) > longest:
            raise BadInput(f"This is longer than {longest} characters: {name}.", "too-long")
    for digest in (evidence.weights_before, evidence.weights_after):
        if digest and not re.fullmatch("[0-9a-f]{64}", digest):
            raise BadInput("A SHA-256 has 64 characters, from 0 to 9 and a to f.", "not-a-digest")
    if evidence.done_on > clock.now().date():
        raise BadInput("The day on which it was done is still to come.", "done-in-future")
    _check_weights(remedy, evidence.weights_before, evidence.weights_after, recorded)


def _check_weights(remedy: str, before: str, after: str, recorded: str) -> None:
    if recorded and before and before != recorded:
        raise BadInput("These are not the weights that are recorded for this model.", "other-weights")
    if remedy in ("retrained-without", "unlearned") and before == after:
        raise BadInput("The weights are the same as before, so nothing was changed.", "weights-unchanged")
    if remedy == "destroyed" and after:
        raise BadInput("A model that was destroyed has no weights after it.", "weights-left")


def _checked_run(session: Session, item: ErasureItem, evidence: Evidence) -> Retraining:
    """The manifest of the new run that was gone through. Raises BadInput, code manifest-not-checked."""
    checked = retraining.find(session, item.target, evidence.run, item.erasure_id)
    if checked is None:
        erasure = session.get_one(Erasure, item.erasure_id)
        raise BadInput(
            f"The manifest of the run {evidence.run} was not checked against this plan. Run: "
            f"efface models retrained NAME VERSION MANIFEST --run {evidence.run} (plan {erasure.id[:8]})",
            "manifest-not-checked",
        )
    return checked

"""The plan: every copy that must go and every model, product and recipient that a person must see to.

It is enumerated before anything is touched, frozen with a Merkle root in the log, and approved by that root. What
changed after the approval is refused: the plan is made anew.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.cases.answer import keeping
from portal.db import config_of
from portal.erasure import copies, faces
from portal.erasure.copies import Made
from portal.erasure.items import FACE, NOTHING, commitment, leaf_of, plan_digest
from portal.errors import BadInput, Conflict, NotAllowed
from portal.jobs import make_due
from portal.keys import keys_of
from portal.stores import quarantine
from portal.tables import Candidate, Case, CaseRight, Erasure, ErasureItem, Image, ManifestEntry, Remedy
from portal.tables.erasure import FOR_PEOPLE
from portal.tables.remedies import MODEL_REMEDIES

# An answer for now, with which no certificate is issued: the person is told meanwhile what is awaited.
NOT_DECIDED = "not-yet-decided"
# Rows that go with a photograph, before it goes itself.
WITH_A_PHOTOGRAPH = ("dataset-place", "crop", "record")
REMEDIES_FOR = {
    "model": (*MODEL_REMEDIES, NOT_DECIDED),
    "output": ("not-affected", "destroyed", "kept", NOT_DECIDED),
    "product": ("not-affected", "destroyed", "output-suppressed", "kept", NOT_DECIDED),
    "recipient": ("told", "destroyed", "not-affected", "kept", "not-reached", NOT_DECIDED),
}


@dataclass(frozen=True)
class Planned:
    """One item before it is written: what kind, of which image, what exactly, and what the holder can check it by."""

    kind: str
    image_id: int | None
    target: str
    digest: bytes
    facts: dict[str, Any]


def plan_erasure(session: Session, case: Case, kind: str, account_id: str) -> Erasure:
    """Freeze the plan of a deletion or an opt-out that was granted. An earlier plan that never ran is replaced."""
    right = session.scalar(select(CaseRight).filter_by(case_id=case.id, right=kind))
    # One that the person took back keeps its decision: its outcome says that nothing is to be done any more.
    if right is None or right.decision != "grant" or right.outcome is not None:
        raise Conflict("This right was not granted, or has ended, so there is nothing to plan.", "not-granted")
    erasure = _fresh(session, case, kind, account_id)
    planned = enumerate_items(session, case, kind)
    items = [_write(session, erasure, position, item) for position, item in enumerate(planned)]
    erasure.plan_digest = plan_digest([item.leaf for item in items])
    audit.append(
        session,
        "plan-frozen",
        {"case": case.id, "erasure": erasure.id, "digest": erasure.plan_digest, "items": len(items)},
    )
    session.flush()
    return erasure


def approve(session: Session, erasure: Erasure, account_id: str, digest: str) -> None:
    """A second person approves exactly this plan. The cooling time starts; what is to be deleted is out of use."""
    if erasure.state != "planned":
        raise Conflict("This plan is not waiting for approval.", "not-waiting")
    if digest != erasure.plan_digest or not still_true(session, erasure):
        raise Conflict("The plan has changed since you read it. It must be made and read again.", "plan-changed")
    if erasure.kind == "deletion" and faces.undecided(session, session.get_one(Case, erasure.case_id)):
        raise Conflict("Other people are in some of these photographs. Decide first what happens to each.", "undecided")
    config = config_of(session)
    if account_id == erasure.asked_by and config.two_people:
        raise NotAllowed("You asked for this plan. A second person must approve it.", "same-person")
    cooling = timedelta(hours=config.cooling_hours)
    erasure.approved_by, erasure.approved_at = account_id, clock.now()
    erasure.one_person = not config.two_people
    erasure.state, erasure.cooling_until = "cooling", clock.now() + cooling
    if erasure.kind == "deletion":
        quarantine.set_aside(session, erasure.id)
    audit.append(
        session,
        "plan-approved",
        {"case": erasure.case_id, "erasure": erasure.id, "digest": digest, "by": account_id},
    )
    make_due(session, erasure, cooling)


def still_true(session: Session, erasure: Erasure) -> bool:
    """Whether what would be planned now is what was planned: the same images, bytes, places, models and recipients.

    What another erasure or an order took away meanwhile is no change: it will be written down as already absent, and
    the person's certificate must name it.
    """
    case = session.get_one(Case, erasure.case_id)
    now = {(item.kind, item.target, item.digest) for item in enumerate_items(session, case, erasure.kind)}
    planned = {
        (item.kind, item.target, bytes.fromhex(sealed_facts(session, item)["digest"])): item for item in erasure.items
    }
    return now == planned.keys() or (
        now < planned.keys() and _went(session, [planned[one] for one in planned.keys() - now])
    )


def _went(session: Session, missing: list[ErasureItem]) -> bool:
    """Whether all of these items are of photographs that were erased, or about to be: what was made of them goes first.

    With them goes the way to models and people, who are asked all the same.
    """
    ids = {item.image_id for item in missing if item.image_id is not None}
    erased = set(session.scalars(select(Image.id).where(Image.id.in_(ids), Image.state == "erased")))
    return bool(ids) and all(
        item.image_id in erased or item.kind in (*WITH_A_PHOTOGRAPH, *FOR_PEOPLE) for item in missing
    )


def answer_item(session: Session, item: ErasureItem, account_id: str | None, result: str, note: str) -> None:
    """A person says what was done about one product or recipient. No account: the recipient themselves.

    What was done about a model needs evidence (`remedies.answer`); here it can only be said that nothing is decided.
    After the certificate an answer makes a new one, which supersedes it.
    """
    if item.kind not in FOR_PEOPLE:
        raise BadInput("The portal sees to this item itself.", "not-for-people")
    if result not in REMEDIES_FOR[item.kind]:
        raise BadInput("Choose what was done from the list.", "unknown-remedy")
    if not note.strip():
        raise BadInput("Say in a sentence what was done, when, and how that can be checked.", "note-missing")
    if item.kind == "model" and result != NOT_DECIDED:
        raise BadInput("What was done about a model needs evidence.", "evidence-missing")
    if result == NOT_DECIDED and session.get_one(Erasure, item.erasure_id).state == "settled":
        raise Conflict("This was decided, and stands on the certificate.", "settled")
    take_back(session, item)
    item.result, item.note = result, note.strip()
    item.state = "planned" if result == NOT_DECIDED else "verified"
    item.done_by, item.done_at = account_id, clock.now()
    session.flush()


def take_back(session: Session, item: ErasureItem) -> None:
    """Forget the remedy of the model of this item, because something else is answered now."""
    session.execute(delete(Remedy).where(Remedy.item_id == item.id))


def enumerate_items(session: Session, case: Case, kind: str) -> list[Planned]:
    """All that a deletion or opt-out of this case reaches, in the order in which it is carried out."""
    confirmed = faces.wanted(session, case, kind)
    places = lineage.places_of(session, [candidate.image_id for candidate in confirmed])
    items: list[Planned] = []
    planned = {candidate.image_id for candidate in confirmed}
    for candidate in confirmed:
        remedy = faces.remedy_of(session, candidate) if kind == "deletion" else "delete"
        # Who keeps the photograph as it is keeps what was made of it, too.
        made = [] if kind == "opt-out" or remedy == "template" else copies.made_of(session, candidate.image)
        items += _of_copies(session, candidate.image, made, planned)
        if remedy == "delete":
            items += _of_image(session, candidate.image, kind, places[candidate.image_id], made)
        else:
            items += _of_face(session, candidate, remedy, places[candidate.image_id])
    if kind == "deletion":
        items = _as_chosen(case, confirmed, items)
    kept = [one.image_id for one in confirmed if kind == "deletion" and faces.remedy_of(session, one) == "template"]
    return items + _for_people(session, sorted(planned - set(kept)))


def _as_chosen(case: Case, confirmed: list[Candidate], items: list[Planned]) -> list[Planned]:
    """The items, whose suppressions say what the person lets us keep.

    Each stays an item where nothing is kept: recipients are told of it, and models are asked about it, as of any other.
    """
    keeps = keeping.mode(case)
    with_face = {one.image_id for one in confirmed if one.face_id is not None}

    def sign(item: Planned) -> str:
        if keeps == "face" and item.image_id in with_face:
            return FACE
        return NOTHING if keeps == "none" else ""

    return [replace(item, target=sign(item) + item.target) if item.kind == "suppression" else item for item in items]


def sealed_facts(session: Session, item: ErasureItem) -> dict[str, Any]:
    """What the plan keeps about an item: key, store, digests and salt. Empty once it was purged."""
    if item.sealed is None:
        return {}
    facts: dict[str, Any] = json.loads(keys_of(session).unseal(item.sealed, _place(item.erasure_id, item.position)))
    return facts


def _of_copies(session: Session, image: Image, made: list[Made], planned: set[int]) -> list[Planned]:
    """What was made of a photograph: an item each, or all the items of a photograph where a scan has seen it as one."""
    facts = {"store": image.store_id, "key": image.key}
    items: list[Planned] = []
    for number, one in enumerate(made):
        if one.image is None:
            # The ref is a name of a file, and may be personal: it is sealed, and the target only counts.
            target = f"{image.id}/{number}"
            items.append(Planned("copy", image.id, target, one.digest, {**facts, "ref": one.ref}))
        elif one.image.id not in planned:
            planned.add(one.image.id)
            more = copies.made_of(session, one.image)
            places = lineage.places_of(session, [one.image.id])[one.image.id]
            items += _of_copies(session, one.image, more, planned)
            items += _of_image(session, one.image, "deletion", places, more)
    return items


def _of_image(session: Session, image: Image, kind: str, places: list[str], made: list[Made]) -> list[Planned]:
    facts: dict[str, Any] = {"store": image.store_id, "key": image.key}
    facts["near_digest"] = (image.near_digest or b"").hex()
    if made:
        facts["copies"] = [one.ref for one in made]
    digest = _digest(image)

    def item(kind: str, target: str) -> Planned:
        return Planned(kind, image.id, target, digest, facts)

    # The gate is shut first, so that no scan can bring back what the next steps take away.
    items = [item("suppression", str(image.id))]
    items += [item("dataset-place", f"{dataset}/{image.id}") for dataset in places]
    if kind == "opt-out":
        return items
    crops = session.scalars(
        select(Candidate.crop_id).where(Candidate.image_id == image.id, Candidate.crop_id.is_not(None))
    )
    items += [item("crop", str(crop)) for crop in sorted(crop for crop in crops if crop)]
    items += [item("record", record) for record in _records(session, image)]
    return [*items, item("templates", str(image.id)), item("image", str(image.id))]


def _of_face(session: Session, candidate: Candidate, remedy: str, places: list[str]) -> list[Planned]:
    """One face of several: the photograph stays, with that face covered or cut away, or only without its template."""
    image, digest = candidate.image, _digest(candidate.image)
    # Only the very bytes are stopped: what stays of the photograph is near to it.
    facts = {"store": image.store_id, "key": image.key, "near_digest": "", "remedy": remedy}

    def item(kind: str, target: str, **more: Any) -> Planned:
        return Planned(kind, image.id, target, digest, facts | more)

    own = [item("crop", crop) for crop in faces.crops_of(session, candidate)] + [item("face", str(candidate.face_id))]
    if remedy == "template":
        return own
    box, window = faces.geometry(session, candidate, remedy)
    taken = [item("dataset-place", f"{dataset}/{image.id}") for dataset in places]
    redaction = item("redaction", f"{remedy}/{image.id}", face=candidate.face_id, box=box, window=window)
    # What the manifest says of the person goes; what it says of somebody else in the photograph is not theirs.
    records = _records(session, image) if faces.is_own_record(candidate) else []
    own += [item("record", record) for record in records]
    return [item("suppression", str(image.id)), *taken, redaction, *own]


def _records(session: Session, image: Image) -> list[str]:
    rows = select(ManifestEntry.id).filter_by(store_id=image.store_id, key=image.key)
    return [str(record) for record in session.scalars(rows)]


def _digest(image: Image) -> bytes:
    if image.digest is None:
        raise Conflict("A confirmed photograph has not been read to its end. Scan its store again.", "no-digest")
    return image.digest


def _for_people(session: Session, image_ids: list[int]) -> list[Planned]:
    trace = lineage.trace(session, image_ids)
    reached = [
        ("model", trace.models),
        ("output", trace.outputs),
        ("product", trace.products),
        ("recipient", trace.recipients),
    ]
    return [
        Planned(kind, None, one.id, b"", {"name": one.name, "via": one.via})
        for kind, found in reached
        for one in sorted(found, key=lambda one: one.id)
    ]


def _fresh(session: Session, case: Case, kind: str, account_id: str) -> Erasure:
    erasure = session.scalar(select(Erasure).filter_by(case_id=case.id, kind=kind))
    if erasure is None:
        erasure = Erasure(case_id=case.id, kind=kind, plan_digest="")
        session.add(erasure)
    elif erasure.state not in ("planned", "stopped"):
        raise Conflict("This plan has been approved already.", "already-approved")
    erasure.state, erasure.work_state = "planned", "idle"
    erasure.asked_by, erasure.planned_at = account_id, clock.now()
    erasure.approved_by = erasure.approved_at = erasure.cooling_until = None
    session.flush()
    session.execute(delete(ErasureItem).where(ErasureItem.erasure_id == erasure.id))
    session.expire(erasure, ["items"])
    return erasure


def _write(session: Session, erasure: Erasure, position: int, planned: Planned) -> ErasureItem:
    salt = secrets.token_bytes(16)
    sealed = {**planned.facts, "digest": planned.digest.hex(), "salt": salt.hex()}
    item = ErasureItem(
        erasure_id=erasure.id,
        position=position,
        kind=planned.kind,
        image_id=planned.image_id,
        target=planned.target,
        leaf=leaf_of(planned.kind, position, planned.target, commitment(salt, planned.digest).hex()),
        sealed=keys_of(session).seal(json.dumps(sealed).encode(), _place(erasure.id, position)),
    )
    session.add(item)
    session.flush()
    return item


def _place(erasure_id: str, position: int) -> str:
    return f"erasure-item/{erasure_id}/{position}"

"""One face of several in a photograph: what can be done about it, and what a caseworker decided.

Deleting the photograph takes other people's picture, too. Where the store can put other bytes in its place, the face
can be covered or cut away instead. Everywhere its template can be dropped alone; then the photograph stays as it is,
and the certificate says so.
"""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal import audit, images, stores
from portal.cases.answer import held
from portal.errors import BadInput, Conflict
from portal.images import Box
from portal.tables import Candidate, Case, Erasure, Face, Image, Store
from portal.tables.matching import LEFT_ALONE

# By these names pictures have a form that can be written again.
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
CHANGEABLE = ("planned", "stopped")


def confirmed(session: Session, case: Case) -> list[Candidate]:
    """What people confirmed and what still stands in a store with the person's face, in the order of the images.

    Without what the person calls somebody else's, or is not sure about: nobody may have another's photograph erased.
    """
    return _confirmed(session, case, "live")


def wanted(session: Session, case: Case, kind: str) -> list[Candidate]:
    """What a deletion or an opt-out is about: those the person picked for it, or all where they picked none."""
    return _picked(session, case, kind, confirmed(session, case))


def taken(session: Session, case: Case, kind: str) -> list[Candidate]:
    """The same of what was erased already, by whomever."""
    return _picked(session, case, kind, _confirmed(session, case, "erased"))


def _picked(session: Session, case: Case, kind: str, found: list[Candidate]) -> list[Candidate]:
    # Of all, not only of those found: what was picked and is gone since must not let the others be erased.
    if held.is_picked(session, case, kind):
        return [one for one in found if one.wish == kind]
    return found


def _confirmed(session: Session, case: Case, state: str) -> list[Candidate]:
    statement = (
        select(Candidate)
        .join(Image, Image.id == Candidate.image_id)
        .where(Candidate.case_id == case.id, Candidate.state == "confirmed", Image.state == state)
        .where(Candidate.remedied_at.is_(None), Candidate.said.is_(None) | Candidate.said.not_in(LEFT_ALONE))
    )
    return list(session.scalars(statement.order_by(Image.id)))


def with_others(session: Session, case: Case) -> list[Candidate]:
    """The confirmed photographs in which other faces were found, too, and it is known which is the person's."""
    several = select(Face.image_id).group_by(Face.image_id).having(func.count() > 1)
    found = select(Candidate.id).where(Candidate.image_id.in_(several), Candidate.face_id.is_not(None))
    ids = set(session.scalars(found.where(Candidate.case_id == case.id)))
    return [one for one in confirmed(session, case) if one.id in ids]


def undecided(session: Session, case: Case) -> list[Candidate]:
    """Of the photographs to delete those with others in them about which nobody decided, or what cannot be done now."""
    several = {one.id for one in with_others(session, case)}
    found = [one for one in wanted(session, case, "deletion") if one.id in several]
    return [one for one in found if one.remedy not in choices(session, one)]


def choices(session: Session, candidate: Candidate) -> list[str]:
    """What can be done about this face: `delete` always, the others where the photograph and its store let it."""
    if candidate.face_id is None or not _others(session, candidate):
        return ["delete"]
    possible = ["delete"]
    store = session.get_one(Store, candidate.image.store_id)
    writable = store.may_erase and candidate.image.key.lower().endswith(ENDINGS)
    if writable and issubclass(stores.connector_class(store.kind), stores.Replacing):
        possible += ["crop"] if _window(session, candidate) else []
        possible += ["mask"]
    return [*possible, "template"]


def remedy_of(session: Session, candidate: Candidate) -> str:
    """What was decided, as far as it is still possible; else the photograph is deleted."""
    remedy = candidate.remedy or "delete"
    return remedy if remedy == "delete" or remedy in choices(session, candidate) else "delete"


def choose(session: Session, case: Case, candidate_id: str, remedy: str, account_id: str) -> None:
    """Decide about one face. The plan must be made anew after it. Raises BadInput, or Conflict once it is approved."""
    plan = session.scalar(select(Erasure).filter_by(case_id=case.id, kind="deletion"))
    if plan is not None and plan.state not in CHANGEABLE:
        raise Conflict("The plan has been approved already.", "already-approved")
    candidate = next((one for one in with_others(session, case) if one.id == candidate_id), None)
    if candidate is None or remedy not in choices(session, candidate):
        raise BadInput("This cannot be done with this photograph.", "unknown-remedy")
    if candidate.remedy != remedy:
        candidate.remedy = remedy
        facts = {"case": case.id, "candidate": candidate.id, "remedy": remedy, "by": account_id}
        audit.append(session, "face-decided", facts)
    session.flush()


def geometry(session: Session, candidate: Candidate, remedy: str) -> tuple[Box, Box | None]:
    """The face's box and, for `crop`, the part of the photograph that stays; in pixels of the upright photograph."""
    face = session.get_one(Face, candidate.face_id)
    return face.box, _window(session, candidate) if remedy == "crop" else None


def is_own_record(candidate: Candidate) -> bool:
    """Whether the manifest's line tells of this person, and not of somebody else in the photograph."""
    return bool({"account", "link"} & set(candidate.evidence))


def crops_of(session: Session, candidate: Candidate) -> list[str]:
    """Cut-outs that show this face: of whoever compared it, and whole pictures that nobody has to judge any more.

    Whole pictures that somebody still has to judge are made anew from what is left (`redactions.renew`).
    """
    of_whole = Candidate.face_id.is_(None) & (Candidate.state != "open")
    statement = select(Candidate.crop_id).where(
        Candidate.image_id == candidate.image_id,
        Candidate.crop_id.is_not(None),
        or_(Candidate.face_id == candidate.face_id, of_whole),
    )
    return sorted(crop for crop in session.scalars(statement) if crop)


def _others(session: Session, candidate: Candidate) -> list[Box]:
    faces = select(Face).where(Face.image_id == candidate.image_id, Face.id != candidate.face_id).order_by(Face.id)
    return [face.box for face in session.scalars(faces)]


def _window(session: Session, candidate: Candidate) -> Box | None:
    image, face = candidate.image, session.get(Face, candidate.face_id)
    if image.width is None or image.height is None or face is None:
        return None
    return images.window_without(image.width, image.height, face.box, _others(session, candidate))

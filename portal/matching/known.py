"""The stock of photographs of which it is known whom they show. No row of a case ever points to one of them.

They come from a labelled folder, with the word of an admin that their people agreed to this or that anybody may use
them. Who the people are is not kept: only which two photographs show one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import BadInput, NotFound
from portal.keys import keys_of
from portal.tables import KnownPair, KnownPhoto, random_id
from portal.tables.known import BASES


@dataclass(frozen=True)
class Shown:
    """One photograph as reviewers will see it: SHA-256 of its file, JPEG of the face, JPEG of the whole."""

    digest: bytes
    crop: bytes
    whole: bytes


@dataclass(frozen=True)
class Stock:
    """How many pairs can be shown, and the photographs by source."""

    same: int
    different: int
    sources: list[tuple[str, str, int]]

    @property
    def pairs(self) -> int:
        return self.same + self.different


def add(
    session: Session, photos: Sequence[Shown], pairs: Iterable[tuple[int, int, bool]], basis: str, source: str
) -> int:
    """Keep photographs and pairs of them (place, place, whether one person). Returns how many pairs are new.

    Raises BadInput for a basis that is none, or a source without a name.
    """
    if basis not in BASES:
        raise BadInput(
            "Say whether the people agreed to this use, or whether the photographs are in the public domain."
        )
    if not source.strip() or len(source) > 200:
        raise BadInput("Say in at most 200 characters where the photographs come from.", "no-source")
    ids = [_photo(session, photo, basis, source.strip()) for photo in photos]
    known = {frozenset(both) for both in session.execute(select(KnownPair.sent_id, KnownPair.found_id))}
    new = 0
    for one, other, same in pairs:
        if frozenset((ids[one], ids[other])) not in known:
            session.add(KnownPair(sent_id=ids[one], found_id=ids[other], same=same))
            known.add(frozenset((ids[one], ids[other])))
            new += 1
    session.flush()
    return new


def take_out(session: Session, source: str) -> int:
    """Delete all photographs of a source, as when a consent is taken back. Returns how many. Raises NotFound.

    What reviewers answered about them stays: it measures the reviewers and shows nobody.
    """
    gone = session.execute(delete(KnownPhoto).where(KnownPhoto.source == source.strip()))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise NotFound("There are no photographs from this source.")
    session.expire_all()
    return int(gone.rowcount)  # type: ignore[attr-defined]


def stock(session: Session) -> Stock:
    """What can be shown now, and from where."""
    named = (KnownPhoto.source, KnownPhoto.basis)
    sources = session.execute(select(*named, func.count()).group_by(*named).order_by(*named)).all()
    return Stock(*counts(session), [(name, basis, count) for name, basis, count in sources])


def counts(session: Session) -> tuple[int, int]:
    """How many pairs can be shown: of one person, of two."""
    rows = session.execute(select(KnownPair.same, func.count()).where(*whole()).group_by(KnownPair.same))
    found = {same: count for same, count in rows}
    return found.get(True, 0), found.get(False, 0)


def whole() -> tuple[ColumnElement[bool], ...]:
    """Conditions of a pair that has both its photographs."""
    return (KnownPair.sent_id.is_not(None), KnownPair.found_id.is_not(None))


def picture(session: Session, photo_id: str | None, part: str) -> bytes:
    """JPEG bytes of the `crop` or the `whole` of a photograph. Raises NotFound when it was taken out."""
    photo = session.get(KnownPhoto, photo_id) if photo_id else None
    if photo is None:
        raise NotFound("This picture is not kept any more.")
    return keys_of(session).unseal(getattr(photo, part), _place(photo.id, part))


def _photo(session: Session, photo: Shown, basis: str, source: str) -> str:
    keys = keys_of(session)
    digest = keys.digest("known-photo", photo.digest)
    found = session.scalar(select(KnownPhoto.id).where(KnownPhoto.digest == digest))
    if found is not None:
        return found
    new = random_id()
    row = KnownPhoto(id=new, digest=digest, basis=basis, source=source, added_at=clock.now())
    row.crop = keys.seal(photo.crop, _place(new, "crop"))
    row.whole = keys.seal(photo.whole, _place(new, "whole"))
    session.add(row)
    session.flush()
    return new


def _place(photo_id: str, part: str) -> str:
    return f"known-photo/{photo_id}/{part}"

"""Encoders that an operator adds beside the built-in one: their files and their galleries.

A new encoder is `coming` while its gallery is filled from the photographs that are held, and the old one is searched
meanwhile. At the end it is `live` and the old one `retired`, whose templates are then deleted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.config import Config
from portal.errors import Conflict, NotFound, Unavailable
from portal.jobs import make_due
from portal.matching.encoder_settings import BadEncoder, Settings
from portal.tables import Encoder, Image, Reencoding, Template

LARGEST_FILE = 1024 * 1024 * 1024


def add(session: Session, settings: Settings, digest: bytes, account_id: str | None) -> Reencoding:
    """Write a new encoder down, and begin to fill its gallery. Raises Conflict when it is there, or another is coming.

    Its file must lie in its place already (`put_file`).
    """
    if session.scalar(select(Encoder).filter_by(name=settings.name, version=settings.version)) is not None:
        raise Conflict(
            f"There is an encoder {settings.name} {settings.version} already. Give this one another version."
        )
    coming = session.scalar(select(Encoder).filter_by(state="coming"))
    if coming is not None:
        raise Conflict(f"The gallery of {coming.name} {coming.version} is still being filled. Wait, or cancel it.")
    encoder = Encoder(
        name=settings.name,
        version=settings.version,
        dimensions=settings.dimensions,
        metric=settings.metric,
        state="coming",
        digest=digest,
        settings=asdict(settings),
        added_at=clock.now(),
    )
    session.add(encoder)
    session.flush()
    work = Reencoding(encoder_id=encoder.id, state="running", started_by=account_id, started_at=clock.now())
    session.add(work)
    session.flush()
    make_due(session, work)
    facts = {"encoder": f"{encoder.name} {encoder.version}", "digest": digest.hex()}
    audit.append(session, "encoder-added", facts)
    return work


def put_file(config: Config, data: bytes) -> bytes:
    """Keep the network's bytes under their SHA-256, which is returned. Whole or not at all. Raises Unavailable."""
    if not 0 < len(data) <= LARGEST_FILE:
        raise BadEncoder("The file is empty." if not data else "The file is larger than a gigabyte.")
    digest = hashlib.sha256(data).digest()
    path = file_of(config, digest)
    draft = path.with_suffix(f".{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"The encoder's file could not be kept: {problem.strerror}.", "not-kept") from problem
    return digest


def forget_file(session: Session, config: Config, digest: bytes) -> None:
    """Take the file away again, unless an encoder that was added before uses the same one."""
    if session.scalar(select(Encoder.id).filter_by(digest=digest).limit(1)) is None:
        file_of(config, digest).unlink(missing_ok=True)


def file_of(config: Config, digest: bytes) -> Path:
    return config.data / "encoders" / f"{digest.hex()}.onnx"


def read_file(config: Config, encoder: Encoder) -> bytes:
    """The network of an added encoder. Raises BadEncoder by its name when it is cut short, changed or gone."""
    assert encoder.digest is not None
    try:
        data = file_of(config, encoder.digest).read_bytes()
    except OSError as problem:
        raise BadEncoder(f"The file of the encoder {encoder.name} {encoder.version} cannot be read.") from problem
    if hashlib.sha256(data).digest() != encoder.digest:
        raise BadEncoder(f"The file of the encoder {encoder.name} {encoder.version} has been cut short or changed.")
    return data


def in_use(session: Session) -> list[Encoder]:
    """Added encoders that are live or coming, the live ones first."""
    added = select(Encoder).where(Encoder.digest.is_not(None), Encoder.state.in_(("live", "coming")))
    return list(session.scalars(added.order_by(Encoder.state.desc(), Encoder.id)))


def are_current(session: Session, ids: Collection[int]) -> bool:
    """Whether templates of all encoders that now need them are made by these, and by none that is retired."""
    wanted = {one.id for one in in_use(session)}
    states = session.scalars(select(Encoder.state).where(Encoder.id.in_(ids)))
    return wanted <= set(ids) and "retired" not in states.all()


def expected(session: Session) -> int:
    """How many images a re-encoding goes through."""
    return session.scalar(select(func.count()).select_from(Image).where(Image.state == "live")) or 0


def newest(session: Session) -> Reencoding | None:
    return session.scalar(select(Reencoding).order_by(Reencoding.started_at.desc()).limit(1))


def make_live(session: Session, new: Encoder) -> None:
    """From here on the new gallery is searched, and no other. Harmless when called again."""
    others = select(Encoder).where(Encoder.state == "live", Encoder.id != new.id)
    for old in session.scalars(others):
        old.state = "retired"
    new.state = "live"
    session.flush()


def drop_retired(session: Session, limit: int) -> int:
    """Delete some templates of encoders that are retired. Returns how many: when none, all are gone."""
    retired = select(Encoder.id).where(Encoder.state == "retired")
    some = select(Template.id).where(Template.encoder_id.in_(retired)).limit(limit)
    result = session.execute(delete(Template).where(Template.id.in_(some)))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def finish(session: Session, work: Reencoding) -> None:
    """Close the books of a re-encoding whose encoder is live."""
    _close(session, work, "done")


def cancel(session: Session) -> Reencoding:
    """Give up on the encoder that is coming: its templates are deleted, and the old gallery stays as it is."""
    work = newest(session)
    if work is None or work.state != "running" or work.encoder.state != "coming":
        raise NotFound("No encoder's gallery is being filled.")
    session.execute(delete(Template).where(Template.encoder_id == work.encoder_id))
    before = session.scalar(select(func.max(Encoder.id)).where(Encoder.state == "live"))
    looked = update(Image).where(Image.encoder_id == work.encoder_id).values(encoder_id=before)
    session.execute(looked.execution_options(synchronize_session=False))
    work.encoder.state = "retired"
    work.work_state = "done"
    # A worker that is busy with it holds an older number, and records nothing more.
    work.fence += 1
    _close(session, work, "cancelled")
    return work


def _close(session: Session, work: Reencoding, state: str) -> None:
    work.state, work.finished_at = state, clock.now()
    session.flush()
    facts = {"encoder": f"{work.encoder.name} {work.encoder.version}", "state": state}
    audit.append(session, "reencoded", facts | {"encoded": work.encoded, "missed": work.missed})

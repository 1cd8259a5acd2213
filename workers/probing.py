"""Looks at a picture a person sent: can it be searched with, and which face is theirs?

No template is made here. A picture that is only compared as a file (kind `picture`) is not looked at for faces: that
way of asking works without any biometric step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from portal import blobs, images
from portal.errors import BadPicture, BadProbe, NotFound
from portal.images import Box
from portal.jobs import Lease
from portal.tables import Blob, Probe
from workers import cropping, encoder


@dataclass(frozen=True)
class Question:
    """What is to be looked at: the picture's bytes, and the face that the person has chosen, if they have."""

    kind: str
    data: bytes
    boxes: list[Box]
    chosen: int | None


@dataclass(frozen=True)
class Finding:
    """What was seen: `reason` is why it is refused, or what is doubtful; `crop` the JPEG of the chosen face."""

    state: str
    reason: str | None = None
    near_digest: bytes | None = None
    boxes: list[Box] = field(default_factory=list)
    chosen: int | None = None
    crop: bytes | None = None


def work(lease: Lease) -> None:
    """Check one probe. One that was taken back or purged meanwhile is no error."""
    with lease.database.reading() as session:
        question = _ask(session, lease.row_id)
    finding = look(question) if question else None
    with lease.database.writing() as session:
        lease.done(session)
        probe = session.get(Probe, lease.row_id)
        if probe is None or probe.state != "checking":
            return
        if question is None or finding is None or session.get(Blob, probe.blob_id or "") is None:
            # Its time ran out before it was looked at; a case must not wait for it for ever.
            probe.state, probe.reason = "refused", "not-kept"
            return
        _record(session, probe, question, finding)


def look(question: Question) -> Finding:
    """Open the picture, and for a selfie find and judge the faces. Slow."""
    try:
        pixels = images.open_picture(question.data).pixels
    except BadPicture as problem:
        return Finding("refused", problem.code)
    near_digest = images.near_digest(pixels)
    if question.kind != "selfie":
        return Finding("ready", near_digest=near_digest)
    chosen = question.chosen if question.chosen is not None and question.chosen < len(question.boxes) else None
    # A choice counts in the boxes it was made from.
    engine = encoder.load_encoder()
    boxes = (engine.find(pixels) or engine.find_harder(pixels)) if chosen is None else question.boxes
    try:
        doubt = encoder.judge(engine, pixels, boxes if chosen is None else [boxes[chosen]])
    except BadProbe as problem:
        return Finding("refused", problem.code, near_digest, boxes)
    if chosen is None and len(boxes) > 1:
        return Finding("choose-face", None, near_digest, boxes)
    return Finding("ready", doubt, near_digest, boxes, chosen or 0, cropping.crop(engine, pixels, boxes[chosen or 0]))


def _ask(session: Session, probe_id: str) -> Question | None:
    probe = session.get(Probe, probe_id)
    if probe is None or probe.state != "checking":
        return None
    try:
        data = blobs.open_blob(session, probe.blob_id)
    except NotFound:
        return None
    boxes: list[Box] = [(left, top, right, bottom) for left, top, right, bottom in probe.boxes]
    return Question(probe.kind, data, boxes, probe.chosen)


def _record(session: Session, probe: Probe, question: Question, finding: Finding) -> None:
    probe.state, probe.reason = finding.state, finding.reason
    probe.boxes, probe.chosen = [list(box) for box in finding.boxes], finding.chosen
    # Those of the file as it was sent are better than those of the copy we keep.
    probe.digest = probe.digest or hashlib.sha256(question.data).digest()
    probe.near_digest = probe.near_digest or finding.near_digest
    blobs.purge_blob(session, probe.crop_id)
    probe.crop_id = None
    if finding.crop is not None:
        probe.crop_id = blobs.put_blob(
            session, "probe-crop", finding.crop, "image/jpeg", _clock_of(session, probe.blob_id)
        ).id


def _clock_of(session: Session, blob_id: str | None) -> datetime | None:
    """The crop goes when the picture goes."""
    picture = session.get(Blob, blob_id) if blob_id else None
    return picture.purge_after if picture else None

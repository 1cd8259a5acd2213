"""Looks at the two photographs a person took when they were told to: how the head is turned, and whose face it is.

Only where the person agreed to a comparison and sent a photo of their face. The templates live in this process only;
what is kept is a word and the place of the nose, until a person has decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, images
from portal.db import Database
from portal.errors import NotFound
from portal.images import Box, Pixels
from portal.jobs import Lease
from portal.matching import thresholds
from portal.tables import Case, Challenge
from portal.tables import Encoder as Row
from workers import comparing
from workers import encoder as encoders
from workers.encoder import Encoder
from workers.encoder.landmarks import aside

# Of so many pairs of different people at most one may look the same (a false match rate of 1e-4).
ONE_IN = 10_000
# Without a calibration: so much stricter than a search, in parts of the encoder's customary threshold.
STRICTER = 0.75


@dataclass(frozen=True)
class Question:
    """The two photographs, the templates (n, d) of the photos that were sent, and how near is the same or unclear."""

    paper: bytes
    turned: bytes
    templates: list[np.ndarray]
    same: float
    unclear: float


@dataclass(frozen=True)
class Seen:
    """What goes into the row: see `portal.tables.Challenge`."""

    turn_seen: float | None
    likeness: str


def work(lease: Lease) -> None:
    """Look at one challenge. One that was purged meanwhile is no error."""
    encoder = encoders.load_encoders(lease.database)[0]
    question = _ask(lease.database, lease.row_id, encoder)
    seen = look(question, encoder) if question else None
    with lease.database.writing() as session:
        lease.done(session)
        challenge = session.get(Challenge, lease.row_id)
        if challenge is not None and challenge.state == "sent" and seen is not None:
            challenge.turn_seen, challenge.likeness = seen.turn_seen, seen.likeness
            challenge.state = "looked-at"


def _ask(database: Database, challenge_id: str, encoder: Encoder) -> Question | None:
    with database.reading() as session:
        challenge = session.get(Challenge, challenge_id)
        if challenge is None or challenge.state != "sent":
            return None
        try:
            paper, turned = (blobs.open_blob(session, each) for each in (challenge.paper_id, challenge.turned_id))
            faces = comparing.faces_of(session, session.get_one(Case, challenge.case_id), encoder)
        except NotFound:
            return None
        return Question(paper, turned, [template for _, template in faces], *_limits(session, encoder))


def _limits(session: Session, encoder: Encoder) -> tuple[float, float]:
    """Up to which distance two photographs look the same, and from which on they look different."""
    row = session.scalar(select(Row).filter_by(name=encoder.name, version=encoder.version))
    kept = thresholds.newest(session, row) if row is not None else None
    picked = thresholds.curve_of(kept).threshold_for(ONE_IN, 1) if kept is not None else None
    unclear = thresholds.thresholds_now(session, row, ONE_IN).customary
    return (picked if picked is not None else STRICTER * unclear), unclear


def look(question: Question, encoder: Encoder) -> Seen:
    """Measure both photographs. Slow."""
    if not question.templates:
        return Seen(None, "not-compared")
    paper, turned = (images.open_picture(data).pixels for data in (question.paper, question.turned))
    away, face = _largest(encoder, turned), _largest(encoder, paper)
    turn_seen = aside(encoder.find_places(turned, away)) if away else None
    return Seen(turn_seen, _likeness(question, encoder.encode(encoder.cut(paper, [face]))[0]) if face else "no-face")


def _largest(encoder: Encoder, pixels: Pixels) -> Box | None:
    boxes = encoder.find(pixels) or encoder.find_harder(pixels)
    return max(boxes, key=lambda box: box[2] - box[0], default=None)


def _likeness(question: Question, template: np.ndarray) -> str:
    """The nearest of the photos that were sent decides: an old one beside a new one is no contradiction."""
    distance = min(float(np.linalg.norm(template - each)) for each in question.templates)
    return "same" if distance <= question.same else "unclear" if distance <= question.unclear else "different"

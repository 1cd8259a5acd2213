"""Taking the one face that a person lets us keep out of those that are about to be erased."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases.answer import keeping
from portal.erasure.items import FACE
from portal.keys import keys_of
from portal.suppression import keep_face
from portal.tables import Candidate, Case, Encoder, Erasure, Template


def keep_face_of(session: Session, erasure: Erasure) -> bool:
    """Keep a face for each encoder that is used. False where the person has taken that back, or no template is left.

    Only faces count that people confirmed, in the photographs of this plan: what the person sent is never kept.
    """
    case = session.get_one(Case, erasure.case_id)
    images = {item.image_id for item in erasure.items if item.kind == "suppression" and item.target.startswith(FACE)}
    rows = (
        select(Encoder, Template.face_id, Template.sealed)
        .join(Template, Template.encoder_id == Encoder.id)
        .join(Candidate, Candidate.face_id == Template.face_id)
        .where(Candidate.case_id == case.id, Candidate.state == "confirmed", Encoder.state != "retired")
        .order_by(Template.face_id)
    )
    found: dict[Encoder, list[bytes]] = {}
    unseal = keys_of(session).unseal_small
    for encoder, face_id, sealed in session.execute(rows.where(Candidate.image_id.in_(images))):
        found.setdefault(encoder, []).append(unseal(sealed, "template", face_id))
    ends = keeping.face_ends(session, case)
    return any([keep_face(session, case.id, encoder, templates, ends) for encoder, templates in found.items()])

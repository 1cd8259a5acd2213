"""The person takes back what they let us keep: their face, or the numbers of their deleted photographs, at any time.

It is destroyed at once, here and in what is kept beside the database to erase again after a restore.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import suppression
from portal.audit import ledger
from portal.audit.ledger import STAGES
from portal.cases.answer import answers, keeping
from portal.errors import Conflict
from portal.languages import gettext as _
from portal.tables import Case, CaseRight, Erasure, KeptFace, NoticeGround, Suppression


def forget(session: Session, case: Case, what: str) -> None:
    """Forget the `face`, or with it the `photographs`. Raises Conflict where there is nothing that could be kept."""
    if what not in keeping.forgettable(session, case, answers.is_answered(session, case)):
        raise Conflict(_("There is nothing here that we could forget. It may be forgotten already."), "nothing-kept")
    if keeping.mode(case) == "face":
        suppression.forget_face(session, case.id)
    if what == "photographs":
        suppression.forget_photographs(session, case.id)
    keeping.note_forgotten(session, case, what)
    _forget_beside_the_database(session, case)


def _forget_beside_the_database(session: Session, case: Case) -> None:
    erasure_id = session.scalar(select(Erasure.id).filter_by(case_id=case.id, kind="deletion"))
    nothing = [Suppression.__tablename__, NoticeGround.__tablename__] if keeping.keeps_nothing(case) else []
    gone = {KeptFace.__tablename__, *nothing}
    for stage in STAGES:
        record = ledger.read(session, erasure_id, stage) if erasure_id else None
        if record is None:
            continue
        rows = [(table, values) for table, values in record.rows if table not in gone]
        for table, values in rows:
            if table == CaseRight.__tablename__ and values["right"] == "deletion":
                values["keeps"] = keeping.mode(case)
        ledger.write(session, record.name, stage, rows)

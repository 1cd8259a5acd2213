"""What caseworkers note for each other beside a case: sealed, in no log, and gone with the person's contact."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import lifecycle
from portal.cases.acting.papers import Paper
from portal.cases.messages import Written, readable
from portal.errors import NotAllowed, NotFound
from portal.keys import keys_of
from portal.tables import Case, CaseNote, NotePaper, random_id


@dataclass(frozen=True)
class Noted(Written):
    """A note; `paper_of` is its id where a paper belongs to it."""

    paper_of: str | None = None


def note(session: Session, case: Case, account_id: str, text: str, paper: Paper | None = None) -> CaseNote:
    """Keep a note, and a paper with it. Raises BadInput (nothing in it, or too long), NotAllowed (no caseworker)."""
    clean = readable(text)
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker writes notes.", "not-your-step")
    note_id = random_id()
    sealed = keys_of(session).seal(clean.encode(), f"note/{note_id}")
    kept = CaseNote(id=note_id, case_id=case.id, account_id=account_id, sealed=sealed, at=clock.now())
    session.add(kept)
    session.flush()
    if paper is not None:
        sealed = keys_of(session).seal(paper.data, _place(note_id))
        session.add(NotePaper(note_id=note_id, media_type=paper.media_type, sealed=sealed))
        session.flush()
    lifecycle.record(session, case, "noted", account_id)
    return kept


def of_case(session: Session, case: Case) -> list[Noted]:
    """The notes of a case, oldest first."""
    query = select(CaseNote, NotePaper.note_id).outerjoin(NotePaper, NotePaper.note_id == CaseNote.id)
    found = session.execute(query.where(CaseNote.case_id == case.id).order_by(CaseNote.at))
    return [
        Noted(
            one.account_id,
            keys_of(session).unseal(one.sealed, f"note/{one.id}").decode(),
            one.at,
            False,
            paper_of=paper_of,
        )
        for one, paper_of in found
    ]


def open_paper(session: Session, case: Case, note_id: str) -> Paper:
    """The paper of a note of this case. Raises NotFound."""
    mine = select(NotePaper).join(CaseNote, CaseNote.id == NotePaper.note_id)
    row = session.scalar(mine.where(NotePaper.note_id == note_id, CaseNote.case_id == case.id))
    if row is None:
        raise NotFound("This paper is not kept any more.")
    return Paper(keys_of(session).unseal(row.sealed, _place(note_id)), row.media_type)


def _place(note_id: str) -> str:
    return f"note/{note_id}/paper"

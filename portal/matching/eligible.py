"""Which pairs a reviewer may take, and which first.

The statements are made once, for an unnamed reviewer at an unnamed time: making them takes longer than running them,
and a reviewer waits for both. `given` names them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, false, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from portal import clock
from portal.db import config_of
from portal.keys import contact_digest
from portal.matching import practice
from portal.tables import Account, Candidate, Case, CaseRight, Judgement, PassedOn

ME: BindParameter[Any] = bindparam("me")
# Of their mail address, as a case keeps that of its person.
MY_CONTACT: BindParameter[Any] = bindparam("my_contact")
NOW: BindParameter[Any] = bindparam("now")
SENIORS: BindParameter[Any] = bindparam("seniors", expanding=True)
THEIR_CONTACTS: BindParameter[Any] = bindparam("their_contacts", expanding=True)


def given(session: Session, account_id: str) -> dict[str, Any]:
    """What each statement of this file wants to know: who asks, and when."""
    found = seniors(session)
    return {
        "me": account_id,
        "my_contact": contact_digest(session, session.get_one(Account, account_id).email),
        "now": clock.now(),
        "seniors": [one.id for one in found],
        "their_contacts": [contact_digest(session, one.email) for one in found],
    }


def seniors(session: Session) -> list[Account]:
    """Who settles what two differ on, and looks at what others pass on: while they practise, nothing waits for them."""
    accounts = session.scalars(select(Account).where(Account.disabled_at.is_(None)).order_by(Account.id))
    return [each for each in accounts if "senior" in each.roles and practice.may_judge(session, each.id)]


def open_to(session: Session) -> Select[Candidate]:
    """What this reviewer may take now."""
    return _open(config_of(session).two_people)


def fit_for(session: Session) -> Select[Candidate]:
    """What this reviewer may judge, whoever holds it now."""
    return _fit(config_of(session).two_people)


def urgent(session: Session) -> Select[str]:
    """Ids of cases with a pair that this reviewer may take now, the first that is due first; one at most."""
    return _urgent(config_of(session).two_people)


def cases(session: Session) -> Select[str]:
    """Ids of cases whose pairs this reviewer may look at: being reviewed, not their own, of nobody they know."""
    return _may_look_at(config_of(session).two_people)


def own(session: Session) -> ColumnElement[bool]:
    """Whether a case is this person's own: they look after it, checked who asks, or decided about a right.

    They know who asks and what was decided, so others say whom the pictures show. Where one person does it all alone,
    no case is anybody's own.
    """
    return _own(config_of(session).two_people)


def to_judge() -> tuple[ColumnElement[bool], ...]:
    """Open, and with a picture: an erasure in another case takes the picture before it closes the candidate."""
    return (Candidate.state == "open", Candidate.crop_id.is_not(None))


@cache
def answers() -> Select[int]:
    """Ids of the answers of this reviewer that stand."""
    return select(Judgement.id).where(Judgement.account_id == ME, Judgement.undone_at.is_(None))


@cache
def _open(two_people: bool) -> Select[Candidate]:
    return _fit(two_people).where(_is_free())


@cache
def _fit(two_people: bool) -> Select[Candidate]:
    fitting = (*_cases(two_people), *_pairs(two_people))
    return select(Candidate).join(Case, Case.id == Candidate.case_id).where(*fitting)


@cache
def _may_look_at(two_people: bool) -> Select[str]:
    return select(Case.id).where(*_cases(two_people))


@cache
def _urgent(two_people: bool) -> Select[str]:
    of_case = select(Candidate.id).where(Candidate.case_id == Case.id, *_pairs(two_people), _is_free())
    return _may_look_at(two_people).where(of_case.exists()).order_by(Case.due_on, Case.received_at, Case.id).limit(1)


def _is_free() -> ColumnElement[bool]:
    return or_(
        Candidate.lease_account_id.is_(None),
        Candidate.lease_account_id == ME,
        Candidate.lease_until < NOW,
    )


def _cases(two_people: bool) -> tuple[ColumnElement[bool], ...]:
    """Being reviewed, not this person's own, not asked by them, and not of somebody they know."""
    left = aliased(Candidate)
    known = (
        select(left.case_id)
        .join(PassedOn, PassedOn.candidate_id == left.id)
        .where(PassedOn.account_id == ME, PassedOn.reason == "knows-person")
    )
    # Of one's own request one must not even learn how many pairs there are. An empty column makes neither yes nor no.
    others = or_(Case.contact_digest.is_(None), Case.contact_digest != MY_CONTACT)
    return (Case.state == "reviewing", Case.id.not_in(known), others, not_(_own(two_people)))


def _pairs(two_people: bool) -> tuple[ColumnElement[bool], ...]:
    """To be judged, not judged by this reviewer, not left by them to others, and not for somebody senior."""
    # Asked of each pair by itself: the indexes answer that, however much a reviewer has judged.
    of_pair = (Judgement.candidate_id == Candidate.id, Judgement.account_id == ME)
    answered = select(Judgement.id).where(*of_pair, Judgement.undone_at.is_(None)).exists()
    passed = select(PassedOn.id).where(PassedOn.candidate_id == Candidate.id, PassedOn.account_id == ME)
    mine = or_(ME.in_(SENIORS), ~_is_for_seniors(), ~_a_senior_may_judge(two_people))
    return (*to_judge(), ~answered, ~passed.exists(), mine)


def _is_for_seniors() -> ColumnElement[bool]:
    """Two people differ about the pair, or somebody found it too hard."""
    said = select(func.count()).where(Judgement.candidate_id == Candidate.id, Judgement.undone_at.is_(None))
    hard = select(PassedOn.id).where(PassedOn.candidate_id == Candidate.id, PassedOn.reason == "too-hard")
    return or_(said.correlate(Candidate).scalar_subquery() >= 2, hard.correlate(Candidate).exists())


def _a_senior_may_judge(two_people: bool) -> ColumnElement[bool]:
    """Where none may, such as in a request of their own, the pair goes to whoever is there."""
    senior, left = aliased(Account), aliased(Candidate)
    answered = select(Judgement.id).where(
        Judgement.candidate_id == Candidate.id, Judgement.account_id == senior.id, Judgement.undone_at.is_(None)
    )
    passed = select(PassedOn.id).join(left, left.id == PassedOn.candidate_id)
    passed = passed.where(
        PassedOn.account_id == senior.id,
        or_(left.id == Candidate.id, and_(left.case_id == Candidate.case_id, PassedOn.reason == "knows-person")),
    )
    may = select(senior.id).where(
        senior.id.in_(SENIORS),
        ~answered.correlate(Candidate, senior).exists(),
        ~passed.correlate(Candidate, senior).exists(),
        not_(_is_own(two_people, senior.id)),
    )
    others = or_(Case.contact_digest.is_(None), Case.contact_digest.not_in(THEIR_CONTACTS))
    return and_(others, may.correlate(Candidate, Case).exists())


@cache
def _own(two_people: bool) -> ColumnElement[bool]:
    return _is_own(two_people, ME)


def _is_own(two_people: bool, who: BindParameter[Any] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    if not two_people:
        return false()
    decided = or_(CaseRight.decided_by == who, CaseRight.approved_by == who)
    return or_(
        # With a plain = an empty column would make neither yes nor no.
        Case.caseworker_id.is_not_distinct_from(who),
        Case.identity_by.is_not_distinct_from(who),
        Case.id.in_(select(CaseRight.case_id).where(decided)),
    )

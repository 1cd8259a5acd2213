"""Two fresh photographs with a code: once, for ten minutes, deleted with the decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import mails, withdrawing
from portal.cases.arrival.looking import Prepared, prepare_picture
from portal.cases.housekeeping import purging
from portal.cases.requester import challenge, identity
from portal.config import Config
from portal.errors import BadInput, Conflict, NotAllowed, TooMany
from portal.tables import Blob, Case, CaseEvent, Challenge, Entry, Mail
from tests.cases.making import make_account, send
from tests.fakes import drawn_jpeg


@pytest.fixture
def case(session: Session) -> Case:
    case = send(session, "access").case
    assert case.state == "identity-check"
    return case


@pytest.fixture
def asked(session: Session, case: Case) -> Challenge:
    return challenge.ask(session, case, make_account(session).id)


def frame(config: Config) -> Prepared:
    return prepare_picture(config, drawn_jpeg(3, size=(200, 160)))


def kept(session: Session) -> int:
    return session.scalar(select(func.count()).where(Blob.purpose == "challenge")) or 0


def send_both(session: Session, asked: Challenge, config: Config) -> None:
    challenge.draw(session, asked)
    for step in challenge.STEPS:
        challenge.take(session, asked, step, asked.code or "", frame(config))


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    then = clock.now() + timedelta(**by)
    monkeypatch.setattr("portal.clock.now", lambda: then)


def test_both_photographs_go_to_a_worker_and_the_case_waits_for_a_caseworker(
    session: Session, case: Case, asked: Challenge, config: Config
) -> None:
    assert (case.waiting_for, asked.state, asked.code) == ("subject", "asked", None)
    challenge.draw(session, asked)
    assert asked.code
    assert set(asked.code) <= set(challenge.SIGNS)
    assert challenge.next_step(asked) == "paper"
    challenge.take(session, asked, "paper", asked.code, frame(config))
    assert (asked.state, challenge.next_step(asked)) == ("shown", "turned")
    challenge.take(session, asked, "turned", asked.code, frame(config))
    assert (asked.state, asked.work_state, case.waiting_for) == ("sent", "due", "caseworker")
    assert challenge.next_step(asked) is None
    assert [blob.purge_after for blob in session.scalars(select(Blob).filter_by(purpose="challenge"))] == [None, None]


def test_what_is_drawn_is_fresh(session: Session, asked: Challenge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge, "CODES", 50)
    seen = set()
    for _ in range(40):
        challenge.draw(session, asked)
        seen.add((asked.code, asked.turn))
        asked.expires_at = clock.now()
    assert len(seen) > 30
    assert {turn for _, turn in seen} == {"left", "right"}


def test_a_code_that_works_is_not_replaced_by_a_reload(session: Session, asked: Challenge) -> None:
    challenge.draw(session, asked)
    code = asked.code
    challenge.draw(session, asked)
    assert asked.code == code


def test_after_ten_minutes_a_new_code_is_needed_and_the_old_photograph_is_gone(
    session: Session, asked: Challenge, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge.draw(session, asked)
    old = asked.code or ""
    challenge.take(session, asked, "paper", old, frame(config))
    later(monkeypatch, minutes=10)
    with pytest.raises(Conflict, match="10 minutes"):
        challenge.take(session, asked, "turned", old, frame(config))
    assert purging.purge(session)["blobs"] == 1
    challenge.draw(session, asked)
    assert (kept(session), challenge.next_step(asked)) == (0, "paper")
    with pytest.raises(Conflict):
        challenge.take(session, asked, "paper", old + "?", frame(config))


def test_a_new_code_deletes_the_photograph_of_the_old_one(
    session: Session, asked: Challenge, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge.draw(session, asked)
    challenge.take(session, asked, "paper", asked.code or "", frame(config))
    later(monkeypatch, minutes=10)
    challenge.draw(session, asked)
    assert (kept(session), asked.paper_id) == (0, None)


def test_codes_are_counted(session: Session, asked: Challenge) -> None:
    for _ in range(challenge.CODES):
        challenge.draw(session, asked)
        asked.expires_at = clock.now()
    with pytest.raises(TooMany):
        challenge.draw(session, asked)


def test_a_code_is_used_once(session: Session, asked: Challenge, config: Config) -> None:
    send_both(session, asked, config)
    with pytest.raises(Conflict):
        challenge.take(session, asked, "turned", asked.code or "", frame(config))
    with pytest.raises(Conflict, match="already"):
        challenge.draw(session, asked)
    assert kept(session) == 2


def test_a_photograph_sent_twice_is_kept_once(session: Session, asked: Challenge, config: Config) -> None:
    challenge.draw(session, asked)
    code = asked.code or ""
    challenge.take(session, asked, "turned", code, frame(config))
    assert kept(session) == 0
    challenge.take(session, asked, "paper", code, frame(config))
    first = asked.paper_id
    challenge.take(session, asked, "paper", code, frame(config))
    assert (kept(session), asked.paper_id, asked.turned_id) == (1, first, None)


def test_the_same_photograph_for_both_is_not_taken(session: Session, asked: Challenge, config: Config) -> None:
    challenge.draw(session, asked)
    same = frame(config)
    challenge.take(session, asked, "paper", asked.code or "", same)
    with pytest.raises(BadInput, match="same photograph"):
        challenge.take(session, asked, "turned", asked.code or "", same)
    with pytest.raises(BadInput):
        challenge.take(session, asked, "else", asked.code or "", same)
    assert challenge.next_step(asked) == "turned"


def test_who_may_ask_and_when(session: Session, case: Case, asked: Challenge) -> None:
    anna = make_account(session).id
    with pytest.raises(Conflict, match="asked already"):
        challenge.ask(session, case, anna)
    with pytest.raises(NotAllowed):
        challenge.ask(session, case, make_account(session, "reviewer").id)
    identity.decide_identity(session, case, anna, "confirmed", "Met them.")
    with pytest.raises(Conflict, match="only while"):
        challenge.ask(session, case, anna)
    assert challenge.waiting(session, case) is None


def test_asking_again_deletes_what_was_sent(session: Session, case: Case, asked: Challenge, config: Config) -> None:
    send_both(session, asked, config)
    again = challenge.ask(session, case, make_account(session).id)
    assert (kept(session), asked.state) == (0, "purged")
    found = challenge.newest(session, case)
    assert found is not None
    assert found.id == again.id


@pytest.mark.parametrize("end", ["confirmed", "not-confirmed", "withdrawn"])
def test_the_photographs_go_with_the_decision(
    session: Session, case: Case, asked: Challenge, config: Config, end: str
) -> None:
    send_both(session, asked, config)
    asked.turn_seen, asked.likeness, fence = 0.4, "same", asked.fence
    if end == "withdrawn":
        withdrawing.withdraw(session, case)
    else:
        identity.decide_identity(session, case, make_account(session).id, end, "Looked at the photographs.")
    session.refresh(asked)
    assert kept(session) == 0
    assert (asked.state, asked.code, asked.turn, asked.turn_seen, asked.likeness) == ("purged", None, None, None, None)
    assert asked.purged_at is not None
    assert (asked.work_state, asked.fence) == ("idle", fence + 1)


def test_the_keeper_purges_what_a_decision_left(session: Session, case: Case, asked: Challenge, config: Config) -> None:
    send_both(session, asked, config)
    assert purging.purge(session)["challenges"] == 0
    assert kept(session) == 2
    case.state = "searching"
    session.flush()
    assert purging.overdue(session)["challenges"] == 1
    assert purging.purge(session)["challenges"] == 1
    assert (kept(session), purging.overdue(session)["challenges"]) == (0, 0)


def test_mail_timeline_and_log_tell_neither_code_nor_measure(
    session: Session, asked: Challenge, config: Config
) -> None:
    send_both(session, asked, config)
    letters = [mails.open_mail(session, mail) for mail in session.scalars(select(Mail))]
    said = [letter.body for letter in letters if letter is not None]
    said += [str(facts) for facts in session.scalars(select(CaseEvent.facts))]
    said += [str(body) for body in session.scalars(select(Entry.body))]
    assert sum("There is news" in body for body in said) == 1
    assert not any((asked.code or "") in text for text in said)


@pytest.mark.parametrize(
    ("turn", "seen", "words"),
    [
        ("left", 0.4, "to the left as asked"),
        ("right", -0.4, "to the right as asked"),
        ("left", -0.4, "mirror"),
        ("right", 0.1, "only a little"),
        ("left", None, "finds no face"),
    ],
)
def test_a_turn_in_words(asked: Challenge, turn: str, seen: float | None, words: str) -> None:
    asked.state, asked.turn, asked.turn_seen, asked.likeness = "looked-at", turn, seen, "unclear"
    read = challenge.readings(asked)
    assert words in read[0]
    assert not any(figure.isdigit() for sentence in read for figure in sentence)

"""Staff accounts: links that work once, codes that count once, locks that hold."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyotp
import pytest
from argon2 import Type
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import accounts, clock
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound
from portal.tables import Account, Entry, WebSession
from tests.sharing import HASHER_OF_PASSWORDS, HASHER_OF_WORDS

PASSWORD = "four words make sense"


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = clock.now()

    def turn(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(clock, "now", lambda: watch.at)
    return watch


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(clock.now())


def joined(session: Session, *roles: str, email: str = "ada@example.org") -> tuple[Account, str]:
    token = accounts.invite(session, roles or ("admin",))
    secret = accounts.begin(session, token).totp_secret
    account = accounts.accept_invitation(session, token, email, "Ada Example", PASSWORD, secret, code_of(secret))
    return account, secret


def test_a_link_makes_one_account_and_then_no_more(session: Session, watch: Watch) -> None:
    token = accounts.invite(session, ["reviewer", "caseworker"])
    secret = accounts.begin(session, token).totp_secret
    assert accounts.begin(session, token).totp_secret == secret
    account = accounts.accept_invitation(session, token, " Ada@Example.org", "Ada", PASSWORD, secret, code_of(secret))
    assert (account.email, account.roles) == ("ada@example.org", ["caseworker", "reviewer"])
    with pytest.raises(NotFound):
        accounts.begin(session, token)
    with pytest.raises(NotFound):
        accounts.accept_invitation(session, token, "b@example.org", "B", PASSWORD, secret, code_of(secret))


def test_a_link_ends_after_a_day(session: Session, watch: Watch) -> None:
    token = accounts.invite(session, ["admin"])
    watch.turn(hours=24)
    with pytest.raises(NotFound):
        accounts.begin(session, token)


def test_a_wrong_first_code_makes_no_account_and_keeps_the_link(session: Session, watch: Watch) -> None:
    token = accounts.invite(session, ["admin"])
    secret = accounts.begin(session, token).totp_secret
    wrong = f"{(int(code_of(secret)) + 1) % 1000000:06}"
    with pytest.raises(BadInput) as problem:
        accounts.accept_invitation(session, token, "ada@example.org", "Ada", PASSWORD, secret, wrong)
    assert problem.value.code == "code"
    assert session.scalar(select(func.count()).select_from(Account)) == 0
    assert accounts.begin(session, token).totp_secret == secret


def test_the_first_run_link_works_once_and_a_newer_one_replaces_it(session: Session, watch: Watch) -> None:
    first, second = accounts.first_run_token(session), accounts.first_run_token(session)
    assert first is not None
    assert second is not None
    with pytest.raises(NotFound):
        accounts.begin(session, first)
    secret = accounts.begin(session, second).totp_secret
    account = accounts.accept_invitation(session, second, "a@example.org", "A", PASSWORD, secret, code_of(secret))
    assert account.roles == ["admin"]
    assert accounts.first_run_token(session) is None


def test_the_first_run_link_is_dead_once_there_is_any_account(session: Session, watch: Watch) -> None:
    first = accounts.first_run_token(session)
    assert first is not None
    joined(session, "reviewer")
    with pytest.raises(NotFound):
        accounts.begin(session, first)


def test_the_first_run_link_leaves_other_invitations_alone(session: Session, watch: Watch) -> None:
    token = accounts.invite(session, ["admin"])
    accounts.first_run_token(session)
    assert accounts.begin(session, token).roles == ["admin"]


@pytest.mark.parametrize(
    "password", ["short", "ada@example.org", "Ada Example Person", "PasswordPassword", "aaaaaaaaaaaaaaa", "x" * 201]
)
def test_passwords_that_are_easy_to_guess_are_refused(password: str) -> None:
    with pytest.raises(BadInput) as problem:
        accounts.check_password_choice(password, "ada@example.org", "Ada Example Person")
    assert problem.value.code == "password"


def test_two_accounts_cannot_share_an_address(session: Session, watch: Watch) -> None:
    joined(session)
    with pytest.raises(BadInput) as problem:
        joined(session, email="ADA@example.org")
    assert problem.value.code == "email"


def test_a_code_counts_once(session: Session, watch: Watch) -> None:
    account, secret = joined(session)
    # The code that confirmed the app is used up already.
    assert accounts.sign_in(session, account.email, PASSWORD, code_of(secret)) is None
    watch.turn(seconds=30)
    code = code_of(secret)
    assert accounts.sign_in(session, account.email.upper(), PASSWORD, f" {code[:3]} {code[3:]}") is account
    assert accounts.sign_in(session, account.email, PASSWORD, code) is None
    # Nor does the code before it count any more, although the window would take it.
    early = pyotp.TOTP(secret).at(watch.at - timedelta(seconds=30))
    assert accounts.sign_in(session, account.email, PASSWORD, early) is None


def test_a_clock_may_be_half_a_minute_off_but_not_more(session: Session, watch: Watch) -> None:
    account, secret = joined(session)
    watch.turn(minutes=10)
    for seconds, lets_in in ((-60, False), (60, False), (-30, True), (30, True)):
        code = pyotp.TOTP(secret).at(watch.at + timedelta(seconds=seconds))
        assert (accounts.sign_in(session, account.email, PASSWORD, code) is account) is lets_in


@pytest.mark.parametrize("code", ["", "000", "abcdef", "１２３４５６", "12345é"])
def test_a_code_of_another_shape_is_simply_wrong(session: Session, watch: Watch, code: str) -> None:
    account, _ = joined(session)
    watch.turn(minutes=1)
    assert accounts.sign_in(session, account.email, PASSWORD, code) is None


def test_ten_failures_lock_for_a_quarter_of_an_hour(session: Session, watch: Watch) -> None:
    account, secret = joined(session)
    watch.turn(minutes=1)
    for _ in range(10):
        presented = accounts.Presented(account.id, password_right=False)
        assert accounts.finish_sign_in(session, presented, code_of(secret)) is None
    assert accounts.sign_in(session, account.email, PASSWORD, code_of(secret)) is None
    watch.turn(minutes=15, seconds=1)
    assert accounts.sign_in(session, account.email, PASSWORD, code_of(secret)) is account


def test_secrets_are_slow_to_guess() -> None:
    """What people choose costs a guess more than OWASP asks for at least, and our random words cost that."""
    chosen, ours = HASHER_OF_PASSWORDS, HASHER_OF_WORDS
    assert chosen.type == ours.type == Type.ID
    assert chosen.memory_cost >= 2 * 19456
    assert chosen.time_cost >= 2
    assert (ours.memory_cost, ours.time_cost) >= (19456, 2)
    assert chosen.verify(chosen.hash(PASSWORD), PASSWORD)


def test_unknown_addresses_do_the_same_work(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    hasher = accounts._hasher()

    class Counting:
        def verify(self, known: str, password: str) -> bool:
            checked.append(known)
            return hasher.verify(known, password)

        def hash(self, password: str) -> str:
            return hasher.hash(password)

    monkeypatch.setattr(accounts, "_hasher", Counting)
    assert accounts.sign_in(session, "nobody@example.org", PASSWORD, "123456") is None
    assert len(checked) == 1


def test_the_last_admin_stays(session: Session, watch: Watch) -> None:
    ada, _ = joined(session)
    with pytest.raises(Conflict):
        accounts.disable(session, ada.id, ada.id)
    with pytest.raises(Conflict):
        accounts.change_roles(session, ada.id, ["reviewer"], ada.id)
    bob, _ = joined(session, email="bob@example.org")
    accounts.disable(session, ada.id, bob.id)
    with pytest.raises(Conflict):
        accounts.change_roles(session, bob.id, ["auditor"], bob.id)


def test_a_disabled_account_is_signed_out_and_stays_out(session: Session, watch: Watch) -> None:
    joined(session)
    bob, secret = joined(session, "reviewer", email="bob@example.org")
    now = clock.now()
    session.add(WebSession(token_digest="x" * 64, account_id=bob.id, data=b"", created_at=now, expires_at=now))
    session.flush()
    accounts.disable(session, bob.id, "command")
    assert session.scalar(select(func.count()).select_from(WebSession)) == 0
    watch.turn(minutes=1)
    assert accounts.sign_in(session, bob.email, PASSWORD, code_of(secret)) is None
    accounts.enable(session, bob.id, "command")
    assert accounts.sign_in(session, bob.email, PASSWORD, code_of(secret)) is bob


def test_a_second_link_sets_an_account_up_anew(session: Session, watch: Watch) -> None:
    account, old_secret = joined(session, "reviewer")
    token = accounts.invite_again(session, account.id, "command")
    secret = accounts.begin(session, token).totp_secret
    assert secret != old_secret
    new_password = "another four words here"
    again = accounts.accept_invitation(session, token, "x@example.org", "X", new_password, secret, code_of(secret))
    assert (again.id, again.email, again.roles) == (account.id, "ada@example.org", ["reviewer"])
    watch.turn(minutes=1)
    assert accounts.sign_in(session, account.email, PASSWORD, code_of(old_secret)) is None
    assert accounts.sign_in(session, account.email, new_password, code_of(secret)) is account


def test_unknown_roles_are_refused(session: Session) -> None:
    for roles in ([], ["owner"], ["admin", "owner"]):
        with pytest.raises(BadInput):
            accounts.invite(session, roles)


def test_a_senior_is_a_reviewer_too(session: Session, watch: Watch) -> None:
    """Who met only pairs that others differ on could tell them from the rest."""
    joined(session)
    senior, _ = joined(session, "senior", email="sena@example.org")
    assert senior.roles == ["reviewer", "senior"]
    assert accounts.change_roles(session, senior.id, ["senior", "auditor"], "boss").roles == [
        "reviewer",
        "senior",
        "auditor",
    ]


def test_the_log_holds_account_ids_and_nothing_else_of_a_person(session: Session, watch: Watch) -> None:
    account, secret = joined(session)
    watch.turn(minutes=1)
    accounts.sign_in(session, account.email, PASSWORD, code_of(secret))
    bodies = [entry.body for entry in session.scalars(select(Entry).order_by(Entry.position))]
    kinds = [json.loads(body)["kind"] for body in bodies]
    assert kinds == ["account-invited", "account-made", "signed-in"]
    told = b"".join(bodies).lower()
    assert b"ada" not in told.replace(account.id.encode(), b"")
    assert secret.encode().lower() not in told
    assert account.id.encode() in told


def test_of_two_who_use_a_link_or_a_code_at_once_one_gets_in(database: Database, watch: Watch) -> None:
    with database.writing() as session:
        token = accounts.invite(session, ["admin"])
        secret = accounts.begin(session, token).totp_secret

    def accept(number: int) -> bool:
        try:
            with database.writing() as session:
                email = f"{number}@example.org"
                accounts.accept_invitation(session, token, email, "Ada", PASSWORD, secret, code_of(secret))
        except NotFound:
            return False
        return True

    def enter(email: str) -> bool:
        with database.writing() as session:
            return accounts.sign_in(session, email, PASSWORD, code_of(secret)) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(accept, range(4))) == [False, False, False, True]
        watch.turn(minutes=1)
        with database.reading() as session:
            email = session.scalars(select(Account.email)).one()
        assert sorted(threads.map(enter, [email] * 4)) == [False, False, False, True]

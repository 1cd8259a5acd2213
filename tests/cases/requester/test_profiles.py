"""A token in a profile: fresh, for a day, used once, looked for once, and decided by a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import workers
from portal import clock, fetching
from portal.cases import lifecycle
from portal.cases.housekeeping import purging
from portal.cases.requester import assurance, identity, profiles
from portal.config import Config, check_config
from portal.db import Database
from portal.errors import BadInput, Conflict, NotAllowed, TooMany, UnsafeConfig
from portal.tables import Case, Entry, ManifestEntry, ProfileCheck, SecondSign
from tests.cases.making import make_account, make_image, send

LINK = "http://www.dating.example/anna/?utm_source=mail#top"


@pytest.fixture
def config(config: Config) -> Config:
    return check_config(replace(config, profile_hosts="dating.example, photos.example"))


def new_case(session: Session) -> Case:
    case = send(session, "access").case
    assert case.state == "identity-check"
    return case


def asked(database: Database) -> tuple[str, str]:
    """A case whose person says that the token is in the profile: case id and token."""
    with database.writing() as session:
        case = new_case(session)
        row = profiles.ask(session, case, LINK)
        assert row.token
        profiles.placed(session, case, row.token)
        return case.id, row.token


def row_of(session: Session, case_id: str) -> ProfileCheck:
    return session.scalars(select(ProfileCheck).where(ProfileCheck.case_id == case_id)).one()


def answering(code: str, seen: list[tuple[str, str, tuple[str, ...]]]) -> Callable[..., str]:
    def look(link: str, token: str, hosts: tuple[str, ...]) -> str:
        seen.append((link, token, hosts))
        return code

    return look


def test_no_website_is_asked_unless_it_is_named(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = new_case(session)
    for link in (
        "https://elsewhere.example/anna",
        "https://dating.example.evil.example/",
        "https://dating.example:8443/",
    ):
        with pytest.raises(BadInput):
            profiles.ask(session, case, link)
    monkeypatch.setattr(profiles, "hosts", lambda _session: ())
    with pytest.raises(Conflict):
        profiles.ask(session, case, LINK)
    assert profiles.of_case(session, case) is None


@pytest.mark.parametrize(
    "hosts",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f.1", "https://a.example", "www.a.example", "a.example/x"),
        *(
            "A.example",
            "printer.local",
            "metadata.google.internal",
            "[::1]",
            "*.example",
            "a.example:443",
            "a\nb.example",
        ),
    ],
)
def test_hosts_that_are_no_names_of_public_websites_are_refused(config: Config, hosts: str) -> None:
    with pytest.raises(UnsafeConfig, match="EFFACE_PROFILE_HOSTS"):
        check_config(replace(config, profile_hosts=hosts))


def test_the_way_from_the_token_to_the_sign(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, token = asked(database)
    seen: list[tuple[str, str, tuple[str, ...]]] = []
    monkeypatch.setattr(fetching, "look", answering("seen", seen))
    with database.reading() as session:
        row_id = row_of(session, case_id).id
    assert workers.carry_out(database, "profiling", row_id) == "worked"
    assert workers.carry_out(database, "profiling", row_id) == "not-due"
    assert seen == [("https://www.dating.example/anna", token, ("dating.example", "photos.example"))]
    with database.writing() as session:
        case, row, caseworker = session.get_one(Case, case_id), row_of(session, case_id), make_account(session)
        assert (row.state, row.seen, row.token) == ("found", "seen", None)
        # Found is not yet believed: a caseworker looks whose page it is.
        assert assurance.standing(session, case).sign is None
        assert {each.name: each.met for each in identity.checklist(session, case)}["profile"] is True
        with pytest.raises(NotAllowed):
            assurance.accept_profile(session, case, make_account(session, "reviewer").id, "It is hers.")
        with pytest.raises(BadInput):
            assurance.accept_profile(session, case, caseworker.id, "  ")
        assurance.accept_profile(session, case, caseworker.id, "The words stand in her own text.")
        with pytest.raises(Conflict):
            assurance.accept_profile(session, case, caseworker.id, "Twice.")
        assert assurance.standing(session, case).sign == "profile"
        with pytest.raises(Conflict):
            profiles.ask(session, case, LINK)
        log = "".join(str(entry.body) for entry in session.scalars(select(Entry)))
        assert token not in log
        assert "dating.example" not in log


def test_a_page_without_it_can_be_looked_at_again_and_proves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, token = asked(database)
    monkeypatch.setattr(fetching, "look", answering("private-address", []))
    with database.reading() as session:
        row_id = row_of(session, case_id).id
    assert workers.carry_out(database, "profiling", row_id) == "worked"
    with database.writing() as session:
        case, row = session.get_one(Case, case_id), row_of(session, case_id)
        assert (row.state, row.seen) == ("not-found", "private-address")
        with pytest.raises(Conflict):
            assurance.accept_profile(session, case, make_account(session).id, "It is hers.")
        profiles.placed(session, case, token)
        profiles.placed(session, case, token)
        assert (row_of(session, case_id).state, row_of(session, case_id).work_state) == ("looking", "due")


def test_a_token_is_over_after_a_day_and_after_the_next_one(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    case = new_case(session)
    first = profiles.ask(session, case, LINK).token or ""
    second = profiles.ask(session, case, LINK).token or ""
    assert len({first, second}) == 2
    for wrong in (first, "", "x" * 5000, "эфас", second.upper()):
        with pytest.raises(Conflict):
            profiles.placed(session, case, wrong)
    then = clock.now() + timedelta(days=1)
    monkeypatch.setattr("portal.clock.now", lambda: then)
    with pytest.raises(Conflict):
        profiles.placed(session, case, second)


def test_a_token_asked_for_while_the_old_one_is_looked_for_is_not_proved_by_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, _token = asked(database)

    def ask_meanwhile(*_asked: object) -> str:
        with database.writing() as session:
            profiles.ask(session, session.get_one(Case, case_id), "https://photos.example/somebody-else")
        return "seen"

    monkeypatch.setattr(fetching, "look", ask_meanwhile)
    with database.reading() as session:
        row_id = row_of(session, case_id).id
    assert workers.carry_out(database, "profiling", row_id) == "lost"
    with database.reading() as session:
        assert (row_of(session, case_id).state, row_of(session, case_id).seen) == ("asked", None)


def test_it_can_be_asked_so_often_a_day(session: Session) -> None:
    case = new_case(session)
    for _ in range(profiles.ASKS):
        profiles.ask(session, case, LINK)
    with pytest.raises(TooMany):
        profiles.ask(session, case, LINK)


def test_link_and_token_are_forgotten_with_the_case(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id, _token = asked(database)
    monkeypatch.setattr(fetching, "look", answering("seen", []))
    with database.writing() as session:
        case, row = session.get_one(Case, case_id), row_of(session, case_id)
        lifecycle.move(session, case, "closed", "subject", outcome="withdrawn")
        assert purging.purge(session)["profiles"] == 1
        session.refresh(row)
        assert (row.sealed, row.token) == (None, None)
        row_id = row.id
    assert workers.carry_out(database, "profiling", row_id) == "worked"
    with database.reading() as session:
        assert row_of(session, case_id).state == "not-found"
        assert session.scalar(select(SecondSign.id)) is None


def test_staff_see_how_many_photographs_come_from_this_page(session: Session, tmp_path: Path) -> None:
    case, image = new_case(session), make_image(session, tmp_path)
    row = profiles.ask(session, case, LINK)
    assert profiles.known_photographs(session, row) == 0
    session.add(
        ManifestEntry(
            store_id=image.store_id, key="other.jpg", source_url_key="https://dating.example/anna", attributes={}
        )
    )
    session.flush()
    assert profiles.known_photographs(session, row) == 1

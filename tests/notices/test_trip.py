"""From the erasure to the recipient's endpoint and back, and from the feed to the receipt, with the real parts."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

import workers
from portal import clock, fetching
from portal.cli import efface
from portal.config import Config
from portal.db import Database
from portal.notices import answering, clocks, feeds, making, wire
from portal.tables import Dataset, Erasure, Mail, Notice, Recipient
from tests.erasure.certified import photo
from tests.fetching.serving import HOST, PUBLIC, page, redirect
from tests.fetching.test_fetching import PROGRAM
from tests.fetching.test_telling import Endpoint, certificate, endpoint
from tests.notices.scene import announced, carried_out, digest_of, register_key

__all__ = ["certificate", "endpoint"]


@pytest.fixture
def called(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """The worker's process apart calls this endpoint."""
    program = tmp_path / "program.py"
    certificate = str(endpoint.certificate)
    program.write_text(
        PROGRAM.format(child=str(fetching.CHILD), port=endpoint.port, public=PUBLIC, ca=certificate, seconds=5.0)
    )
    monkeypatch.setattr(fetching, "tell", partial(fetching.tell, program=program))
    return endpoint


def made(database: Database) -> str:
    with database.writing() as session:
        notice = announced(session, f"https://{HOST}/notices")
        session.get_one(Recipient, "recipient").contact = "No mail address"
        return notice.id


def work(database: Database, notice_id: str) -> Notice:
    with database.writing() as session:
        notice = session.get_one(Notice, notice_id)
        assert notice.work_state == "due"
        notice.run_after = clock.now()
    assert workers.carry_out(database, "notifying", notice_id) == "worked"
    with database.reading() as session:
        return session.get_one(Notice, notice_id)


def test_an_endpoint_that_fails_is_called_again_with_the_same_bytes(database: Database, called: Endpoint) -> None:
    notice_id = made(database)
    called.answers(page(b"", status=500), redirect("https://127.0.0.1/"), page(b"x" * 10_000_000), page(b"thanks"))
    for number, (came, status) in enumerate((("error", 500), ("redirect", 302), ("too-big", None))):
        notice = work(database, notice_id)
        assert (notice.facts[-1]["came"], notice.facts[-1]["status"]) == (came, status)
        assert notice.state == "made"
        assert notice.run_after is not None
        assert notice.run_after > clock.now() + clocks.CALL_AGAIN[number] - timedelta(minutes=1)
    notice = work(database, notice_id)
    assert (notice.state, notice.work_state, notice.facts[-1]["came"]) == ("read", "done", "taken")
    with database.reading() as session:
        text = making.text_of(session, notice).encode()
    assert called.got == [(text, notice_id)] * 4
    assert workers.carry_out(database, "notifying", notice_id) == "not-due"


def test_an_endpoint_may_answer_at_once_signed_or_nonsense(database: Database, called: Endpoint) -> None:
    notice_id = made(database)
    with database.writing() as session:
        key, name = register_key(session)
    text = wire.sign(wire.ANSWER, {"notice": notice_id, "result": "erased"}, name, key)
    called.answers(page(text.replace("erased", "refuse").encode()), page(text.encode()))
    notice = work(database, notice_id)
    assert (notice.state, notice.facts[-1]["came"]) == ("read", "bad-answer")
    assert "signature does not fit" in notice.facts[-1]["said"]
    with database.writing() as session:
        session.get_one(Notice, notice_id).work_state = "due"
    notice = work(database, notice_id)
    assert (notice.state, notice.result, notice.signed) == ("acknowledged", "erased", True)
    with database.reading() as session:
        assert answering.answers_of(session, notice)[0]["words"] == text
        assert session.scalars(select(Erasure)).one().state == "settled"


def test_after_all_calls_failed_it_waits_for_the_reminder(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    notice_id = made(database)
    monkeypatch.setattr(fetching, "tell", lambda *_given: ("error", 503, ""))
    for _ in clocks.CALL_AGAIN:
        assert work(database, notice_id).work_state == "due"
    notice = work(database, notice_id)
    assert (notice.work_state, notice.state, len(notice.facts)) == ("done", "made", 5)


def test_a_stale_worker_records_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    notice_id = made(database)

    def tell(*_given: Any) -> tuple[str, int | None, str]:
        with database.writing() as session:
            session.get_one(Notice, notice_id).fence += 1
        return "taken", 200, ""

    monkeypatch.setattr(fetching, "tell", tell)
    assert workers.carry_out(database, "notifying", notice_id) == "lost"
    with database.reading() as session:
        notice = session.get_one(Notice, notice_id)
        assert (notice.state, notice.facts, notice.sent_at) == ("made", [], None)


def test_the_erasing_worker_makes_the_notices_before_the_seals_go(database: Database) -> None:
    with database.writing() as session:
        erasure = carried_out(session)
        item = next(one for one in erasure.items if one.kind == "recipient")
        item.state, item.result, item.note = "verified", "told", "By telephone, before it was carried out."
        erasure.state, erasure.work_state, erasure.run_after = "checking", "due", clock.now()
        for one in erasure.items:
            one.state = "verified"
    assert workers.carry_out(database, "erasing", "erasure") == "worked"
    with database.reading() as session:
        assert session.scalars(select(Erasure)).one().state == "settled"
        notice = session.scalars(select(Notice)).one()
        assert notice.photographs == 2
    assert workers.carry_out(database, "notifying", notice.id) == "worked"
    with database.reading() as session:
        assert session.get_one(Notice, notice.id).state == "sent"
        assert session.scalars(select(Mail.dedupe).where(Mail.dedupe.startswith("notice/"))).one()


@pytest.mark.migrated
def test_a_receipt_of_the_client_answers_the_notice(
    database: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(config.data))
    with database.writing() as session:
        notice_id = announced(session).id
    copies, feed, receipt, key = (tmp_path / name for name in ("copies", "feed", "receipt.txt", "holder.pem"))
    copies.mkdir()
    feed.mkdir()
    for image in (1, 2, 3):
        (copies / f"{image}.jpg").write_bytes(photo(image))

    def run(*arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(efface, [str(each) for each in arguments])
        assert done.exit_code == code, done.output
        return done.output + str(done.exception or "")

    public = run("certificate", "public-key").strip()
    assert "2 entries" in run("feed", "write", "Faces@2014", feed)
    run("feed", "write", "Faces@2014", tmp_path / "feed.txt")
    assert "There is no such dataset" in run("feed", "write", "Faces@2015", feed, code=1)
    assert "@" in run("feed", "write", "Faces", feed, code=1)
    said = run("purge", "--feed", feed, "--key", public, "--state", tmp_path / "state", "--receipt", receipt,
               "--holder", "Example Vision", "--signing-key", key, copies)  # fmt: skip
    assert [path.name for path in copies.iterdir()] == ["3.jpg"]
    assert "not by this key" in run("notices", "receipt", receipt, code=1)
    line = next(each for each in said.splitlines() if "public key" in each).rpartition(" ")[2]
    run("notices", "reach", "Example Vision Ltd", "--key", line)
    assert "acknowledged" in run("notices", "receipt", receipt)
    with database.reading() as session:
        notice = session.get_one(Notice, notice_id)
        assert (notice.state, notice.result, notice.signed) == ("acknowledged", "erased", True)
        kept = answering.answers_of(session, notice)[-1]["words"]
        assert kept == receipt.read_text()
    assert "Example Vision Ltd" in run("notices", "list")
    # A receipt of the feed before a photograph was in it answers nothing about that photograph.
    with database.writing() as session:
        feeds.append(session, session.get_one(Dataset, "dataset"), {3: digest_of(3)})
        origin = feeds.origin_of(session, session.get_one(Dataset, "dataset"))
        told = session.get_one(Notice, notice_id)
        assert [making.is_in_feed(session, told, origin, size) for size in (1, 2)] == [False, True]
    run("feed", "write", "Faces@2014", tmp_path / "feed.txt")
    run("purge", "--feed", tmp_path / "feed.txt", "--state", tmp_path / "state", copies)
    assert list(copies.iterdir()) == []
    assert "0 notices made" in run("notices", "look")

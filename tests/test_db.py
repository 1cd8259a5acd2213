"""The database: durable, strict, and forgetful where it must be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import clock
from portal.config import Config
from portal.db import Database, after_commit
from portal.tables import Blob, Draft, Probe


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("foreign_keys", 1), ("secure_delete", 1), ("synchronous", 2), ("busy_timeout", 10000)],
)
def test_sqlite_is_set_up_for_a_deletion_product(session: Session, pragma: str, value: object) -> None:
    assert session.scalar(text(f"PRAGMA {pragma}")) == value


@pytest.mark.sqlite
def test_after_a_deletion_the_bytes_are_in_no_file(database: Database, config: Config) -> None:
    marks = [f"a-face-that-must-go-{number:04}".encode() for number in range(250)]
    with database.writing() as session:
        for mark in marks:
            session.add(Blob(purpose="probe", media_type="x", sealed=mark, created_at=clock.now()))
    held = b"".join(path.read_bytes() for path in config.data.glob("efface.sqlite*"))
    assert all(mark in held for mark in marks), "the test looks where the bytes were"
    with database.writing() as session:
        session.query(Blob).delete()
    database.forget_deleted_bytes()
    left = b"".join(path.read_bytes() for path in config.data.glob("efface.sqlite*"))
    assert not [mark for mark in marks if mark in left]


def test_eight_writers_at_once_all_get_through(database: Database) -> None:
    def write(number: int) -> None:
        for _ in range(10):
            with database.writing() as session:
                count = session.query(Blob).count()
                session.add(
                    Blob(purpose="probe", media_type=str(count), sealed=bytes([number]), created_at=clock.now())
                )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with database.reading() as session:
        seen = sorted(int(blob.media_type) for blob in session.query(Blob))
    assert seen == list(range(80)), "each writer saw what the ones before it had written"


def test_a_reader_sees_one_instant_and_no_writer_waits_for_it(database: Database) -> None:
    def write() -> None:
        with database.writing() as session:
            session.add(Blob(purpose="probe", media_type="x", sealed=b"", created_at=clock.now()))

    write()
    with database.reading() as reader:
        assert reader.query(Blob).count() == 1
        write()
        assert reader.query(Blob).count() == 1
    with database.reading() as reader:
        assert reader.query(Blob).count() == 2


def test_a_writer_waits_for_the_one_before_it_from_its_first_statement(database: Database) -> None:
    with ThreadPoolExecutor(1) as pool, database.session(write=True) as first:
        assert first.query(Blob).count() == 0

        def second() -> int:
            with database.writing() as session:
                return session.query(Blob).count()

        seen = pool.submit(second)
        assert not wait([seen], timeout=0.2).done
        first.add(Blob(purpose="probe", media_type="x", sealed=b"", created_at=clock.now()))
        first.commit()
        assert seen.result(10) == 1


def test_deleted_bytes_can_be_forgotten_while_others_read_and_write(database: Database) -> None:
    with database.session(write=True) as writer, database.reading() as reader:
        assert writer.query(Blob).count() == reader.query(Blob).count() == 0
        database.forget_deleted_bytes()


def test_bells_ring_after_the_outermost_commit_only(database: Database) -> None:
    rung: list[str] = []
    with database.session(write=True) as session:
        with session.begin_nested():
            after_commit(session, lambda: rung.append("inner"))
        after_commit(session, lambda: rung.append("outer"))
        assert rung == []
        session.commit()
    assert rung == ["inner", "outer"]


def test_a_rollback_forgets_the_bells(database: Database) -> None:
    rung: list[str] = []
    with database.session(write=True) as session:
        session.execute(text("SELECT 1"))
        after_commit(session, lambda: rung.append("no"))
        session.rollback()
        session.commit()
    assert rung == []


def test_constraints_are_rules_with_names_that_read_as_sentences(database: Database) -> None:
    probe = Probe(kind="selfie", created_at=clock.now())
    with pytest.raises(IntegrityError, match="belongs_to_a_draft_or_a_case"), database.writing() as session:
        session.add(probe)


def test_instants_need_a_time_zone(database: Database) -> None:
    naive = clock.now().replace(tzinfo=None)
    draft = Draft(answers=b"", created_at=naive, expires_at=naive)
    with pytest.raises(Exception, match="time zone"), database.writing() as session:
        session.add(draft)

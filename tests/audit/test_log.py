"""The log in the database: no gaps, no second history, and nothing changed without being named."""

from __future__ import annotations

import json
import random
import re
import shutil
import threading

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.audit import heads, merkle, mirror, notes
from portal.audit.checkpoint import read_head, read_proof
from portal.config import Config
from portal.db import Database
from portal.errors import BadInput, Conflict, NotFound, TooLarge
from portal.keys import keys_in
from portal.tables import Checkpoint, Entry


def grow(database: Database, count: int, first: int = 0) -> None:
    with database.writing() as session:
        for number in range(first, first + count):
            audit.append(session, "test", {"number": number})


def publish(database: Database) -> Checkpoint | None:
    with database.writing() as session:
        return audit.publish(session)


def grown(database: Database, count: int = 5) -> Database:
    grow(database, count)
    publish(database)
    return database


def tampered(config: Config, *statements: str) -> None:
    """Change the rows behind the portal's back."""
    database = Database(config)
    with database.engine.begin() as connection:
        for statement in statements:
            if connection.dialect.name == "postgresql":
                statement = re.sub(r"x'([0-9a-f]*)'", r"'\\x\1'::bytea", statement).replace("AS BLOB", "AS bytea")
            connection.exec_driver_sql(statement)
    database.close()


def checked(database: Database) -> list[str]:
    with database.reading() as session:
        return audit.fsck(session)


def test_the_body_is_the_exact_json(session: Session) -> None:
    entry = audit.append(session, "plan", {"items": 3, "name": "é"})
    said = json.loads(entry.body)
    assert (said["v"], said["kind"], said["facts"]) == (1, "plan", {"items": 3, "name": "é"})
    assert entry.leaf_hash == merkle.leaf_hash(entry.body)
    assert "é".encode() in entry.body


def test_positions_have_no_gaps_even_after_a_rollback(database: Database) -> None:
    grow(database, 2)
    with database.session(write=True) as session:
        audit.append(session, "test", {})
    grow(database, 2)
    with database.reading() as session:
        assert [entry.position for entry in session.query(Entry).order_by(Entry.position)] == [0, 1, 2, 3]


def test_many_writers_leave_no_gaps(database: Database) -> None:
    threads = [threading.Thread(target=grow, args=(database, 5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish(database)
    assert checked(database) == []
    with database.reading() as session:
        assert session.query(Entry).count() == 30


@pytest.mark.parametrize("facts", [{"at": float("nan")}, {"set": {1}}, {"bytes": b""}, {"text": "\ud800"}])
def test_what_is_not_json_is_refused(session: Session, facts: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        audit.append(session, "test", facts)


def test_an_entry_that_is_too_long_is_refused(session: Session) -> None:
    with pytest.raises(TooLarge):
        audit.append(session, "test", {"long": "x" * 65536})


def test_a_head_is_signed_when_there_is_something_new(database: Database) -> None:
    assert publish(database) is None
    grow(database, 3)
    checkpoint = publish(database)
    assert checkpoint is not None
    assert publish(database) is None
    with database.reading() as session:
        verifier = notes.read_key_line(audit.verifier_key(session))
    head = read_head(notes.open_note(checkpoint.note, [verifier]).text)
    assert (head.origin, head.size, head.root) == (verifier.name, 3, checkpoint.root)


def test_every_entry_can_be_proved(database: Database) -> None:
    grown(database, 7)
    with database.reading() as session:
        verifier = notes.read_key_line(audit.verifier_key(session))
        for entry in session.query(Entry):
            proof = read_proof(audit.prove(session, entry.position))
            head = read_head(notes.open_note(proof.checkpoint, [verifier]).text)
            assert merkle.verify_inclusion(entry.leaf_hash, proof.index, head.size, proof.path, head.root)


def test_an_entry_without_a_signed_head_cannot_be_proved(database: Database) -> None:
    grown(database, 2)
    grow(database, 1, 2)
    with database.reading() as session, pytest.raises(NotFound):
        audit.prove(session, 2)


def test_the_name_of_the_log_follows_from_its_key(database: Database, config: Config) -> None:
    with database.reading() as session:
        assert audit.verifier_key(session).startswith(heads.origin_of(keys_in(config.data).public_key) + "+")


@pytest.mark.sqlite
def test_a_restored_backup_is_not_signed(database: Database, config: Config) -> None:
    grown(database, 3)
    database.forget_deleted_bytes()
    shutil.copy(config.data / "efface.sqlite", config.data / "backup")
    grow(database, 2, 3)
    publish(database)
    database.close()
    for left in config.data.glob("efface.sqlite*"):
        left.unlink()
    (config.data / "backup").rename(config.data / "efface.sqlite")

    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            publish(database)
        assert refused.value.code == "log-forked"
        assert any("were dropped" in problem for problem in checked(database))
        # Filling it up again does not help: the entries are others.
        grow(database, 1, 90)


def test_a_refilled_backup_is_not_signed(database: Database, config: Config) -> None:
    grown(database, 3)
    tampered(config, "DELETE FROM checkpoint", "DELETE FROM entry")
    grow(database, 5, 50)
    with pytest.raises(Conflict, match="not the ones that were signed"):
        publish(database)


def test_a_head_is_kept_only_when_its_entries_are(database: Database) -> None:
    grown(database, 2)
    with database.session(write=True) as session:
        audit.append(session, "test", {"lost": True})
        audit.publish(session)
    grow(database, 1, 2)
    assert publish(database) is not None
    assert checked(database) == []


def test_without_the_file_the_database_still_guards(database: Database, config: Config) -> None:
    grown(database, 3)
    shutil.rmtree(heads.folder_of(config))
    assert any("not kept outside" in problem for problem in checked(database))
    tampered(config, "DELETE FROM entry WHERE position = 2")
    with pytest.raises(Conflict):
        publish(database)


def test_a_kept_head_by_another_key_stops_the_log(database: Database, config: Config) -> None:
    grown(database, 1)
    path = heads.folder_of(config) / heads.NAME
    path.write_text(path.read_text().replace("efface/log/", "efface/gol/"))
    grow(database, 1)
    with pytest.raises(Conflict, match="not by our key"):
        publish(database)
    assert any("kept outside" in problem for problem in checked(database))


def test_an_older_head_does_not_replace_a_later_one(config: Config) -> None:
    folder = heads.folder_of(config)
    heads.keep(folder, 3, "o\n3\nroot\n", 0, [b"0", b"1", b"2"])
    heads.keep(folder, 1, "o\n1\nroot\n", 0, [b"0"])
    assert heads.read(folder) == "o\n3\nroot\n"
    heads.keep(folder, 4, "o\n4\nroot\n", 1, [b"1", b"2", b"3"])
    assert heads.read(folder) == "o\n4\nroot\n"
    assert list(mirror.read(folder)) == [b"0", b"1", b"2", b"3"]


def test_a_restored_database_gets_the_signed_entries_back_and_no_others(database: Database, config: Config) -> None:
    grown(database, 300)
    last = heads.read(heads.folder_of(config))
    tampered(config, "DELETE FROM checkpoint", "DELETE FROM entry WHERE position >= 120")
    with database.writing() as session:
        assert audit.is_behind(session)
        assert audit.catch_up(session) == 180
        assert not audit.is_behind(session)
        assert audit.catch_up(session) == 0
    assert checked(database) == []
    grow(database, 1, 300)
    head = publish(database)
    assert head is not None
    assert head.size == 301
    assert last is not None
    assert last.split("\n")[1] == "300"


def test_what_was_changed_after_the_backup_is_not_caught_up_with(database: Database, config: Config) -> None:
    grown(database, 6)
    tampered(config, "DELETE FROM checkpoint", "DELETE FROM entry WHERE position >= 3")
    grow(database, 1, 70)
    with pytest.raises(Conflict, match="Entry 3 of the log is not the one"), database.writing() as session:
        audit.catch_up(session)
    tampered(config, "DELETE FROM entry WHERE position >= 3")
    copy = heads.folder_of(config) / mirror.NAME
    copy.write_bytes(b"".join(copy.read_bytes().splitlines(keepends=True)[:5]))
    with pytest.raises(Conflict, match="a head with 6 was signed"), database.writing() as session:
        audit.catch_up(session)
    assert any("copy of the log" in problem for problem in checked(database))


def test_a_copy_of_the_log_that_was_broken_off_is_mended(database: Database, config: Config) -> None:
    grown(database, 4)
    folder = heads.folder_of(config)
    copy = folder / mirror.NAME
    whole = copy.read_bytes()
    copy.write_bytes(whole + b'4 {"broken')
    assert mirror.count(folder) == 4
    assert len(list(mirror.read(folder))) == 4
    grow(database, 1, 4)
    publish(database)
    assert copy.read_bytes().startswith(whole + b"4 {")
    assert len(list(mirror.read(folder))) == 5
    copy.write_bytes(whole[:20])
    assert mirror.count(folder) == 0
    publish(grown(database, 1))
    assert mirror.count(folder) == 6
    copy.write_bytes(whole.replace(b"\n2 ", b"\n3 "))
    with pytest.raises(Conflict, match="Entry 2 is missing"):
        list(mirror.read(folder))


def test_a_whole_log_has_no_problems(database: Database) -> None:
    grown(database, 5)
    grow(database, 2, 5)
    assert checked(database) == []


REHASHED = merkle.leaf_hash(b'{"kind":"test","other":1}').hex()


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (['UPDATE entry SET body = CAST(\'{"kind":"test"}\' AS BLOB) WHERE position = 2'], "Entry 2 was changed"),
        (
            [
                'UPDATE entry SET body = CAST(\'{"kind":"test","other":1}\' AS BLOB), '
                f"leaf_hash = x'{REHASHED}' WHERE position = 2"
            ],
            "does not fit the entries",
        ),
        (["DELETE FROM entry WHERE position = 1"], "Entry 1 is missing"),
        (["DELETE FROM entry WHERE position = 4"], "entries were dropped"),
        (
            ["DELETE FROM entry WHERE position = 1", "UPDATE entry SET position = position - 1 WHERE position > 1"],
            "entries were dropped",
        ),
        (
            [
                "UPDATE entry SET position = 99 WHERE position = 1",
                "UPDATE entry SET position = 1 WHERE position = 2",
                "UPDATE entry SET position = 2 WHERE position = 99",
            ],
            "in another order",
        ),
        (["UPDATE entry SET kind = 'other' WHERE position = 3"], "filed as 'other'"),
        (["UPDATE entry SET body = x'ff' WHERE position = 3"], "Entry 3 is not a JSON object"),
        (["UPDATE checkpoint SET note = replace(note, 'efface', 'egface')"], "not signed by our key"),
        (["UPDATE checkpoint SET size = 4"], "filed under another size"),
        (["DELETE FROM checkpoint", "DELETE FROM entry WHERE position > 2"], "kept outside of the database counts 5"),
    ],
)
def test_whatever_is_rewritten_is_named(database: Database, config: Config, statements: list[str], named: str) -> None:
    grown(database, 5)
    tampered(config, *statements)
    assert any(named in problem for problem in checked(database)), checked(database)


def test_a_new_entry_that_was_changed_before_signing_is_not_signed(database: Database, config: Config) -> None:
    grow(database, 3)
    tampered(config, "UPDATE entry SET body = x'00' WHERE position = 1")
    with pytest.raises(Conflict) as refused:
        publish(database)
    assert refused.value.code == "log-broken"


def test_a_broken_log_proves_nothing(database: Database, config: Config) -> None:
    grown(database, 3)
    tampered(config, f"UPDATE entry SET leaf_hash = x'{'00' * 32}' WHERE position = 1")
    with database.reading() as session, pytest.raises(Conflict):
        audit.prove(session, 0)


def test_twenty_thousand_entries_are_signed_and_checked(database: Database) -> None:
    bodies = [b'{"kind":"test","n":%d}' % number for number in range(20_000)]
    with database.writing() as session:
        session.add_all(
            Entry(position=at, kind="test", body=body, leaf_hash=merkle.leaf_hash(body), at=clock.now())
            for at, body in enumerate(bodies)
        )
    publish(database)
    assert checked(database) == []


def test_portal_audit_has_no_other_names() -> None:
    with pytest.raises(AttributeError):
        _ = audit.nothing


def rewrite(session: Session, chance: random.Random, size: int) -> None:
    """Edit, drop or swap entries the way somebody would who knows how they are hashed."""
    at, other = chance.sample(range(size), 2)
    kind = chance.choice(["edit", "drop", "swap", "truncate"])
    if kind == "edit":
        body = b'{"kind":"test","facts":{"number":%d}}' % chance.randrange(10**6)
        session.execute(update(Entry).filter_by(position=at).values(body=body, leaf_hash=merkle.leaf_hash(body)))
    elif kind == "drop":
        session.execute(delete(Entry).filter_by(position=at))
        for later in range(at + 1, size):
            session.execute(update(Entry).filter_by(position=later).values(position=later - 1))
    elif kind == "swap":
        for old, new in ((at, -1), (other, at), (-1, other)):
            session.execute(update(Entry).filter_by(position=old).values(position=new))
    else:
        session.execute(delete(Entry).where(Entry.position >= at))
    if chance.random() < 0.5:
        # Nor does it help to take the signed heads away from the database.
        session.execute(delete(Checkpoint))


def test_three_hundred_rewrites_are_all_found(database: Database) -> None:
    chance = random.Random(300)
    grown(database, 40)
    for _ in range(300):
        with database.session(write=True) as session:
            rewrite(session, chance, 40)
            assert audit.fsck(session) != []
    assert checked(database) == []

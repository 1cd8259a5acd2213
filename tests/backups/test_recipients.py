"""After a restore nobody who got a photograph is forgotten, no answer is lost, and no feed is shorter or another."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

import workers
from portal import audit
from portal.audit import ledger
from portal.backups import copies
from portal.backups.finishing import finish
from portal.db import Database
from portal.errors import Conflict
from portal.notices import answering, feeds, lines, making, wire
from portal.orders import people, recipients, remedies
from portal.tables import Dataset, ErasureItem, Notice, NoticeGround, Order
from tests.notices import scene as notices
from tests.orders.scene import Scene, destroyed
from tests.orders.test_restoring import Round


@pytest.fixture
def there(database: Database, tmp_path: Path) -> Round:
    """An order after a copy was made: a recipient got the photographs of the shards, and was told."""
    scene = Scene(database, tmp_path / "photographs", loose=2, shards=2, in_shard=4)
    scene.in_dataset("shards")
    return Round(scene, tmp_path)


def told(there: Round) -> str:
    order_id = there.carried_out()
    with there.database.reading() as session:
        notice_id = session.scalars(select(Notice.id)).one()
    assert workers.carry_out(there.database, "notifying", notice_id) == "worked"
    return order_id


def answered(there: Round, order_id: str) -> None:
    with there.database.writing() as session:
        answering.answer(session, session.scalars(select(Notice)).one(), "erased", "All gone.")
        for item in people.items_of(session, session.get_one(Order, order_id)):
            if item.kind != "recipient":
                people.answer(session, item, there.scene.asker, "destroyed", "By hand.", destroyed())
            if item.kind == "model":
                remedies.confirm(session, item, there.scene.approver)
        recipients.take_up(session)
        audit.publish(session)


def feed_of(database: Database) -> tuple[str, str]:
    """What a holder reads: the three lines of the head, and all pages."""
    with database.reading() as session:
        feed = feeds.find(session, "Faces", "2014")
        return feed.note.split("\n\n")[0], "".join(feeds.pages(session, feed))


def test_who_was_told_what_they_answered_and_the_feed_are_back(there: Round) -> None:
    order_id = told(there)
    answered(there, order_id)
    before = feed_of(there.database)
    assert before[0].split("\n")[1] == "8"
    there.put_back()
    report = finish(there.database)
    assert (report.notices, report.feed_lines, report.orders) == (1, 8, 1)
    assert feed_of(there.database) == before
    with there.database.writing() as session:
        notice = session.scalars(select(Notice)).one()
        assert (notice.state, notice.result) == ("acknowledged", "erased")
        assert answering.answers_of(session, notice)[-1]["words"] == "All gone."
        assert len(making.facts_of(session, notice)["digests"]) == 8
        assert recipients.look_for_others(session, look_now=True) == 0
        # The feed goes on behind what was given out.
        feeds.append(session, session.scalars(select(Dataset)).one(), {999: b"\1" * 32})
    head, pages = feed_of(there.database)
    assert (head.split("\n")[1], pages.startswith(before[1])) == ("9", True)
    assert finish(there.database).notices == 0


def test_whose_notice_is_lost_too_is_told_again(there: Round) -> None:
    order_id = told(there)
    answered(there, order_id)
    before = feed_of(there.database)
    shutil.rmtree(ledger.folder_of(there.database.config) / ledger.NOTICES)
    there.put_back()
    assert finish(there.database).notices == 0
    with there.database.writing() as session:
        assert recipients.look_for_others(session, look_now=True) == 1
    assert workers.carry_out(there.database, "ordering", order_id) == "worked"
    with there.database.reading() as session:
        notice = session.scalars(select(Notice)).one()
        assert (notice.recipient.name, notice.photographs, notice.state) == ("Buyer", 8, "made")
    assert feed_of(there.database) == before


def test_an_order_that_waited_for_answers_tells_nobody_twice(there: Round) -> None:
    order_id = told(there)
    with there.database.writing() as session:
        answering.answer(session, session.scalars(select(Notice)).one(), "erased", "All gone.")
        audit.publish(session)
    there.put_back()
    assert finish(there.database).notices == 1
    assert there.scene.run(order_id) == "worked"
    with there.database.writing() as session:
        assert recipients.take_up(session) == 1
        assert session.scalar(select(func.count()).select_from(Notice)) == 1
        items = people.items_of(session, session.get_one(Order, order_id))
        assert [item.result for item in items if item.kind == "recipient"] == ["destroyed"]


def test_an_answer_to_an_erasure_after_the_copy_closes_its_item_again(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        notice_id = notices.announced(session).id
        key, name = notices.register_key(session)
        # So that the erasure waits for somebody, and is not certified by this answer.
        model = session.scalars(select(ErasureItem).filter_by(kind="model")).one()
        model.state, model.result = "planned", None
        audit.publish(session)
    copy = copies.save(database, tmp_path / "copies")
    with database.writing() as session:
        said = {"v": 1, "result": "erased", "reason": "", "notice": notice_id, "at": "2026-11-21T00:00:00Z"}
        signed = wire.sign(wire.ANSWER, said, name, key)
        assert len(answering.take_signed(session, signed)) == 1
        audit.publish(session)
    database.close()
    copies.put_back(database.config, copies.read_copy(database.config, copy.folder))
    with database.reading() as session:
        assert session.get_one(Notice, notice_id).state == "made"
    assert finish(database).notices == 1
    with database.writing() as session:
        notice = session.get_one(Notice, notice_id)
        assert (notice.state, notice.signed) == ("acknowledged", True)
        assert answering.answers_of(session, notice)[-1]["words"] == signed
        item = session.get_one(ErasureItem, notice.item_id)
        assert (item.result, item.state) == ("destroyed", "verified")


def test_what_was_lost_between_a_line_and_its_commit_is_made_up_for(database: Database) -> None:
    with database.writing() as session:
        erasure = notices.carried_out(session)
        making.announce(session, erasure)
        # As after a restore of an erasure that is carried out again: the notice is back, and its ground is not.
        session.delete(session.scalars(select(NoticeGround)).one())
        session.flush()
        assert making.announce(session, erasure) == []
    with closing(database.session(write=True)) as session:
        feeds.append(session, session.get_one(Dataset, "dataset"), {7: b"\7" * 32})
    with database.writing() as session:
        dataset = session.get_one(Dataset, "dataset")
        assert feeds.size_of(session, dataset) == 2
        assert feeds.append(session, dataset, {7: b"\7" * 32, 8: b"\10" * 32}) == {8}
        assert feeds.size_of(session, dataset) == 4
        folder = lines.folder_of(database.config, "dataset")
        assert [one.image_id for one in lines.read(folder)] == [1, 2, 7, 8]
        # Another first line, and one more: that is not the feed that was given out.
        path = folder / "entries"
        other = path.read_text().replace("0 1 2", "0 1 1", 1)
        path.write_text(f"{other}4 9 2026-01-01 {'00' * 32}\n")
        with pytest.raises(Conflict, match="not the beginning"):
            feeds.catch_up(session)

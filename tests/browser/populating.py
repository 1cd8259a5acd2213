"""What is harder to come by: a third answer that decides, a practised pair, people who act for others."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, blobs, clock
from portal.audit import asking
from portal.cases.arrival import intake
from portal.cases.clocks import charging, clarifying
from portal.db import config_of
from portal.matching import batch, known, review
from portal.tables import Candidate, Case, Probe, Search
from tests.cases.making import fill_draft
from tests.fakes import drawn_jpeg
from tests.matching.making import make_candidates, make_case
from tests.orders.scene import Scene
from tests.web import trip
from tests.web.conftest import send as send_form
from tests.web.desk import another_photograph, case_in_review, colleague
from tests.web.desk import test_desk_intake as desk_intake
from tests.web.desk.test_previews import with_a_stranger
from tests.web.person import test_agents as agents

if TYPE_CHECKING:
    from tests.browser.world import World


def check_the_log(world: World) -> None:
    """The clockwork has gone over the log because an auditor asked."""
    with world.database.writing() as session:
        audit.publish(session)
        asking.ask(config_of(session))
    asking.check_if_asked(world.database)


def many_at_once(world: World) -> None:
    """With the setting on, a reviewer holds thirty pairs that may be clearly different: a page full of tiles."""
    tiler = colleague(world.app, world.database, "reviewer")
    world.clients["tiler"] = tiler.client
    with world.database.writing() as session:
        session.info["config"] = replace(config_of(session), batch=True)
        case = make_case(session, due_in=1)
        pairs = make_candidates(session, case, 30)
        session.get_one(Search, pairs[0].search_id).threshold = 0.6
        sent = blobs.put_blob(session, "probe", drawn_jpeg(3, size=(480, 480)), "image/jpeg").id
        session.scalars(select(Probe).where(Probe.case_id == case.id)).one().blob_id = sent
        for number, pair in enumerate(pairs):
            picture = drawn_jpeg(number, size=(240, 240))
            pair.crop_id = blobs.put_blob(session, "candidate-crop", picture, "image/jpeg").id
            pair.distance = 0.58
        session.flush()
        assert batch.take(session, tiler.id) is not None
        for pair in pairs:
            # Those that are not on the page would come before the pairs of the others.
            pair.state = "open" if pair.lease_account_id else "rejected"


def compare(world: World) -> None:
    """Two disagree on every pair; the third decides one, holds another, and looks at what a newcomer practises on."""
    answers = {colleague(world.app, world.database, "reviewer").id: said for said in ("same", "different")}
    with world.database.writing() as session:
        case = case_in_review(session, world.store_in(session))
        another_photograph(session, case, shade=7)
        for account_id, said in answers.items():
            while (pair := review.next_pair(session, account_id)) is not None:
                review.answer(session, account_id, pair.id, said, [])
        count = len(session.scalars(select(Candidate).where(Candidate.case_id == case.id)).all())
    assert count > 1
    settled = world.boss.post("/staff/review/next")
    world.ids["settled_pair"] = settled.rpartition("/")[2]
    world.ids["pair"] = world.boss.post(settled, answer="same").removesuffix("/third").rpartition("/")[2]
    if world.ids["pair"] == world.ids["settled_pair"]:
        world.ids["pair"] = world.boss.post("/staff/review/next").rpartition("/")[2]


def lose_words(world: World) -> None:
    """Two lost their secret words: one waits for the code, one has new words for a request that was checked."""
    email = "lia@mail.example"
    with world.database.writing() as session:
        draft = fill_draft(session, "access", contact=False)
        intake.save_answers(session, draft, contact=email, no_contact=False)
        draft.contact_confirmed_at = clock.now()
        case = intake.submit(session, draft).case
        case.identity, case.identity_at = "confirmed", clock.now()
        world.ids["renewed"], reference = case.id, case.reference
    for name in ("losing", "renewed"):
        client = world.clients[name] = world.app.test_client()
        send_form(client, "/case/lost-words", reference=reference, email=email)
    send_form(client, "/case/lost-words/code", code=trip.newest_code(world.database))


def practise(world: World) -> None:
    """Comes last: where there are pairs with a known answer, everybody practises first."""
    data = [drawn_jpeg(person, size=(240, 240)) for person in (5,) * 6 + (9,) * 3]
    photos = [known.Shown(hashlib.sha256(one).digest(), one, one) for one in data]
    same = [(one, other, True) for one, other in combinations(range(6), 2)]
    different = [(one, other, False) for one in range(6) for other in range(6, 9)]
    with world.database.writing() as session:
        known.add(session, photos, same + different, "consented", "Staff")
    newcomer = colleague(world.app, world.database, "reviewer")
    told = newcomer.post("/staff/review/next")
    newcomer.post(told, answer="same")
    world.ids["told"] = told.rpartition("/")[2]
    world.clients["newcomer"] = newcomer.client
    # From now on there is a key that passes a pair to somebody.
    colleague(world.app, world.database, "reviewer", "senior")


def act_for_others(world: World) -> None:
    """One who says for whom they act, one who sends papers, one who waits; and the person who is asked."""
    rights = ["copy", "deletion"]
    for name in ("acting", "papers"):
        client = world.clients[name] = world.app.test_client()
        agents.start(client, "agent", rights)
    agents.act(world.clients["papers"], rights=rights, email=agents.PERSON)
    agent = world.clients["agent"] = world.app.test_client()
    reference = agents.whole(agent, world.database, rights, email=agents.PERSON)
    link = agents.link_of(world.database)
    assert link is not None
    person = world.clients["person"] = world.app.test_client()
    send_form(person, link, f"{link}/yes")
    world.ids |= {"asked_person": link.rpartition("/")[2]}
    # These say no, and what they read then is shown once: there is one for each language that is looked at.
    for name in ("asked_once", "asked_twice"):
        agents.whole(world.app.test_client(), world.database, rights, email=agents.PERSON)
        newest = agents.link_of(world.database, newest=True)
        assert newest is not None
        world.ids[name] = newest.rpartition("/")[2]
    with world.database.reading() as session:
        world.ids["mandated"] = session.scalars(select(Case.id).where(Case.reference == reference)).one()


def ask_for_a_fee(session: Session, case: Case, account_id: str) -> Case:
    """Somebody who was asked what they mean, and for a fee for their copy."""
    copy = next(right for right in case.rights if right.right == "copy")
    charging.ask(session, copy, account_id, "GBP 20", "repeated", "Pay it by bank transfer.")
    clarifying.ask(session, case, account_id, "Which years do you mean?")
    return case


def enter_a_letter(world: World) -> None:
    """A request that came by post, entered at the desk."""
    answer = desk_intake.enter(world.boss)
    assert answer.status_code == 303, answer.text[-2000:]
    world.ids["entered"] = answer.location.split("/")[3]


def add_a_stranger(world: World) -> None:
    """A second face in one of the photographs, to be decided about."""
    with world.database.reading() as session:
        store = world.store_in(session)
    with_a_stranger(world.database, store)


def orders(world: World) -> None:
    """One order whose plan waits for approval, one that waits for answers, and one with its statement."""
    scene = Scene(world.database, world.folder / "orders", loose=3, shards=1, in_shard=3)
    scene.in_dataset("shards")
    for name, store in (("order_answers", "shards"), ("order_settled", "loose")):
        world.ids[name] = scene.order("store", target=store)
        scene.approve(world.ids[name])
        scene.run(world.ids[name])
    world.ids["order"] = scene.order("store", target=world.store.id)

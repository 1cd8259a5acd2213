"""A portal with something on every page, and people before it who may open them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import workers
from portal import accounts, clock
from portal.cases import lifecycle
from portal.cases.answer import appeals, deciding
from portal.cases.arrival import intake, words
from portal.cases.requester import challenge, identity
from portal.config import Config
from portal.db import Database, config_of
from portal.erasure import carrying, holds, plans, remedies
from portal.lineage import members
from portal.notices import links
from portal.stores import adding, scans
from portal.tables import (
    Candidate,
    Case,
    CaseLink,
    Certificate,
    Dataset,
    Draft,
    Erasure,
    ErasureItem,
    Image,
    Notice,
    Package,
    Store,
    TrainedModel,
)
from portal.tables.erasure import FOR_PEOPLE
from tests.browser import populating
from tests.cases.making import add_face, send
from tests.fakes import drawn_jpeg
from tests.web import trip
from tests.web.conftest import send as send_form
from tests.web.desk import case_to_decide, colleague, fill_store

FACES = [[10, 10, 90, 90], [150, 20, 230, 100]]


def with_all_pages(config: Config) -> Config:
    """The same settings, with those on without which a page is not there. Nothing listens at that address."""
    return replace(config, text_url="json://127.0.0.1:9/?-to={number}", batch=True, likeness=True)


class World:
    """`clients` are browsers by who holds them, `ids` what stands in the addresses of pages."""

    def __init__(self, app: Flask, database: Database, folder: Path) -> None:
        self.app, self.database, self.folder = app, database, folder
        self.clients: dict[str, FlaskClient] = {"nobody": app.test_client()}
        self.ids: dict[str, str] = {}
        self.boss = colleague(app, database, "admin", "caseworker", "reviewer", "auditor", name="Robin Example")
        self.second = colleague(app, database, "caseworker", name="Kim Example")
        self.clients["boss"] = self.boss.client
        with database.writing() as session:
            self.store = fill_store(session, folder / "photographs", count=4)
        self._staff()
        self._persons()
        populating.act_for_others(self)
        populating.enter_a_letter(self)
        populating.lose_words(self)
        self._posted()
        populating.practise(self)
        populating.orders(self)
        self._keep_pairs()

    def _keep_pairs(self) -> None:
        """A pair is lent for ten minutes, and to look at all screens takes longer on a busy machine."""
        with self.database.writing() as session:
            lent = update(Candidate).where(Candidate.lease_account_id.is_not(None))
            session.execute(lent.values(lease_until=clock.now() + timedelta(hours=3)))

    def store_in(self, session: Session) -> Store:
        return session.get_one(Store, self.store.id)

    # What staff see.

    def _staff(self) -> None:
        with self.database.writing() as session:
            store = self.store_in(session)
            deciding_case = case_to_decide(session, store, "access", "deletion")
            planned = case_to_decide(session, store, "deletion")
            asking = send(session, "access").case
            self._link(session, asking, planned)
            appealed = self._refused(session, self._open(session, "access", residence="US-CT"))
            appeals.open_appeal(session, appealed.rights[0], "Please look again. These are photos of me.")
            self.ids |= {
                "store": store.id,
                "boss": self.boss.id,
                "deciding": deciding_case.id,
                "planned": planned.id,
                "asking": asking.id,
                # Without a contact it is beside no other.
                "alone": send(session, "access", contact=False).case.id,
                "appealed": appealed.id,
                "scan": scans.start_scan(session, store, self.boss.id).id,
                "invitation": accounts.invite(session, ["reviewer"]),
                "hold": holds.place(session, self._hold_on(planned), self.boss.id).hold.id,
            }
        populating.add_a_stranger(self)
        path = f"/staff/cases/{self.ids['planned']}/decide/deletion"
        self.boss.post(path, confirm="yes", decision="grant", reason="", note="")
        with self.database.reading() as session:
            self.ids["erasure"] = session.scalars(select(Erasure.id)).one()
        populating.many_at_once(self)
        populating.compare(self)
        populating.check_the_log(self)

    def _hold_on(self, case: Case) -> holds.Wish:
        return holds.Wish("case", case.id, "regulator", "They wrote to us.", "12/26", review_on=date(2100, 1, 1))

    def _link(self, session: Session, case: Case, other: Case) -> None:
        session.add(CaseLink(case_id=case.id, other_id=other.id, kind="many-contacts", raised_at=clock.now()))

    def _open(self, session: Session, *rights: str, residence: str = "EU") -> Case:
        draft = intake.open_draft(session)
        intake.save_answers(session, draft, rights=list(rights), residence=residence, consent=True, no_contact=True)
        intake.add_link(session, draft, "https://dating.example/anna")
        return intake.submit(session, draft).case

    def _refused(self, session: Session, case: Case) -> Case:
        """Checked, nothing found, and refused by two people."""
        if case.state == "identity-check":
            identity.decide_identity(session, case, self.boss.id, "confirmed", "Typed the code back.")
        lifecycle.search_finished(session, case)
        for right in lifecycle.open_rights(session, case):
            deciding.decide(session, right, self.boss.id, "refuse", "claim_not_covered")
        for right in lifecycle.open_rights(session, case):
            deciding.approve_refusal(session, right, self.second.id)
        return case

    # What persons see.

    def _persons(self) -> None:
        self._asking()
        self.clients["sent"] = self.app.test_client()
        trip.whole(self.clients["sent"])
        with self.database.writing() as session:
            waiting = self._open(session, "access", "deletion")
            challenge.ask(session, waiting, self.boss.id)
            refused = self._refused(session, self._open(session, "access", "deletion", residence="US-CT"))
            charged = populating.ask_for_a_fee(
                session, self._open(session, "access", "copy", residence="UK"), self.boss.id
            )
            self.ids |= {"waiting": waiting.id, "refused": refused.id, "charged": charged.id}
            self.ids["added"] = self._photo(session, waiting, state="choose-face", boxes=FACES)
        self.ids["answered"] = self._answered()
        self.ids["shown"] = self._shown()
        self._on_the_way()
        for name in ("waiting", "refused", "answered", "shown", "charged"):
            self.clients[name] = self._follower(self.ids[name])

    def _on_the_way(self) -> None:
        """A photograph, its dataset, of which there is a next version since the erasure, and a model."""
        with self.database.reading() as session:
            for name, table in (("image", Image), ("dataset", Dataset), ("model", TrainedModel)):
                self.ids[name] = str(session.scalars(select(table.id).order_by(table.id)).first())
            self.ids["source"] = str(self.store_in(session).source_id)

    def _asking(self) -> None:
        """Four who fill in a request: nearly done, waiting for the code (by mail, by text), and choosing a face."""
        for name in ("asking", "coding", "texting", "choosing"):
            client = self.clients[name] = self.app.test_client()
            trip.begin(client, ways=["face", "link", "file", "account"])
            with self.database.writing() as session:
                draft = session.scalars(select(Draft).order_by(Draft.created_at.desc())).first()
                assert draft is not None
                intake.save_answers(session, draft, consent=True, helps="A dating site, in 2014. I wore glasses.")
                intake.add_link(session, draft, "https://dating.example/a-rather-long-name-of-a-person/2014.jpg")
                intake.add_account(session, draft, "mira_2014")
                intake.add_digest(session, draft, "ab" * 32)
                if name == "asking":
                    intake.save_answers(session, draft, no_contact=True)
                    self.ids["ready"] = self._photo(session, draft, state="ready")
                    self.ids["refused_photo"] = self._photo(session, draft, seed=2, state="refused", reason="no-face")
                if name == "coding":
                    identity.send_code(session, draft, "mira@mail.example")
                if name == "texting":
                    identity.send_code(session, draft, "+61491570156")
                if name == "choosing":
                    self.ids["faces"] = self._photo(session, draft, state="choose-face", boxes=FACES)
                    self.ids["late"] = self._photo(
                        session, draft, seed=3, created_at=clock.now() - timedelta(minutes=1)
                    )

    def _posted(self) -> None:
        """The letter that was entered came with a photograph of several people."""
        with self.database.writing() as session:
            case = session.get_one(Case, self.ids["entered"])
            case.consented_at = clock.now()
            self.ids["posted"] = self._photo(session, case, state="choose-face", boxes=FACES)

    def _photo(self, session: Session, owner: Draft | Case, seed: int = 1, **values: object) -> str:
        prepared = intake.prepare_picture(config_of(session), drawn_jpeg(3, 7, size=(320, 240), seed=seed))
        probe = intake.add_picture(session, owner, prepared, "selfie")
        for name, value in values.items():
            setattr(probe, name, value)
        session.flush()
        return probe.id

    def _follower(self, case_id: str) -> FlaskClient:
        """A browser that signed in to a case with its secret words."""
        secret, client = words.new_words(), self.app.test_client()
        with self.database.writing() as session:
            case = session.get_one(Case, case_id)
            case.secret_hash = words.hashed(secret)
            reference = case.reference
        answer = send_form(client, "/case/sign-in", reference=reference, secret=secret)
        assert answer.status_code == 303, answer.text[:300]
        return client

    def _other_store(self, session: Session) -> Store:
        """A store whose photographs may be deleted while others are still compared."""
        folder = self.folder / "forum"
        folder.mkdir()
        data, now = drawn_jpeg(3, 9), clock.now()
        (folder / "1.jpg").write_bytes(data)
        store = adding.add_store(session, "Forum", "folder", {"folder": str(folder)}, True, self._source(session))
        image = Image(store_id=store.id, key="1.jpg", coverage="searched", first_seen_at=now, last_seen_at=now)
        image.digest, image.size = hashlib.sha256(data).digest(), len(data)
        session.add(image)
        session.flush()
        add_face(session, image, (60, 100, 240, 340))
        members.put_in_dataset(session, session.scalars(select(Dataset)).one(), store)
        return store

    def _source(self, session: Session) -> str | None:
        return self.store_in(session).source_id

    def _shown(self) -> str:
        """Somebody who sees their photographs, and has not said what should happen to them."""
        with self.database.writing() as session:
            case = case_to_decide(session, self.store_in(session), "access")
            deciding.decide(session, case.rights[0], self.boss.id, "grant")
            package = session.scalars(select(Package.id).where(Package.case_id == case.id)).one()
            case_id = case.id
        assert workers.carry_out(self.database, "packing", package) == "worked"
        return case_id

    def _answer(self, session: Session, item: ErasureItem) -> None:
        note = "By letter on 20 November."
        if item.kind == "model":
            why = remedies.Evidence(clock.now().date(), basis="It was trained before the photographs came.")
            remedies.answer(session, item, self.boss.id, "not-affected", note, why)
            remedies.confirm(session, item, self.second.id)
        else:
            result = "told" if item.kind == "recipient" else "not-affected"
            plans.answer_item(session, item, self.boss.id, result, note)

    def _answered(self) -> str:
        """Somebody who got a copy of their photographs, and a certificate of their deletion."""
        with self.database.writing() as session:
            case = case_to_decide(session, self._other_store(session), "access", "deletion")
            for right in list(case.rights):
                deciding.decide(session, right, self.boss.id, "grant")
            erasure = plans.plan_erasure(session, case, "deletion", self.boss.id)
            plans.approve(session, erasure, self.second.id, erasure.plan_digest)
            package = session.scalars(select(Package.id).where(Package.case_id == case.id)).one()
            case_id, erasure_id = case.id, erasure.id
        assert workers.carry_out(self.database, "packing", package) == "worked"
        assert workers.carry_out(self.database, "erasing", erasure_id) == "worked"
        with self.database.writing() as session:
            erasure = session.get_one(Erasure, erasure_id)
            for item in erasure.items:
                if item.kind in FOR_PEOPLE:
                    self._answer(session, item)
            assert carrying.settle_if_complete(session, erasure)
            certificate = session.scalars(select(Certificate.id).where(Certificate.erasure_id == erasure_id)).one()
            notice = session.scalars(select(Notice).where(Notice.erasure_id == erasure_id)).first()
            assert notice is not None
            token = links.answer_page(session, notice.id).rpartition("/")[2]
        self.ids |= {"certificate": certificate, "settled": erasure_id}
        self.ids |= {"notice": notice.id, "token": token, "recipient": notice.recipient_id}
        return case_id

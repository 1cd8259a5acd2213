"""Consent and right of a source on pages: what refuses a new use, what allows it, and what models said about people."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from sqlalchemy import select

from portal.cases.answer import deciding
from portal.db import Database
from portal.erasure import plans
from portal.lineage import outputs, records
from portal.lineage.outputs import About
from portal.tables import Case, Dataset, Image, Source, Store, StoredOutput, TrainedModel
from tests.web.desk import Colleague, case_to_decide, colleague, fill_store

ADD = "/staff/lineage/add"
SOURCE = {"name": "Street 2019", "from_whom": "A camera firm", "received_on": "2019-09-01", "terms": "A contract"}


def test_a_source_without_ground_is_refused_until_one_is_recorded(
    boss: Colleague, database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "street"
    folder.mkdir()
    assert "what the people agreed to" in boss.post(
        f"{ADD}/source", 422, **SOURCE, consent="Asked", consented="yes", may_share="no"
    )
    boss.post(
        f"{ADD}/source", **SOURCE, consent="Nobody asked.", consented="no", may_share="unknown", interest="Shares"
    )
    with database.reading() as session:
        source = session.scalars(select(Source)).one()
    assert (source.consented, source.interest) == ("no", "Shares")
    store = {"name": "Street", "kind": "folder", "folder": str(folder), "source_id": source.id}
    refused = boss.post("/staff/stores/add", 422, **store)
    assert "Rule ground-before-reading" in refused
    assert "Street 2019" in refused
    place = boss.post("/staff/stores/add", **store, despite="To find the people in it.")
    assert "Refused: no consent and no right is recorded" in boss.get(place)
    boss.post(f"{place}/scan")
    changed = {"from_whom": "A camera firm", "terms": "A contract", "consent": "Asked in 2020"}
    boss.post(
        f"/staff/lineage/sources/{source.id}", **changed, consented="yes", may_share="no", consent_scope="A study"
    )
    assert "A consent or a right is recorded" in boss.get(place)
    assert "Asked in 2020" in boss.get("/staff/lineage/")
    boss.get("/staff/lineage/sources/none", status=404)


def test_a_scan_is_refused_with_a_place_for_the_reason(boss: Colleague, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs").id
        session.scalars(select(Source)).one().consented = "no"
    page = boss.post(f"/staff/stores/{store}/scan", 403)
    assert "Why do you scan it all the same?" in page
    boss.post(f"/staff/stores/{store}/scan", despite="To find the people in it.")
    boss.post(f"/staff/stores/{store}/source", 422, source_id="")
    with database.reading() as session:
        assert session.get_one(Store, store).despite == "To find the people in it."


def test_an_output_is_written_down_on_a_page_and_planned_in_an_erasure(
    app: Flask, boss: Colleague, database: Database, tmp_path: Path
) -> None:
    with database.writing() as session:
        store = fill_store(session, tmp_path / "photographs")
        model = session.scalars(select(TrainedModel.id)).one()
        dataset = session.scalars(select(Dataset.id)).one()
        case_id = case_to_decide(session, store, "deletion").id
    said = {"model": model, "kind": "age", "count": "3", "kept_at": "table guesses", "made_on": ""}
    assert "one photograph, one account or one dataset" in boss.post(f"{ADD}/output", 422, **said, dataset="", store="")
    assert "where they came from" not in boss.post(f"{ADD}/output", **said, dataset=dataset, store="")
    caseworker = colleague(app, database, "caseworker")
    assert "Model Recogniser 2 guessed an age" in _unmarked(caseworker.get(f"/staff/cases/{case_id}/photographs"))
    with database.writing() as session:
        case = session.get_one(Case, case_id)
        deciding.decide(session, case.rights[0], caseworker.id, "grant")
        erasure = plans.plan_erasure(session, case, "deletion", caseworker.id)
        (item,) = [one for one in erasure.items if one.kind == "output"]
        assert item.target == session.scalars(select(StoredOutput.id)).one()
        plans.answer_item(session, item, caseworker.id, "destroyed", "The table was emptied today.")
        assert (item.state, item.result) == ("verified", "destroyed")
        other = records.add_model(session, "other", "1")
        photograph = session.scalars(select(Image).limit(1)).one()
        outputs.add_output(
            session, other, "sex", About(session.get_one(Store, photograph.store_id), photograph.key), 1, "x"
        )
        assert not plans.still_true(session, erasure), "what was found since is not in the plan"


def _unmarked(page: str) -> str:
    """Without the signs that keep names apart in right-to-left texts."""
    return page.replace("\u2068", "").replace("\u2069", "")

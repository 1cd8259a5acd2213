"""The admin's pages: stores, scans, manifests, lineage, accounts, settings; and what an auditor reads."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from portal import audit, clock, lineage
from portal.audit import asking, heads
from portal.config import Config
from portal.db import Database
from portal.lineage import records
from portal.tables import Account, Dataset, Entry, ManifestEntry, Scan, ScanError, Source, Store
from portal.web import create_app
from tests.cases.making import send
from tests.fakes import drawn_jpeg
from tests.stores import s3_server
from tests.stores.contract import File
from tests.stores.test_tar import packed
from tests.web.conftest import form_token
from tests.web.desk import EMAIL, Colleague, colleague, fill_store


@pytest.fixture
def boss(app: Flask, database: Database) -> Colleague:
    return colleague(app, database, "admin", name="Ada Min")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(drawn_jpeg(number))
    return folder


def add_store(boss: Colleague, folder: Path) -> str:
    fields = {"name": "Profiles", "kind": "folder", "folder": str(folder), "may_erase": "y", "source_id": ""}
    return boss.post("/staff/stores/add", **fields)


def test_a_folder_becomes_a_store_and_a_scan_of_it_begins(boss: Colleague, database: Database, folder: Path) -> None:
    assert "There are no stores yet" in boss.get("/staff/stores")
    path = add_store(boss, folder)
    page = boss.get(path)
    assert "Photographs can be read" in page
    assert "0.jpg" in page
    assert boss.post(f"{path}/test") == path
    scan = boss.post(f"{path}/scan")
    assert "Running" in boss.get(scan)
    boss.post(f"{path}/scan", status=409)
    progress = json.loads(boss.get(f"{scan}/progress"))
    assert (progress["state"], progress["percent"]) == ("running", 0)
    boss.post(f"{scan}/pause")
    assert "Resume" in boss.get(scan)
    boss.post(f"{scan}/cancel")
    assert "Cancelled" in boss.get(scan)
    boss.post(f"{scan}/explode", status=404)
    with database.reading() as session:
        assert session.scalars(select(Scan.state)).all() == ["cancelled"]


def test_a_folder_of_tar_files_becomes_a_store(boss: Colleague, folder: Path) -> None:
    (folder / "s.tar").write_bytes(packed(("a.jpg", drawn_jpeg(1))))
    fields = {"name": "Shards", "kind": "tar", "folder": str(folder), "source_id": ""}
    page = boss.get(boss.post("/staff/stores/add", **fields))
    assert "s.tar/a.jpg" in page
    assert "no .tar files are left out (3 seen)" in page


def test_patterns_of_copies_are_kept_with_a_folder_or_the_wrong_one_is_named(
    boss: Colleague, database: Database, folder: Path
) -> None:
    fields = {"name": "Photographs", "kind": "folder", "folder": str(folder), "source_id": ""}
    page = boss.post("/staff/stores/add", status=422, **fields, copies="thumbs/{stem}_*.jpg\nthumbs/*")
    assert "it is of every photograph" in page
    boss.post("/staff/stores/add", **fields, copies="thumbs/{stem}_*.jpg\n\n{folder}/.cache/{name}*")
    with database.reading() as session:
        assert session.scalars(select(Store)).one().settings["copies"] == [
            "thumbs/{stem}_*.jpg",
            "{folder}/.cache/{name}*",
        ]


def test_a_table_that_names_files_becomes_a_store(boss: Colleague, folder: Path, tmp_path: Path) -> None:
    file = File(tmp_path / "p.sqlite")
    file.run("CREATE TABLE profile (id INTEGER PRIMARY KEY, photo TEXT)")
    file.run("INSERT INTO profile VALUES (7, ?)", next(folder.glob("*.jpg")).name)
    fields = {"name": "Rows", "kind": "sql-files", "url": f"sqlite:///{file.path}", "table": "profile", "key": "id"}
    fields |= {"path": "photo", "folder": str(folder), "erase": "row", "may_erase": "y", "source_id": ""}
    assert "<code>7</code>" in boss.get(boss.post("/staff/stores/add", **fields))


def test_a_table_becomes_a_store_or_its_wrong_column_is_named(boss: Colleague, tmp_path: Path) -> None:
    file = File(tmp_path / "p.sqlite")
    file.run("CREATE TABLE profile (id INTEGER PRIMARY KEY, photo BLOB)")
    file.run("INSERT INTO profile VALUES (7, ?)", drawn_jpeg(1))
    fields = {"name": "Rows", "kind": "sql", "url": f"sqlite:///{file.path}", "table": "profile", "key": "id"}
    fields |= {"image": "picture", "erase": "row", "may_erase": "y", "source_id": ""}
    page = boss.post("/staff/stores/add", status=422, **fields)
    assert "has no column called" in page
    page = boss.get(boss.post("/staff/stores/add", **{**fields, "image": "photo"}))
    assert "profile in sqlite" in page
    assert "<code>7</code>" in page


def test_a_bucket_becomes_a_store_or_what_is_wrong_with_it_is_named(
    boss: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.set_keys(monkeypatch)
    with s3_server.server() as endpoint:
        client = s3_server.client_at(endpoint)
        client.create_bucket(Bucket="photographs")
        client.put_object(Bucket="photographs", Key="in/7.jpg", Body=drawn_jpeg(1))
        fields = {"name": "Cloud", "kind": "s3", "bucket": "another", "prefix": "in/", "endpoint": endpoint}
        fields |= {"may_erase": "y", "source_id": ""}
        assert "The bucket of Cloud is not there." in boss.post("/staff/stores/add", status=422, **fields)
        page = boss.get(boss.post("/staff/stores/add", **{**fields, "bucket": "photographs"}))
    assert f"bucket photographs below in/ at {endpoint}" in page
    assert "<code>7.jpg</code>" in page


def test_a_folder_that_is_not_there_is_named_on_the_page(boss: Colleague, database: Database, tmp_path: Path) -> None:
    fields = {"name": "Profiles", "kind": "folder", "folder": str(tmp_path / "gone"), "source_id": ""}
    page = boss.post("/staff/stores/add", status=422, **fields)
    assert "There is a problem" in page
    assert str(tmp_path / "gone") in page
    with database.reading() as session:
        assert session.scalars(select(Store)).all() == []


def test_a_store_that_went_away_says_so_and_keeps_what_was_known(boss: Colleague, folder: Path) -> None:
    path = add_store(boss, folder)
    folder.rename(folder.with_name("elsewhere"))
    page = boss.post(f"{path}/test", status=503)
    assert "The store does not answer" in page
    assert "Photographs can be read" in boss.get(path)


def test_errors_of_a_scan_are_listed_and_downloaded(boss: Colleague, database: Database, folder: Path) -> None:
    scan = boss.post(f"{add_store(boss, folder)}/scan")
    with database.writing() as session:
        for number in range(101):
            error = ScanError(
                scan_id=scan.rsplit("/", 1)[1], key=f"={number}<b>", kind="bad-picture", sentence="Not one."
            )
            session.add(error)
    assert "101" in boss.get(scan)
    page = boss.get(f"{scan}/errors")
    assert "=0&lt;b&gt;" in page
    assert "Next page" in page
    file = boss.get(f"{scan}/errors.csv")
    assert file.count("Not one.") == 101
    assert "\r\n=" not in file
    assert "Try these files again" not in boss.get(scan)
    boss.post(f"{scan}/cancel")
    assert "Try these files again" in boss.get(scan)
    assert "looks only at the files" in boss.get(boss.post(f"{scan}/retry"))


def test_a_manifest_is_taken_in_or_its_wrong_line_is_named(boss: Colleague, database: Database, folder: Path) -> None:
    path = add_store(boss, folder)

    def attach(name: str, data: bytes) -> tuple[int, str]:
        form = {"csrf_token": form_token(boss.get(path)), "file": (BytesIO(data), name)}
        answer = boss.client.post(f"{path}/manifest", data=form, content_type="multipart/form-data")
        return answer.status_code, answer.text

    status, page = attach("list.csv", b"key,account\n0.jpg,anna\n,nobody\n")
    assert status == 422
    assert "line 3" in page.lower()
    assert attach("", b"")[0] == 422
    with database.reading() as session:
        assert session.scalars(select(ManifestEntry)).all() == []
    status, page = attach("list.csv", b"key,account\n0.jpg,anna\n1.jpg,bert\n")
    assert status == 200
    assert "2 lines, 2 new" in page


def option(page: str, text: str) -> str:
    """The value of the choice with that text."""
    found = re.search(rf'<option value="([0-9a-f]{{32}})">{text}<', page)
    assert found is not None
    return found.group(1)


def test_lineage_is_written_down_from_source_to_recipient(boss: Colleague, database: Database, folder: Path) -> None:
    add_store(boss, folder)
    add = "/staff/lineage/add"
    source = {"name": "Profiles 2014", "from_whom": "A dating site", "received_on": "2014-09-01", "terms": "A letter"}
    assert "There is a problem" in boss.post(f"{add}/source", status=422, **source)
    boss.post(f"{add}/source", **source, consent="Nobody asked them.", right_to_share="")
    boss.post(f"{add}/dataset", name="Faces", version="1", created_on="2014-10-01", description="")
    boss.post(f"{add}/model", name="Recogniser", version="2", weights_digest="", purpose="")
    with database.reading() as session:
        dataset, store = session.scalars(select(Dataset.id)).one(), session.scalars(select(Store.id)).one()
        assert session.scalars(select(Source.consent)).one() == "Nobody asked them."
    assert boss.post(f"{add}/places", dataset=dataset, store=store) == "/staff/lineage/"
    page = boss.get(f"{add}/training")
    model_id = option(page, "Recogniser 2")
    before = {"model": model_id, "dataset": dataset, "trained_on": "2013-01-01"}
    assert "The days do not fit" in boss.post(f"{add}/training", status=422, **before)
    boss.post(f"{add}/training", **{**before, "trained_on": "2015-01-01"})
    boss.post(f"{add}/product", name="Door camera", model=model_id, description="")
    boss.post(f"{add}/recipient", name="A partner", contact="post@partner.example", country="")
    recipient_id = option(boss.get(f"{add}/disclosure"), "A partner")
    given = {"recipient": recipient_id, "disclosed_on": "2016-01-01", "basis": "None"}
    boss.post(f"{add}/disclosure", what=f"model/{model_id}", **given)
    page = boss.get("/staff/lineage/")
    for text in ("A dating site", "Faces 1 on 1 January 2015", "Door camera", "Recogniser 2 on 1 January 2016"):
        assert text in page
    boss.get(f"{add}/nothing", status=404)


def test_photographs_of_a_store_are_put_in_a_dataset(boss: Colleague, database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        store = fill_store(session, tmp_path / "filled")
        dataset = records.add_dataset(session, "Other", "1", store.created_at.date())
    boss.post("/staff/lineage/add/places", dataset=dataset.id, store=store.id)
    assert "3 photographs put in" in boss.get("/staff/lineage/")
    with database.reading() as session:
        assert lineage.sizes(session)[dataset.id] == 3


def test_an_admin_invites_changes_roles_and_disables(app: Flask, boss: Colleague, database: Database) -> None:
    page = boss.post("/staff/accounts", status=200, roles=["reviewer", "auditor"])
    link = page.split('class="ef-once">')[1].split("<")[0]
    assert app.test_client().get(link.replace("http://127.0.0.1:8000", "")).status_code == 200
    assert link not in boss.get("/staff/accounts")
    assert "Choose one or more" in boss.post("/staff/accounts", status=422)
    someone = colleague(app, database, "reviewer", name="Rea Viewer")
    boss.post(f"/staff/accounts/{someone.id}", roles=["caseworker"])
    boss.post(f"/staff/accounts/{someone.id}/disable")
    boss.post(f"/staff/accounts/{someone.id}/enable")
    assert "/join/" in boss.post(f"/staff/accounts/{someone.id}/reset", status=200)
    with database.reading() as session:
        found = session.get_one(Account, someone.id)
        assert (found.roles, found.disabled_at) == (["caseworker"], None)


def test_the_last_admin_cannot_go(boss: Colleague) -> None:
    assert "last admin" in boss.post(f"/staff/accounts/{boss.id}/disable", status=409)
    assert "last admin" in boss.post(f"/staff/accounts/{boss.id}", status=409, roles=["reviewer"])


def test_settings_are_shown_without_their_secrets(database: Database, config: Config) -> None:
    secret = "smtp://me:hidden-password@mail.example:25"
    app = create_app(replace(config, smtp_url=secret))
    page = colleague(app, database, "admin").get("/staff/settings")
    assert "hidden-password" not in page
    assert "set, not shown" in page
    assert "EFFACE_COOLING_HOURS" in page


def test_an_auditor_reads_requests_and_the_log_and_changes_nothing(app: Flask, database: Database) -> None:
    with database.writing() as session:
        case = send(session, "access").case
    auditor = colleague(app, database, "auditor")
    page = auditor.get("/staff/audit/")
    assert case.reference in page
    assert EMAIL not in page
    log = auditor.get("/staff/audit/log")
    assert "case-received" in log
    assert case.id in log
    assert "case-received" not in auditor.get("/staff/audit/log?kind=signed-in").split("<tbody>")[1]
    auditor.get("/staff/audit/log?before=1")
    auditor.get(f"/staff/cases/{case.id}", status=403)
    writing = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("auditor.") and (rule.methods or set()) & {"POST", "PUT", "DELETE", "PATCH"}
    ]
    # It only asks for a look at the log.
    assert [rule.endpoint for rule in writing] == ["auditor.check"]


def test_an_auditor_finds_lines_by_day_and_request_and_saves_them(app: Flask, database: Database) -> None:
    with database.writing() as session:
        case, other = send(session, "access").case, send(session, "access", contact=False).case
        entry = session.scalars(select(Entry).where(Entry.kind == "case-received").order_by(Entry.position)).first()
        assert entry is not None
        line, leaf = entry.body.decode(), entry.leaf_hash.hex()
    auditor = colleague(app, database, "auditor")
    today = clock.now().date()

    def found(query: str) -> list[list[str]]:
        page = auditor.get(f"/staff/audit/log?{query}")
        saved = list(csv.reader(io.StringIO(auditor.get(f"/staff/audit/log.csv?{query}"))))
        assert saved[0] == ["position", "at", "kind", "line", "leaf_hash"]
        assert re.findall(r'class="ef-number">(\d+)<', page) == [row[0] for row in saved[1:]], query
        return saved[1:]

    typed = case.reference.lower().replace("-", "+")
    about = found(f"about={typed}")
    assert about
    assert all(case.id in row[3] and other.id not in row[3] for row in about)
    assert found(f"about={case.id}") == about
    assert found(f"about={typed}&kind=case-received") == [row for row in about if row[3:] == [line, leaf]]
    assert found(f"from={today}&until={today}&about={typed}") == about
    assert found(f"until={today - timedelta(days=1)}") == []
    assert found(f"from={today + timedelta(days=1)}") == []
    assert "No line fits." in auditor.get("/staff/audit/log?about=EF-NONE-NONE")
    auditor.get("/staff/audit/log?from=yesterday", status=422)
    assert EMAIL not in auditor.get("/staff/audit/log.csv")
    colleague(app, database, "caseworker").get("/staff/audit/log.csv", status=403)


def test_an_auditor_has_the_log_checked(
    app: Flask, database: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = colleague(app, database, "auditor")
    with database.writing() as session:
        send(session, "access")
    page = auditor.post("/staff/audit/log/check", status=200)
    assert ("No head is signed yet</h2>" in page, "The log is whole" in page) == (True, False)
    with database.writing() as session:
        audit.publish(session)
        audit.append(session, "test", {})
    page = auditor.post("/staff/audit/log/check", status=200)
    assert "The log is whole" in page
    assert "fit 1 signed head;" in page
    assert "not signed yet" in page
    assert "The log is whole" not in auditor.get("/staff/audit/log"), "what was found is not kept of a short log"
    with database.writing() as session:
        session.execute(update(Entry).where(Entry.position == 0).values(body=b"{}"))
        session.execute(delete(Entry).where(Entry.position == 1))
    before = lines_of(database)
    page = auditor.post("/staff/audit/log/check", status=200)
    assert "The log is not whole" in page
    assert "Entry 0 was changed" in page
    assert "does not fit the entries" in page
    assert lines_of(database) == before, "a damaged log is not written to"
    monkeypatch.setattr(asking, "SHORT", 1)
    assert auditor.post("/staff/audit/log/check") == "/staff/audit/log"
    page = auditor.get("/staff/audit/log")
    assert "being checked in the background" in page
    assert "Check the whole log" not in page
    asking.check_if_asked(database)
    page = auditor.get("/staff/audit/log")
    assert "The log is not whole" in page
    assert "Check the whole log" in page
    (heads.folder_of(config) / asking.FOUND).unlink()
    asking.check_if_asked(database)
    assert asking.newest(config) is None, "nobody asked again"


def lines_of(database: Database) -> list[tuple[int, bytes]]:
    with database.reading() as session:
        return [(one.position, one.body) for one in session.scalars(select(Entry).order_by(Entry.position))]


def test_how_fast_a_store_is_read_is_said_on_its_page(boss: Colleague, database: Database, folder: Path) -> None:
    store = add_store(boss, folder)
    boss.post(f"{store}/pace", reads="25")
    assert 'value="25"' in boss.get(store)
    for wrong in ("0", "-3", "fast", "1.5", "100001"):
        page = boss.post(f"{store}/pace", status=422, reads=wrong)
        assert "whole number" in page
        assert f'value="{wrong}"' in page, "what was typed stays"
    with database.reading() as session:
        assert session.scalars(select(Store)).one().reads_per_second == 25
    boss.post(f"{store}/pace", reads="")
    with database.reading() as session:
        assert session.scalars(select(Store)).one().reads_per_second is None

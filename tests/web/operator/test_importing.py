"""Files of other systems, taken in from the browser: what they would add, then adding it, and wrong lines by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal import lineage
from portal.db import Database
from portal.lineage import records
from portal.lineage.importing import places
from portal.tables import Dataset, Image, TrainedModel
from tests.matching.making import make_image, make_store
from tests.web.conftest import form_token
from tests.web.desk import Colleague, colleague

MADE = Path(__file__).parents[2] / "lineage" / "made"
PATH = "/staff/lineage/import"
Send = Callable[..., str]


@pytest.fixture
def send(boss: Colleague) -> Send:
    """Upload a file; the page."""

    def send(name: str, data: bytes, do: str = "show", status: int = 200, **fields: str) -> str:
        form = {"csrf_token": form_token(boss.get(PATH)), "file": (BytesIO(data), name), "do": do, **fields}
        answer = boss.client.post(PATH, data=form, content_type="multipart/form-data")
        assert answer.status_code == status, answer.text[-3000:]
        return answer.text

    return send


def test_a_file_is_shown_first_then_taken_in_and_once_more_adds_nothing(send: Send, database: Database) -> None:
    data = (MADE / "croissant.json").read_bytes()
    page = send("croissant.json", data)
    assert "This file would add" in page
    assert "1 datasets" in page
    with database.reading() as session:
        assert session.scalars(select(Dataset)).all() == []
    assert "This file was taken in" in send("croissant.json", data, "take")
    with database.reading() as session:
        assert session.scalars(select(Dataset.name)).all() == ["okc-faces"]
    assert "Added: nothing" in send("croissant.json", data, "take")


def test_events_and_dvc_are_known_by_themselves(send: Send, database: Database) -> None:
    assert "models" in send("events.jsonl", (MADE / "events.jsonl").read_bytes(), "take")
    send("data.dvc", (MADE / "dvc" / "data.dvc").read_bytes(), "take", made_on="2015-03-01")
    with database.reading() as session:
        assert session.scalars(select(TrainedModel)).all()
        assert date(2015, 3, 1) in session.scalars(select(Dataset.created_on)).all()


def test_a_store_of_mlflow_is_a_folder_on_the_machine(send: Send, database: Database) -> None:
    folder = str(MADE / "mlruns")
    assert "This file would add" in send("", b"", folder=folder)
    assert "models" in send("", b"", "take", folder=folder)
    with database.reading() as session:
        assert "demographics" in session.scalars(select(TrainedModel.name)).all()
    assert "no such folder" in send("", b"", status=422, folder="mlruns")
    assert "no such folder" in send("", b"", status=422, folder="/etc/passwd")
    assert "not both" in send("events.jsonl", b"{}", status=422, folder=folder)


@pytest.fixture
def images(database: Database) -> list[int]:
    with database.writing() as session:
        store = make_store(session, "okc")
        records.add_dataset(session, "Faces", "2014", date(2014, 9, 1))
        made = [make_image(session, store, f"{number}.jpg") for number in range(3)]
        return [one.id if isinstance(one, Image) else one for one in made]


def test_a_manifest_is_written_page_by_page_and_may_be_given_again(
    send: Send, database: Database, images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "PAGE", 2)
    with database.reading() as session:
        store = session.scalars(select(Image.store_id).limit(1)).one()
    data = b"key\n0.jpg\n1.jpg\n2.jpg\nnone.jpg\n"
    asked = {"store": store, "dataset": "Faces", "version": "2014", "despite": "It happened in 2014."}
    page = send("list.csv", data, **asked)
    assert "Would be added: 3 places" in page
    assert "Line 5: no scan has seen a live photograph none.jpg" in page
    with database.reading() as session:
        assert lineage.sizes(session) == {}
    assert "Added: 3 places" in send("list.csv", data, "take", **asked)
    assert "Known already: 3 places" in send("list.csv", data, "take", **asked)
    with database.reading() as session:
        assert list(lineage.sizes(session).values()) == [3]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("list.csv", b"digest,dataset,version\n" + b"0" * 64 + b",Faces,2014\n0,Faces\n", "line 3"),
        ("list.csv", b"key,dataset,version\n0.jpg,Faces,2014\n", "Say which store"),
        ("list.jsonl", b'{"key": "a"\n', "line 1"),
        ("events.jsonl", b'{"eventTime": "2015-01-01T00:00:00Z", "run": {}, "job": 7}\n', "line 1"),
        ("x.json", b"{}", "neither Croissant nor events"),
        ("x.dvc", b"a: &x 1\nb: *x\n", "line 1"),
        ("x.exe", b"MZ", "format of x.exe is not known"),
        ("../../etc/passwd", b"x", "format of passwd is not known"),
        ("", b"", "Choose a file"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    send: Send, database: Database, images: list[int], name: str, data: bytes, said: str
) -> None:
    assert said in send(name, data, "take", status=422)
    with database.reading() as session:
        assert len(session.scalars(select(Dataset)).all()) == 1
        assert lineage.sizes(session) == {}


def test_the_page_says_how_it_writes_and_only_admins_see_it(boss: Colleague, app: Flask, database: Database) -> None:
    page = boss.get(PATH)
    assert "20,000 lines at a time" in page
    assert PATH in boss.get("/staff/lineage/")
    colleague(app, database, "caseworker").get(PATH, status=403)

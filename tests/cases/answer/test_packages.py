"""The package opens offline, covers other people, lists what it lacks, and holds no template."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zipfile
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import blobs, clock, images
from portal.cases import mails
from portal.cases.answer import packages
from portal.cases.housekeeping import purging
from portal.db import Database
from portal.errors import NotFound
from portal.jobs import claim
from portal.tables import Blob, Candidate, Case, Face, Image, Mail, Package, Search
from tests.cases.making import add_face, grant_all, make_image, send, to_deciding
from tests.fakes import drawn_jpeg
from workers import carry_out

TWO = (640, 480)
LEFT, RIGHT = (60, 135, 260, 345), (380, 135, 580, 345)


def packed(database: Database) -> dict[str, bytes]:
    """Have the package made by its worker, and open it."""
    with database.reading() as session:
        package_id = session.scalars(select(Package.id)).one()
    assert carry_out(database, "packing", package_id) == "worked"
    with database.reading() as session:
        data = blobs.open_blob(session, session.get_one(Package, package_id).blob_id)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def ordered(session: Session, *images: Image, right: str = "copy") -> Case:
    case = send(session, right).case
    account = to_deciding(session, case, *images)
    search = session.scalars(select(Search).where(Search.case_id == case.id)).one()
    search.coverage, search.finished_at = {"A <i>shelf</i>": {"searched": 1, "old-encoder": 2}}, clock.now()
    grant_all(session, case, account)
    return case


def colour_at(jpeg: bytes, box: tuple[int, int, int, int]) -> np.ndarray:
    left, top, right, bottom = box
    pixels = images.open_picture(jpeg).pixels
    return np.asarray(
        pixels[(top + bottom) // 2 - 5 : (top + bottom) // 2 + 5, (left + right) // 2 - 5 : (left + right) // 2 + 5]
    )


class Links(HTMLParser):
    """All that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "action", "srcset", "data"}]


def test_other_people_are_covered(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3, 7, size=TWO))
        mine, _ = add_face(session, image, LEFT)
        add_face(session, image, RIGHT)
        case = ordered(session, image)
        session.scalars(select(Candidate).where(Candidate.case_id == case.id)).one().face_id = mine.id
    files = packed(database)
    jpeg = files["photographs/001.jpg"]
    assert colour_at(jpeg, RIGHT).std() < 3
    assert colour_at(jpeg, RIGHT).mean() == pytest.approx(128, abs=3)
    assert np.ptp(colour_at(jpeg, LEFT).mean(axis=(0, 1))) > 60
    facts = json.loads(files["data.json"])
    assert facts["photographs"][0]["note"] == packages.OTHERS_COVERED


def test_where_nobody_knows_whose_face_all_are_covered(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3, 7, size=TWO))
        add_face(session, image, LEFT)
        add_face(session, image, RIGHT)
        ordered(session, image)
    files = packed(database)
    for box in (LEFT, RIGHT):
        assert colour_at(files["photographs/001.jpg"], box).std() < 3
    assert packages.ALL_COVERED in files["index.html"].decode()


def test_the_only_face_is_left_alone(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        add_face(session, image, (220, 140, 420, 340))
        ordered(session, image)
    files = packed(database)
    assert np.ptp(colour_at(files["photographs/001.jpg"], (220, 140, 420, 340)).mean(axis=(0, 1))) > 60
    assert json.loads(files["data.json"])["photographs"][0]["note"] is None


def test_a_photograph_nobody_looked_at_is_only_listed(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        image.coverage = "not-looked-at"
        case_id = ordered(session, image).id
    files = packed(database)
    assert "photographs/001.jpg" not in files
    assert packages.NO_LOOK in html.unescape(files["index.html"].decode())
    with database.reading() as session:
        assert session.get_one(Case, case_id).outcome == "partly-fulfilled"


def test_what_cannot_be_read_is_listed(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        folder = tmp_path / "store"
        gone, broken, whole = (
            make_image(session, folder, data, f"{number}.jpg")
            for number, data in enumerate([drawn_jpeg(3), b"not a picture", drawn_jpeg(3)])
        )
        for image in (gone, broken, whole):
            add_face(session, image, (220, 140, 420, 340))
        ordered(session, gone, broken, whole)
        (folder / "0.jpg").unlink()
    files = packed(database)
    facts = json.loads(files["data.json"])["photographs"]
    assert [each["file"] for each in facts] == [None, None, "photographs/003.jpg"]
    assert [each["note"] for each in facts] == [packages.NO_READ, packages.NO_READ, None]


def test_a_store_that_is_away_delays_the_package(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        add_face(session, image, (220, 140, 420, 340))
        case = ordered(session, image)
        package_id = session.scalars(select(Package.id)).one()
        case_id = case.id
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    assert carry_out(database, "packing", package_id) == "failed"
    with database.reading() as session:
        package = session.get_one(Package, package_id)
        assert (package.work_state, package.ready_at) == ("due", None)
        assert session.get_one(Case, case_id).state == "fulfilling"


def test_no_template_in_any_form(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        _, plain = add_face(session, image, (220, 140, 420, 340))
        ordered(session, image)
    files = packed(database)
    numbers = np.frombuffer(plain, np.float32)
    forms = [plain, plain.hex().encode(), base64.b64encode(plain), numbers.astype(np.float64).tobytes()]
    forms += [str(float(number)).encode() for number in numbers[:20]] + [
        f"{number:.5f}".encode() for number in numbers[:20]
    ]
    for data in files.values():
        assert not any(form in data for form in forms)
    (described,) = json.loads(files["data.json"])["photographs"][0]["templates"]
    sentence = "1 set of 128 numbers, made from your face in this photograph with drawn 1"
    assert described == {"encoder": "drawn", "version": "1", "numbers": 128, "count": 1, "described": sentence}
    assert "1 set of 128 numbers" in files["index.html"].decode()


def test_the_page_needs_nothing_from_outside(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        add_face(session, image, (220, 140, 420, 340))
        ordered(session, image)
    files = packed(database)
    page = files["index.html"].decode()
    links = Links()
    links.feed(page)
    assert links.found == ["photographs/001.jpg"]
    assert not links.tags & {"script", "iframe", "object", "link", "form", "a"}
    assert not re.search(r"url\(|@import", page)
    assert "prefers-color-scheme: dark" in page
    assert "&lt;b&gt;Ulm" in page
    assert "<b>" not in page
    facts = json.loads(files["data.json"])
    for text in (facts["reference"], facts["coverage"], facts["templates"], facts["photographs"][0]["digest"]):
        assert text in page
    [(store, lines)] = facts["coverage_of_stores"].items()
    assert store == "A <i>shelf</i>"
    assert "A &lt;i&gt;shelf" in page
    assert any("older encoder: they must be scanned again" in line and f"<li>{line}</li>" in page for line in lines)
    assert "index.html" in files["README.txt"].decode()


def test_the_originals_words_about_themselves_stay_out(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        data = drawn_jpeg(3)
        marked = data[:2] + b"\xff\xfe\x00\x10a secret note" + b"\x00" + data[2:]
        image = make_image(session, tmp_path / "store", marked)
        add_face(session, image, (220, 140, 420, 340))
        ordered(session, image)
    assert b"a secret note" not in packed(database)["photographs/001.jpg"]


def test_a_package_is_sealed_mailed_about_and_purged(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        add_face(session, image, (220, 140, 420, 340))
        case_id = ordered(session, image).id
    packed(database)
    with database.writing() as session:
        case = session.get_one(Case, case_id)
        package = session.scalars(select(Package)).one()
        blob = session.get_one(Blob, package.blob_id)
        blob_id = blob.id
        assert not blob.sealed.startswith(b"PK")
        assert (case.state, case.outcome) == ("closed", "fulfilled")
        news = session.scalars(select(Mail).where(Mail.dedupe.like("news/%"))).all()
        letters = [mails.open_mail(session, mail) for mail in news]
        assert len(letters) == 1
        assert letters[0] is not None
        assert not re.search("photo|face|delet", letters[0].subject + letters[0].body, re.IGNORECASE)
        later = clock.now() + timedelta(days=database.config.package_days)
        monkeypatch.setattr("portal.clock.now", lambda: later)
        assert purging.purge(session)["packages"] == 1
        with pytest.raises(NotFound):
            blobs.open_blob(session, blob_id)


def test_made_twice_it_is_made_once(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        image = make_image(session, tmp_path / "store", drawn_jpeg(3))
        add_face(session, image, (220, 140, 420, 340))
        ordered(session, image)
        package_id = session.scalars(select(Package.id)).one()
    packed(database)
    assert claim(database, "packing", package_id) is None
    with database.reading() as session:
        assert len(session.scalars(select(Blob.id).where(Blob.purpose == "package")).all()) == 1
        assert session.scalars(select(Face.id)).all()

"""An installation's own look: its colour and its logo on the pages, checked at the start, and how they are sent."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from portal import look
from portal.config import Config
from portal.db import Database
from portal.errors import UnsafeConfig
from portal.web import create_app

COLOUR = "#005a9c"


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """A wide logo with a hole, larger than it needs to be, with a comment in the file."""
    picture = Image.new("RGBA", (1200, 400), (0, 90, 156, 255))
    picture.paste((0, 0, 0, 0), (500, 100, 700, 300))
    notes = PngInfo()
    notes.add_text("Comment", "drawn by a person with a name")
    picture.save(tmp_path / "logo.png", pnginfo=notes)
    return tmp_path / "logo.png"


@pytest.fixture
def own(config: Config, database: Database, logo: Path) -> FlaskClient:
    return create_app(replace(config, organisation="The archive", colour=COLOUR, logo=str(logo))).test_client()


def test_pages_have_the_logo_the_colour_and_the_name(own: FlaskClient) -> None:
    page = own.get("/").text
    assert f'<meta name="theme-color" content="{COLOUR}">' in page
    assert '<span class="ef-organisation">The archive</span>' in page
    assert 'class="ef-mark"' not in page
    files = {"image/png": r'src="(/logo\.png\?v=\w+)"', "text/css; charset=utf-8": r'href="(/look\.css\?v=\w+)"'}
    for kind, place in files.items():
        path = re.search(place, page)[1]  # type: ignore[index]
        answer = own.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert own.get(path.partition("?")[0]).headers["Cache-Control"] == "no-cache"
        assert own.get(path.partition("?")[0] + "?v=of-before").headers["Cache-Control"] == "no-cache"


def test_the_logo_is_made_anew_on_white_and_small(own: FlaskClient) -> None:
    data = own.get("/logo.png").data
    assert b"drawn by" not in data
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (600, 200))
    assert picture.getpixel((300, 100)) == (255, 255, 255)
    assert picture.getpixel((10, 10)) == (0, 90, 156)


def test_the_sheet_has_the_colour_in_both_lights_and_not_on_paper(own: FlaskClient) -> None:
    sheet = own.get("/look.css").text
    assert sheet.startswith("@media screen {")
    assert f":root {{ --ef-brand: {COLOUR}; --ef-link: {COLOUR}; --ef-bar: {COLOUR};" in sheet
    lighter = re.search(r'\[data-theme="dark"\] \{ --ef-brand: (#\w{6})', sheet)
    assert lighter is not None
    assert lighter[1] != COLOUR
    assert sheet.count(f"--ef-link: {lighter[1]};") == 2


def test_without_an_own_look_nothing_of_it_is_there(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "look.css" not in page
    assert "logo.png" not in page
    assert 'class="ef-mark"' in page
    for path in ("/look.css", "/logo.png"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("what", ["no file", "a text", "a cut-off picture", "a folder", "too large"])
def test_a_logo_that_cannot_be_shown_is_refused_by_name(config: Config, logo: Path, what: str) -> None:
    place = logo.with_name("other.png")
    if what == "a text":
        place.write_text("<svg onload='alert(1)'/>")
    elif what == "a cut-off picture":
        place.write_bytes(logo.read_bytes()[:200])
    elif what == "a folder":
        place.mkdir()
    elif what == "too large":
        place.write_bytes(logo.read_bytes() + bytes(look.LARGEST))
    with pytest.raises(UnsafeConfig, match="EFFACE_LOGO"):
        create_app(replace(config, logo=str(place)))


def test_a_logo_that_goes_away_later_is_still_shown(config: Config, database: Database, logo: Path) -> None:
    client = create_app(replace(config, logo=str(logo))).test_client()
    logo.unlink()
    assert client.get("/logo.png").status_code == 200
    assert look.logo_of(replace(config, logo=str(logo))) == client.get("/logo.png").data

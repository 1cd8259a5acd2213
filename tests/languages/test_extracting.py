"""What is missing or wrong in a catalogue is found. The catalogues here are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from portal.languages import catalogues
from portal.languages.catalogues import read_texts
from portal.languages.extracting import problems, texts_in_source, update

COUNTED = ("%(num)s photo of %(name)s", "%(num)s photos of %(name)s")


def source() -> Catalog:
    made = Catalog()
    made.add("Hello %(name)s")
    made.add(COUNTED)
    return made


def german(
    hello: str = "Guten Tag %(name)s",
    photos: tuple[str, ...] = ("Ein Foto von %(name)s", "%(num)s Fotos von %(name)s"),
    **more: object,
) -> Catalog:
    made = Catalog(locale="de")
    made.add("Hello %(name)s", hello, **more)  # type: ignore[arg-type]
    made.add(COUNTED, photos)
    return made


def test_a_complete_catalogue_has_no_problems() -> None:
    assert problems(source(), german()) == []


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (german(hello=""), "is missing"),
        (german(photos=("Ein Foto von %(name)s", "")), "is missing"),
        (german(flags=["fuzzy"]), "is marked as doubtful"),
        (german(hello="Guten Tag"), "has other placeholders"),
        (german(hello="Guten Tag %(nome)s"), "has other placeholders"),
        (german(hello="Zu 100 % %(name)s"), "has other placeholders"),
        (german(photos=("Ein Foto", "%(num)s Fotos von %(name)s")), "has other placeholders"),
        (german(hello="Hello %(name)s"), "is the English text"),
        (german(hello="<b>%(name)s</b>"), "has other tags"),
        (german(photos=("Ein Foto von %(name)s",)), "needs 2 forms"),
    ],
)
def test_each_fault_is_named(texts: Catalog, problem: str) -> None:
    found = problems(source(), texts)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_words_that_languages_share_are_allowed_by_name() -> None:
    assert problems(source(), german(hello="Hello %(name)s"), same={"Hello %(name)s"}) == []


def test_what_has_left_the_source_is_named() -> None:
    texts = german()
    texts.add("Good bye", "Auf Wiedersehen")
    assert problems(source(), texts) == ["is not in the source any more: 'Good bye'"]


def test_texts_are_found_in_python_and_in_pages(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    pages = tmp_path / "portal" / "pages"
    pages.mkdir(parents=True)
    (pages / "one.html").write_text("{{ _('From a page') }}{% trans %}Around\n  a <b>tag</b>{% endtrans %}")
    (tmp_path / "workers" / "one.py").write_text('_l("Lazy"); mark("Marked"); ngettext("One", "Many", 2); other("No")')
    law = tmp_path / "portal" / "cases" / "law"
    law.mkdir(parents=True)
    (law / "de.toml").write_text('code = "DE"\nname = "Germany"\n')
    source = texts_in_source(tmp_path)
    found = {one.id for one in source if one.id}
    assert found == {"Germany", "From a page", "Around a <b>tag</b>", "Lazy", "Marked", ("One", "Many")}


def test_an_update_keeps_what_is_translated_and_drops_what_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogues, "HERE", tmp_path)
    first = Catalog()
    first.add("Stays")
    first.add("Goes")
    update("de", first)
    written = read_texts("de")
    written.get("Stays").string = "Bleibt"  # type: ignore[union-attr]
    catalogues.write_texts("de", written)
    second = Catalog()
    second.add("Stays")
    second.add("Comes")
    update("de", second)
    assert {one.id: one.string for one in read_texts("de") if one.id} == {"Stays": "Bleibt", "Comes": ""}
    before = catalogues.path_of("de").read_bytes()
    second.creation_date = datetime(2030, 1, 1, tzinfo=UTC)
    update("de", second)
    assert catalogues.path_of("de").read_bytes() == before


def test_the_name_of_a_place_may_be_the_same_in_another_language(tmp_path: Path) -> None:
    law = tmp_path / "portal" / "cases" / "law"
    law.mkdir(parents=True)
    (tmp_path / "workers").mkdir()
    (law / "us-tx.toml").write_text('name = "Texas"\n')
    texts = Catalog(locale="de")
    texts.add("Texas", "Texas")
    assert problems(texts_in_source(tmp_path), texts) == []

"""Nothing that a person reads stands unmarked in a page, and nothing in our theme has a fixed side."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "portal" / "web"
PAGES = [
    WEB / "pages" / "layout.html",
    *sorted(path for room in ("subject", "macros", "errors") for path in (WEB / "pages" / room).rglob("*.html")),
]
# What is marked, code of the page, and what is the same in every language: commands, file names, our name.
NOT_TEXT = re.compile(
    r"\{#.*?#\}|\{% trans.*?endtrans %\}|\{% block (?:wide|back|multipart) %\}.*?\{% endblock %\}"
    r"|\{\{.*?\}\}|\{%.*?%\}|<code.*?</code>",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r'\b(?:alt|aria-label|title|placeholder)="([^"]*)"')
TAG = re.compile(r"<[^<>]*>", re.DOTALL)
# Attributes that a macro puts into a tag of another one.
LOOSE = re.compile(r'[\w-]+="[^"]*"')
OURS = ("Efface",)
MARKING = {"_", "_l", "gettext", "ngettext", "lazy_gettext", "mark"}
SIDES = re.compile(
    r"\b(?:(?:margin|padding|border)-(?:left|right)|left|right)\s*:|(?:float|text-align):\s*(?:left|right)"
)


def unmarked(page: str) -> list[str]:
    """Words of a page that no catalogue has."""
    bare = NOT_TEXT.sub(" ", page)
    found = [*ATTRIBUTE.findall(bare), *LOOSE.sub("", TAG.sub("\n", bare)).split("\n")]
    return [text.strip() for text in found if re.search(r"[^\W\d_]{2}", text) and text.strip(" –") not in OURS]


def test_a_word_that_is_not_marked_is_seen() -> None:
    assert unmarked('<p>{{ _("Marked") }} Not <b>marked</b></p><img alt="Nor this">') == ["Nor this", "Not", "marked"]
    assert unmarked('{% block title %}{{ _("One") }}{% endblock %} <code>ls -l</code> Efface') == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_all_that_a_person_reads_is_marked(page: Path) -> None:
    assert unmarked(page.read_text()) == []


@pytest.mark.parametrize("room", ["portal", "workers"])
def test_no_text_is_marked_where_the_catalogues_do_not_look(room: str) -> None:
    """What is called within an f-string is not extracted, and would be shown in English without a word."""
    calls = [
        f"{path.name}:{call.lineno}"
        for path in (WEB.parents[1] / room).rglob("*.py")
        for string in ast.walk(ast.parse(path.read_text()))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in MARKING and isinstance(call.args[0], ast.Constant)
    ]
    assert calls == []


@pytest.mark.parametrize("sheet", sorted((WEB / "static").glob("*.css")), ids=lambda path: path.name)
def test_our_theme_knows_starts_and_ends_but_no_left_and_right(sheet: Path) -> None:
    rules = [line for line in sheet.read_text().splitlines() if '[dir="rtl"]' not in line]
    assert [found for line in rules for found in SIDES.findall(line)] == []

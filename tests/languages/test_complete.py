"""Whatever is marked is translated, in every language that there is."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog

from portal.languages.catalogues import compiled, read_texts
from portal.languages.extracting import problems, texts_in_source, translated


@pytest.fixture(scope="module")
def source() -> Catalog:
    return texts_in_source()


@pytest.mark.parametrize("code", translated())
def test_nothing_is_missing_or_wrong(code: str, source: Catalog) -> None:
    assert problems(source, read_texts(code)) == []


@pytest.mark.parametrize(
    ("code", "forms"),
    [
        ("pl", {1: 0, 2: 1, 4: 1, 5: 2, 12: 2, 22: 1}),
        # Zero, one, two, few, many (11 to 99) and other, as Unicode's CLDR has them; Babel changes the last two.
        ("ar", {0: 0, 1: 1, 2: 2, 3: 3, 10: 3, 11: 4, 99: 4, 100: 5, 103: 3, 111: 4}),
    ],
)
def test_forms_stand_in_the_order_that_translators_know(code: str, forms: dict[int, int]) -> None:
    assert {count: compiled(read_texts(code)).plural(count) for count in forms} == forms


def test_eleven_and_a_hundred_days_take_their_own_arabic_forms() -> None:
    said = compiled(read_texts("ar")).ungettext
    assert [said("%(num)s day", "%(num)s days", count) for count in (3, 11, 100)] == [
        "%(num)s أيام",
        "%(num)s يومًا",
        "%(num)s يوم",
    ]

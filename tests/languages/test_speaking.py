"""Which language is spoken, and how texts, dates and numbers are said in it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from babel.messages.catalog import Catalog
from babel.support import NullTranslations

from portal import languages
from portal.languages import gettext, isolated, known, lazy_gettext, ngettext, speaking, texts
from portal.languages.catalogues import compiled


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """German and Polish with a few texts; the other languages have none."""
    german, polish = Catalog(locale="de"), Catalog(locale="pl")
    german.add("Your request %(reference)s", "Ihr Antrag %(reference)s")
    german.add("Doubtful", "Zweifelhaft", flags=["fuzzy"])
    polish.add(("%(num)s photo", "%(num)s photos"), ("%(num)s zdjęcie", "%(num)s zdjęcia", "%(num)s zdjęć"))
    made = {"de": compiled(german), "pl": compiled(polish)}
    monkeypatch.setattr(texts, "catalogue", lambda code: made.get(code) or NullTranslations())


def test_a_text_is_said_in_the_language_spoken_and_in_english_after() -> None:
    with speaking("de") as language:
        assert language.name == "Deutsch"
        assert gettext("Your request %(reference)s", reference="EF") == "Ihr Antrag EF"
    assert gettext("Your request %(reference)s", reference="EF") == "Your request EF"


def test_what_is_not_translated_or_doubtful_is_said_in_english() -> None:
    with speaking("de"):
        assert gettext("Never seen") == "Never seen"
        assert gettext("Doubtful") == "Doubtful"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 zdjęcie"), (3, "3 zdjęcia"), (5, "5 zdjęć"), (12, "12 zdjęć"), (2.5, "2,5 zdjęć")]
)
def test_forms_follow_the_number(count: float, said: str) -> None:
    with speaking("pl"):
        assert ngettext("%(num)s photo", "%(num)s photos", count) == said


def test_a_lazy_text_is_said_when_it_is_shown() -> None:
    later = lazy_gettext("Your request %(reference)s", reference="EF")
    with speaking("de"):
        assert f"{later}" == "Ihr Antrag EF"
    assert str(later) == "Your request EF"


@pytest.mark.parametrize(("code", "found"), [("de-AT", "de"), ("PL", "pl"), ("xx", "en"), ("", "en"), (None, "en")])
def test_an_unknown_language_is_english(code: str | None, found: str) -> None:
    assert known(code).code == found


def test_languages_within_each_other_end_in_order() -> None:
    with speaking("ar"):
        with speaking("fr"):
            assert languages.current().code == "fr"
        assert languages.current().direction == "rtl"
        assert isolated("EF-1") == "\u2068EF-1\u2069"
    assert isolated("EF-1") == "EF-1"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "20 December 2026, 14:05"),
        ("es", "20 de diciembre de 2026, 14:05"),
        ("de", "20. Dezember 2026, 14:05"),
        ("ar", "20 ديسمبر 2026، 2:05 م"),
        ("hi", "20 दिसंबर 2026, 2:05 pm"),
    ],
)
def test_moments_are_written_as_the_language_does(code: str, said: str) -> None:
    with speaking(code):
        assert (
            languages.moment(datetime(2026, 12, 20, 14, 5, tzinfo=UTC)).replace("\xa0", " ").replace("\u202f", " ")
            == said
        )


def test_numbers_and_days_have_digits_that_everybody_can_type() -> None:
    for code in languages.LANGUAGES:
        with speaking(code):
            assert set("2026") <= set(languages.day(date(2026, 12, 20)))
            assert languages.number(5) == "5"

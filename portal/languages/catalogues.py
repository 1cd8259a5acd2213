"""Which languages there are, and the texts of each: one file of texts, compiled in memory when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

HERE = Path(__file__).parent
ENGLISH = "en"


@dataclass(frozen=True)
class Language:
    """`name` in the language itself; `direction` as in HTML; `locale` by which dates and numbers are written."""

    code: str
    name: str
    direction: str
    locale: str


LANGUAGES = {
    one.code: one
    for one in (
        # 20 December 2026, 14:05: people who read English in many countries cannot misread it.
        Language(ENGLISH, "English", "ltr", "en_GB"),
        Language("es", "Español", "ltr", "es"),
        Language("fr", "Français", "ltr", "fr"),
        Language("de", "Deutsch", "ltr", "de"),
        Language("pl", "Polski", "ltr", "pl"),
        Language("ar", "العربية", "rtl", "ar"),
        Language("hi", "हिन्दी", "ltr", "hi"),
    )
}


def known(code: str | None) -> Language:
    """The language of a code such as `de` or `de-AT`; English where there is none by that code."""
    main = (code or "").replace("_", "-").partition("-")[0].lower()
    return LANGUAGES.get(main, LANGUAGES[ENGLISH])


def path_of(code: str) -> Path:
    return HERE / code / "messages.po"


def read_texts(code: str) -> Catalog:
    """The texts of a language as its file has them; none yet where there is no file."""
    path = path_of(code)
    if not path.is_file():
        return Catalog(locale=code)
    with path.open("rb") as file:
        return read_po(file, locale=code)


def write_texts(code: str, texts: Catalog) -> None:
    """Keep the texts of a language, in the order of the alphabet, so that changes are easy to read."""
    path = path_of(code)
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        write_po(file, texts, width=100, sort_output=True, include_lineno=False, ignore_obsolete=True)


def compiled(texts: Catalog) -> Translations:
    """Texts to look up. What is marked as doubtful (fuzzy) is left out, so that English is shown for it."""
    packed = BytesIO()
    write_mo(packed, texts)
    packed.seek(0)
    return Translations(packed)


@cache
def catalogue(code: str) -> NullTranslations:
    """The texts of a language, to look up. English has none: its texts are in the source."""
    if code == ENGLISH:
        return NullTranslations()
    return compiled(read_texts(code))

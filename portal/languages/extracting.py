"""The texts that are in the source, and what each catalogue lacks of them. For those who write and translate."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir

from portal.languages.catalogues import ENGLISH, LANGUAGES, read_texts, write_texts

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("portal", "workers")
# Names that stand in the data of laws are for people, too.
METHODS = [
    ("**.py", "python"),
    ("**.html", "jinja2"),
    ("cases/law/*.toml", "portal.languages.extracting:names_in_law"),
]
OPTIONS = {"**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}}
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy_gettext": None, "mark": None, "ngettext": (1, 2)}
LAW_NAME = re.compile(r'(?:name|authority) = "([^"]+)"')
TAG = re.compile(r"</?\w+>")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
# Texts that may be the same in another language: names, and words and signs that languages share.
SAME = frozenset({"Efface", ", ", "%(what)s: %(became)s", "%(what)s: %(became)s.", "%(photographs)s: %(what)s"})


def texts_in_source(root: Path = ROOT) -> Catalog:
    """Every marked text under the rooms of `root`, with the files it is in."""
    found = Catalog(project="Efface", charset="utf-8")
    for room in ROOMS:
        for file, line, message, notes, context in extract_from_dir(
            root / room, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("For translators:",)
        ):
            found.add(message, "", [(f"{room}/{file}", line)], auto_comments=notes, context=context)
    return found


def names_in_law(
    file: IO[bytes], _keywords: object, _comment_tags: object, options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Places and authorities of a law's file, as Babel's extraction wants them."""
    for number, line in enumerate(file.read().decode().splitlines(), 1):
        found = LAW_NAME.match(line)
        if found:
            yield number, "gettext", found.group(1), []


def update(code: str, source: Catalog) -> Catalog:
    """The texts of a language with what is new in the source, and without what has gone; written to its file."""
    texts = read_texts(code)
    since = texts.creation_date
    # No guesses: a translation of a similar sentence looks finished and is not.
    texts.update(source, no_fuzzy_matching=True)
    texts.obsolete.clear()
    # A file in which no text changed stays as it is.
    texts.creation_date = since
    texts.header_comment = f"# {LANGUAGES[code].name}: what people read. `python -m portal.languages` checks it."
    texts.project, texts.version, texts.fuzzy = "Efface", "1", False
    texts.msgid_bugs_address = texts.last_translator = texts.language_team = ""
    write_texts(code, texts)
    return texts


def problems(source: Catalog, texts: Catalog, same: Collection[str] = SAME) -> list[str]:
    """What is missing or wrong in the texts of one language, a sentence for each; none when it is complete."""
    found = [f"is not in the source any more: {_name(one)!r}" for one in texts if one.id and one.id not in source]
    for wanted in source:
        if wanted.id:
            found += [f"{what}: {_name(wanted)!r}" for what in _wrong(wanted, texts, same)]
    return found


def untranslated(texts: Catalog) -> int:
    """How many texts have no translation yet."""
    return sum(1 for one in texts if one.id and not _is_said(one))


def _wrong(wanted: Message, texts: Catalog, same: Collection[str]) -> Iterator[str]:
    there = texts.get(wanted.id)
    if there is None or not _is_said(there):
        yield "is missing"
        return
    said = _forms(there.string)
    if there.fuzzy:
        yield "is marked as doubtful"
    if isinstance(wanted.id, tuple) and len(said) != texts.num_plurals:
        yield f"needs {texts.num_plurals} forms"
    if any(not _fits(text, wanted) for text in said):
        yield "has other placeholders"
    if any(sorted(TAG.findall(text)) != sorted(TAG.findall(_name(wanted))) for text in said):
        yield "has other tags"
    if not _may_be_the_same(wanted, same) and any(text in _forms(wanted.id) for text in said):
        yield "is the English text"


def _is_said(message: Message) -> bool:
    """Translated in every form."""
    said = _forms(message.string)
    return bool(said) and all(text.strip() for text in said)


def _fits(text: str, wanted: Message) -> bool:
    """The same names to put in. A form for one or two may leave the number out, as their words say it."""
    mine, theirs = set(PLACEHOLDER.findall(text)), set().union(*map(PLACEHOLDER.findall, _forms(wanted.id)))
    if isinstance(wanted.id, tuple):
        mine, theirs = mine - {"num"}, theirs - {"num"}
    return mine == theirs and _can_be_filled(text)


def _may_be_the_same(wanted: Message, same: Collection[str]) -> bool:
    """Names of places often are; other texts only where they are listed."""
    return wanted.id in same or all(file.endswith(".toml") for file, _line in wanted.locations or [("", 0)])


def _can_be_filled(text: str) -> bool:
    try:
        text % dict.fromkeys(PLACEHOLDER.findall(text), 0)
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _forms(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _name(message: Message) -> str:
    return _forms(message.id)[0]


def translated() -> list[str]:
    """The languages that have a catalogue: all but the source's."""
    return [code for code in LANGUAGES if code != ENGLISH]

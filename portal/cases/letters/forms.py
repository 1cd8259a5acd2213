"""The texts of letters: one TOML file for each language and version, read once, checked, and never edited in place."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from portal.cases.law import RIGHTS, Term
from portal.errors import EffaceError
from portal.languages import ngettext

FOLDER = Path(__file__).parent
KINDS = ("answer", "refusal", "extension", "fee")
# What may stand in a mail: nothing that tells what a letter is about.
MAIL_FIELDS = frozenset({"reference", "address", "organisation", "contact"})
ABOUT_THE_RIGHT = frozenset({"received_on", "asked", "told", "due_on", "reason", "fee", "how"})
ABOUT_THE_LAW = frozenset({"law", "source", "authority", "appeal_acknowledge", "appeal_respond"})
FIELDS = MAIL_FIELDS | ABOUT_THE_RIGHT | ABOUT_THE_LAW
# How long a term of law is, in the language spoken now.
UNITS: dict[str, Callable[[int], str]] = {
    "cm": lambda n: ngettext("%(num)s month", "%(num)s months", n),
    "cd": lambda n: ngettext("%(num)s day", "%(num)s days", n),
    "bd": lambda n: ngettext("%(num)s working day", "%(num)s working days", n),
    "bd6": lambda n: ngettext("%(num)s working day, Saturdays included", "%(num)s working days, Saturdays included", n),
}
FIRST = "en"


class BadForm(EffaceError):
    """A file of letters cannot be used."""

    status = 500


@dataclass(frozen=True)
class Text:
    """A title and paragraphs, with fields in braces."""

    title: str
    paragraphs: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """Title and paragraphs; a paragraph that names a field without a value is left out."""
        kept = [each for each in self.paragraphs if all(values[name] for name in fields_of(each))]
        return self.title.format_map(values), tuple(each.format_map(values).strip() for each in kept)


@dataclass(frozen=True)
class Form:
    """All letters of one language in one version. `rights` says what was asked, after "you asked us"."""

    language: str
    name: str
    version: int
    letters: Mapping[str, Text]
    mail: Text
    rights: Mapping[str, str]


def length(term: Term | None) -> str:
    """`45 days`, in the language spoken now; empty for none."""
    return "" if term is None else UNITS[term.unit](term.n)


def newest(language: str) -> Form:
    """The newest letters in a language; in English where there are none in that language."""
    known = [form for form in forms().values() if form.language == language]
    return max(known, key=lambda form: form.version) if known else newest(FIRST)


def form_of(language: str, version: int) -> Form:
    """The letters as they were in this version. Raises BadForm when the file is gone."""
    found = forms().get((language, version))
    if found is None:
        raise BadForm(f"The letters in {language}, version {version}, are not there any more.")
    return found


@functools.cache
def forms(folder: Path = FOLDER) -> dict[tuple[str, int], Form]:
    """Every file by language and version. Raises BadForm naming the file and what is wrong in it."""
    read = [_read(path) for path in sorted(folder.glob("*.toml"))]
    return {(form.language, form.version): form for form in read}


def fields_of(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _read(path: Path) -> Form:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        form = Form(
            language=data["language"],
            name=data["name"],
            version=data["version"],
            letters={kind: _text(data[kind], FIELDS) for kind in KINDS},
            mail=_text(data["mail"], MAIL_FIELDS),
            rights={right: data["rights"][right] for right in RIGHTS},
        )
    except KeyError as problem:
        raise BadForm(f"{path.name}: {problem.args[0]} is missing.") from problem
    except (tomllib.TOMLDecodeError, ValueError) as problem:
        raise BadForm(f"{path.name}: {problem}.") from problem
    if path.stem != f"{form.language}-{form.version}":
        raise BadForm(f"{path.name} says that it is {form.language}, version {form.version}.")
    return form


def _text(data: Mapping[str, object], known: frozenset[str]) -> Text:
    title, paragraphs = data["title"], data["paragraphs"]
    if not isinstance(title, str) or not isinstance(paragraphs, list) or not paragraphs:
        raise ValueError("a letter has a title and a list of paragraphs")
    unknown = set().union(*(fields_of(each) for each in (title, *paragraphs))) - known
    if unknown:
        raise ValueError(f"these fields are not known here: {', '.join(sorted(unknown))}")
    return Text(title, tuple(paragraphs))

"""The language that is spoken now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from portal.languages.catalogues import ENGLISH, LANGUAGES, Language, known

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


def current() -> Language:
    """The language spoken now."""
    return LANGUAGES[_spoken.get()]


@contextmanager
def speaking(code: str | None) -> Iterator[Language]:
    """Speak a language for a while, such as `case.language`; English where there is none by that code."""
    before = _spoken.set(known(code).code)
    try:
        yield current()
    finally:
        _spoken.reset(before)

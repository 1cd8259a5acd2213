"""What is said in the language that is spoken now."""

from __future__ import annotations

from typing import Any, cast

from babel.support import LazyProxy

from portal.languages.catalogues import catalogue
from portal.languages.formats import number
from portal.languages.speaking import current

# Unicode's first strong isolate, and its end: what stands between them does not turn the text around it.
ISOLATE, END = "\u2068", "\u2069"


def gettext(message: str, **values: Any) -> str:
    """A text in the language spoken now, with `values` put in at `%(name)s`."""
    return catalogue(current().code).ugettext(message) % values


def ngettext(one: str, many: str, num: float, **values: Any) -> str:
    """A text that depends on a number; `%(num)s` in it is the number, written as the language does."""
    # Catalogues choose a form by a whole number; 2.5 years take that of a hundred, which is never a word for two.
    counted = int(num) if num == int(num) else 100
    return catalogue(current().code).ungettext(one, many, counted) % {"num": number(num), **values}


def lazy_gettext(message: str, **values: Any) -> str:
    """A text for later: each time it is shown, it is in the language spoken then. Take `str()` of it to keep it."""
    return cast(str, LazyProxy(gettext, message, enable_cache=False, **values))


def mark(message: str) -> str:
    """The text itself, entered into the catalogues; `gettext` it where it is shown."""
    return message


def isolated(text: str) -> str:
    """A reference, an address or a name for a plain text: it keeps its own direction in one from right to left."""
    return f"{ISOLATE}{text}{END}" if current().direction == "rtl" else text

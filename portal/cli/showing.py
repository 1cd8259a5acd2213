"""Printing what comes from stores."""

from __future__ import annotations


def shown(text: str) -> str:
    """A key as it may be printed: a name of a file could hold signs that command a terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)

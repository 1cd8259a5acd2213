"""The page inside an access package: one HTML file without any reference to the outside, light or dark as you like."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

from portal.languages import current, day, isolated, ngettext
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l

STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --paper: #fff; --soft: #f1f3f5; --line: #c9d0d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecef; --paper: #14191e; --soft: #1f262d; --line: #46515b; } }
body { margin: 0 auto; padding: 1.5rem; max-width: 52rem; font: 1.0625rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
article { margin: 2rem 0; padding: 1rem; background: var(--soft); border: 1px solid var(--line);
  border-radius: .5rem; }
img { max-width: 100%; height: auto; border-radius: .25rem; }
dt { font-weight: 600; margin-top: .75rem; } dd { margin: 0; white-space: pre-line; }
ul { margin: 0; padding-left: 1.25rem; }
@media print { article { break-inside: avoid; } }
"""
REACHED = {
    "sources": _l("Where it came from"),
    "datasets": _l("Datasets it is in"),
    "models": _l("Models that were trained on it"),
    "outputs": _l("What models said about you"),
    "products": _l("What was built on these models"),
    "recipients": _l("Who received it, or something made from it"),
}
NONE = {
    "sources": _l("This is not known."),
    "datasets": _l("None."),
    "models": _l("None that we know of."),
    "outputs": _l("None that we know of."),
    "products": _l("None that we know of."),
    "recipients": _l("Nobody that we know of."),
}


def as_page(facts: dict[str, Any]) -> str:
    """HTML of what `packages.as_facts` says, in the language spoken now.

    All of it comes from elsewhere, so all of it is escaped.
    """
    photographs = facts["photographs"]
    title = _("What %(organisation)s holds about you", organisation=isolated(facts["organisation"]))
    policy = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{current().code}" dir="{current().direction}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{escape(title)}</h1>",
            _paragraph(_made(facts)),
            _paragraph(_count(len(photographs))),
            _paragraph(facts["coverage"]),
            _covered(facts["coverage_of_stores"]),
            _paragraph(facts["templates"]),
            *(_photograph(each) for each in photographs),
            _messages(facts["messages"]),
            "</main></body></html>\n",
        ]
    )


def _covered(stores: dict[str, list[str]]) -> str:
    listed = "".join(_row(name, lines) for name, lines in stores.items())
    summary = escape(_("What was searched, and what was not"))
    return f"<details><summary>{summary}</summary><dl>{listed}</dl></details>" if listed else ""


def _count(number: int) -> str:
    return ngettext("There is %(num)s photograph.", "There are %(num)s photographs.", number)


def _made(facts: dict[str, Any]) -> str:
    made_on = isolated(day(date.fromisoformat(facts["made_on"])))
    return _(
        "Request %(reference)s. This copy was made on %(day)s.", reference=isolated(facts["reference"]), day=made_on
    )


def _photograph(facts: dict[str, Any]) -> str:
    name = _("Photograph %(number)s", number=facts["number"])
    picture = f'<img src="{escape(facts["file"])}" alt="{escape(name)}" loading="lazy">' if facts["file"] else ""
    note = _paragraph(facts["note"]) if facts["note"] else ""
    listed = "".join(_row(label, values) for label, values in rows_of(facts))
    return f"<article><h2>{escape(name)}</h2>{picture}{note}<dl>{listed}</dl></article>"


def rows_of(facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What stands below one photograph: a label and its values, line by line."""
    return [*_own(facts), *((label, _texts(facts[kind]) or [NONE[kind]]) for kind, label in REACHED.items())]


def _messages(said: list[dict[str, str]]) -> str:
    listed = "".join(_row(f"{isolated(each['from'])}, {isolated(each['at'])}", [each["text"]]) for each in said)
    title = escape(_("Messages between you and us"))
    return f"<h2>{title}</h2><dl>{listed}</dl>" if listed else ""


def _own(facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    size = _("not known")
    if facts["width"]:
        size = _(
            "%(width)s by %(height)s pixels, %(bytes)s bytes",
            width=facts["width"],
            height=facts["height"],
            bytes=facts["size"],
        )
    rows = [
        (_("Kept in"), [str(facts["store"])]),
        (_("First seen there"), [day(date.fromisoformat(facts["first_seen"]))]),
        (_("Size"), [size]),
        (_("Fingerprint of the file (SHA-256)"), [str(facts["digest"] or _("not known"))]),
        (_("Face templates"), [each["described"] for each in facts["templates"]] or [_("None.")]),
    ]
    return rows + [(_label(name), [str(value)]) for name, value in facts["manifest"].items()]


def _label(name: str) -> str:
    return {"source_url": _("Link"), "taken_at": _("Taken"), "account": _("Account")}.get(name, name)


def _texts(reached: list[dict[str, Any]]) -> list[str]:
    return [f"{isolated(each['name'])}. {each['via']}" for each in reached]


def _row(label: str, values: list[str]) -> str:
    shown = (
        escape(values[0]) if len(values) == 1 else f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in values)}</ul>"
    )
    return f'<dt>{escape(label)}</dt><dd dir="auto">{shown}</dd>'


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"

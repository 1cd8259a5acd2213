"""The page inside an access package: one HTML file without any reference to the outside, light or dark as you like."""

from __future__ import annotations

from html import escape
from typing import Any

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
    "sources": "Where it came from",
    "datasets": "Collections it is in",
    "models": "Models that were trained on it",
    "products": "What was built on these models",
    "recipients": "Who received it, or something made from it",
}
NONE = {
    "sources": "This is not known.",
    "datasets": "None.",
    "models": "None that we know of.",
    "products": "None that we know of.",
    "recipients": "Nobody that we know of.",
}


def as_page(facts: dict[str, Any]) -> str:
    """HTML of what `packages.as_facts` says. All of it comes from elsewhere, so all of it is escaped."""
    photographs = facts["photographs"]
    title = f"What {facts['organisation']} holds about you"
    policy = "default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{escape(title)}</h1>",
            _paragraph(f"Request {facts['reference']}, made on {facts['made_on']}."),
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
    return (
        f"<details><summary>What was searched, and what was not</summary><dl>{listed}</dl></details>" if listed else ""
    )


def _count(number: int) -> str:
    return "There is 1 photograph." if number == 1 else f"There are {number} photographs."


def _photograph(facts: dict[str, Any]) -> str:
    name = f"Photograph {facts['number']}"
    picture = f'<img src="{escape(facts["file"])}" alt="{escape(name)}" loading="lazy">' if facts["file"] else ""
    note = _paragraph(facts["note"]) if facts["note"] else ""
    listed = "".join(_row(label, values) for label, values in rows_of(facts))
    return f"<article><h2>{escape(name)}</h2>{picture}{note}<dl>{listed}</dl></article>"


def rows_of(facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What stands below one photograph: a label and its values, line by line."""
    return [*_own(facts), *((label, _texts(facts[kind]) or [NONE[kind]]) for kind, label in REACHED.items())]


def _messages(said: list[dict[str, str]]) -> str:
    listed = "".join(_row(f"{each['from']}, {each['at']}", [each["text"]]) for each in said)
    return f"<h2>Messages between you and us</h2><dl>{listed}</dl>" if listed else ""


def _own(facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    size = f"{facts['width']} by {facts['height']} pixels, {facts['size']} bytes" if facts["width"] else "not known"
    rows = [
        ("Kept in", [str(facts["store"])]),
        ("First seen there", [str(facts["first_seen"])]),
        ("Size", [size]),
        ("Fingerprint of the file (SHA-256)", [str(facts["digest"] or "not known")]),
        ("Face templates", [each["described"] for each in facts["templates"]] or ["None."]),
    ]
    return rows + [(_label(name), [str(value)]) for name, value in facts["manifest"].items()]


def _label(name: str) -> str:
    return {"source_url": "Link", "taken_at": "Taken", "account": "Account"}.get(name, name)


def _texts(reached: list[dict[str, Any]]) -> list[str]:
    return [f"{each['name']}. {each['via']}" for each in reached]


def _row(label: str, values: list[str]) -> str:
    shown = (
        escape(values[0]) if len(values) == 1 else f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in values)}</ul>"
    )
    return f"<dt>{escape(label)}</dt><dd>{shown}</dd>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"

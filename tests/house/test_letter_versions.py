"""A version of letters that was used is never edited: a case says by which one its letters were written."""

from __future__ import annotations

import hashlib
from pathlib import Path

from portal.cases.letters import forms

LANDED = Path(__file__).with_name("letter_versions.txt")


def test_no_version_that_landed_was_edited_or_taken_away() -> None:
    landed = dict(reversed(line.split("  ", 1)) for line in LANDED.read_text().splitlines())
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in forms.FOLDER.glob("*.toml")}
    assert [name for name, digest in landed.items() if now.get(name) != digest] == [], "write the next version"
    assert sorted(set(now) - set(landed)) == [], "in portal/cases/letters: sha256sum NEW >> letter_versions.txt"

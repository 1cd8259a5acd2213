"""Is anything of an erased photograph, its manifest or its person left in any file: data folder, queue, logs, stores?

Markers are planted in file names, accounts, manifest values, bytes (their digests) and contact addresses. After the
erasure and the purge every file is searched for each, as text and as raw bytes, in hexadecimal and in base64.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from portal import clock
from portal.db import Database
from tests.experiments import erasing
from tests.experiments.erasing import Photograph, Scene, is_over, wait_for
from tests.experiments.small_house import running_house
from workers import clockwork

KINDS = ("file name", "account", "manifest value", "digest", "contact")
# Who asked is forgotten two years after the end; then nothing of the request may be left either.
LATER = timedelta(days=366 * 2 + 1)


def measure(markers: int, clocks: str = "") -> dict[str, Any]:
    """Figure: markers of which anything is left. All must have been seen before, or the search would prove nothing."""
    people = markers // len(KINDS)
    with tempfile.TemporaryDirectory(prefix="residue-") as folder:
        planted = [marked(one) for one in erasing.photographs(people)]
        scene = erasing.build(Path(folder), erasing.Size(people, cases=people, thick=True), planted)
        database = scene.open()
        sought = sought_in(planted)
        before = seen_in(scene, sought)
        with running_house(scene.config, "erasing", "mailing", clocks=clocks):
            erasing.approve_all(database)
            wait_for(lambda: is_over(database) and mails_of(scene) == people, "the last mail")
            while_up = seen_in(scene, sought)
        mailed = seen_in(scene, sought)
        purge_later(database)
        left = seen_in(scene, sought)
        counts: dict[str, Any] = erasing.reckon(scene)
        database.close()
        files = sum(1 for _ in _files(scene))
    counts |= {"markers": len(sought), "forms": sum(map(len, sought.values())), "files": files}
    counts |= {f"seen_{name}": _by_kind(found) for name, found in _named(before, while_up, mailed, left)}
    # Addresses are sealed everywhere but in the mails; these lie in files because no mail server is set.
    known = before | mailed | while_up
    ok = not left and len(known) == len(sought) == people * len(KINDS) and erasing.is_well(counts)
    return {"name": "residue", "figure": len(left), "target": 0, "ok": ok, "counts": counts}


def _named(*found: set[str]) -> list[tuple[str, set[str]]]:
    return list(zip(("before", "after_erasing", "stopped", "after_purge"), found, strict=True))


def marked(one: Photograph) -> Photograph:
    """The photograph with names that are nowhere else, and bytes of its own: bytes after the picture change nothing."""
    name = secrets.token_hex(12)
    return Photograph(one.data + name.encode(), one.near, f"n{name}.jpg", f"a{name}", f"p{name}")


def sought_in(planted: list[Photograph]) -> dict[str, list[bytes]]:
    """Each marker by kind and number, with the forms in which it may be left."""
    sought: dict[str, list[bytes]] = {}
    for number, one in enumerate(planted):
        texts = {"file name": one.key, "account": one.account, "manifest value": one.place}
        texts["contact"] = erasing.address_of(number)
        for kind, text in texts.items():
            sought[f"{kind} {number}"] = _forms(text.encode())
        sought[f"digest {number}"] = _forms(hashlib.sha256(one.data).digest())
    return sought


def _forms(value: bytes) -> list[bytes]:
    """As it is, and as hexadecimal and both kinds of base64 would write it; padding does not count."""
    coded = {base64.b64encode(value), base64.urlsafe_b64encode(value)}
    return [value, value.hex().encode(), value.hex().upper().encode(), *(one.rstrip(b"=") for one in coded)]


def seen_in(scene: Scene, sought: dict[str, list[bytes]]) -> set[str]:
    """The markers of which some form is in the bytes or in the name of a file."""
    seen: set[str] = set()
    for path in _files(scene):
        data = bytes(path) + b"\n" + path.read_bytes()
        seen |= {marker for marker, forms in sought.items() if any(form in data for form in forms)}
    return seen


def _files(scene: Scene) -> list[Path]:
    places = [scene.config.data, *scene.folders]
    return [path for place in places for path in place.rglob("*") if path.is_file()]


def _by_kind(found: set[str]) -> dict[str, int]:
    return {kind: count for kind in KINDS if (count := sum(marker.startswith(kind) for marker in found))}


def mails_of(scene: Scene) -> int:
    return len(list((scene.config.data / "outbox").glob("*.eml")))


def purge_later(database: Database) -> None:
    """What the clockwork does each minute, two years later."""
    then = clock.now() + LATER

    def later() -> datetime:
        return then

    with patch("portal.clock.now", later):
        clockwork.upkeep_of(database)
        clockwork.purge_and_sign(database)

"""A store of pictures that somebody else holds: a manifest names them, and their holder serves them by https.

They can be read and searched like any others, but not erased: the holder is asked, and what they did is looked at. An
erasure ends as asked of them, and is tried again until the picture is not served any more.

Each picture is fetched by a process of its own. Its start takes longer than many an answer, and that is the price of a
defence: what one website's answer did to a process can neither see nor change what another website sends, and one that
hangs is ended without harm. Whoever holds millions of pictures gives a copy, which is a store like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from portal import fetching
from portal.errors import (
    BadInput,
    BadManifest,
    Conflict,
    NotAllowed,
    NotFound,
    ObjectUnreadable,
    StoreUnavailable,
    TooLarge,
)
from portal.stores import held_elsewhere, tree
from portal.stores.connector import Asked, Check, Found, Texts
from portal.stores.held_elsewhere import LARGEST_PICTURE, Held, Manifest
from portal.stores.manifest_files import Line

NAMES = {"manifest", "hosts"}
SAMPLE = 12
LOOKED_AT = 3
# What came of asking the holder, in the words of `portal.fetching`.
WHY = {
    "not-https": "its address does not begin with https://",
    "host-not-allowed": "its website is not one that may be asked",
    "no-such-host": "there is no website of this name",
    "private-address": "its website leads to a private address, so it was not asked",
    "bad-certificate": "the certificate of its website does not fit",
    "unreachable": "its website does not answer",
    "too-slow": "its website took too long",
    "not-a-page": "it was packed in a way that cannot be read",
    "redirect": "its website leads on to another address, which is not followed",
    "error": "its website answered with an error",
}


class HttpManifest:
    """Connector to pictures held elsewhere. Settings: `manifest`, a file's path, and `hosts`, who may be asked."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        self.name = name
        self.may_erase = may_erase
        self.mark = mark
        self._path = Path(settings["manifest"])
        self._hosts: Texts = settings["hosts"]

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Reads the whole manifest: each line of it is checked before the store is added."""
        unknown = sorted(set(settings) - NAMES)
        if unknown:
            raise BadInput(f"A store of pictures held elsewhere has no setting called {unknown[0]!r}.")
        text, hosts = str(settings.get("manifest") or "").strip(), list(settings.get("hosts") or [])
        if not text or "\0" in text:
            raise BadInput("Say which manifest names the pictures: a .csv or .jsonl file on this machine.")
        if not hosts:
            raise BadInput("No website may be asked for pictures yet. EFFACE_HOLDER_HOSTS lists those that may.")
        try:
            path = Path(text).expanduser().resolve(strict=True)
            held_elsewhere.read(path, hosts)
        except (OSError, RuntimeError) as problem:
            raise BadInput(f"The manifest {text} cannot be opened.") from problem
        return {"manifest": str(path), "hosts": hosts}

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return bool(one["manifest"] == other["manifest"])

    def check(self) -> Check:
        """Asks the holder for three of the pictures. What may be erased is only asked for, and the notes say so."""
        notes: Texts = []
        sample = list(islice((found.key for found in self.list()), SAMPLE))
        readable = all([self._can_open(key, notes) for key in sample[:LOOKED_AT]])
        if self.may_erase:
            notes.append("Nothing is erased here by the portal: the holder is asked, and then looked at again.")
        else:
            notes.append("Nobody is asked to erase anything: the operator has not allowed it here.")
        return Check(readable, True, False, self.may_erase, None, notes, sample)

    def count(self) -> int:
        return len(self._manifest().keys)

    def list(self, after: str | None = None) -> Iterator[Found]:
        manifest = self._manifest()
        for key in manifest.after(after):
            one = manifest.by_key[key]
            place = hashlib.sha256(one.url.encode()).hexdigest()[:16]
            yield Found(key, one.size, f"{one.digest.hex()}-{place}")
        # A manifest that was taken away while it was read would look as if its pictures had gone.
        self._manifest()

    def open(self, key: str) -> bytes:
        one = self._held(key)
        if one is None:
            raise NotFound(f"The manifest of {self.name} does not name this picture any more.")
        data = self._bytes_of(one)
        if data is None:
            raise NotFound(f"The holder of {self.name} does not serve this picture any more.")
        if hashlib.sha256(data).digest() != one.digest:
            raise ObjectUnreadable(
                f"The holder of {self.name} gives other bytes than those the manifest names. They were not looked at.",
                "digest-differs",
            )
        return data

    def enumerate_copies(self, key: str) -> Texts:
        """The holder has it at one address. What else they keep of it they are asked about, and nobody can list."""
        tree.names_of(key)
        return [key]

    def erase_copy(self, ref: str, digest: bytes) -> Literal["already-absent"]:
        """Raises Asked while the holder still serves the approved bytes, Conflict when these are others."""
        tree.names_of(ref)
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        try:
            data = self._bytes_of(self._named(ref))
        except TooLarge:
            data = b""  # More bytes than the approved ones were: they are others.
        if data is None:
            return "already-absent"
        if hashlib.sha256(data).digest() != digest:
            sentence = f"The holder of {self.name} serves other bytes now than those approved. They were not asked."
            raise Conflict(sentence, "content-changed")
        raise Asked(f"The holder of {self.name} still serves a photograph. They are asked to erase it.")

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Asks for the status alone, where `erase_copy` reads the bytes. Only 404 and 410 say that it is gone."""
        return "absent" if self._asked(self._named(ref), 0) is None else "present"

    def described(self) -> Sequence[Line]:
        manifest = self._manifest()
        return [manifest.by_key[key].line for key in manifest.keys]

    def _manifest(self) -> Manifest:
        try:
            return held_elsewhere.read(self._path, self._hosts)
        except OSError as problem:
            raise StoreUnavailable(f"The manifest of {self.name} is not there.") from problem
        except BadManifest as problem:
            raise StoreUnavailable(f"The manifest of {self.name} has changed. {problem.sentence}") from problem

    def _held(self, key: str) -> Held | None:
        tree.names_of(key)
        return self._manifest().by_key.get(key)

    def _named(self, ref: str) -> Held:
        """Where the picture of a ref is. Without its line nobody can look, and nothing may be said to be gone."""
        one = self._held(ref)
        if one is None:
            raise ObjectUnreadable(
                f"The manifest of {self.name} does not name this picture any more, so its holder cannot be asked. "
                "Put its line back until the erasure is over.",
                "line-missing",
            )
        return one

    def _bytes_of(self, one: Held) -> bytes | None:
        return self._asked(one, one.size or LARGEST_PICTURE)

    def _asked(self, one: Held, most: int) -> bytes | None:
        """What the holder gives, at most so many bytes; None when it is gone. Raises ObjectUnreadable, TooLarge."""
        came, data = fetching.fetch(one.url, self._hosts, most)
        if came == "gone":
            return None
        if came == "too-big":
            raise TooLarge(f"The holder of {self.name} gives more than {most} bytes for a picture. It was left.")
        if came != "fetched":
            raise ObjectUnreadable(f"A picture of {self.name} cannot be read: {WHY[came]}.", came)
        return data

    def _can_open(self, key: str, notes: Texts) -> bool:
        try:
            self.open(key)
        except (NotFound, ObjectUnreadable, TooLarge) as problem:
            notes.append(problem.sentence)
            return not isinstance(problem, ObjectUnreadable)
        return True

"""A bucket that can put other bytes in the place of an object: what is left of a photograph without one face.

It also knows, by the operator's patterns, which other objects were made of a photograph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Literal

from portal.errors import NotAllowed, NotFound
from portal.stores import copies
from portal.stores.connector import Texts
from portal.stores.s3 import S3, Kind, is_safe, ref_of
from portal.stores.s3_client import Missing, NotOffered

# What an object says of itself beside its bytes, and goes on saying.
KEPT = ("ContentType", "CacheControl", "ContentDisposition", "ContentLanguage", "Metadata", "StorageClass")


class RewritableS3(S3):
    """Connector to a bucket. Settings: those of `S3`, and perhaps `copies`, patterns of objects made of another."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        super().__init__(name, settings, may_erase, mark)
        self._patterns: Texts = settings.get("copies") or []

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        patterns, others = copies.taken_from(settings)
        copies.refuse_unfixed(patterns)
        kept = S3.clean(others)
        return {**kept, "copies": patterns} if patterns else kept

    def enumerate_copies(self, key: str) -> Texts:
        """All versions of the object, then all of those made of it. Others with the same bytes go by their digests."""
        return [ref for each in (key, *self._made_of(key)) for ref in super(RewritableS3, self).enumerate_copies(each)]

    def derived_copies(self, key: str) -> dict[str, bytes]:
        """All versions of the objects that were made of one. What has no bytes has the digest of none."""
        refs = [ref for made in self._made_of(key) for ref in super(RewritableS3, self).enumerate_copies(made)]
        return {ref: self._digest_at(*self._parts(ref)) for ref in refs}

    def _made_of(self, key: str) -> Texts:
        return copies.made_among(self._keys_below, key, self._patterns) if self._patterns else []

    def _digest_at(self, key: str, kind: Kind, name: str) -> bytes:
        if kind in ("object", "version"):
            which = {"VersionId": name} if name else {}
            with suppress(Missing):
                return self._digest_of(self._bucket.call("get_object", Key=self._full(key), **which))
        return hashlib.sha256().digest()

    def replace_copy(self, ref: str, digest: bytes, data: bytes) -> Literal["replaced"]:
        """The new bytes become the object, then each older version with the approved ones goes.

        Asked before: whether a lock keeps one of them, as then nothing is replaced at all.
        """
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        try:
            answer = self._read(ref, digest)
        except Missing as problem:
            self._still_there()
            raise NotFound(f"This object is not in {self.name} any more.") from problem
        for _, older in self._older(ref, digest):
            self._refuse_locked(older)
        said = {name: answer[name] for name in KEPT if answer.get(name)}
        self._refuse_other_than(ref, answer)
        self._bucket.call("put_object", Key=self._full(ref), Body=data, **said)
        self.erase_older(ref, digest)
        return "replaced"

    def is_version_of(self, key: str, ref: str) -> bool:
        return self._parts(ref)[0] == key

    def erase_older(self, key: str, digest: bytes) -> None:
        for version, answer in self._older(key, digest, behind=True):
            self._refuse_locked(answer)
            self.erase_copy(ref_of(key, "version", version), digest)

    def has_older(self, key: str, digest: bytes) -> bool:
        return any(True for _ in self._older(key, digest, behind=True))

    def _older(self, key: str, digest: bytes, behind: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """Versions with these bytes, and what the bucket says of each; `behind`: without the one that counts."""
        versions, _ = self._versions(key)
        for one in versions:
            if behind and one["IsLatest"]:
                continue
            answer = self._bucket.call("get_object", Key=self._full(key), VersionId=one["VersionId"])
            if self._digest_of(answer) == digest:
                yield one["VersionId"], answer

    def _keys_below(self, prefix: str) -> Iterator[str]:
        """Every key that begins so, also one that is only left as an older version."""
        full = self._prefix + prefix
        try:
            seen = {
                one["Key"] for page in self._version_pages(full) for kind in ("Versions", "DeleteMarkers")
                for one in page.get(kind, [])
            }  # fmt: skip
        except NotOffered:
            seen = {one["Key"] for one in self._objects(full, "")}
        keys = (key.removeprefix(self._prefix) for key in sorted(seen))
        yield from (key for key in keys if is_safe(key))

"""A store that is a bucket of S3, or of a server that speaks as S3 does. A key is what follows the prefix.

An object is gone when every version of it, its delete markers and its unfinished uploads are gone. A version goes only
when its own bytes have the approved SHA-256: an ETag is no digest. A delete marker and an unfinished upload have no
bytes that anybody could read. They are approved with the key: a marker goes once no version is left that it hides, an
upload because it could bring back what was erased.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from portal import clock
from portal.errors import BadInput, Conflict, NotAllowed, NotFound, ObjectUnreadable, StoreUnavailable, TooLarge
from portal.stores.connector import LARGEST_OBJECT, Check, Found, Locked, Texts
from portal.stores.s3_client import Bucket, Forbidden, Missing, NotOffered, checked_settings

SAMPLE = 12
PROBE = ".efface-probe-"
# The names of the portal's own tombstones: no object may have one of them.
TOMBSTONES = "/erased/"
# No key holds this character: what follows it in a ref names a version, a delete marker or an unfinished upload.
APART = "\0"
Kind = Literal["object", "version", "marker", "upload"]
KINDS: tuple[Kind, ...] = ("version", "marker", "upload")


class S3:
    """Connector to a bucket. Settings: `bucket`, `prefix`, `endpoint`, `region`, `addressing`, `profile`."""

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None:
        self.name = name
        self.may_erase = may_erase
        self.mark = mark
        self._prefix: str = settings.get("prefix") or ""
        self._bucket = Bucket(name, settings)

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        return checked_settings(settings)

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        if (one["endpoint"], one["bucket"]) != (other["endpoint"], other["bucket"]):
            return False
        here, there = one["prefix"], other["prefix"]
        return bool(here.startswith(there) or there.startswith(here))

    def check(self) -> Check:
        """Where erasing is allowed, an object with a name of its own is made below the prefix and removed."""
        notes: Texts = []
        self._still_there()
        sample = [found.key for found in islice(self.list(), SAMPLE)]
        readable = all([self._can_open(key, notes) for key in sample[:3]])
        if not sample:
            notes.append("There is no object below this prefix.")
        all_seen = self._can_see_copies(notes)
        writable, erasable = self._try_erasing(notes)
        return Check(readable, True, writable, erasable and all_seen, None, notes, sample)

    def count(self) -> int:
        return sum(1 for _ in self.list())

    def list(self, after: str | None = None) -> Iterator[Found]:
        """The bucket lists in the order of the keys' UTF-8 bytes, which is that of their code points."""
        for one in self._objects(self._prefix, self._prefix + (after or "")):
            if self._is_listed(one):
                version = f"{one['Size']}-{one['ETag']}-{one['LastModified'].timestamp()}"
                yield Found(one["Key"].removeprefix(self._prefix), one["Size"], version)
        # A bucket that was taken away while it was read would look as if its photographs had gone.
        self._still_there()

    def _objects(self, prefix: str, last: str) -> Iterator[Any]:
        """What the bucket lists below a prefix, after a key."""
        while True:
            page, before = self._bucket.call("list_objects_v2", Prefix=prefix, StartAfter=last), last
            for one in page.get("Contents", []):
                if one["Key"] <= last:
                    raise StoreUnavailable(f"The bucket of {self.name} does not list in order.", "not-in-order")
                last = one["Key"]
                yield one
            if not page["IsTruncated"]:
                return
            if last == before:
                raise StoreUnavailable(f"The bucket of {self.name} gave half an answer.")

    def open(self, key: str) -> bytes:
        try:
            answer = self._bucket.call("get_object", Key=self._full(key))
        except Missing as problem:
            self._still_there()
            raise NotFound(f"This object is not in {self.name} any more.") from problem
        except Forbidden as problem:
            self._still_there()
            raise ObjectUnreadable(problem.sentence) from problem
        if answer["ContentLength"] > LARGEST_OBJECT:
            answer["Body"].close()
            raise TooLarge(f"This object is larger than {LARGEST_OBJECT >> 20} megabytes, so it was not looked at.")
        return b"".join(self._bucket.chunks(answer["Body"]))

    def enumerate_copies(self, key: str) -> Texts:
        """Older versions first, so that taking a newer one away never lets an older one be seen; markers after them."""
        versions, markers = self._versions(key)
        refs = [ref_of(key, "version", one["VersionId"]) for one in reversed(versions)]
        if not markers and [one["VersionId"] for one in versions] == ["null"]:
            refs = []  # A bucket that never had versions: the object itself is all there is.
        refs += [ref_of(key, "upload", upload) for upload in self._uploads(key)]
        return [*refs, *(ref_of(key, "marker", one["VersionId"]) for one in markers), key]

    def erase_copy(self, ref: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        """Raises Locked, with the day until which, when the bucket's object lock holds a version."""
        key, kind, name = self._parts(ref)
        if not self.may_erase:
            raise NotAllowed(f"The operator has not allowed erasing in {self.name}.", "may-not-erase")
        try:
            if kind == "upload":
                self._bucket.call("abort_multipart_upload", Key=self._full(key), UploadId=name)
            elif kind == "marker":
                return self._erase_marker(key, name)
            else:
                self._erase_bytes(key, name, digest)
        except Missing:
            self._still_there()
            return "already-absent"
        return "deleted"

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Asks for the head of the object and reads the listings, where `erase_copy` reads the bytes and deletes."""
        key, kind, name = self._parts(ref)
        if kind == "upload":
            seen = name in self._uploads(key) or self._answers("list_parts", key, UploadId=name)
        elif kind == "object":
            page = self._bucket.call("list_objects_v2", Prefix=self._full(key), MaxKeys=1)
            listed = any(one["Key"] == self._full(key) for one in page.get("Contents", []))
            seen = listed or self._answers("head_object", key)
        else:
            versions, markers = self._versions(key)
            listed = any(one["VersionId"] == name for one in versions + markers)
            seen = listed or (kind == "version" and self._answers("head_object", key, VersionId=name))
        return "present" if seen else "absent"

    def _erase_bytes(self, key: str, version: str, digest: bytes) -> None:
        """Delete one version, or what the key holds now. Raises Missing, Conflict, Locked."""
        answer = self._read(key, digest, version)
        self._refuse_locked(answer)
        if "VersionId" in answer:
            self._hide_what_would_surface(key, answer["VersionId"])
        else:
            self._refuse_other_than(key, answer)
        which = {"VersionId": answer["VersionId"]} if "VersionId" in answer else {}
        self._bucket.call("delete_object", Key=self._full(key), **which)

    def _read(self, key: str, digest: bytes, version: str = "") -> dict[str, Any]:
        """What the bucket says of a version, or of the object, whose bytes are these. Raises Missing, Conflict."""
        which = {"VersionId": version} if version else {}
        answer = self._bucket.call("get_object", Key=self._full(key), **which)
        if self._digest_of(answer) != digest:
            self._changed()
        return answer

    def _digest_of(self, answer: Mapping[str, Any]) -> bytes:
        state = hashlib.sha256()
        for chunk in self._bucket.chunks(answer["Body"]):
            state.update(chunk)
        return state.digest()

    def _refuse_other_than(self, key: str, answer: Mapping[str, Any]) -> None:
        """While the bytes were read, another object may have come to this name."""
        now = self._bucket.call("head_object", Key=self._full(key))
        if any(now.get(field) != answer.get(field) for field in ("ETag", "LastModified", "ContentLength")):
            self._changed()

    def _hide_what_would_surface(self, key: str, version: str) -> None:
        """Versions that are kept (other bytes, or locked) stay behind a delete marker, as they were behind this one."""
        versions, _ = self._versions(key)
        if len(versions) > 1 and any(one["IsLatest"] and one["VersionId"] == version for one in versions):
            self._bucket.call("delete_object", Key=self._full(key))

    def _erase_marker(self, key: str, name: str) -> Literal["deleted", "already-absent"]:
        versions, markers = self._versions(key)
        if all(one["VersionId"] != name for one in markers):
            return "already-absent"
        if versions:
            raise Conflict(
                f"In {self.name} an older version of a photograph is kept. What hides it stays.", "older-version-kept"
            )
        self._bucket.call("delete_object", Key=self._full(key), VersionId=name)
        return "deleted"

    def _refuse_locked(self, answer: Mapping[str, Any]) -> None:
        until = answer.get("ObjectLockRetainUntilDate")
        if answer.get("ObjectLockLegalHoldStatus") == "ON":
            raise Locked(f"A legal hold keeps a photograph in {self.name} until somebody lifts it.", None)
        if isinstance(until, datetime) and until > clock.now():
            raise Locked(f"A lock of {self.name} keeps a photograph until {until.date().isoformat()}.", until)

    def _versions(self, key: str) -> tuple[Any, Any]:
        """(versions, delete markers) of exactly this key, newest first."""
        full = self._full(key)
        versions, markers = [], []
        try:
            for page in self._version_pages(full):
                versions += [one for one in page.get("Versions", []) if one["Key"] == full]
                markers += [one for one in page.get("DeleteMarkers", []) if one["Key"] == full]
                # The versions of one key stand together; after them come keys that only begin as this one does.
                if page.get("NextKeyMarker", full) != full:
                    break
        except NotOffered:
            return [], []
        return versions, markers

    def _version_pages(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Raises NotOffered where the server knows no versions."""
        place: dict[str, str] = {}
        while True:
            page = self._bucket.call("list_object_versions", Prefix=prefix, **place)
            yield page
            if not page["IsTruncated"]:
                return
            place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _uploads(self, key: str) -> Texts:
        full, found = self._full(key), []
        place: dict[str, str] = {}
        while True:
            try:
                page = self._bucket.call("list_multipart_uploads", Prefix=full, **place)
            except NotOffered:
                return []
            found += [one["UploadId"] for one in page.get("Uploads", []) if one["Key"] == full]
            if not page["IsTruncated"] or page.get("NextKeyMarker", full) != full:
                return found
            place = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _answers(self, operation: str, key: str, **which: str) -> bool:
        try:
            self._bucket.call(operation, Key=self._full(key), **which)
        except Missing:
            return False
        return True

    def _can_open(self, key: str, notes: Texts) -> bool:
        try:
            self.open(key)
        except (ObjectUnreadable, TooLarge) as problem:
            notes.append(problem.sentence)
            return isinstance(problem, TooLarge)
        return True

    def _can_see_copies(self, notes: Texts) -> bool:
        """Whether versions and unfinished uploads can be listed: without that nothing could be said to be gone."""
        seen = True
        for operation in ("list_object_versions", "list_multipart_uploads"):
            try:
                self._bucket.call(operation, Prefix=self._prefix)
            except NotOffered as problem:
                notes.append(problem.sentence)
            except Forbidden as problem:
                notes.append(problem.sentence)
                seen = False
        try:
            status = self._bucket.call("get_bucket_versioning").get("Status", "off")
            notes.append(f"Versions: {status.lower()}. Every version is erased that has the approved bytes.")
        except (Forbidden, NotOffered) as problem:
            notes.append(problem.sentence)
        return seen

    def _try_erasing(self, notes: Texts) -> tuple[bool, bool]:
        """(writable, erasable): whether an object of our own could be made, and removed."""
        if not self.may_erase:
            notes.append("Erasing was not tried: the operator has not allowed it here.")
            return False, False
        if self._locks_what_is_new(notes):
            return False, False
        probe = f"{self._prefix}{PROBE}{secrets.token_hex(8)}"
        try:
            made = self._bucket.call("put_object", Key=probe, Body=b"")
        except Forbidden as problem:
            notes.append(f"Erasing could not be tried on an object of our own. {problem.sentence}")
            return False, False
        which = {"VersionId": made["VersionId"]} if "VersionId" in made else {}
        try:
            self._bucket.call("delete_object", Key=probe, **which)
        except Forbidden as problem:
            left = probe.removeprefix(self._prefix)
            notes.append(f"Nothing can be erased here. {problem.sentence} A test object was left behind: {left}.")
            return True, False
        return True, True

    def _locks_what_is_new(self, notes: Texts) -> bool:
        """A test object in such a bucket could not be removed for years."""
        try:
            answer = self._bucket.call("get_object_lock_configuration")
        except NotOffered:
            return False
        except Forbidden as problem:
            notes.append(problem.sentence)
            return False
        locked = answer.get("ObjectLockConfiguration", {})
        notes.append("This bucket has object lock: what is locked stays until its day, and the certificate says so.")
        if locked.get("Rule"):
            notes.append("Each new object is locked at once, so erasing was not tried on one of our own.")
        return bool(locked.get("Rule"))

    def _still_there(self) -> None:
        self._bucket.call("head_bucket")

    def _is_listed(self, one: Mapping[str, Any]) -> bool:
        """Not: signs that stand for folders, our own test objects, tombstones' names, names that lead out."""
        key = one["Key"].removeprefix(self._prefix)
        folder = key.endswith("/") and not one["Size"]
        own = key.startswith(TOMBSTONES) or key.rpartition("/")[2].startswith(PROBE)
        return not folder and not own and is_safe(key)

    def _full(self, key: str) -> str:
        if not is_safe(key):
            raise BadInput("This name leads out of the store, so it was not opened.", "key-outside")
        return self._prefix + key

    def _parts(self, ref: str) -> tuple[str, Kind, str]:
        """(key, kind, id) of a ref. Raises BadInput when `enumerate_copies` cannot have given it."""
        key, *rest = ref.split(APART)
        self._full(key)
        if not rest:
            return key, "object", ""
        if len(rest) != 2 or rest[0] not in KINDS or not rest[1]:
            raise BadInput("This is no copy of an object in this store.", "key-outside")
        return key, rest[0], rest[1]

    def _changed(self) -> None:
        sentence = f"An object in {self.name} has other bytes than those approved. It was not touched."
        raise Conflict(sentence, "content-changed")


def is_safe(key: str) -> bool:
    """False for keys that are left alone: a server in between may take `..` for the folder above, whatever S3 says."""
    return bool(key) and APART not in key and not {".", ".."} & set(key.split("/"))


def ref_of(key: str, kind: Kind, name: str) -> str:
    return APART.join((key, kind, name))

"""What every connector can do, and the small values it speaks in. Nothing here knows a kind of store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from portal.errors import Conflict

# Inside a class with a method called `list`, the type needs another name.
Texts = list[str]

LARGEST_OBJECT = 256 * 1024 * 1024
"""Bytes of the largest object that is read into memory as a whole."""


class Locked(Conflict):
    """The store itself holds a copy, and nobody may delete it before a time; `until` is None when no time is set."""

    code = "residual"

    def __init__(self, sentence: str, until: datetime | None) -> None:
        super().__init__(sentence)
        self.until = until


class Asked(Locked):
    """Somebody else holds the copy, and only they can delete it. Whether they did is looked at again and again."""

    code = "asked-of-holder"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, None)


@dataclass(frozen=True)
class Found:
    """An object in a store: its key, its size in bytes, and a text that changes when the object does."""

    key: str
    size: int
    version: str


@dataclass(frozen=True)
class Check:
    """What a connector may do in its store, found out by trying.

    `mark` tells this store from another that stands in its place, such as the empty folder where a disk was.
    `notes` are sentences for the operator, `sample` up to twelve keys.
    """

    readable: bool
    listable: bool
    writable: bool
    erasable: bool
    mark: str | None = None
    notes: list[str] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)


class Connector(Protocol):
    """The way into one store. Every call may raise StoreUnavailable: the store is away, or not the one we know.

    A key names an object and is the same in every call. A ref names one copy of an object: it is what
    `enumerate_copies` gave and means nothing outside its connector.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], may_erase: bool, mark: str | None = None) -> None: ...

    @staticmethod
    def clean(settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings as they are to be kept. Raises BadInput naming what is wrong, StoreUnavailable."""

    @staticmethod
    def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """True when two stores of this kind share objects: an erasure in one would surprise the other."""

    def check(self) -> Check:
        """Try what can be done. Existing objects are never touched; erasing is tried on a probe of our own."""

    def count(self) -> int:
        """How many objects `list` would give now."""

    def list(self, after: str | None = None) -> Iterator[Found]:
        """All objects in ascending order of their keys, from the first key greater than `after`."""

    def open(self, key: str) -> bytes:
        """The bytes. Raises NotFound (vanished), TooLarge, BadInput (key outside the store), StoreUnavailable.

        An ObjectUnreadable concerns this object alone, any other StoreUnavailable the store.
        """

    def enumerate_copies(self, key: str) -> Texts:
        """Refs of all places where copies of this object are or may be: itself, its versions, derived files.

        The place of the object itself is always among them, so that looking again has a place to look at.
        """

    def erase_copy(self, ref: str, digest: bytes) -> Literal["deleted", "already-absent"]:
        """Delete one copy, if its bytes have the approved SHA-256 `digest`. Safe to repeat.

        Raises Conflict `content-changed` when the bytes are others (nothing is deleted then), NotAllowed when the
        operator has not allowed erasing here, Locked when the store itself keeps it until a time, Asked when it is
        held by somebody else, StoreUnavailable when it is away or read-only.
        """

    def probe_copy(self, ref: str) -> Literal["absent", "present"]:
        """Look whether a copy is still there, by another path than `erase_copy` uses."""


@runtime_checkable
class Together(Protocol):
    """What a connector has besides when one writing can erase many copies, as in an archive."""

    def erase_together(self, wanted: Mapping[str, bytes]) -> Mapping[str, Literal["deleted", "already-absent"]]:
        """Erase copies by their refs and approved digests. One whose bytes are others is kept, and not answered."""


@runtime_checkable
class InBulk(Protocol):
    """What a connector has besides when it erases and looks for thousands of copies cheaper than one by one."""

    def enumerate_copies(self, key: str) -> Texts: ...

    def whole_of(self, key: str) -> str:
        """What is written anew when this object is erased: an archive. The key itself where that is only the object."""

    def erase_many(self, wanted: Mapping[str, bytes]) -> Mapping[str, Literal["deleted", "already-absent"]]:
        """Erase copies by their refs and approved digests. One whose bytes are others is kept, and not answered."""

    def probe_many(self, refs: Collection[str]) -> set[str]:
        """Which of the copies are still there, by another path than `erase_many` uses."""


@runtime_checkable
class Packed(Protocol):
    """What a connector has besides when its objects lie in archives: their next version is what these are then."""

    def whole_of(self, key: str) -> str: ...

    def digest_of_whole(self, whole: str) -> str | None:
        """SHA-256 of an archive as it lies there now, in hexadecimal; None where there is none."""


@runtime_checkable
class Replacing(Protocol):
    """What a connector has besides when it can put other bytes in an object's place, at once and for good."""

    def replace_copy(self, ref: str, digest: bytes, data: bytes) -> Literal["replaced"]:
        """Put `data` in the place of one copy whose bytes have the approved `digest`. Who looks sees one or the other.

        Raises NotFound when there is none, and what `erase_copy` raises. Nothing of the old bytes stays in the store.
        """


@runtime_checkable
class Versioned(Protocol):
    """What a connector has besides when bytes may lie behind an object, also after `replace_copy` was killed."""

    def is_version_of(self, key: str, ref: str) -> bool:
        """Whether a ref is of this object, and not of another that was made of it."""

    def erase_older(self, key: str, digest: bytes) -> None:
        """Delete what lies behind an object and has these bytes. Raises what `erase_copy` raises."""

    def has_older(self, key: str, digest: bytes) -> bool:
        """Whether something with these bytes still lies behind it."""


@runtime_checkable
class Deriving(Protocol):
    """What a connector has besides when it knows where files lie that were made of an object, such as thumbnails."""

    def derived_copies(self, key: str) -> dict[str, bytes]:
        """Refs of these files, with the SHA-256 of the bytes that each has now. They are among `enumerate_copies`."""

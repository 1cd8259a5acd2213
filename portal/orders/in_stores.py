"""Erasing many photographs in their stores, and looking for them again there by another path.

Archives are written anew, so all that goes from one is asked for at once: `whole_of` says which lie together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from portal.errors import Conflict, StoreUnavailable
from portal.orders.chunks import LETTER, Item
from portal.stores import Connector, Deriving, InBulk, Locked

DAMAGED = "archive-damaged"
# Of several copies of one photograph the end that keeps the most counts for it.
WORSE = {LETTER[end]: place for place, end in enumerate(("already-absent", "deleted", "content-changed", "residual"))}


def wholes(connectors: dict[str, Connector | None]) -> Callable[[Item], tuple[str, str]]:
    """What says of a photograph what is written anew when it is erased: itself, or the archive it lies in."""
    # Asking a connector what it can costs more than the answer: once for each is enough.
    of_store: dict[str, Callable[[str], str]] = {}
    for store, connector in connectors.items():
        if isinstance(connector, InBulk):
            of_store[store] = connector.whole_of
    return lambda item: (item.store, of_store[item.store](item.key) if item.store in of_store else item.key)


def erase(
    connectors: dict[str, Connector | None],
    items: Sequence[Item],
    ends: dict[int, bytes],
    locks: list[datetime | None],
) -> None:
    """Erase the photographs. A store that is not known any more holds nothing.

    To `ends` is added the letter of its end for each image, to `locks` until when a store keeps what it keeps, as far
    as it says. Raises StoreUnavailable when a store is away; what was erased until then is in `ends`.
    """
    for store, group in groupby(items, key=lambda item: item.store):
        connector = connectors[store]
        if connector is None:
            ends.update({item.image: LETTER["already-absent"] for item in group})
        elif isinstance(connector, InBulk):
            for archive in _archives(connector, group):
                ends.update(_erase_many(connector, archive))
        else:
            for item in group:
                ends[item.image] = _erase_one(connector, item, locks)


def still_there(connectors: dict[str, Connector | None], items: Sequence[Item]) -> set[int]:
    """Images of which a copy is seen in its store."""
    seen: set[int] = set()
    for store, group in groupby(items, key=lambda item: item.store):
        connector, some = connectors[store], list(group)
        if connector is None:
            continue
        refs = {ref: item.image for item in some for ref in connector.enumerate_copies(item.key)}
        if isinstance(connector, InBulk):
            seen |= {refs[ref] for ref in connector.probe_many(refs)}
        else:
            seen |= {image for ref, image in refs.items() if connector.probe_copy(ref) == "present"}
        # Nothing seen is no proof where nowhere was looked.
        seen |= {item.image for item in some} - set(refs.values())
    return seen


def _archives(connector: InBulk, items: Iterator[Item]) -> Iterator[list[Item]]:
    """What is asked for at once: files all together, archives one by one, so that a broken one keeps no other."""
    together: dict[str, list[Item]] = {}
    for item in items:
        whole = connector.whole_of(item.key)
        together.setdefault("" if whole == item.key else whole, []).append(item)
    yield from together.values()


def _erase_many(connector: InBulk, items: list[Item]) -> dict[int, bytes]:
    digests_of = _digests_in(connector)
    refs = {ref: (item, digest) for item in items for ref, digest in digests_of(item).items()}
    try:
        results = connector.erase_many({ref: digest for ref, (_, digest) in refs.items()})
    except StoreUnavailable as problem:
        if problem.code != DAMAGED:
            raise
        return {item.image: LETTER[DAMAGED] for item in items}
    ends: dict[int, bytes] = {}
    for ref, (item, _) in refs.items():
        end = LETTER[results.get(ref, "content-changed")]
        ends[item.image] = end if WORSE[end] >= WORSE[ends.get(item.image, end)] else ends[item.image]
    return ends


def _digests_in(connector: Connector | InBulk) -> Callable[[Item], dict[str, bytes]]:
    """What says of a photograph which copies it has, each with the digest under which it goes.

    Who approves an order approves that what was made of a photograph, by the store's patterns, goes with it: there are
    too many to list each by its bytes, so they go under those that they have now.
    """
    # Asking a connector what it can costs more than the answer: once for all is enough.
    derived = connector.derived_copies if isinstance(connector, Deriving) else lambda _: {}

    def digests_of(item: Item) -> dict[str, bytes]:
        return dict.fromkeys(connector.enumerate_copies(item.key), item.digest) | derived(item.key)

    return digests_of


def _erase_one(connector: Connector, item: Item, locks: list[datetime | None]) -> bytes:
    """A copy that may not go does not keep the others: all are tried."""
    results: list[str] = []
    for ref, digest in _digests_in(connector)(item).items():
        try:
            results.append(connector.erase_copy(ref, digest))
        except Locked as problem:
            locks.append(problem.until)
            results.append("residual")
        except Conflict:
            results.append("content-changed")
    return max((LETTER[result] for result in results), key=WORSE.__getitem__, default=LETTER["already-absent"])

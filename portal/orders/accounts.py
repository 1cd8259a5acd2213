"""The names of accounts an order is about: personal data, so they rest sealed, and are purged when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from portal.errors import BadInput
from portal.keys import keys_of
from portal.tables import Order

LARGEST_LIST = 8 * 1024 * 1024


def read_list(data: bytes) -> list[str]:
    """Names of accounts, one a line, as manifests have them. Raises BadInput."""
    if len(data) > LARGEST_LIST:
        raise BadInput(f"The list is larger than {LARGEST_LIST >> 20} megabytes. Make several orders.", "list-too-long")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise BadInput("The list of accounts is not text in UTF-8.", "list-not-text") from problem
    names = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise BadInput("The list has no account in it.", "list-empty")
    if any(len(name) > 300 or "\0" in name for name in names):
        raise BadInput("A line of the list is longer than 300 letters, or has a zero byte in it.", "list-line-wrong")
    return names


def keep(session: Session, order: Order, counts: Mapping[str, int]) -> None:
    """Seal the names, each with how many of its photographs the plan holds."""
    order.sealed_accounts = keys_of(session).seal(json.dumps(dict(counts)).encode(), _place(order))


def counts_of(session: Session, order: Order) -> dict[str, int]:
    """How many photographs of each account are in the plan. Empty for other orders, and once it is over."""
    if order.sealed_accounts is None:
        return {}
    counts: dict[str, int] = json.loads(keys_of(session).unseal(order.sealed_accounts, _place(order)))
    return counts


def names_of(session: Session, order: Order) -> Iterable[str]:
    return counts_of(session, order)


def count(session: Session, order: Order, found: Iterable[str]) -> None:
    """Add photographs, given by the account of each."""
    counts = counts_of(session, order)
    for name in found:
        counts[name] = counts.get(name, 0) + 1
    keep(session, order, counts)


def _place(order: Order) -> str:
    return f"order/{order.id}/accounts"

"""What people read before they approve an order: counts, whom it reached, what is gone already, and the digest."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.orders import accounts, making, people
from portal.tables import Order, Store

ACCOUNTS_SHOWN = 20


@dataclass(frozen=True)
class Preview:
    """`counts` are names with numbers, in the order in which they are read; `reached` are (kind, name, how)."""

    title: str
    reason: str
    state: str
    images: int
    counts: list[tuple[str, int]]
    reached: list[tuple[str, str, str]]
    digest: str | None


def preview(session: Session, order: Order) -> Preview:
    return Preview(
        title=making.title(session, order),
        reason=order.reason,
        state=order.state,
        images=order.images,
        counts=_counts(session, order),
        reached=[(item.kind, item.name, item.via) for item in people.items_of(session, order)],
        digest=order.plan_digest,
    )


def _counts(session: Session, order: Order) -> list[tuple[str, int]]:
    plan = order.plan or {"stores": {}, "unread": 0, "reached": {}}
    counts = [("Photographs", order.images)]
    for store_id, count in plan["stores"].items():
        store = session.get(Store, store_id)
        counts.append((f"in the store {store.name if store else store_id}", count))
    for one in plan["reached"].get("datasets", {}).values():
        counts.append((f"in the dataset {one['name']}", one.get("photographs", 0)))
    counts += _of_accounts(session, order)
    if plan["unread"]:
        counts.append(("could never be read to their end and stay", plan["unread"]))
    before = plan.get("before", {})
    if before.get("erased"):
        counts.append(("in these stores were erased before", before["erased"]))
    if before.get("gone"):
        counts.append(("in these stores had gone by themselves", before["gone"]))
    return counts


def _of_accounts(session: Session, order: Order) -> list[tuple[str, int]]:
    """The accounts with the most photographs, and how many have none. Names are personal: only admins see them."""
    found = sorted(accounts.counts_of(session, order).items(), key=lambda one: (-one[1], one[0]))
    if not found:
        return []
    none = sum(not count for _, count in found)
    shown = [(f"of the account {name}", count) for name, count in found[:ACCOUNTS_SHOWN] if count]
    return [*shown, *([("accounts of the list have no photograph here", none)] if none else [])]

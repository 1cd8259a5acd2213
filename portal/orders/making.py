"""Making an order, approving it by two people, pausing it, cancelling it before it has begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.jobs import make_due
from portal.orders import accounts, selecting
from portal.tables import Dataset, Image, Order, Source, Store
from portal.tables.orders import OATHS, ORDER_KINDS, SUPPRESSES

LONGEST_REASON = 1000
BEFORE_START = ("planning", "planned", "cooling", "stopped")
AT_WORK = ("planning", "cooling", "running", "checking")


@dataclass(frozen=True)
class Wish:
    """An order as somebody asks for it. `target`: id or name of a source, store or dataset (`name version`).

    `accounts` is the file of a list; `before` or `days` say what is too old, in the stores named by `stores` or in all.
    """

    kind: str
    reason: str
    signatory: str
    position: str
    target: str = ""
    accounts: bytes = b""
    before: str = ""
    days: int | None = None
    stores: tuple[str, ...] = ()
    suppresses: str = "near"
    oath: str = "statement"


def make(session: Session, wish: Wish, account_id: str | None) -> Order:
    """A new order; a worker freezes its plan. Raises BadInput, or NotFound when something named is not there."""
    if wish.kind not in ORDER_KINDS or wish.suppresses not in SUPPRESSES or wish.oath not in OATHS:
        raise BadInput("Choose from the lists what is to be erased, what is kept after, and how it is sworn.")
    order = Order(
        kind=wish.kind,
        selection=_selection(session, wish),
        reason=_said("reason", wish.reason, LONGEST_REASON),
        signatory=_said("signatory", wish.signatory, 200),
        position=_said("position", wish.position, 200),
        suppresses=wish.suppresses,
        oath=wish.oath,
        asked_by=account_id,
        asked_at=clock.now(),
    )
    session.add(order)
    session.flush()
    if wish.kind == "accounts":
        accounts.keep(session, order, dict.fromkeys(accounts.read_list(wish.accounts), 0))
    _refuse_nowhere(session, order)
    audit.append(session, "order-made", {"order": order.id, "of": order.kind})
    make_due(session, order)
    return order


def approve(session: Session, order: Order, account_id: str, digest: str) -> None:
    """One of two people approves exactly this plan. With the second approval the cooling time starts."""
    if order.state != "planned":
        raise Conflict("This order is not waiting for approval.", "not-waiting")
    if digest != order.plan_digest:
        raise Conflict("The plan has changed since you read it. Read it again.", "plan-changed")
    if not order.images:
        raise Conflict("There is nothing in this plan to erase.", "plan-empty")
    _refuse_locked_stores(session, order)
    config = config_of(session)
    audit.append(session, "order-approved", {"order": order.id, "digest": digest, "by": account_id})
    if order.first_by is None:
        order.first_by, order.first_at = account_id, clock.now()
        if config.two_people:
            session.flush()
            return
    elif order.first_by == account_id and config.two_people:
        raise NotAllowed("You have approved this order already. A second person must approve it, too.", "same-person")
    order.second_by, order.second_at = account_id, clock.now()
    order.one_person = order.first_by == account_id
    cooling = timedelta(hours=config.cooling_hours)
    order.state, order.cooling_until = "cooling", clock.now() + cooling
    make_due(session, order, cooling)


def pause(session: Session, order: Order) -> None:
    """Ask that no more is done. A worker that is at it stops after its batch; what is done stays done."""
    session.refresh(order, with_for_update=True)
    if order.state not in AT_WORK or order.paused:
        raise Conflict("This order is not running.", "not-running")
    order.paused = True
    if order.work_state != "leased":
        order.work_state = "idle"
    audit.append(session, "order-paused", {"order": order.id})
    session.flush()


def resume(session: Session, order: Order) -> None:
    """Go on where it stopped; also after a trouble for which a person had to look."""
    session.refresh(order, with_for_update=True)
    if order.state not in AT_WORK or not (order.paused or order.work_state in ("failed", "due")):
        raise Conflict("This order is not paused.", "not-paused")
    order.paused = False
    if order.work_state != "leased":
        left = order.cooling_until - clock.now() if order.state == "cooling" and order.cooling_until else timedelta(0)
        make_due(session, order, max(left, timedelta(0)))
    audit.append(session, "order-resumed", {"order": order.id})
    session.flush()


def cancel(session: Session, order: Order) -> None:
    """End an order before anything was erased. Raises Conflict once it has begun: what is gone cannot come back."""
    session.refresh(order, with_for_update=True)
    if order.state not in BEFORE_START:
        raise Conflict("This order has begun, so it cannot be cancelled. You can pause it.", "begun")
    order.state, order.work_state, order.sealed_accounts = "cancelled", "idle", None
    order.fence += 1
    audit.append(session, "order-cancelled", {"order": order.id})
    session.flush()


def find(session: Session, order_id: str) -> Order:
    """The order with this id, or whose id begins so. Raises NotFound."""
    found = list(session.scalars(select(Order).where(Order.id.startswith(order_id, autoescape=True)).limit(2)))
    if len(found) != 1 or len(order_id) < 6:
        raise NotFound("There is no such order.")
    return found[0]


def newest_first(session: Session) -> list[Order]:
    return list(session.scalars(select(Order).order_by(Order.asked_at.desc(), Order.id)))


def title(session: Session, order: Order) -> str:
    """What the order is about, in a few words."""
    if order.kind == "source":
        return f"All of the source {_name(session.get(Source, order.selection['source']))}"
    if order.kind == "store":
        return f"All of the store {_name(session.get(Store, order.selection['stores'][0]))}"
    if order.kind == "dataset":
        dataset = session.get(Dataset, order.selection["dataset"])
        return f"All of the dataset {_name(dataset)} {dataset.version if dataset else ''}".strip()
    if order.kind == "accounts":
        return f"Photographs of {_many(order.selection['accounts'], 'account')}"
    rule = order.selection
    age = f"from before {rule['before']}" if "before" in rule else f"older than {_many(rule['days'], 'day')}"
    names = [_name(session.get(Store, store)) for store in rule.get("stores", [])]
    return f"Photographs {age} in {', '.join(names) or 'all stores'}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _name(row: Any) -> str:
    return str(row.name) if row is not None else "(not there any more)"


def _selection(session: Session, wish: Wish) -> dict[str, Any]:
    if wish.kind == "source":
        return {"source": _find(session, Source, wish.target).id}
    if wish.kind == "store":
        return {"stores": [_find(session, Store, wish.target).id]}
    if wish.kind == "dataset":
        return {"dataset": _find_dataset(session, wish.target).id}
    if wish.kind == "accounts":
        return {"accounts": len(accounts.read_list(wish.accounts))}
    stores = [_find(session, Store, store).id for store in wish.stores]
    return {**_age(wish), **({"stores": stores} if stores else {})}


def _age(wish: Wish) -> dict[str, Any]:
    if bool(wish.before) == (wish.days is not None):
        raise BadInput("Say what is too old: one day, or a number of days.", "age-missing")
    if wish.days is not None:
        if not 0 < wish.days < 40_000:
            raise BadInput("The number of days must be from 1 to 39,999.", "age-wrong")
        return {"days": wish.days}
    try:
        return {"before": date.fromisoformat(wish.before).isoformat()}
    except ValueError as problem:
        raise BadInput(f"{wish.before} is not a day. Write it as 2014-12-31.", "age-wrong") from problem


def _find(session: Session, table: type[Any], target: str) -> Any:
    row = session.get(table, target) or session.scalar(select(table).filter_by(name=target))
    if row is None:
        raise NotFound(f"There is no {table.__tablename__} called {target}.")
    return row


def _find_dataset(session: Session, target: str) -> Dataset:
    name, _, version = target.rpartition(" ")
    row = session.get(Dataset, target) or session.scalar(select(Dataset).filter_by(name=name, version=version))
    if row is None:
        raise NotFound(f"There is no dataset called {target}. Write its name, a space and its version.")
    return row


def _refuse_nowhere(session: Session, order: Order) -> None:
    stores = selecting.stores_of(session, order)
    if not session.scalar(select(func.count()).select_from(Image).where(Image.store_id.in_(stores)).limit(1)):
        raise Conflict("Nothing was seen in these stores yet. Scan them first.", "not-scanned")


def _refuse_locked_stores(session: Session, order: Order) -> None:
    """What may not be erased is known before anybody approves it."""
    ids = [store for store, count in (order.plan or {}).get("stores", {}).items() if count]
    names = list(session.scalars(select(Store.name).where(Store.id.in_(ids), ~Store.may_erase)))
    if names:
        raise Conflict(f"Efface may not delete in {', '.join(sorted(names))}. Allow it first.", "may-not-erase")


def _said(field: str, text: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest or "\0" in text:
        raise BadInput(f"The field '{field}' is empty, or longer than {longest} letters.", f"{field}-wrong")
    return text

"""Models, stored outputs, products and recipients that an order reached: what people must see to, and answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.erasure.items import leaf_of
from portal.erasure.plans import NOT_DECIDED, REMEDIES_FOR
from portal.erasure.remedies import Evidence
from portal.errors import BadInput, Conflict
from portal.lineage import Reached, Trace
from portal.orders import remedies
from portal.tables import Order, OrderItem

KINDS = {"model": "models", "output": "outputs", "product": "products", "recipient": "recipients"}
REACHED = {"model": "Trained on", "output": "About them", "product": "Built on", "recipient": "Received"}

Lines = dict[str, dict[str, Any]]


def joined(before: dict[str, Lines], now: Trace) -> dict[str, Lines]:
    """What pages of a plan reached, in one: by kind and id the name, and how. Numbers of photographs are added."""
    lists = {name: getattr(now, name) for name in ("datasets", *KINDS.values())}
    after = {name: dict(before.get(name, {})) for name in lists}
    for name, found in lists.items():
        for one in found:
            after[name][one.id] = _with(after[name].get(one.id), one)
    return after


def _with(line: dict[str, Any] | None, one: Reached) -> dict[str, Any]:
    counted = {name: count for name, count in one.facts.items() if name in ("photographs", "taken_out")}
    if line is None:
        kind = f", {one.facts['kind']}" if "kept_at" in one.facts else ""
        return {"name": one.name + kind, "how": _how(one), **counted}
    how = line["how"] + [said for said in _how(one) if said not in line["how"]]
    return {**line, "how": how, **{name: line.get(name, 0) + count for name, count in counted.items()}}


def _how(one: Reached) -> list[list[str]]:
    """What and when: the trainings of a model, what a recipient got. Without numbers, which differ by page."""
    if "kept_at" in one.facts:
        return [[f"{one.facts['count']:,}, kept at {one.facts['kept_at']}", one.facts["made_on"] or ""]]
    trained = [[str(use.get("dataset")), str(use.get("trained_on"))] for use in one.facts.get("trained", [])]
    got = [
        [str(each["dataset"] or each["model"] or each["store"]), str(each["disclosed_on"])]
        for each in one.facts.get("disclosures", [])
    ]
    return trained or got or ([[str(one.facts["model"]), ""]] if "model" in one.facts else [])


def write_items(session: Session, order: Order) -> list[bytes]:
    """A row for each model, output, product and recipient of the plan. Returns their leaves in order."""
    reached = (order.plan or {}).get("reached", {})
    names = {one: line["name"] for lines in reached.values() for one, line in lines.items()}
    leaves: list[bytes] = []
    for kind, list_name in KINDS.items():
        for target, line in sorted(reached.get(list_name, {}).items()):
            leaf = leaf_of(kind, order.images + len(leaves), target, "")
            via = _sentence(kind, line["how"], names)
            session.add(
                OrderItem(
                    order_id=order.id,
                    number=len(leaves),
                    kind=kind,
                    target=target,
                    name=line["name"],
                    via=via,
                    leaf=leaf,
                )
            )
            leaves.append(leaf)
    session.flush()
    return leaves


def _sentence(kind: str, how: list[list[str]], names: dict[str, str]) -> str:
    parts = [f"{names.get(what, what)}{f' on {day}' if day else ''}" for what, day in how]
    return f"{REACHED[kind]} {', '.join(parts)}." if parts else ""


def items_of(session: Session, order: Order) -> list[OrderItem]:
    return list(session.scalars(select(OrderItem).filter_by(order_id=order.id).order_by(OrderItem.number)))


def open_items(session: Session, order: Order) -> list[OrderItem]:
    """Those nobody has answered. An order cannot close while there is one."""
    return [item for item in items_of(session, order) if item.state != "verified"]


def answer(
    session: Session, item: OrderItem, account_id: str, result: str, note: str, evidence: Evidence | None = None
) -> None:
    """A person says what was done about one model, product or recipient. The remedies are those of cases.

    A model needs evidence, and where the installation asks for two people the answer of the first counts once another
    one has confirmed it (`remedies.confirm`). Raises BadInput naming what is missing.
    """
    if result not in REMEDIES_FOR[item.kind]:
        raise BadInput("Choose what was done from the list.", "unknown-remedy")
    if not note.strip():
        raise BadInput("Say in a sentence what was done, when, and how that can be checked.", "note-missing")
    if session.get_one(Order, item.order_id).state not in ("running", "checking", "notifying"):
        raise Conflict("This order is not being carried out, or is settled.", "not-running")
    counts = result != NOT_DECIDED
    if counts and item.kind == "model":
        if evidence is None:
            raise BadInput("Say by what the remedy of this model can be checked.", "evidence-missing")
        counts = remedies.answer(session, item, account_id, result, evidence).one_person
    # What is not decided, or not confirmed yet, is kept, but the order stays open.
    item.result, item.note, item.state = result, note.strip(), "verified" if counts else "planned"
    item.done_by, item.done_at = account_id, clock.now()
    session.flush()

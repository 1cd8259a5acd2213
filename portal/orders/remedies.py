"""What was done about a model that an order reached: the same remedies and evidence as in cases, and two people.

An order has no proof of absence for each photograph in a new training run: of millions that would be a book. The id of
the run and the weights before and after are given, and the statement says that the run's manifest was not compared.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.erasure import remedies, wording
from portal.erasure.remedies import Evidence
from portal.errors import BadInput, Conflict, NotAllowed
from portal.tables import OrderItem, Remedy, TrainedModel
from portal.tables.remedies import MODEL_REMEDIES

NOT_COMPARED = "The manifest of the new run was not compared with the photographs of this order."


def answer(session: Session, item: OrderItem, account_id: str, remedy: str, evidence: Evidence) -> Remedy:
    """Write down the remedy of a model. An earlier answer is replaced. Raises BadInput for what is missing, by code."""
    if item.kind != "model" or remedy not in MODEL_REMEDIES:
        raise BadInput("Choose what was done from the list.", "unknown-remedy")
    model = session.get(TrainedModel, item.target)
    remedies.check(remedy, evidence, model.weights_digest if model is not None else "")
    earlier = of_item(session, item)
    if earlier is not None:
        session.delete(earlier)
        session.flush()
    row = Remedy(
        order_item_id=item.id,
        remedy=remedy,
        answered_by=account_id,
        answered_at=clock.now(),
        one_person=not config_of(session).two_people,
        **vars(evidence),
    )
    session.add(row)
    session.flush()
    audit.append(session, "order-remedy-answered", {"order": item.order_id, "item": item.number, "remedy": remedy})
    return row


def confirm(session: Session, item: OrderItem, account_id: str) -> None:
    """A second person has read the answer and its evidence. Raises NotAllowed to the first, Conflict without answer."""
    row = of_item(session, item)
    if row is None or row.confirmed_at is not None or row.one_person:
        raise Conflict("Nothing about this model waits to be confirmed.", "not-waiting")
    if row.answered_by == account_id:
        raise NotAllowed("You gave this answer. A second person must confirm it.", "same-person")
    row.confirmed_by, row.confirmed_at = account_id, clock.now()
    item.state = "verified"
    session.flush()
    audit.append(session, "order-remedy-confirmed", {"order": item.order_id, "item": item.number})


def of_item(session: Session, item: OrderItem) -> Remedy | None:
    """What was answered about the model of this item so far."""
    return session.scalar(select(Remedy).where(Remedy.order_item_id == item.id))


def waits_for(session: Session, item: OrderItem, account_id: str) -> bool:
    """Whether this colleague can confirm what another one answered."""
    row = of_item(session, item)
    return row is not None and item.state != "verified" and row.answered_by != account_id


def evidence_of(session: Session, item: OrderItem) -> dict[str, Any]:
    """The evidence as the statement lists it, without the people who gave it."""
    row = of_item(session, item)
    if row is None:
        return {}
    facts = ("weights_before", "weights_after", "run", "method", "basis")
    said: dict[str, Any] = {name: getattr(row, name) for name in facts if getattr(row, name)}
    said["done_on"] = row.done_on.isoformat()
    if row.remedy == "unlearned":
        said["caution"] = wording.UNLEARNING
    if row.remedy == "retrained-without":
        said["caution"] = NOT_COMPARED
    return said

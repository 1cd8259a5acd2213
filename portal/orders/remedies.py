"""What was done about a model that an order reached: the same remedies and evidence as in cases, and two people.

Where the manifest of a new training run was gone through (`absences`), the statement has its root, and who holds a
photograph gets the proof that it is not in it. Else the statement says that the manifest was not compared.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.erasure import remedies
from portal.erasure.remedies import Evidence
from portal.errors import BadInput
from portal.orders import absences
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
    retrained = remedy == "retrained-without"
    checked = absences.find(session, item.target, evidence.run, item.order_id) if retrained else None
    row = Remedy(
        order_item_id=item.id,
        remedy=remedy,
        retraining_id=checked.id if checked is not None else None,
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
    remedies.sign(of_item(session, item), account_id)
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
    said = remedies.facts_of(row)
    if row.retraining is not None:
        said["run"] = absences.facts_of(session, row.retraining, item.order_id)
    elif row.remedy == "retrained-without":
        said["caution"] = NOT_COMPARED
    return said

"""Showing that a model was trained again without an order's photographs: its new manifest holds none of them.

All of the order's photographs are looked for in the manifest's tree (`portal.erasure.retraining`). Of millions the
proofs would be a book, so the tree's values are kept, and the proof about one photograph is made for who holds it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.erasure.retraining import Tree, read_manifest
from portal.errors import BadInput, BadManifest, NotFound
from portal.keys import keys_of
from portal.orders import chunks
from portal.orders.chunks import chunk_place
from portal.tables import Order, OrderAbsence, OrderChunk, OrderItem, Retraining

FORMAT = "efface-order-absence/1"
OPEN = ("running", "checking", "notifying")


def record(session: Session, checked: Retraining, path: Path) -> int:
    """Look for the photographs of each open order that reached the model in the manifest that was `checked`.

    Returns how many orders these are. Raises BadManifest, code still-in, when one is in it. Needs a writing session.
    """
    mine = select(OrderItem.order_id).filter_by(kind="model", target=checked.model_id)
    orders = list(session.scalars(select(Order).where(Order.id.in_(mine), Order.state.in_(OPEN)).order_by(Order.id)))
    tree = Tree(checked.salt, (digest for _, digest in read_manifest(path))) if orders else None
    for order in orders:
        assert tree is not None
        sealed = keys_of(session).seal(b"".join(tree.keys), _place(checked.id, order.id))
        looked = _look(session, order, set(tree.keys), tree)
        session.add(OrderAbsence(retraining_id=checked.id, order_id=order.id, photographs=looked, sealed=sealed))
    session.flush()
    return len(orders)


def find(session: Session, model_id: str, run: str, order_id: str) -> Retraining | None:
    """The newest check of this run's manifest in which the order's photographs were looked for."""
    query = (
        select(Retraining)
        .join(OrderAbsence, OrderAbsence.retraining_id == Retraining.id)
        .where(Retraining.model_id == model_id, Retraining.run == run, OrderAbsence.order_id == order_id)
    )
    return session.scalars(query.order_by(Retraining.checked_at.desc(), Retraining.id).limit(1)).first()


def facts_of(session: Session, checked: Retraining, order_id: str) -> dict[str, Any]:
    """What the statement says of the run: its id, root, salt and size, and how many photographs were looked for."""
    row = session.get_one(OrderAbsence, (checked.id, order_id))
    return {
        "id": checked.run,
        "root": checked.root,
        "salt": checked.salt.hex(),
        "photographs": checked.photographs,
        "looked_for": row.photographs,
    }


def proof_for(session: Session, order: Order, run: str, photo: bytes) -> bytes:
    """A file that shows that exactly this photograph is not in the manifest of a run, for `portal.proofs.is_absent`.

    Raises NotFound when the run was not checked for this order, BadInput when the photograph is in it.
    """
    rows = select(Retraining).join(OrderAbsence).where(OrderAbsence.order_id == order.id, Retraining.run == run)
    checked = session.scalars(rows.order_by(Retraining.checked_at.desc()).limit(1)).first()
    if checked is None:
        raise NotFound("The manifest of this run was not checked for this order.")
    row = session.get_one(OrderAbsence, (checked.id, order.id))
    values = keys_of(session).unseal(row.sealed, _place(checked.id, order.id))
    tree = Tree.of_keys(checked.salt, [values[at : at + 32] for at in range(0, len(values), 32)])
    proof = tree.absence(hashlib.sha256(photo).digest())
    if proof is None:
        raise BadInput("Exactly this file is in the manifest of the run.", "still-in")
    said = {"format": FORMAT, "order": order.id, "run": facts_of(session, checked, order.id), "absent": proof}
    return (json.dumps(said, indent=1) + "\n").encode()


def _look(session: Session, order: Order, keys: set[bytes], tree: Tree) -> int:
    looked = 0
    numbers = select(OrderChunk.number).filter_by(order_id=order.id).order_by(OrderChunk.number)
    for number in session.scalars(numbers).all():
        sealed = session.scalars(select(OrderChunk.sealed).filter_by(order_id=order.id, number=number)).one()
        digests = chunks.digests_in(keys_of(session).unseal(sealed, chunk_place(order.id, number)))
        if any(tree.key_of(digest) in keys for digest in digests):
            raise BadManifest(f"A photograph of the order {order.id[:8]} is in this manifest.", "still-in")
        looked += len(digests)
    return looked


def _place(retraining_id: str, order_id: str) -> str:
    return f"order-absence/{retraining_id}/{order_id}"

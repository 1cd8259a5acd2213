"""The certificate of an order: one statement in the log, and files that can each be checked alone and offline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.audit import merkle
from portal.audit.log import canonical
from portal.erasure import rechecking
from portal.errors import Conflict, NotFound
from portal.keys import keys_of
from portal.orders import checking, chunks, people, places, remembering, statement, verifying
from portal.orders.chunks import chunk_place
from portal.stores import anew
from portal.tables import Order, OrderCertificate, OrderChunk, OrderItem, random_id

SETTLING = ("notifying", "settled")
# Stands in no line of JSON.
BETWEEN = "\x1e"


def settle_if_complete(session: Session, order: Order) -> bool:
    """Issue the statement once every photograph has its end, every model a remedy and every recipient an answer.

    After an answer that came later it is superseded. True where a new one was issued.
    """
    if order.state not in SETTLING or people.open_items(session, order):
        return False
    before = newest(session, order)
    issued = issue(session, order) is not before
    if order.state == "notifying":
        lineage.settle_versions(session, places.because(order), clock.now())
        anew.settle(session, places.because(order), checking.archives_of(session, order.id))
        order.state, order.settled_at, order.sealed_accounts = "settled", clock.now(), None
        rechecking.lay_down(session, order)
    session.flush()
    remembering.remember_end(session, order)
    return issued


def issue(session: Session, order: Order) -> OrderCertificate:
    """The certificate: the same one on every later call, as long as nothing that it lists has changed.

    Else a new one, which supersedes the one before it; that one stays, and verifies as ever. Needs a writing session.

    Raises Conflict, code evidence-missing, while a chunk was not looked at again or a person's answer is missing; code
    plan-changed when the chunks are not the ones that were approved.
    """
    _refuse_incomplete(session, order)
    earlier = newest(session, order)
    lines, by_chunk = statement.lines_of(session, order), statement.chunk_lines(session, order)
    texts = _jsonl(lines), _jsonl(by_chunk)
    if earlier is not None and texts == _texts(session, earlier):
        return earlier
    certificate_id, now = random_id(), clock.now()
    ids = {
        "id": certificate_id,
        "supersedes": earlier.id if earlier is not None else None,
        "lines_digest": _digest(texts[0]),
        "chunks_digest": _digest(texts[1]),
    }
    said = statement.statement_of(session, order, lines, by_chunk, ids, now)
    entry = audit.append_bytes(session, "order-certificate", canonical(said), now)
    certificate = OrderCertificate(
        id=certificate_id,
        order_id=order.id,
        number=earlier.number + 1 if earlier is not None else 1,
        supersedes=ids["supersedes"],
        kind=said["extent"],
        statement=canonical(said),
        sealed_people=keys_of(session).seal(BETWEEN.join(texts).encode(), _place(certificate_id)),
        entry=entry.position,
        issued_at=now,
    )
    session.add(certificate)
    session.flush()
    return certificate


def newest(session: Session, order: Order) -> OrderCertificate | None:
    """The certificate that counts: no other one supersedes it."""
    query = select(OrderCertificate).filter_by(order_id=order.id).order_by(OrderCertificate.number.desc()).limit(1)
    return session.scalars(query).first()


def of_order(session: Session, order: Order) -> OrderCertificate:
    """The one that counts. Raises NotFound while the order was never settled."""
    found = newest(session, order)
    if found is None:
        raise NotFound("This order is not settled, so there is no statement yet.")
    return found


def read(session: Session, certificate: OrderCertificate) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The statement and its lines, for those who show them."""
    said: dict[str, Any] = json.loads(certificate.statement)
    return said, [json.loads(line) for line in _texts(session, certificate)[0].split("\n") if line]


def file_of(session: Session, certificate: OrderCertificate) -> bytes:
    """The certificate file: about 350 bytes for each chunk. It may sign a new head, so it needs a writing session.

    Hand it out only after the commit: until then the head it carries does not count.
    """
    proof = _proof(session, certificate)
    return verifying.write_order(certificate.statement.decode(), *_texts(session, certificate), proof)


def part_of(session: Session, certificate: OrderCertificate, number: int) -> bytes:
    """The file of one chunk: each of its photographs, with what became of it. Needs a writing session.

    Raises Conflict while the order is carried out again: then the photographs are not as the statement says.
    """
    _refuse_moving(session, certificate)
    chunk = session.scalar(select(OrderChunk).filter_by(order_id=certificate.order_id, number=number))
    if chunk is None:
        raise NotFound("This order has no such chunk.")
    roots = _results_roots(session, certificate)
    path = merkle.inclusion_proof(roots, number)
    said, proof = certificate.statement.decode(), _proof(session, certificate)
    return verifying.write_part(said, number, len(roots), _certified(session, chunk), path, proof)


def part_with(session: Session, certificate: OrderCertificate, photo: bytes) -> bytes:
    """The file about exactly this photograph, byte for byte: its line and the path. Needs a writing session.

    Raises NotFound when it is not one of them, Conflict while the order is carried out again.
    """
    _refuse_moving(session, certificate)
    chunk, place = _find(session, certificate, hashlib.sha256(photo).digest())
    lines = _certified(session, chunk)
    leaves = [merkle.leaf_hash(line) for line in lines]
    roots = _results_roots(session, certificate)
    path = merkle.inclusion_proof(leaves, place) + merkle.inclusion_proof(roots, chunk.number)
    images = session.get_one(Order, certificate.order_id).images
    position = chunk.number * chunks.SIZE + place
    said, proof = certificate.statement.decode(), _proof(session, certificate)
    return verifying.write_part(said, position, images, [lines[place]], path, proof)


def _refuse_moving(session: Session, certificate: OrderCertificate) -> None:
    if session.get_one(Order, certificate.order_id).state != "settled":
        raise Conflict("This order is being carried out again. Ask once there is a new statement.", "running-again")


def _find(session: Session, certificate: OrderCertificate, digest: bytes) -> tuple[OrderChunk, int]:
    """Goes through all salts: nothing is kept by which a photograph could be found faster."""
    for chunk in _chunks(session, certificate):
        for place, one in enumerate(_kept(session, chunk)):
            if hashlib.sha256(one.salt + digest).digest() == one.commitment:
                return chunk, place
    raise NotFound("Exactly this file is not one of those in this order. A copy of another size is another file.")


def _chunks(session: Session, certificate: OrderCertificate) -> Iterator[OrderChunk]:
    ids = select(OrderChunk.id).filter_by(order_id=certificate.order_id).order_by(OrderChunk.number)
    for chunk_id in session.scalars(ids).all():
        chunk = session.get_one(OrderChunk, chunk_id)
        yield chunk
        session.expunge(chunk)


def _kept(session: Session, chunk: OrderChunk) -> list[chunks.Kept]:
    return chunks.unpack_kept(keys_of(session).unseal(chunk.sealed, chunk_place(chunk.order_id, chunk.number)))


def _certified(session: Session, chunk: OrderChunk) -> list[bytes]:
    return chunks.lines(chunk.number, _kept(session, chunk), chunk.marks)


def _results_roots(session: Session, certificate: OrderCertificate) -> list[bytes]:
    rows = select(OrderChunk.results_root).filter_by(order_id=certificate.order_id).order_by(OrderChunk.number)
    return [root for root in session.scalars(rows) if root is not None]


def _refuse_incomplete(session: Session, order: Order) -> None:
    if order.second_at is None or people.open_items(session, order):
        raise Conflict("An approval or a person's answer is missing. No statement is issued yet.", "evidence-missing")
    rows = select(OrderChunk.root, OrderChunk.state, OrderChunk.evidence, OrderChunk.results_root)
    found = session.execute(rows.filter_by(order_id=order.id).order_by(OrderChunk.number)).all()
    # Only a check by another path makes a chunk verified, and it always leaves what it saw: nothing.
    if any(row.state != "verified" or not row.results_root or any(row.evidence["left"].values()) for row in found):
        raise Conflict("Not every photograph was looked for again. No statement is issued yet.", "evidence-missing")
    leaves = session.scalars(select(OrderItem.leaf).filter_by(order_id=order.id).order_by(OrderItem.number))
    if chunks.plan_digest(merkle.root(row.root for row in found), leaves) != order.plan_digest:
        raise Conflict("The photographs are not the ones in the plan that was approved.", "plan-changed")


def _proof(session: Session, certificate: OrderCertificate) -> str:
    newest = audit.newest_checkpoint(session)
    if newest is None or newest.size <= certificate.entry:
        audit.publish(session)
    return audit.prove(session, certificate.entry)


def _texts(session: Session, certificate: OrderCertificate) -> tuple[str, str]:
    """The lines of a certificate and those of its chunks, as JSON lines."""
    kept = keys_of(session).unseal(certificate.sealed_people, _place(certificate.id)).decode()
    lines, both, by_chunk = kept.partition(BETWEEN)
    if not both:
        # Issued before there were later statements: its chunks are as they were.
        by_chunk = _jsonl(statement.chunk_lines(session, session.get_one(Order, certificate.order_id)))
    return lines, by_chunk


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _jsonl(lines: list[dict[str, Any]]) -> str:
    return "".join(canonical(line).decode() + "\n" for line in lines)


def _place(certificate_id: str) -> str:
    return f"order-certificate/{certificate_id}/lines"

"""Whether a model was trained again without what was erased: the manifest of the new run is gone through line by line.

Of the manifest a sorted Merkle tree is made: its leaves are SHA-256(salt || digest) of each photograph, with one salt
for the manifest. A photograph is not in it when its own value lies between two neighbours, and that can be shown to
whoever has only the root. `portal.proofs` checks it. Who has no photograph learns nothing from the values.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import secrets
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock, proofs
from portal.erasure.plans import sealed_facts
from portal.errors import BadManifest
from portal.keys import keys_of
from portal.suppression import PURPOSE
from portal.tables import (
    Absence,
    Certificate,
    Erasure,
    ErasureItem,
    OrderCertificate,
    Retraining,
    Suppression,
    SuppressionChunk,
    TrainedModel,
)

COLUMNS = ("sha256", "digest")
# How manifests call the name of a file. By a name alone nothing is known of what lay there when the model was trained.
NAMES = {"key", "path", "file", "filename", "file_name", "name", "image", "url", "uri"}
# Of an order's photographs only the first half of the keyed digest is kept.
HALF = 16


@dataclass(frozen=True)
class Found:
    """A line of a manifest with something that was erased, and the certificate that says so. Never more."""

    line: int
    certificate: str


class Tree:
    """A sorted Merkle tree (RFC 6962) of salted digests, in memory: about 0.6 kB for each photograph."""

    def __init__(self, salt: bytes, digests: Iterable[bytes]) -> None:
        self.salt = salt
        self._grow(sorted({self.key_of(digest) for digest in digests}))

    @classmethod
    def of_keys(cls, salt: bytes, keys: list[bytes]) -> Tree:
        """The same tree again, of its values in their order."""
        tree = cls(salt, ())
        tree._grow(keys)
        return tree

    def _grow(self, keys: list[bytes]) -> None:
        self.keys = keys
        self.levels = [[proofs.leaf_hash(key) for key in self.keys]]
        while len(self.levels[-1]) > 1:
            row = self.levels[-1]
            # The last one of an odd row goes up as it is: this is the tree of RFC 6962, made from below.
            self.levels.append(
                [proofs.node_hash(*row[at : at + 2]) if at + 1 < len(row) else row[at] for at in range(0, len(row), 2)]
            )

    @property
    def root(self) -> bytes:
        return self.levels[-1][0] if self.keys else proofs.root([])

    def key_of(self, digest: bytes) -> bytes:
        """SHA-256(salt || digest), 32 bytes."""
        return hashlib.sha256(self.salt + digest).digest()

    def absence(self, digest: bytes) -> dict[str, Any] | None:
        """The proof that the photograph with this SHA-256 is not in the tree; None when it is."""
        key = self.key_of(digest)
        at = bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            return None
        return {"key": key.hex(), "at": at, "below": self._side(at - 1), "above": self._side(at)}

    def _side(self, at: int) -> list[str]:
        """A neighbour: its value and its path, hexadecimal; empty at either end of the tree."""
        if not 0 <= at < len(self.keys):
            return []
        side = [self.keys[at].hex()]
        for row in self.levels[:-1]:
            if at ^ 1 < len(row):
                side.append(row[at ^ 1].hex())
            at >>= 1
        return side


def read_manifest(path: Path) -> Iterator[tuple[int, bytes]]:
    """Line number and SHA-256 (32 bytes) of each photograph of a manifest: CSV with a header, or JSON lines (.jsonl).

    The column is `sha256` or `digest`. The file is never held as a whole. Raises BadManifest, naming the line; code
    only-names where there are names of files and no digests.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            rows = _json_lines(file) if path.suffix in (".jsonl", ".ndjson") else _csv_lines(file)
            for line, said in rows:
                if not isinstance(said, str) or not re.fullmatch("[0-9a-fA-F]{64}", said):
                    raise BadManifest(f"Line {line} has no SHA-256 of 64 characters in the column sha256.", "no-digest")
                yield line, bytes.fromhex(said)
        except UnicodeDecodeError as problem:
            raise BadManifest("The manifest is not text in UTF-8.", "not-text") from problem
        except csv.Error as problem:
            raise BadManifest(f"The manifest cannot be read: {problem}.", "not-csv") from problem


def check(session: Session, path: Path) -> list[Found]:
    """What of the manifest was erased or opted out, whichever case or order it was. Empty when nothing was."""
    of_cases, of_orders, keys = _of_cases(session), _of_orders(session), keys_of(session)
    found = []
    for line, digest in read_manifest(path):
        keyed = keys.digest(PURPOSE, digest)
        reference = of_cases.get(keyed) or of_orders.get(bytes.fromhex(keyed)[:HALF])
        if reference is not None:
            found.append(Found(line, reference))
    return found


def record(session: Session, model: TrainedModel, run: str, path: Path) -> Retraining:
    """Keep the root of a manifest in which `check` found nothing, with a proof for each photograph of each open plan.

    Raises BadManifest, code still-in, when a photograph of an open plan is in it. Needs a writing session.
    """
    tree = Tree(secrets.token_bytes(16), (digest for _line, digest in read_manifest(path)))
    checked = Retraining(
        model_id=model.id,
        run=run,
        root=tree.root.hex(),
        salt=tree.salt,
        photographs=len(tree.keys),
        checked_at=clock.now(),
    )
    session.add(checked)
    session.flush()
    for erasure in _open_plans(session, model):
        shown = _absences(session, erasure, tree)
        sealed = keys_of(session).seal(json.dumps(shown).encode(), _place(checked.id, erasure.id))
        session.add(Absence(retraining_id=checked.id, erasure_id=erasure.id, photographs=len(shown), sealed=sealed))
    session.flush()
    facts = {"model": model.id, "root": checked.root, "photographs": checked.photographs}
    audit.append(session, "retraining-checked", facts)
    return checked


def find(session: Session, model_id: str, run: str, erasure_id: str) -> Retraining | None:
    """The newest check of this run's manifest that has proofs for this erasure."""
    query = (
        select(Retraining)
        .join(Absence, Absence.retraining_id == Retraining.id)
        .where(Retraining.model_id == model_id, Retraining.run == run, Absence.erasure_id == erasure_id)
    )
    return session.scalars(query.order_by(Retraining.checked_at.desc(), Retraining.id).limit(1)).first()


def proofs_of(session: Session, checked: Retraining, erasure_id: str) -> dict[str, Any]:
    """Root, salt and size of the manifest, and the proof for each photograph of the erasure, as `proofs` reads them."""
    row = session.get_one(Absence, (checked.id, erasure_id))
    absent = json.loads(keys_of(session).unseal(row.sealed, _place(checked.id, erasure_id)))
    return {"root": checked.root, "salt": checked.salt.hex(), "photographs": checked.photographs, "absent": absent}


def _absences(session: Session, erasure: Erasure, tree: Tree) -> list[dict[str, Any]]:
    shown = []
    # Each photograph that goes, or is kept out, has exactly one suppression in its plan.
    for item in [item for item in erasure.items if item.kind == "suppression"]:
        proof = tree.absence(bytes.fromhex(sealed_facts(session, item)["digest"]))
        if proof is None:
            raise BadManifest(f"A photograph of the plan {erasure.id[:8]} is in this manifest.", "still-in")
        shown.append({"item": item.position, **proof})
    return shown


def _open_plans(session: Session, model: TrainedModel) -> list[Erasure]:
    query = (
        select(Erasure)
        .join(ErasureItem, ErasureItem.erasure_id == Erasure.id)
        .where(ErasureItem.kind == "model", ErasureItem.target == model.id)
        .where(Erasure.state.not_in(("planned", "settled", "stopped")))
    )
    return list(session.scalars(query.order_by(Erasure.id)))


def _of_cases(session: Session) -> dict[str, str]:
    """By keyed digest, what may be said of it: the number of the certificate, or of the plan before there is one."""
    certified = {
        erasure_id: f"certificate {certificate_id}"
        for erasure_id, certificate_id in session.execute(
            select(Certificate.erasure_id, Certificate.id).order_by(Certificate.number)
        )
    }
    rows = session.execute(select(Suppression.digest, Suppression.erasure_id))
    return {digest: certified.get(erasure_id, f"plan {erasure_id}") for digest, erasure_id in rows}


def _of_orders(session: Session) -> dict[bytes, str]:
    certified = {
        order_id: f"certificate {certificate_id}"
        for order_id, certificate_id in session.execute(select(OrderCertificate.order_id, OrderCertificate.id))
    }
    return {
        digests[at : at + HALF]: certified.get(order_id, f"order {order_id}")
        for order_id, digests in session.execute(select(SuppressionChunk.order_id, SuppressionChunk.digests))
        for at in range(0, len(digests), HALF)
    }


def _json_lines(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise BadManifest(f"Line {number} is not JSON.", "not-json") from problem
        fields = said if isinstance(said, dict) else {}
        digest = next((fields[name] for name in COLUMNS if name in fields), None)
        if digest is None:
            _refuse_only_names(fields, f"Line {number}")
        yield number, digest


def _csv_lines(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    reader = csv.reader(file)
    header = [name.strip().lower() for name in next(reader, [])]
    places = [header.index(name) for name in COLUMNS if name in header]
    if not places:
        _refuse_only_names(header, "The manifest's first line")
        raise BadManifest("The manifest's first line names no column sha256.", "no-column")
    for row in reader:
        if row:
            yield reader.line_num, row[places[0]].strip() if len(row) > places[0] else None


def _refuse_only_names(columns: Iterable[str], where: str) -> None:
    named = sorted(NAMES.intersection(columns))
    if named:
        raise BadManifest(
            f"{where} has names of files ({named[0]}) but no digests. Another photograph may have lain under the same "
            "name, so names prove nothing. Write the SHA-256 of each file into a column sha256.",
            "only-names",
        )


def _place(retraining_id: str, erasure_id: str) -> str:
    return f"absence/{retraining_id}/{erasure_id}"

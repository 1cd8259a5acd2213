"""What is done to each kind of item, and how it is looked at afterwards by another path.

`apply` does the effect inside the caller's transaction, except for the file in the store, which `erase_in_store` takes
away before it, outside any transaction. Both may run twice: what is gone already is `already-absent`, not an error.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from portal import clock, lineage, stores
from portal.blobs import purge_blob
from portal.cases import lifecycle
from portal.cases.answer import keeping
from portal.erasure import redactions
from portal.erasure.items import FACE, NOTHING
from portal.erasure.kept_faces import keep_face_of
from portal.erasure.plans import sealed_facts
from portal.errors import Conflict
from portal.stores import anew
from portal.suppression import Gate, suppress
from portal.tables import (
    Candidate,
    Case,
    Erasure,
    ErasureItem,
    Face,
    Image,
    ManifestEntry,
    Store,
    Suppression,
)

DELETED, ABSENT = "deleted", "already-absent"


def erase_in_store(store: Store, facts: dict[str, Any]) -> str:
    """Erase all copies of one object whose bytes are the approved ones; those with an item of their own go by that.

    A copy that may not go does not keep the others: all are tried. Then Conflict is raised when one had other bytes,
    Locked, with the last of the days, when the store itself keeps one.
    """
    connector = stores.connect(store)
    results: list[str] = []
    kept: list[Conflict] = []
    for ref in _refs(connector, facts):
        try:
            results.append(connector.erase_copy(ref, bytes.fromhex(facts["digest"])))
        except Conflict as problem:
            kept.append(_new_copy(store) if ref != facts["key"] and _is_made_of(connector, facts, ref) else problem)
    if kept:
        raise _together(kept)
    return DELETED if DELETED in results else ABSENT


def _is_made_of(connector: stores.Connector, facts: dict[str, Any], ref: str) -> bool:
    if "ref" in facts:
        return False
    if isinstance(connector, stores.Versioned):
        return not connector.is_version_of(facts["key"], ref)
    return isinstance(connector, stores.Deriving) and ref in connector.derived_copies(facts["key"])


def _new_copy(store: Store) -> Conflict:
    sentence = f"A copy was made of a photograph in {store.name} after its erasing was approved. It was not touched."
    return Conflict(sentence, "copy-appeared")


def seen_in_store(store: Store, facts: dict[str, Any]) -> list[str]:
    """What is seen of every copy of one object: `absent` or `present`. Never empty where a store keeps its contract."""
    connector = stores.connect(store)
    return [connector.probe_copy(ref) for ref in _refs(connector, facts)]


def _refs(connector: stores.Connector, facts: dict[str, Any]) -> list[str]:
    """The places of an item's copies. What appeared after the approval is among them: it is seen, or refused."""
    if "ref" in facts:
        return [facts["ref"]]
    # Each of them has an item of its own, by which all its versions go.
    others = {ref for each in facts.get("copies", ()) for ref in connector.enumerate_copies(each)}
    return [ref for ref in connector.enumerate_copies(facts["key"]) if ref not in others]


def _together(kept: list[Conflict]) -> Conflict:
    """One reason for all copies that were kept. A lock that nobody has set an end to lasts longest."""
    locked = [one for one in kept if isinstance(one, stores.Locked)]
    if not locked or isinstance(locked[0], stores.Asked):
        return (locked or kept)[0]
    sentence = " ".join(dict.fromkeys(one.sentence for one in kept))
    days = [one.until for one in locked]
    return stores.Locked(sentence, None if None in days else max(day for day in days if day is not None))


def erase_together(store: Store, wanted: list[dict[str, Any]]) -> dict[str, str]:
    """Erase many objects of a store that erases them cheaper together: result by key. Others are left to be erased
    one by one; so is what has other bytes than the approved ones, which is then refused by itself.
    """
    connector = stores.connect(store)
    if not isinstance(connector, stores.Together):
        return {}
    refs = {ref: facts for facts in wanted for ref in connector.enumerate_copies(facts["key"])}
    results = connector.erase_together({ref: bytes.fromhex(facts["digest"]) for ref, facts in refs.items()})
    by_key: dict[str, str] = {}
    for ref, result in results.items():
        key = refs[ref]["key"]
        by_key[key] = DELETED if DELETED in (result, by_key.get(key)) else result
    return by_key


def apply(session: Session, erasure: Erasure, item: ErasureItem, in_store: str | None) -> str:
    """Do the effect of one item in the database. Returns its result, such as `deleted` or `already-absent`."""
    if item.kind == "suppression":
        return _shut_the_gate(session, erasure, item)
    if item.kind == "face":
        return redactions.drop_face(session, item, sealed_facts(session, item))
    if item.kind == "redaction":
        return redactions.record(session, item, sealed_facts(session, item))
    if item.kind == "dataset-place":
        return _take_out_of_dataset(session, item)
    if item.kind == "crop":
        return DELETED if purge_blob(session, item.target) else ABSENT
    if item.kind == "record":
        return _result(session.execute(delete(ManifestEntry).where(ManifestEntry.id == int(item.target))))
    if item.kind == "templates":
        # The foreign key takes the templates with the faces.
        return _result(session.execute(delete(Face).where(Face.image_id == item.image_id)))
    if item.kind == "image":
        _bury_with_strays(session, erasure, item)
    return in_store or ABSENT


def look_again(session: Session, erasure: Erasure, item: ErasureItem, gate: Gate | None = None) -> dict[str, Any]:
    """What is seen of an item now, by another path than the one that erased it. `gone` is the verdict.

    Who looks at many hands over one `gate` for all: making one reads every suppression there is.
    """
    facts = sealed_facts(session, item)
    # Long after, only some kinds keep theirs.
    digest = bytes.fromhex(facts.get("digest", ""))
    if item.kind == "suppression" and _keeps_nothing(session, erasure, item):
        return _counted(_promises_left(session, item), "what is kept to know it again was counted")
    if item.kind == "suppression":
        near = bytes.fromhex(facts["near_digest"]) or None
        stops = (gate or Gate(session)).stops(digest, near, "intake" if erasure.kind == "deletion" else "datasets")
        return {"gone": stops, "by": "the gate was asked", "stops": stops}
    if item.kind == "dataset-place":
        dataset, _, image = item.target.partition("/")
        return _counted(lineage.count_in(session, dataset, [int(image)]), "the dataset's members were counted")
    if item.kind == "crop":
        return _counted(
            session.scalar(text("SELECT count(*) FROM blob WHERE id = :id"), {"id": item.target}),
            "the pictures kept were counted",
        )
    if item.kind == "record":
        return _counted(
            session.scalar(
                text("SELECT count(*) FROM manifest_entry WHERE store_id = :s AND key = :k"),
                {"s": facts["store"], "k": facts["key"]},
            ),
            "the manifest's lines were counted",
        )
    if item.kind == "copy":
        seen = seen_in_store(session.get_one(Store, facts["store"]), facts)
        return {"gone": seen == ["absent"], "by": "the store was listed", "store": seen}
    if item.kind == "face":
        return redactions.look_at_face(session, item)
    if item.kind == "redaction":
        return redactions.look_at_picture(session.get_one(Store, facts["store"]), item, facts)
    if item.kind == "templates":
        return _counted(_templates_left(session, item.image_id), "the gallery's rows were counted")
    return _look_in_store(session, facts, digest)


def written_anew(session: Session, item: ErasureItem, known: dict[str, dict[str, str | None]]) -> dict[str, Any]:
    """For the evidence: the archive in which a photograph lay, as it is now. Empty where it lay in none.

    `known`: by store the archives that were read before, and are not read again for each photograph of them.
    """
    facts = sealed_facts(session, item) if item.kind == "image" else {}
    store = session.get(Store, facts.get("store")) if facts else None
    if store is None:
        return {}
    archives = anew.archives_of(stores.connect(store), [facts["key"]], known.setdefault(store.id, {}))
    return {"archives": {store.id: archives}} if archives else {}


def _shut_the_gate(session: Session, erasure: Erasure, item: ErasureItem) -> str:
    if _keeps_nothing(session, erasure, item):
        return "not-suppressed"
    image, facts = session.get_one(Image, item.image_id), sealed_facts(session, item)
    blocks = "intake" if erasure.kind == "deletion" else "datasets"
    if image.digest is None:
        # Erased before, and the promise was lost since: the plan knows what it was about.
        near = bytes.fromhex(facts["near_digest"]) or None
        image = Image(id=image.id, digest=bytes.fromhex(facts["digest"]), near_digest=near)
    suppress(session, erasure.id, image, blocks, near=bool(facts["near_digest"]))
    # Now: the templates go with the next items.
    return "face-kept" if item.target.startswith(FACE) and keep_face_of(session, erasure) else "suppressed"


def _keeps_nothing(session: Session, erasure: Erasure, item: ErasureItem) -> bool:
    """From the start, or since the person took back what they had let us keep."""
    case = session.get_one(Case, erasure.case_id)
    return item.target.startswith(NOTHING) or (erasure.kind == "deletion" and keeping.keeps_nothing(case))


def _promises_left(session: Session, item: ErasureItem) -> int | None:
    kept = select(func.count()).select_from(Suppression)
    return session.scalar(kept.filter_by(erasure_id=item.erasure_id, image_id=item.image_id))


def _look_in_store(session: Session, facts: dict[str, Any], digest: bytes) -> dict[str, Any]:
    store = session.get_one(Store, facts["store"])
    seen = seen_in_store(store, facts)
    rows = session.scalar(
        select(func.count()).where(Image.store_id == store.id, Image.key == facts["key"], Image.state == "live")
    )
    # Nothing seen is no proof: only a place that was looked at, and said to be empty, counts.
    gone = bool(seen) and set(seen) == {"absent"} and not rows
    return {"gone": gone, "by": "the store was listed", "store": seen, "rows": rows}


def _templates_left(session: Session, image_id: int | None) -> int:
    count = text(
        "SELECT (SELECT count(*) FROM face WHERE image_id = :id) + (SELECT count(*) FROM template JOIN face"
        " ON face.id = template.face_id WHERE face.image_id = :id)"
    )
    return int(session.execute(count, {"id": image_id}).scalar_one())


def _take_out_of_dataset(session: Session, item: ErasureItem) -> str:
    dataset, _, image = item.target.partition("/")
    because = f"erasure/{item.erasure_id}"
    return DELETED if lineage.take_out(session, dataset, [int(image)], clock.now(), because) else ABSENT


def _bury_with_strays(session: Session, erasure: Erasure, item: ErasureItem) -> None:
    _bury(session, session.get_one(Image, item.image_id))
    for stray in _strays(session, item):
        session.execute(delete(Face).where(Face.image_id == stray.id))
        for dataset in lineage.places_of(session, [stray.id])[stray.id]:
            lineage.take_out(session, dataset, [stray.id], clock.now(), f"erasure/{erasure.id}")
        _bury(session, stray)


def _strays(session: Session, item: ErasureItem) -> list[Image]:
    """Other rows of the same object with the approved bytes: it came back after the erasure, and was scanned."""
    facts = sealed_facts(session, item)
    same = (Image.store_id == facts["store"], Image.key == facts["key"], Image.digest == bytes.fromhex(facts["digest"]))
    return list(session.scalars(select(Image).where(*same, Image.id != item.image_id, Image.state != "erased")))


def _bury(session: Session, image: Image) -> None:
    """Leave a tombstone without key and digests, and close what other cases still suspected about this image.

    No connector's key begins with a slash, so the tombstone's never stands in an object's way.
    """
    image.state, image.coverage, image.key = "erased", "not-looked-at", f"/erased/{image.id}"
    image.digest = image.near_digest = image.version = None
    image.size = image.width = image.height = image.quarantined_at = None
    for candidate in session.scalars(select(Candidate).filter_by(image_id=image.id, state="open")):
        candidate.state, candidate.settled_at = "gone", clock.now()
        session.flush()
        # It may have been the last that its case waited for: nobody's answer would move that case on any more.
        lifecycle.review_finished(session, session.get_one(Case, candidate.case_id))
    session.flush()


def _result(executed: Any) -> str:
    return DELETED if executed.rowcount else ABSENT


def _counted(left: int | None, by: str) -> dict[str, Any]:
    return {"gone": left == 0, "by": by, "left": left}

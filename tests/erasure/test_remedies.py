"""A model that saw the photographs needs a remedy with its own evidence; a new run is gone through line by line."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, proofs
from portal.db import Database
from portal.erasure import carrying, certificate, interim, plans, remedies, retraining, verifying
from portal.errors import BadInput, BadManifest, Conflict, NotAllowed
from portal.keys import keys_of
from portal.suppression import PURPOSE
from portal.tables import Case, Certificate, Erasure, ErasureItem, Remedy, Retraining, Suppression, TrainedModel
from tests.erasure.certified import add_remedy, finished, issued, photo

BEFORE, AFTER, DAY = "a" * 64, "b" * 64, date(2026, 11, 20)


def digest(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def model_of(erasure: Erasure) -> ErasureItem:
    return next(item for item in erasure.items if item.kind == "model")


def undecided(session: Session) -> ErasureItem:
    item = model_of(finished(session, model="not-yet-decided"))
    item.state, item.result = "planned", None
    session.flush()
    return item


def manifest(folder: Path, *digests: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text("key,sha256\n" + "".join(f"{at}.jpg,{one}\n" for at, one in enumerate(digests)))
    return path


@pytest.mark.parametrize(
    ("remedy", "given", "code"),
    [
        ("destroyed", {"method": "Wiped."}, "weights-before-missing"),
        ("destroyed", {"weights_before": BEFORE}, "method-missing"),
        ("destroyed", {"weights_before": BEFORE, "method": "Wiped.", "weights_after": AFTER}, "weights-left"),
        ("retrained-without", {"weights_before": BEFORE, "run": "7"}, "weights-after-missing"),
        ("retrained-without", {"weights_before": BEFORE, "weights_after": AFTER}, "run-missing"),
        ("retrained-without", {"weights_before": BEFORE, "weights_after": BEFORE, "run": "7"}, "weights-unchanged"),
        ("retrained-without", {"weights_before": BEFORE, "weights_after": AFTER, "run": "7"}, "manifest-not-checked"),
        ("unlearned", {"weights_before": BEFORE, "weights_after": AFTER}, "method-missing"),
        ("unlearned", {"weights_before": BEFORE, "weights_after": BEFORE, "method": "SISA"}, "weights-unchanged"),
        ("output-suppressed", {}, "method-missing"),
        ("not-affected", {}, "basis-missing"),
        ("kept", {}, "basis-missing"),
        ("kept", {"basis": "Law.", "weights_before": "A" * 64}, "not-a-digest"),
        ("told", {"basis": "Law."}, "unknown-remedy"),
    ],
)
def test_each_remedy_demands_its_own_evidence(session: Session, remedy: str, given: dict[str, str], code: str) -> None:
    item = undecided(session)
    with pytest.raises(BadInput) as refused:
        remedies.answer(session, item, "asker", remedy, "Done.", remedies.Evidence(DAY, **given))
    assert refused.value.code == code
    assert session.scalar(select(Remedy)) is None
    assert item.state == "planned"


def test_other_weights_than_recorded_and_a_day_to_come_are_refused(session: Session) -> None:
    item = undecided(session)
    session.get_one(TrainedModel, "model").weights_digest = "c" * 64
    for evidence, code in (
        (remedies.Evidence(DAY, weights_before=BEFORE, method="Wiped."), "other-weights"),
        (remedies.Evidence(date(2999, 1, 1), weights_before="c" * 64, method="Wiped."), "done-in-future"),
    ):
        with pytest.raises(BadInput) as refused:
            remedies.answer(session, item, "asker", "destroyed", "Done.", evidence)
        assert refused.value.code == code


def test_nothing_is_certified_before_a_second_person_has_confirmed(session: Session) -> None:
    item = undecided(session)
    erasure = session.get_one(Erasure, "erasure")
    plans.answer_item(session, item, "asker", plans.NOT_DECIDED, "The board decides by 1 March.")
    assert not carrying.settle_if_complete(session, erasure)
    with pytest.raises(BadInput, match="needs evidence"):
        plans.answer_item(session, item, "asker", "kept", "The board kept it.")
    remedies.answer(session, item, "asker", "kept", "Kept.", remedies.Evidence(DAY, basis="Article 17(3)(e)"))
    assert not carrying.settle_if_complete(session, erasure)
    with pytest.raises(Conflict) as waits:
        certificate.issue(session, erasure)
    assert waits.value.code == "evidence-missing"
    with pytest.raises(NotAllowed):
        remedies.confirm(session, item, "asker")
    remedies.confirm(session, item, "approver")
    assert certificate.issue(session, erasure).kind == "partial"


def test_the_evidence_stands_on_the_certificate_and_words_of_people_stay_out_of_the_log(session: Session) -> None:
    made, file, key = issued(session)
    statement = verifying.verify(file, key)
    [model] = statement["models"]
    assert (model["weights_before"], model["weights_after"]) == ("0" * 64, "1" * 64)
    assert model["run"]["photographs"] == 21
    evidence = next(item["evidence"] for item in verifying.items_of(file) if item["kind"] == "model")
    assert [one["item"] for one in evidence["run"]["absent"]] == [0, 4]
    assert {one["role"] for one in statement["people"]} >= {"planned", "approved", "model-answered", "model-confirmed"}
    assert b"run-7" not in made.statement
    assert b"asker" not in made.statement
    assert statement["none_trained"] == ""
    # Who holds the photograph finds the value that is shown to be absent.
    digest_held = hashlib.sha256(photo(1)).digest()
    value = hashlib.sha256(bytes.fromhex(evidence["run"]["salt"]) + digest_held).hexdigest()
    assert evidence["run"]["absent"][0]["key"] == value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 13, 64, 100])
def test_absence_is_shown_and_presence_cannot_be_denied(size: int) -> None:
    tree = retraining.Tree(b"s" * 16, (bytes.fromhex(digest(n)) for n in range(size)))
    run: dict[str, Any] = {"root": tree.root.hex(), "photographs": size}
    assert tree.root == proofs.root([proofs.leaf_hash(key) for key in tree.keys])
    for number in range(size, size + 40):
        shown = tree.absence(bytes.fromhex(digest(number)))
        assert shown is not None
        assert proofs.is_absent(run, shown)
        for name, value in (("at", shown["at"] + 1), ("at", shown["at"] - 1), ("key", "00" * 32), ("key", "ff" * 32)):
            if {**shown, name: value} != shown and size:
                moved = {**shown, name: value}
                below = bytes.fromhex(shown["below"][0]) if shown["below"] else b""
                above = bytes.fromhex(shown["above"][0]) if shown["above"] else b"\xff" * 33
                between = name == "key" and below < bytes.fromhex(value) < above  # type: ignore[arg-type]
                assert proofs.is_absent(run, moved) == between
    for number in range(size):
        present = bytes.fromhex(digest(number))
        assert tree.absence(present) is None
        key, at = tree.key_of(present), tree.keys.index(tree.key_of(present))
        for lie in (at, at + 1):
            forged = {"key": key.hex(), "at": lie, "below": tree._side(lie - 1), "above": tree._side(lie)}
            assert not proofs.is_absent(run, forged)


def test_what_is_still_in_a_manifest_is_named_by_line_and_certificate_only(session: Session, tmp_path: Path) -> None:
    made, _, _ = issued(session)
    for row in session.scalars(select(Suppression)):
        row.digest = keys_of(session).digest(PURPOSE, hashlib.sha256(photo(row.image_id)).digest())
    session.flush()
    found = retraining.check(session, manifest(tmp_path, digest(1), hashlib.sha256(photo(2)).hexdigest(), digest(3)))
    assert found == [retraining.Found(3, f"certificate {made.id}")]
    lines = tmp_path / "manifest.jsonl"
    lines.write_text("".join(json.dumps({"digest": digest(n)}) + "\n" for n in range(5)))
    assert retraining.check(session, lines) == []


def test_a_run_with_a_photograph_of_the_plan_is_no_evidence(session: Session, tmp_path: Path) -> None:
    item = undecided(session)
    model = session.get_one(TrainedModel, item.target)
    with pytest.raises(BadManifest) as refused:
        retraining.record(session, model, "7", manifest(tmp_path, hashlib.sha256(photo(1)).hexdigest()))
    assert refused.value.code == "still-in"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("m.csv", "colour,size\nred,1\n", "no-column"),
        ("m.csv", "label, Path\nface,photos/1.jpg\n", "only-names"),
        ("m.jsonl", '{"file_name": "1.jpg"}\n', "only-names"),
        ("m.jsonl", '{"label": "face"}\n', "no-digest"),
        ("m.csv", "sha256\nabc\n", "no-digest"),
        ("m.csv", "", "no-column"),
        ("m.jsonl", "{oops\n", "not-json"),
        ("m.jsonl", "[1]\n", "no-digest"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_named_by_line(
    session: Session, tmp_path: Path, name: str, text: str, code: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadManifest) as refused:
        retraining.check(session, path)
    assert refused.value.code == code
    if code == "only-names":
        assert "names prove nothing" in refused.value.sentence
    # Nothing is kept of a manifest that was not read to its end.
    assert session.scalar(select(func.count()).select_from(Retraining)) == 0


def test_a_later_answer_supersedes_and_both_certificates_verify(database: Database) -> None:
    with database.writing() as session:
        made, first, key = issued(session, model="kept")
        erasure = session.get_one(Erasure, "erasure")
        erasure.state = "settled"
        for item in erasure.items:
            item.sealed = None
        assert made.kind == "partial"
    with database.writing() as session:
        erasure = session.get_one(Erasure, "erasure")
        assert not carrying.settle_if_complete(session, erasure), "nothing has changed"
        item = model_of(erasure)
        with pytest.raises(Conflict):
            plans.answer_item(session, item, "asker", plans.NOT_DECIDED, "We think again.")
        add_remedy(session, item, "destroyed")
        assert carrying.settle_if_complete(session, erasure)
    with database.writing() as session:
        second = certificate.newest(session, session.get_one(Erasure, "erasure"))
        assert second is not None
        assert (second.number, second.kind) == (2, "full")
        file = certificate.file_of(session, second)
    said, before = verifying.verify(file, key), verifying.verify(first, key)
    assert said["supersedes"] == before["id"]
    assert before["supersedes"] is None
    assert [item["kind"] for item in verifying.items_with(file, photo(1))] == [
        item["kind"] for item in verifying.items_with(first, photo(1))
    ]
    with database.reading() as session:
        assert len(session.scalars(select(Certificate)).all()) == 2
        assert audit.fsck(session) == []


def test_the_person_is_told_once_what_is_done_and_what_is_awaited(session: Session) -> None:
    item = undecided(session)
    erasure, case = session.get_one(Erasure, "erasure"), session.get_one(Case, "case")
    said = interim.so_far(session, case)
    assert said is not None
    assert "2 photographs: deleted" in said.done
    assert len(said.awaited) == 1
    assert [interim.tell(session, erasure), interim.tell(session, erasure)] == [True, False]
    remedies.answer(session, item, "asker", "kept", "Kept.", remedies.Evidence(DAY, basis="Article 17(3)(e)"))
    remedies.confirm(session, item, "approver")
    assert interim.so_far(session, case) is None
    # Who was not checked learns nothing of what was found.
    item.state, case.identity = "planned", "not-needed"
    assert interim.so_far(session, case) is None

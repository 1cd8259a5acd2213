"""Checking certificates on the device: no file is sent, and each check of the command is a check of the page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portal import audit
from portal.audit import merkle, notes
from portal.audit.checkpoint import Head, Proof, write_head, write_proof
from portal.audit.log import canonical
from portal.db import Database
from portal.erasure import certificate, verifying
from portal.keys import keys_of
from portal.tables import Certificate
from tests.erasure import certified, test_verifying
from tests.orders.signed import Signer
from tests.orders.signed import said as an_order

RESULT = "[data-result]:not([hidden])"
Change = Callable[[dict[str, Any], list[dict[str, Any]]], None]


def _unprove(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    items[8]["evidence"]["run"]["absent"].pop()


def _move(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    items[8]["evidence"]["run"]["absent"][0]["at"] += 1


def _pretend(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    items[8]["evidence"]["run"]["root"] = "00" * 32


def _withhold(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    items[3]["state"] = "withheld"


def _leave(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """The same statement, as the only entry of a log."""


def _date_later(statement: dict[str, Any], items: list[dict[str, Any]]) -> None:
    statement["at"] = "2026-12-01T00:00:00Z"


# Each is signed by the log's own key: only the check that it breaks can refuse it.
NOT_ADDING_UP: list[Change] = [
    _unprove,
    _move,
    _pretend,
    _withhold,
    test_verifying.drop,
    test_verifying.swap,
    test_verifying.replan,
    test_verifying.recount,
    test_verifying.rename,
    test_verifying.boast,
    test_verifying.forget,
    test_verifying.loosen,
    test_verifying.pose,
]


@dataclass(frozen=True)
class Files:
    """A certificate, the same with a later head, two of another log by the same key, and changed ones with refusals."""

    good: bytes
    later: bytes
    others: list[bytes]
    refused: list[tuple[bytes, str]]
    orders: Signer


@pytest.fixture
def files(database: Database) -> Files:
    with database.writing() as session:
        made, file, key = certified.issued(session)
        private, log = keys_of(session).signing_key, key.partition("+")[0]
        certificate_id = made.id
    changed = [*(_signed(file, change, private, log) for change in NOT_ADDING_UP), *_rewritten(file)]
    others = [_signed(file, change, private, log) for change in (_leave, _date_later)]
    assert all(verifying.verify(other, key) for other in others)
    for number in range(9):
        with database.writing() as session:
            audit.append(session, "test", {"number": number})
            audit.publish(session)
    with database.writing() as session:
        later = certificate.file_of(session, session.get_one(Certificate, certificate_id))
    signer = Signer(log, private)
    refused = [(one, _refusal(one, key)) for one in changed]
    return Files(file, later, others, [*refused, *signer.refused()], signer)


def _refusal(file: bytes, key: str) -> str:
    with pytest.raises((verifying.Changed, verifying.Unreadable)) as refused:
        verifying.verify(file, key)
    return refused.value.sentence


def _signed(file: bytes, change: Change, private: Any, log: str) -> bytes:
    """What the issuer itself signs after a change, as the only entry of the log."""
    parts = json.loads(file)
    statement, items = json.loads(parts["statement"]), test_verifying.items_in(parts)
    change(statement, items)
    text = "".join(canonical(item).decode() + "\n" for item in items)
    statement["plan"]["items_digest"] = hashlib.sha256(text.encode()).hexdigest()
    body = canonical(statement)
    note = notes.sign(write_head(Head(log, 1, merkle.leaf_hash(body))), log, private)
    return verifying.write_file(body.decode(), text, write_proof(Proof(0, (), note)))


def _rewritten(file: bytes) -> list[bytes]:
    """Each part changed by somebody without the key."""
    parts = json.loads(file)
    index = parts["proof"].split("\n")[1]
    head = parts["proof"].split("\n\n")[1]
    changes = [
        {"statement": parts["statement"].replace("EF-TEST-CASE", "EF-EVIL-CASE")},
        {"items": parts["items"].replace('"deleted"', '"absent"')},
        {"proof": parts["proof"].replace(head, head.replace("\n", "\n1", 1))},
        {"proof": parts["proof"].replace(index, f"index 0{index[6:]}")},
        {"proof": parts["proof"].replace("— ", "— somebody")},
        {"proof": parts["proof"].replace("tlog-proof@v1", "tlog-proof@v2")},
    ]
    return [
        *(test_verifying.rewritten(file, **change) for change in changes),
        file.replace(b'": "', b'":  "', 1),
        file.replace(b"efface-certificate/1", b"efface-certificate/2"),
    ]


def outcome(page: Any, folder: Path, *files: bytes) -> str:
    for name, place in (("#certificate", 0), ("#second", 1)):
        given = folder / f"{place}.json"
        given.write_bytes(files[place] if place < len(files) else b"")
        page.set_input_files(name, [str(given)] if place < len(files) else [])
    page.evaluate("document.querySelectorAll('[data-result]').forEach((one) => { one.hidden = true; })")
    page.click("main form button")
    page.wait_for_selector(RESULT)
    return str(page.inner_text(RESULT))


def test_the_page_says_what_the_command_says(browser: Any, site: str, files: Files, tmp_path: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/verify")
    page.wait_for_selector("[data-on-device]:not([hidden])")
    good, later = files.good, files.later
    assert "Both certificates are of one log" in outcome(page, tmp_path, later, good)
    assert "head is not the beginning of the newer one" in outcome(page, tmp_path, good, files.others[1])
    context.set_offline(True)
    assert "is genuine: full." in outcome(page, tmp_path, good)
    for changed, sentence in files.refused:
        said = outcome(page, tmp_path, changed)
        assert "is not as it was issued" in said
        assert sentence in said
    for share in range(5, 100, 5):
        at = len(good) * share // 100
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert "is not as it was issued" in outcome(page, tmp_path, changed), share
    assert "not JSON that can be read" in outcome(page, tmp_path, b"nonsense")
    assert "cannot tell yet" in outcome(page, tmp_path, good, later)
    assert "contradict each other about one entry" in outcome(page, tmp_path, *files.others)
    assert "Both certificates are of one log" in outcome(page, tmp_path, good, good)
    orders, order = files.orders, an_order()
    whole = orders.whole(order)
    assert "Certificate c0ffee is genuine: full." in outcome(page, tmp_path, whole)
    assert "what became of 1,024 of its photographs" in outcome(page, tmp_path, orders.part(order, 0))
    assert "what became of 1 of its photographs" in outcome(page, tmp_path, orders.photograph(order))
    assert "Both certificates are of one log" in outcome(page, tmp_path, whole, orders.part(order, 1))
    assert "contradict each other about one entry" in outcome(page, tmp_path, whole, _another(orders))
    context.close()


def _another(orders: Signer) -> bytes:
    order = an_order()
    order.statement["id"] = "decaf"
    return orders.whole(order)


def test_without_scripts_the_file_is_sent(browser: Any, site: str, files: Files, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/verify")
    path = tmp_path / "certificate.json"
    path.write_bytes(files.good)
    page.set_input_files("#certificate", str(path))
    page.click("main form button")
    assert "is as it was issued" in page.inner_text("main")
    assert "EF-TEST-CASE" in page.inner_text("main")
    context.close()

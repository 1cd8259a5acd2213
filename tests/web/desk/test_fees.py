"""The page of a fee: asked for with what it does to the last day, then paid or let go."""

from __future__ import annotations

from typing import Any

from flask import Flask

from portal.db import Database
from portal.tables import Case
from tests.cases.clocks.test_pausing import receive
from tests.cases.making import send
from tests.web.desk import colleague

ASKED: dict[str, Any] = {"amount": "GBP 20", "reason": "repeated", "how": "Pay it by bank transfer."}


def test_a_fee_is_asked_for_and_written_down_as_paid(app: Flask, database: Database) -> None:
    cora = colleague(app, database, "caseworker", name="Cora Worker")
    with database.writing() as session:
        case_id, other_id = receive(session, "UK", "copy").id, send(session, "copy").case.id
    page = cora.get(f"/staff/cases/{case_id}")
    assert "Ask for a fee" in page
    assert "Ask for a fee" not in cora.get(f"/staff/cases/{other_id}")
    path = f"/staff/cases/{case_id}/fee/copy"
    assert "The clock starts anew on the day of the answer." in cora.get(path)
    assert "Write the amount with its currency" in cora.post(path, status=422, **{**ASKED, "amount": "much"})
    assert cora.post(path, **ASKED) == path
    page = cora.get(path)
    assert "you asked for GBP 20" in page
    assert "A fee was asked for, and nobody has written down that it is paid." in cora.get(f"/staff/cases/{case_id}")
    assert "the fee is paid" in page.lower()
    assert cora.post(f"{path}/paid") == path
    assert "Nothing is waited for any more." in cora.get(path)
    cora.post(f"{path}/waived", status=409)
    assert "No fee can be asked for here." in cora.get(f"/staff/cases/{other_id}/fee/copy")
    with database.reading() as session:
        assert session.get_one(Case, case_id).waiting_for == "caseworker"

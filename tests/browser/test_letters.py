"""A letter from the page of its case: read, printed alone, saved as PDF, and sent with a mail that tells nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from portal.cases.clocks import extending
from portal.db import Database
from portal.tables import Mail
from tests.browser.signing_in import at_desk
from tests.cases.making import send
from tests.cases.test_paper import words_of
from tests.web.desk import colleague


def test_a_letter_is_read_printed_saved_and_sent_from_its_case(
    app: Flask, database: Database, site: str, browser: Any, tmp_path: Path
) -> None:
    cora = colleague(app, database, "caseworker", name="Cora")
    with database.writing() as session:
        case = send(session, "access").case
        extending.extend(session, case.rights[0], cora.id, "many")
        case_id, reference = case.id, case.reference
        mails = session.scalar(select(func.count()).select_from(Mail))
    visitor = at_desk(browser, site, cora)
    page = visitor.page
    page.add_init_script("window.print = () => { window.printed = true; };")
    visitor.go(f"/staff/cases/{case_id}")
    visitor.press("Letters")
    visitor.strike(page.get_by_role("link", name=re.compile("^More time")))
    page.wait_for_url("**/letters/access/extension")
    visitor.look()
    assert "version 1 of its text" in visitor.text
    visitor.strike(visitor.named("Print this page"))
    assert page.evaluate("window.printed") is True
    page.emulate_media(media="print")
    assert page.get_by_role("article").is_visible()
    for hidden in ("Send it and mail the person", "Print this page", "Back"):
        assert not visitor.named(hidden).is_visible(), hidden
    page.emulate_media(media="screen")
    with page.expect_download() as started:
        visitor.strike(visitor.named("Save as PDF"))
    started.value.save_as(tmp_path / "letter.pdf")
    assert reference in words_of((tmp_path / "letter.pdf").read_bytes())
    visitor.press("Send it and mail the person")
    assert "Sent on" in visitor.text
    assert visitor.named("Send it and mail the person").count() == 0
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Mail)) == (mails or 0) + 1
    assert visitor.faults == []
    visitor.close()

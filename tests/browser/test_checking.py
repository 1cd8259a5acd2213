"""Checking a certificate on the device: the file is not sent, no network is needed, and one changed byte is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portal.db import Database
from tests.erasure import certified

RESULT = "[data-result]:not([hidden])"


@pytest.fixture
def file(database: Database) -> bytes:
    with database.writing() as session:
        _made, data, _key = certified.issued(session)
        return data


def outcome(page: Any, path: Path, data: bytes) -> str:
    path.write_bytes(data)
    page.evaluate("document.querySelectorAll('[data-result]').forEach((one) => { one.hidden = true; })")
    page.set_input_files("#certificate", str(path))
    page.click("main form button")
    page.wait_for_selector(RESULT)
    return str(page.inner_text(RESULT))


def test_it_is_checked_without_a_network(browser: Any, site: str, file: bytes, tmp_path: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/verify")
    page.wait_for_selector("[data-on-device]:not([hidden])")
    context.set_offline(True)
    path = tmp_path / "certificate.json"
    assert "is as it was issued" in outcome(page, path, file)
    for share in range(5, 100, 5):
        at = len(file) * share // 100
        changed = file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]
        assert "is not as it was issued" in outcome(page, path, changed), share
    assert "is not as it was issued" in outcome(page, path, b"nonsense")
    assert "is as it was issued" in outcome(page, path, file)
    context.close()


def test_without_scripts_the_file_is_sent(browser: Any, site: str, file: bytes, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/verify")
    path = tmp_path / "certificate.json"
    path.write_bytes(file)
    page.set_input_files("#certificate", str(path))
    page.click("main form button")
    assert "is as it was issued" in page.inner_text("main")
    assert "EF-TEST-CASE" in page.inner_text("main")
    context.close()

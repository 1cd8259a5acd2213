"""The one way to start the browser, and to put the application before it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import create_server

from tests.browser.finding import find_browser

# Chromium fetches nothing of its own: whatever leaves the machine then comes from our pages.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def what_is_missing() -> str | None:
    """Why the browser tests cannot run here, in one line; None when they can."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"NOT RUN: the package {package} is not installed."
    return None if find_browser() else "NOT RUN: no Chromium was found; install one."


@contextmanager
def chromium() -> Iterator[Any]:
    """A Chromium without a window: Playwright's `Browser`."""
    # Imported here, so that the tests can be collected, and counted as not run, where it is missing.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a free port of the loopback interface. Yields its address."""
    server = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()

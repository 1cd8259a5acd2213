"""The lookers look: a page that is bad in every way is told so."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.browser.chromium import served
from tests.browser.visiting import Visitor

HEAD = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">"""
BAD = f"""{HEAD}<title>Bad</title><style>p {{ color: #ddd; width: 900px }}</style>
<body><p>Pale and wide.</p><input><img src="http://127.0.0.9:9/spy.png"><a href="/good">Go on</a>"""
GOOD = f"{HEAD}<title>Good</title><body><main><h1>Nothing wrong</h1></main>"


@pytest.fixture
def bad_site() -> Flask:
    app = Flask("bad")
    app.add_url_rule(
        "/", "bad", lambda: (BAD, {"Content-Security-Policy": "style-src 'unsafe-inline'; img-src 'self'"})
    )
    app.add_url_rule("/loud", "loud", lambda: (BAD.replace("<input>", "<script>throw Error('ouch')</script>"), 200))
    app.add_url_rule("/good", "good", lambda: GOOD)
    return app


def test_faults_are_found(browser: Any, bad_site: Flask) -> None:
    with served(bad_site) as address:
        visitor = Visitor(browser, address, touch=True)
        visitor.go("/")
        found = "\n".join(visitor.faults)
        assert all(rule in found for rule in ("color-contrast", "label", "image-alt", "scrolls sideways"))
        assert "Content Security Policy" in found
        visitor.go("/loud")
        found = "\n".join(visitor.faults)
        assert "/loud: ouch" in found
        assert "asked for http://127.0.0.9:9/spy.png" in found
        visitor.close()


def test_a_good_page_has_none_unless_nobody_looked(browser: Any, bad_site: Flask) -> None:
    with served(bad_site) as address:
        visitor = Visitor(browser, address)
        visitor.page.goto("/good")
        assert visitor.faults == ["/good: nobody looked at it"]
        visitor.look()
        assert visitor.faults == []
        visitor.close()

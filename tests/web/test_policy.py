"""Every route says who may call it, and the rest are turned away."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.web import policy
from portal.web.policy import safe_path


def test_every_route_has_a_policy(app: Flask) -> None:
    bare = [rule.rule for rule in app.url_map.iter_rules() if not policy.policy_of(app, rule.endpoint)]
    assert bare == []


def test_a_route_without_a_policy_stops_the_start(app: Flask) -> None:
    app.view_functions["bare"] = lambda: "hello"
    app.url_map.add(app.url_rule_class("/bare", endpoint="bare"))
    with pytest.raises(RuntimeError, match="bare"):
        policy.check(app)


def test_a_policy_for_nobody_or_for_strangers_is_refused() -> None:
    with pytest.raises(ValueError, match="policy"):
        policy.policy()
    with pytest.raises(ValueError, match="boss"):
        policy.policy("boss")


def _filled(rule: str) -> str:
    """An address that fits the rule, with ids of things that are not there."""
    for part, value in {"<int:index>": "0", "<any(links, accounts):name>": "links"}.items():
        rule = rule.replace(part, value)
    rule = rule.replace("<any(rights, whom, residence, ways, consent, helps):name>", "rights")
    while "<" in rule:
        start, _, rest = rule.partition("<")
        inside, _, end = rest.partition(">")
        rule = start + ("1" if inside.startswith("int:") else "0" * 32) + end
    return rule


def test_without_signing_in_only_public_pages_answer(app: Flask, client: FlaskClient) -> None:
    checked = 0
    for rule in app.url_map.iter_rules():
        if policy.PUBLIC in policy.policy_of(app, rule.endpoint) or "GET" not in (rule.methods or ()):
            continue
        answer = client.get(_filled(rule.rule))
        assert answer.status_code == 303, rule.rule
        assert "sign-in" in answer.headers["Location"], rule.rule
        checked += 1
    assert checked >= 8


def test_posting_without_signing_in_changes_nothing(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if policy.PUBLIC in policy.policy_of(app, rule.endpoint) or "POST" not in (rule.methods or ()):
            continue
        assert client.post(_filled(rule.rule)).status_code in {303, 400}, rule.rule


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "", None, "/a\nb"]
)
def test_a_way_back_leads_to_this_site_only(path: str | None) -> None:
    assert safe_path(path, "/home") == "/home"
    assert safe_path("/case?a=b", "/home") == "/case?a=b"

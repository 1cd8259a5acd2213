"""Photographs whose time is over by law are work that waits on the home page, and figures on two others."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from portal import audit
from portal.cases.housekeeping import destroying
from portal.db import Database
from portal.tables import Order
from tests.cases.housekeeping.test_destroying import held
from tests.web.desk import colleague

PAGE = "/staff/law/time-over"


def test_what_was_counted_waits_for_the_privacy_team(app: Flask, database: Database) -> None:
    anna = colleague(app, database, "caseworker")
    assert "time is over" not in anna.get("/staff")
    assert "has been counted yet" in anna.get("/staff/law/")
    facts = {"on": "2026-11-21", "photographs": 9, "undated": 4, "over": {"us-il.biometrics": 3}}
    with database.writing() as session:
        audit.append(session, destroying.KIND, {**facts, "soon": {"us-il.biometrics": 1}})
    assert "3 photographs over, 1 photograph within 30 days" in anna.get("/staff")
    page = anna.get("/staff/law/")
    assert "No date is recorded for 4 photographs" in page
    assert "Nothing is erased by itself" in page
    assert "by a law that needs no request: 3" in anna.get("/staff/reports/")


def test_where_they_are_and_an_order_that_is_proposed_and_not_made(
    app: Flask, database: Database, tmp_path: Path
) -> None:
    boss, reader = colleague(app, database, "admin"), colleague(app, database, "auditor")
    for chosen, columns in (("store/", {"last_contact": "2015-01-01"}), ("retention/", {})):
        with database.writing() as session:
            held(session, tmp_path, **columns)
        links = [unescape(one) for one in re.findall(r'href="(/staff/orders/new.[^"]+)"', boss.get(PAGE))]
        assert links, "Illinois at least"
        form = boss.get(links[0])
        assert re.search(rf'<option value="{chosen}[^"]*" selected>', form), (
            "never more than is over, unless a person says so"
        )
        assert "the time of 1 photograph was over on" in form
    with database.reading() as session:
        assert session.scalars(select(Order)).all() == []
    assert "An admin can propose an order" in reader.get(PAGE)
    assert "/staff/orders/new" not in reader.get(PAGE)

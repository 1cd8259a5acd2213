"""Photographs whose time is over by law are work that waits on the home page, and figures on two others."""

from __future__ import annotations

from flask import Flask

from portal import audit
from portal.cases import destroying
from portal.db import Database
from tests.web.desk import colleague


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

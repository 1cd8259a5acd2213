"""Is the process alive, and can it serve? For the machines that watch it."""

from __future__ import annotations

import shutil

import redis
from flask import Blueprint, Response, g, jsonify
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from portal.jobs import connect
from portal.tables import Base
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("health", __name__)

PICTURES_TO_COME = 4


@blueprint.get("/healthz")
@policy("public")
def alive() -> Response:
    """The process answers. Looks at nothing."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@policy("public")
def ready() -> tuple[Response, int]:
    """`{"database": "ok", "tables": "ok", "queue": "ok", "disk": "ok"}`; 503 when one of them is not."""
    found = {"database": "ok", "tables": _tables(), "queue": _queue(), "disk": _disk()}
    if found["tables"] == "away":
        found["database"] = "away"
    return jsonify(found), 200 if set(found.values()) == {"ok"} else 503


def _tables() -> str:
    try:
        there = inspect(g.session.connection())
        for table in Base.metadata.tables.values():
            if not there.has_table(table.name):
                return "missing"
            if {column.name for column in table.columns} - {column["name"] for column in there.get_columns(table.name)}:
                return "outdated"
    except SQLAlchemyError:
        return "away"
    return "ok"


def _queue() -> str:
    try:
        with connect(settings().queue) as connection:
            connection.ping()
    except redis.RedisError:
        return "away"
    return "ok"


def _disk() -> str:
    """Is there room for a few more pictures?"""
    config = settings()
    try:
        left = shutil.disk_usage(config.data).free
    except OSError:
        return "away"
    return "ok" if left > PICTURES_TO_COME * config.upload_megabytes * 1024 * 1024 else "full"

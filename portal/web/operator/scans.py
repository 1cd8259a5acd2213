"""The scans of a store: how far one is, pausing and stopping it, what it could not use."""

from __future__ import annotations

import json
import shlex

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal.errors import NotFound
from portal.stores import scans
from portal.tables import Scan, ScanError
from portal.web.policy import policy
from portal.web.texts import counted

blueprint = Blueprint("scans", __name__, url_prefix="/staff/scans")

Page = str | Response | tuple[str, int]

WISHES: dict[str, scans.Wish] = {"pause": "pause", "resume": "resume", "cancel": "cancel"}
ERRORS_A_PAGE = 100
STATES = {
    "running": "Running",
    "paused": "Paused",
    "done": "Done",
    "cancelled": "Cancelled",
    "failed": "Stopped by a problem",
}


@blueprint.get("/<scan_id>")
@policy("admin")
def scan(scan_id: str) -> Page:
    found = _scan(scan_id)
    quoted = shlex.quote(found.store.name)
    return render_template("admin/scan.html", scan=found, states=STATES, quoted=quoted, **_progress(found))


@blueprint.get("/<scan_id>/progress")
@policy("admin")
def scan_progress(scan_id: str) -> Response:
    found = _scan(scan_id)
    progress = _progress(found)
    body = {"state": found.state, "percent": progress["percent"], "texts": progress["texts"]}
    return current_app.response_class(json.dumps(body), mimetype="application/json")


@blueprint.post("/<scan_id>/<wish>")
@policy("admin")
def ask(scan_id: str, wish: str) -> Page:
    if wish not in WISHES:
        raise NotFound("There is no such button.")
    scans.ask(g.session, _scan(scan_id), WISHES[wish])
    g.session.commit()
    return redirect(url_for("scans.scan", scan_id=scan_id), 303)


@blueprint.post("/<scan_id>/retry")
@policy("admin")
def retry(scan_id: str) -> Page:
    """A new scan of what the store's newest could not use."""
    started = scans.retry_errors(g.session, _scan(scan_id).store, current_user.id)
    g.session.commit()
    return redirect(url_for("scans.scan", scan_id=started.id), 303)


@blueprint.get("/<scan_id>/errors")
@policy("admin")
def scan_errors(scan_id: str) -> Page:
    found = _scan(scan_id)
    after = request.args.get("after", 0, int)
    of_scan = select(ScanError).where(ScanError.scan_id == found.id, ScanError.id > after).order_by(ScanError.id)
    errors = list(g.session.scalars(of_scan.limit(ERRORS_A_PAGE)))
    return render_template("admin/scan_errors.html", scan=found, errors=errors, more=len(errors) == ERRORS_A_PAGE)


@blueprint.get("/<scan_id>/errors.csv")
@policy("admin")
def scan_errors_file(scan_id: str) -> Response:
    text = scans.errors_csv(g.session, _scan(scan_id))
    name = {"Content-Disposition": f"attachment; filename=scan-{scan_id}-errors.csv"}
    return current_app.response_class(text, mimetype="text/csv", headers=name)


def _progress(scan: Scan) -> dict[str, object]:
    """What the page and its polling show: a whole percent, and texts by field."""
    progress = scans.progress(scan)
    percent = int(100 * (progress.fraction or 0))
    texts = {
        "seen": f"{scan.seen:,}" + (f" of {scan.expected:,}" if scan.expected is not None else ""),
        "rate": f"{progress.per_second:.1f}" if progress.per_second else "–",
        "faces": f"{scan.faces:,}",
        "left": in_words(progress.seconds_left),
        "summary": f"{percent} percent, {counted(scan.seen, 'photograph')} seen, {counted(scan.faces, 'face')} found",
    }
    for name in ("new", "changed", "unchanged", "unreadable", "stopped", "fallback", "faceless", "too_small", "gone"):
        texts[name] = f"{getattr(scan, name):,}"
    return {"progress": progress, "percent": percent, "texts": texts}


def in_words(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return "less than a minute"
    if seconds < 5400:
        return "about " + counted(round(seconds / 60), "minute")
    return "about " + counted(round(seconds / 3600), "hour")


def _scan(scan_id: str) -> Scan:
    scan: Scan | None = g.session.get(Scan, scan_id)
    if scan is None:
        raise NotFound("There is no such scan.")
    return scan

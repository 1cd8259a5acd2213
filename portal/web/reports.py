"""How requests went: figures for the privacy team, and those for the public with small numbers left out."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, g, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal import clock
from portal.cases import report_paper, reports
from portal.cases.reports import Line
from portal.errors import BadInput
from portal.matching import agreement, rates
from portal.web.caseworker import names_of
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("reports", __name__, url_prefix="/staff/reports")

# The chart's bars, in units of its own picture.
WIDTH, ROW = 400, 30


@blueprint.get("/")
@policy("caseworker", "admin", "auditor")
def show() -> str | AnyResponse:
    since, until = _period()
    report = reports.report(g.session, since, until)
    # How each colleague works is for those who look after accounts, nobody else.
    judged = agreement.agreement(g.session, since, until) if current_user.has("admin") else None
    measured = rates.measured(g.session, since, until) if judged else {}
    return render_template(
        "reports/show.html",
        report=report,
        bars=[_bar(at, line) for at, line in enumerate(report.rights)],
        size=(WIDTH, ROW * max(1, len(report.rights))),
        year=until.year,
        california=reports.california(g.session, until.year),
        fewest=reports.FEWEST,
        judged=judged,
        measured=measured,
        names=names_of(g.session, {one.account_id for one in judged.reviewers} | set(measured)) if judged else {},
    )


@blueprint.get("/requests.csv")
@policy("caseworker", "admin", "auditor")
def download() -> Response:
    since, until = _period()
    return _csv(reports.as_csv(reports.report(g.session, since, until)), f"requests-{since}-{until}.csv")


@blueprint.get("/requests.pdf")
@policy("caseworker", "admin", "auditor")
def download_pdf() -> Response:
    """The report to print and file: the chart, and the figures under it."""
    since, until = _period()
    data = report_paper.as_pdf(reports.report(g.session, since, until), settings().organisation)
    name = f"requests-{since}-{until}.pdf"
    return Response(data, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/reviewers.csv")
@policy("admin")
def download_reviewers() -> Response:
    since, until = _period()
    found, measured = agreement.agreement(g.session, since, until), rates.measured(g.session, since, until)
    names = names_of(g.session, {one.account_id for one in found.reviewers} | set(measured))
    return _csv(agreement.as_csv(found, measured, names), f"reviewers-{since}-{until}.csv")


def _csv(text: str, name: str) -> Response:
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _period() -> tuple[date, date]:
    """The days asked for in the address; this year until today when none are."""
    today = clock.local_date(clock.now(), settings().zone)
    return _day("from", date(today.year, 1, 1)), _day("until", today)


def _day(name: str, default: date) -> date:
    given = request.args.get(name, "")
    try:
        return date.fromisoformat(given) if given else default
    except ValueError as problem:
        raise BadInput("A day is written as 2026-11-21: year, month, day.", "bad-day") from problem


def _bar(at: int, line: Line) -> dict[str, object]:
    """One right's bar: the part in time and the part late, of those that have come to their end or their last day."""
    counted = line.in_time + line.late
    in_time = WIDTH * line.in_time / counted if counted else 0.0
    late = WIDTH * line.late / counted if counted else 0.0
    return {"line": line, "top": at * ROW, "in_time": round(in_time, 1), "late": round(late, 1), "counted": counted}

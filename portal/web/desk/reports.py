"""How requests went: figures for the privacy team, and those for the public with small numbers left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import Blueprint, Response, g, render_template
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal import clock
from portal.cases.answer import feedback
from portal.cases.figures import published, report_paper, reports
from portal.cases.figures.published import Published
from portal.cases.figures.reports import Line
from portal.cases.housekeeping import destroying
from portal.matching import agreement, rates
from portal.web.charts import Chart, Figure, chart, shares
from portal.web.context import settings
from portal.web.days import day_in
from portal.web.desk.caseworker import names_of
from portal.web.policy import policy
from portal.web.texts import counted

blueprint = Blueprint("reports", __name__, url_prefix="/staff/reports")


# What the first two said about a pair.
MET = {
    "both-different": "Both said: different",
    "both-cannot-tell": "Both could not tell",
    "both-same": "Both said: same",
    "differed": "They differed, so a third was asked",
}


@blueprint.get("/")
@policy("caseworker", "admin", "auditor")
def show() -> str | AnyResponse:
    since, until = _period()
    report = reports.report(g.session, since, until)
    california = published.california(g.session, until.year)
    judged = _judged(since, until)
    # How each colleague works is for those who look after accounts, nobody else.
    measured = rates.measured(g.session, since, until) if current_user.has("admin") else {}
    return render_template(
        "reports/show.html",
        report=report,
        held=destroying.newest(g.session),
        clear=feedback.said(g.session, since, until),
        charts={
            "rights": _in_time(report.rights),
            "laws": _in_time(report.laws),
            "endings": _endings(report.whole),
            "days": _days(report.rights),
            "published": _published(california),
            "agreement": chart([Figure(MET[name], (float(n),), counted(n, "pair")) for name, n in judged.met.items()]),
        },
        year=until.year,
        california=california,
        fewest=published.FEWEST,
        judged=judged,
        met=MET,
        agreed=report_paper.agreed(judged.pairs, judged.kappa),
        all_of_it=current_user.has("admin"),
        measured=measured,
        names=names_of(g.session, {one.account_id for one in judged.reviewers} | set(measured)),
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
    judged = _judged(since, until)
    data = report_paper.as_pdf(
        reports.report(g.session, since, until),
        settings().organisation,
        published.california(g.session, until.year),
        (judged.pairs, judged.kappa),
    )
    name = f"requests-{since}-{until}.pdf"
    return Response(data, mimetype="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/california.csv")
@policy("caseworker", "admin", "auditor")
def download_published() -> Response:
    """What may be published of the year in which the period ends."""
    _, until = _period()
    lines = published.california(g.session, until.year)
    return _csv(published.as_csv(until.year, lines), f"california-{until.year}.csv")


@blueprint.get("/reviewers.csv")
@policy("admin")
def download_reviewers() -> Response:
    since, until = _period()
    found, measured = (
        _judged(since, until),
        rates.measured(g.session, since, until),
    )
    names = names_of(g.session, {one.account_id for one in found.reviewers} | set(measured))
    return _csv(agreement.as_csv(found, measured, names), f"reviewers-{since}-{until}.csv")


def _csv(text: str, name: str) -> Response:
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _judged(since: date, until: date) -> agreement.Agreement:
    """Who compares pictures, too, reads of decided requests alone: see `agreement`."""
    return agreement.agreement(g.session, since, until, decided=current_user.has("reviewer"))


def _period() -> tuple[date, date]:
    """The days asked for in the address; this year until today when none are."""
    today = clock.local_date(clock.now(), settings().zone)
    return day_in("from", date(today.year, 1, 1)), day_in("until", today)


def _in_time(lines: Sequence[Line]) -> Chart:
    """For each line the part in time and the part late, of those that have come to their end or their last day."""
    return chart([shares(_named(one), one.in_time, one.late, report_paper.in_time(one)) for one in lines])


def _days(lines: Sequence[Line]) -> Chart:
    """For each line how many days half of the answers took at most."""
    return chart(
        [
            Figure(_named(one), (one.median_days,), counted(round(one.median_days, 1), "day"))
            for one in lines
            if one.median_days is not None
        ]
    )


def _endings(whole: Line) -> Chart:
    return chart(
        [
            Figure(report_paper.ENDED[ending], (float(count),), counted(count, "right"))
            for ending, count in whole.endings.items()
        ]
    )


def _published(lines: Sequence[Published]) -> Chart:
    """How many requests of each kind; what is left out has no bar."""
    words = ["left out" if one.received is None else counted(one.received, "request") for one in lines]
    return chart(
        [Figure(f"To {one.right}", (float(one.received or 0),), text) for one, text in zip(lines, words, strict=True)]
    )


def _named(line: Line) -> str:
    return report_paper.RIGHTS.get(line.name, line.name)

"""The page on which an admin sees how often the encoder errs, and what a threshold costs in misses and in work."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g, render_template
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal.matching import encoders, thresholds
from portal.matching.calibration import GRID, Curve
from portal.tables import Calibration, Encoder
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("thresholds", __name__, url_prefix="/staff/thresholds")

WIDTH, HEIGHT = 640, 300
SHOWN = tuple(range(40, len(GRID), 10))
PER_CASES = 1000
STATES = {"live": "Searched", "coming": "Its gallery is being filled", "retired": "Not searched any more"}


@dataclass(frozen=True)
class Row:
    """One threshold of the table: what is missed, and how many strangers reviewers see in 1,000 cases."""

    threshold: float
    missed: str
    strangers: str


@blueprint.get("/")
@policy("admin")
def show() -> str | Response:
    found = [
        (encoder, kept)
        for encoder in g.session.scalars(select(Encoder))
        if (kept := thresholds.newest(g.session, encoder))
    ]
    cards = [_card(encoder, kept) for encoder, kept in found]
    known = g.session.scalars(select(Encoder).order_by(Encoder.id)).all()
    work = encoders.newest(g.session)
    return render_template(
        "thresholds/show.html",
        cards=cards,
        encoders=[(one, STATES[one.state]) for one in known],
        work=work if work is not None and work.state == "running" else None,
        setting=settings().threshold,
        size=(WIDTH, HEIGHT),
    )


def _card(encoder: Encoder, kept: Calibration) -> dict[str, object]:
    curve = thresholds.curve_of(kept)
    limits = thresholds.thresholds_now(g.session, encoder, kept.gallery_size)
    now = limits.face
    return {
        "encoder": encoder,
        "kept": kept,
        "curve": curve,
        "groups": curve.kinds() | ({"fallback": curve.fallback} if curve.fallback else {}),
        "now": now,
        "fallback": limits.fallback,
        "now_at": _across(now / thresholds.parts_of(encoder)),
        "missed": _line(curve.overall.fnmr),
        "strangers": _line(curve.worst_fmr().tolist()),
        "rows": _rows(curve, kept.gallery_size, thresholds.parts_of(encoder)),
    }


def _rows(curve: Curve, gallery_size: int, parts: float) -> list[Row]:
    worst = curve.worst_fmr()
    return [
        Row(
            round(float(GRID[at]) * parts, 3),
            f"{100 * curve.overall.fnmr[at]:.1f} %",
            f"{worst[at] * gallery_size * PER_CASES:,.0f}",
        )
        for at in SHOWN
    ]


def _across(threshold: float) -> float:
    return round(WIDTH * (threshold - float(GRID[0])) / float(GRID[-1] - GRID[0]), 1)


def _line(shares: list[float]) -> str:
    """Points of an SVG polyline: thresholds to the right, shares upwards."""
    return " ".join(f"{_across(float(x))},{HEIGHT * (1 - share):.1f}" for x, share in zip(GRID, shares, strict=True))

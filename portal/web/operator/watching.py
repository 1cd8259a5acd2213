"""What is looked at again by itself: erased photographs that seem to be back, stores that drift."""

from __future__ import annotations

from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.erasure import rechecking
from portal.orders import rechecking as of_orders
from portal.stores import drift
from portal.tables import Case, Drift, Recheck, Store
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("watching", __name__, url_prefix="/staff")

OCCASIONS = {
    "day-1": "after 1 day",
    "day-7": "after 7 days",
    "day-30": "after 30 days",
    "restore": "after a copy was put back",
}
STANDING = {
    "due": "To come",
    "clear": "All is gone",
    "found": "Something seems to be back",
    "confirmed": "Something is back",
    "dismissed": "Something else than it seemed",
    "missed": "Could not be looked at",
}


def erase_again(session: Session, recheck: Recheck, account_id: str) -> None:
    rule = of_orders.erase_again if recheck.order_id else rechecking.erase_again
    rule(session, recheck, account_id)


SAID = {
    "confirm": (rechecking.confirm, "It is written down. Now a second person must agree to erase it again."),
    "dismiss": (rechecking.dismiss, "It is written down that this is something else."),
    "erase": (erase_again, "It is being erased again."),
}
SHOWN = 100


@blueprint.get("/looking-again")
@policy("caseworker", "auditor")
def rechecks() -> str:
    """What waits for somebody first, then the last looks."""
    done = select(Recheck).where(Recheck.looked_at.is_not(None)).order_by(Recheck.looked_at.desc()).limit(SHOWN)
    waiting = rechecking.waiting(g.session)
    last = list(g.session.scalars(done))
    of_cases = [one for one in (*waiting, *last) if one.erasure is not None]
    cases = {one.id: g.session.get_one(Case, one.erasure.case_id) for one in of_cases}
    return render_template(
        "watching/rechecks.html",
        waiting=waiting,
        last=last,
        cases=cases,
        occasions=OCCASIONS,
        standing=STANDING,
        two_people=settings().two_people,
    )


@blueprint.post("/looking-again/<recheck_id>/<what>")
@policy("caseworker")
def decide(recheck_id: str, what: str) -> Response:
    if what not in SAID:
        abort(404)
    rule, sentence = SAID[what]
    rule(g.session, rechecking.need_recheck(g.session, recheck_id), current_user.id)
    g.session.commit()
    flash(sentence)
    return redirect(url_for("watching.rechecks"), 303)


@blueprint.get("/drift")
@policy("admin")
def differences() -> str:
    """Where stores and what is known of them differ, as the last rounds found it."""
    stores = {store.id: store for store in g.session.scalars(select(Store).order_by(Store.name))}
    return render_template(
        "watching/drift.html",
        stores=[(store, drift.counts(g.session, store.id)) for store in stores.values()],
        rounds={one.store_id: one for one in g.session.scalars(select(Drift))},
        found=drift.findings(g.session)[:SHOWN],
        names={one: store.name for one, store in stores.items()},
    )

"""How often reviewers err on pairs with a known answer: each one's own page, and for admins what there is to show."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, g, render_template
from flask_login import current_user

from portal import clock
from portal.matching import agreement, known, practice, rates
from portal.tables import Account
from portal.web.context import settings
from portal.web.desk.caseworker import names_of
from portal.web.policy import policy

blueprint = Blueprint("practice", __name__, url_prefix="/staff/practice")

NUMBERS = {"gate": practice.GATE, "least": practice.LEAST_RIGHT, "one_in": practice.ONE_IN}


@blueprint.get("/mine")
@policy("reviewer")
def mine() -> str:
    """One's own rates, and those of all together. Nobody else's."""
    since, today = date(2000, 1, 1), clock.local_date(clock.now(), settings().zone)
    every = rates.measured(g.session, since, today)
    judged = agreement.agreement(g.session, since, today, decided=True)
    return render_template(
        "reviewer/mine.html",
        own=every.get(current_user.id),
        all=rates.together(every.values()),
        others=len(every) > 1,
        judged=next((one for one in judged.reviewers if one.account_id == current_user.id), None),
        kappa=judged.kappa_of.get(current_user.id),
        standing=practice.standing(g.session, current_user.id),
        **NUMBERS,
    )


@blueprint.get("/")
@policy("admin")
def show() -> str:
    """What known pairs there are, whether the gate can be applied, and who has come through."""
    reviewers = [
        account for account in g.session.query(Account).filter(Account.disabled_at.is_(None)) if _reviews(account)
    ]
    return render_template(
        "reviewer/known.html",
        stock=known.stock(g.session),
        applies=practice.gate_applies(g.session),
        reviewers=[(one.id, practice.standing(g.session, one.id)) for one in reviewers],
        names=names_of(g.session, {one.id for one in reviewers}),
        kind=practice.LEAST_OF_A_KIND,
        **NUMBERS,
    )


def _reviews(account: Account) -> bool:
    return "reviewer" in account.roles

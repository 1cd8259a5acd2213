"""Photographs whose time is over by a law that needs no request: by duty and store, each with an order to propose."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g, render_template, url_for

from portal import clock
from portal.cases import law
from portal.cases.housekeeping import destroying
from portal.cases.housekeeping.destroying import InStore
from portal.cases.law import Duty, Place
from portal.web.context import settings
from portal.web.policy import policy
from portal.web.texts import counted

blueprint = Blueprint("destruction", __name__, url_prefix="/staff/law")


@dataclass(frozen=True)
class Row:
    """One store under one duty, and the address of a new order that is filled in as far as the portal can tell."""

    place: Place
    duty: Duty
    store: InStore
    propose: str


@blueprint.get("/time-over")
@policy("caseworker", "admin", "auditor")
def show() -> str:
    today = clock.local_date(clock.now(), settings().zone)
    rows = [
        Row(place, duty, store, _proposal(place, duty, store, today.isoformat()))
        for place, duty in law.duties(today)
        if duty.destroy
        for store in destroying.by_store(g.session, duty, today)
    ]
    return render_template("law/time_over.html", rows=rows, on=today, held=destroying.newest(g.session))


def _proposal(place: Place, duty: Duty, store: InStore, on: str) -> str:
    """The whole store, where the time of all is over. Else a person says which day tells them from the others."""
    what, within = (f"store/{store.store_id}", None) if store.is_all else ("retention/", store.store_id)
    reason = (
        f"{place.name}, {duty.title} ({duty.id}, version {duty.version}): "
        f"the time of {counted(store.over, 'photograph')} was over on {on}."
    )
    return url_for("orders.new", what=what, within=within, reason=reason)

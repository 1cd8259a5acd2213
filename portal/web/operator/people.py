"""Staff accounts and what is set: the admin's other pages."""

from __future__ import annotations

from dataclasses import fields

from flask import Blueprint, g, redirect, render_template, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from portal import accounts
from portal.errors import BadInput
from portal.tables.staff import ROLES
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("people", __name__, url_prefix="/staff")

Page = str | Response | tuple[str, int]

ROLE_WORDS = {
    "admin": "Admin: stores, scans, lineage and accounts",
    "caseworker": "Caseworker: checks identity, decides, answers",
    "reviewer": "Reviewer: compares pictures",
    "senior": "Senior reviewer: also settles pairs that others differ on or pass on",
    "auditor": "Auditor: reads requests and the log",
}


class RolesForm(FlaskForm):  # type: ignore[misc]
    roles = SelectMultipleField(
        "What the person does here",
        choices=[SelectChoice(role, ROLE_WORDS[role]) for role in ROLES],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


@blueprint.route("/accounts", methods=["GET", "POST"])
@policy("admin")
def accounts_list() -> Page:
    """All accounts, and the form that makes a link for a new one. The link is shown once."""
    form, link = RolesForm(), None
    if form.is_submitted() and form.validate():
        try:
            token = accounts.invite(g.session, form.roles.data or [], by=current_user.id)
        except BadInput as problem:
            form.roles.errors = [problem.sentence]
        else:
            g.session.commit()
            link = _link(token)
    page = render_template("people/list.html", people=accounts.list_accounts(g.session), form=form, link=link)
    return page, 422 if form.errors else 200


@blueprint.route("/accounts/<account_id>", methods=["GET", "POST"])
@policy("admin")
def account(account_id: str) -> Page:
    found = accounts.find_account(g.session, account_id)
    form = RolesForm(obj=found)
    if form.is_submitted() and form.validate():
        try:
            accounts.change_roles(g.session, found.id, form.roles.data or [], by=current_user.id)
        except BadInput as problem:
            form.roles.errors = [problem.sentence]
        else:
            g.session.commit()
            return redirect(url_for("people.accounts_list"), 303)
    return render_template("people/account.html", account=found, form=form, link=None), 422 if form.errors else 200


@blueprint.post("/accounts/<account_id>/<what>")
@policy("admin")
def change(account_id: str, what: str) -> Page:
    """`disable`, `enable`, or `reset`: a link for a new password and second factor."""
    if what == "reset":
        token = accounts.invite_again(g.session, account_id, by=current_user.id)
        g.session.commit()
        found = accounts.find_account(g.session, account_id)
        form = RolesForm(formdata=None, obj=found)
        return render_template("people/account.html", account=found, form=form, link=_link(token))
    act = {"disable": accounts.disable, "enable": accounts.enable}.get(what)
    if act is None:
        raise BadInput("There is no such button.")
    act(g.session, account_id, by=current_user.id)
    g.session.commit()
    return redirect(url_for("people.accounts_list"), 303)


def _link(token: str) -> str:
    return f"{settings().address}/join/{token}"


@blueprint.get("/settings")
@policy("admin")
def show_settings() -> Page:
    config = settings()
    rows = [
        (
            f"EFFACE_{item.name.upper()}",
            _shown(getattr(config, item.name), item.metadata["secret"]),
            item.metadata["help"],
        )
        for item in fields(config)
    ]
    return render_template("people/settings.html", rows=rows)


def _shown(value: object, secret: bool) -> str:
    if secret:
        return "set, not shown" if value else "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

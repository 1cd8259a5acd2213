"""How staff come in, and the page that tells each of them what waits."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from portal import accounts
from portal.errors import BadInput
from portal.web import sessions, squares
from portal.web.context import database, settings
from portal.web.desk import tasks
from portal.web.limits import spend
from portal.web.policy import policy, safe_path

blueprint = Blueprint("staff", __name__)

Page = str | Response | tuple[str, int]

NOT_RIGHT = (
    "That did not work. Check your e-mail address, your password and the code. "
    "Each code works once. After ten wrong tries an account rests for 15 minutes."
)


class SignInForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail address", [InputRequired("Type your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Type your password.")])
    code = StringField(
        "6-digit code",
        [InputRequired("Type the code that your app shows.")],
        description="From the code app on your phone or computer.",
    )


class JoinForm(FlaskForm):  # type: ignore[misc]
    email = StringField("E-mail address", description="You sign in with it.")
    name = StringField("Your name", description="Your colleagues see it.")
    password = PasswordField("Password", description="12 characters or more. Three or four words do well.")
    code = StringField("6-digit code", description="What the app shows now. It proves that the app is set up.")


@blueprint.route("/staff/sign-in", methods=["GET", "POST"])
@policy("public")
def sign_in() -> Page:
    after = safe_path(request.args.get("next"), url_for("staff.home"))
    if current_user.is_authenticated and request.method == "GET":
        return redirect(after, 303)
    form = SignInForm()
    if not form.validate_on_submit():
        return render_template("staff/sign_in.html", form=form), 422 if form.errors else 200
    spend("staff-sign-in")
    # The slow half only reads: nobody else waits for the write lock meanwhile.
    with database().reading() as reading:
        presented = accounts.check_password(reading, form.email.data, form.password.data)
    account = accounts.finish_sign_in(g.session, presented, form.code.data)
    g.session.commit()
    if account is None:
        form.form_errors.append(NOT_RIGHT)
        return render_template("staff/sign_in.html", form=form), 422
    sessions.sign_in_account(account)
    return redirect(after, 303)


@blueprint.post("/staff/sign-out")
@policy("staff")
def sign_out() -> Page:
    sessions.sign_out()
    return redirect(url_for("staff.sign_in"), 303)


@blueprint.route("/join/<token>", methods=["GET", "POST"])
@policy("public")
def join(token: str) -> Page:
    joining = accounts.begin(g.session, token)
    form = JoinForm()
    if joining.account is not None:
        del form.email, form.name
    if form.validate_on_submit():
        try:
            account = accounts.accept_invitation(
                g.session,
                token,
                form.email.data if form.email else "",
                form.name.data if form.name else "",
                form.password.data or "",
                joining.totp_secret,
                form.code.data or "",
            )
        except BadInput as problem:
            form[problem.code].errors = [problem.sentence]
        else:
            g.session.commit()
            sessions.sign_in_account(account)
            return redirect(url_for("staff.home"), 303)
    page = render_template(
        "staff/join.html",
        form=form,
        joining=joining,
        picture=_qr_code(joining),
        secret=" ".join(joining.totp_secret[start : start + 4] for start in range(0, len(joining.totp_secret), 4)),
    )
    return page, 422 if form.is_submitted() else 200


def _qr_code(joining: accounts.Joining) -> Markup:
    """The picture for the code app."""
    email = joining.account.email if joining.account else ""
    return squares.drawn(accounts.otpauth_uri(joining.totp_secret, email, settings().organisation))


@blueprint.get("/staff", strict_slashes=False)
@policy("staff")
def home() -> Page:
    return render_template("staff/home.html", tasks=tasks.tasks_of(g.session, current_user.id, current_user.roles))

"""Following one's own case: sign in with reference and secret words, see how far it is, read the answer, withdraw."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal.web.policy import policy

blueprint = Blueprint("following", __name__, url_prefix="/case")


class SignIn(FlaskForm):  # type: ignore[misc]
    reference = StringField(
        "Your reference",
        [InputRequired("Enter your reference"), Length(max=40, message="A reference looks like EF-7K3M-Q2WX")],
        description="It looks like EF-7K3M-Q2WX.",
    )
    secret = StringField(
        "Your secret words",
        [InputRequired("Enter your secret words"), Length(max=200, message="That is more than your secret words")],
        description="We showed them once, when you sent your request.",
    )


@blueprint.get("/sign-in")
@policy("public")
def sign_in() -> str:
    return render_template("subject/sign_in.html", form=SignIn())


@blueprint.get("")
@policy("case-holder")
def overview() -> str:
    return render_template("subject/overview.html")

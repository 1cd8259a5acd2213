"""The texts of letters: by language, every version that was ever used, and how each reads when it is filled in."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from portal.cases.letters import NAMES, examples, forms
from portal.errors import NotFound
from portal.languages import known
from portal.web.policy import policy

blueprint = Blueprint("letter_texts", __name__, url_prefix="/staff/letters")

KINDS = NAMES | {"mail": "The mail that says there is a letter"}


@blueprint.get("/")
@policy("caseworker", "admin")
def overview() -> str:
    """All texts, by language, the newest version first."""
    found = sorted(
        forms.forms().values(), key=lambda form: (form.language != forms.FIRST, form.language, -form.version)
    )
    newest = {form.language: forms.newest(form.language).version for form in found}
    return render_template("caseworker/letter_texts.html", found=found, newest=newest)


@blueprint.get("/<language>/<int:version>")
@policy("caseworker", "admin")
def show(language: str, version: int) -> str:
    """One version: each letter filled in for a made-up request, and which fields it takes."""
    form = forms.forms().get((language, version))
    if form is None:
        raise NotFound("There is no such version of the letters.")
    texts = {**form.letters, "mail": form.mail}
    letters = [
        (
            kind,
            name,
            *examples.example(g.session, form, kind),
            sorted(set().union(*map(forms.fields_of, (texts[kind].title, *texts[kind].paragraphs)))),
        )
        for kind, name in KINDS.items()
    ]
    return render_template("caseworker/letter_text.html", form=form, spoken=known(language), letters=letters)

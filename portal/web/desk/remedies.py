"""The form about a model, output, product or recipient that photographs reached, in a case and in an order."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.erasure import remedies
from portal.erasure.plans import REMEDIES_FOR
from portal.errors import BadInput
from portal.tables import ErasureItem, OrderItem, Remedy

WORDS = {
    "destroyed": "Destroyed",
    "retrained-without": "Trained again without these photographs",
    "unlearned": "Changed so that it forgets them (say by which method)",
    "output-suppressed": "What it says about the person is held back",
    "not-affected": "Not affected (say why)",
    "kept": "Kept as it is (say on what legal basis)",
    "told": "Told",
    "not-reached": "Could not be reached (say what was tried)",
    "not-yet-decided": "Not decided yet (say by when)",
}
EVIDENCE = ("weights_before", "weights_after", "run", "method", "basis")
KINDS_OF_ITEMS = {"model": "Model", "output": "What a model said", "product": "Product", "recipient": "Recipient"}


class ItemForm(FlaskForm):  # type: ignore[misc]
    result = SelectField("What was done?", [InputRequired("Choose what was done.")])
    note = TextAreaField(
        "Say it in a sentence",
        [InputRequired("Say in a sentence what was done, when, and how that can be checked.")],
        description="What was done, when, and how it can be checked. It stands on the certificate.",
    )


class ModelItemForm(ItemForm):
    """A model needs evidence. Which of it is asked for depends on the remedy, so the rules ask and not the form."""

    done_on = DateField("On which day?", [Optional()])
    weights_before = StringField(
        "SHA-256 of the weights before", [Length(max=64)], description="If destroyed, trained again or unlearned."
    )
    weights_after = StringField(
        "SHA-256 of the weights after", [Length(max=64)], description="If trained again or unlearned."
    )
    run = StringField(
        "Id of the training run",
        [Length(max=200)],
        description="If trained again. Check its manifest first: efface models retrained.",
    )
    method = StringField(
        "By which method?",
        [Length(max=500)],
        description="If destroyed, unlearned or held back. From weights nobody can prove that a model has forgotten.",
    )
    basis = TextAreaField("Why?", description="If kept: on what legal basis. If not affected: why not.")

    def evidence(self) -> remedies.Evidence:
        """What the form says. Raises BadInput without a day."""
        if self.done_on.data is None:
            raise BadInput("Give the day on which it was done.", "day-missing")
        given = {name: (self[name].data or "").strip() for name in EVIDENCE}
        return remedies.Evidence(self.done_on.data, **given)


def item_form(item: ErasureItem | OrderItem, remedy: Remedy | None, fresh: bool = False) -> ItemForm:
    """The form of one item, filled with what was answered where it is `fresh`. Only a model has a remedy."""
    # Several forms stand on one page: the prefix keeps the ids of their fields apart.
    kind = ModelItemForm if item.kind == "model" else ItemForm
    known = {"result": item.result, "note": item.note} | ({} if remedy is None else vars(remedy))
    form = kind(formdata=None, data=known, prefix=f"i{item.id}") if fresh else kind(prefix=f"i{item.id}")
    possible = REMEDIES_FOR[item.kind]
    form.result.choices = [SelectChoice("", "Choose one"), *(SelectChoice(one, WORDS[one]) for one in possible)]
    return form

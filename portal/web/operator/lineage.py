"""Where photographs came from and where they went, written down by the operator: one list, one form for each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.lineage import members, outputs, records
from portal.lineage.outputs import About
from portal.stores import grounds
from portal.tables import (
    Dataset,
    Disclosure,
    Product,
    Recipient,
    Source,
    Store,
    TrainedModel,
    TrainingUse,
)
from portal.web.policy import policy
from portal.web.texts import counted

blueprint = Blueprint("lineage", __name__, url_prefix="/staff/lineage")

Page = str | Response | tuple[str, int]

SAY = InputRequired("Fill this in.")
PICK = InputRequired("Choose one.")
DAY = InputRequired("Give the day as day, month and year.")
CONSENT_CHOICES = [
    SelectChoice("unknown", "Not known yet"),
    SelectChoice("yes", "All of them"),
    SelectChoice("some", "Some of them"),
    SelectChoice("no", "No"),
]
RIGHT_CHOICES = [
    SelectChoice("unknown", "Not known yet"),
    SelectChoice("yes", "Yes"),
    SelectChoice("no", "No"),
]
OUTPUT_CHOICES = [
    SelectChoice("age", "Their age"),
    SelectChoice("sex", "Their sex"),
    SelectChoice("ethnicity", "Their origin or skin colour"),
    SelectChoice("identity", "Who they are"),
    SelectChoice("emotion", "Their mood"),
    SelectChoice("likeness", "Who looks like whom"),
    SelectChoice("other", "Something else"),
]
ALL_THE_SAME = "If no consent and no right is recorded: why do you write it down all the same?"
IN_THE_LOG = "Such as: it happened in 2015, and people must be told. This goes into the log, so name nobody."


class SourceForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name of the source", [SAY], description="Such as Profile photographs 2014.")
    from_whom = StringField("Who gave the photographs", [SAY])
    received_on = DateField("Received on", [DAY])
    terms = TextAreaField("Under what terms", [SAY])
    consent = TextAreaField("What the people in them agreed to", [SAY], description="If nobody asked them, say so.")
    consented = SelectField("Did the people in them agree?", choices=CONSENT_CHOICES, default="unknown")
    consent_scope = TextAreaField("To what they agreed", description="For which use, and until when.")
    may_share = SelectField("Had the giver the right to share them?", choices=RIGHT_CHOICES, default="unknown")
    right_to_share = TextAreaField("Why the giver was allowed to share them")
    interest = TextAreaField(
        "What the giver had in whoever took them",
        description="Such as: the founders had shares in the company. Nothing, if there was nothing.",
    )


class SourceChangeForm(SourceForm):
    """What may become known later. The name and the day stay: they are how others speak of it."""

    name = received_on = None


class DatasetForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name of the dataset", [SAY])
    version = StringField("Version", [SAY])
    created_on = DateField("Made on", [DAY])
    description = TextAreaField("What is in it")


class PutForm(FlaskForm):  # type: ignore[misc]
    dataset = SelectField("Dataset", [PICK])
    store = SelectField("All photographs of the store", [PICK], description="Those seen by a scan so far.")
    despite = StringField(ALL_THE_SAME, description=IN_THE_LOG)


class ModelForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name of the model", [SAY])
    version = StringField("Version", [SAY])
    weights_digest = StringField("SHA-256 of its weights", description="64 letters and digits, or nothing.")
    purpose = TextAreaField("What it is for")


class TrainingForm(FlaskForm):  # type: ignore[misc]
    model = SelectField("Model", [PICK])
    dataset = SelectField("Was trained on the dataset", [PICK])
    trained_on = DateField("Trained on", [DAY])
    in_use_from = DateField("In use from", [Optional()], description="Nothing, if it was never used.")
    in_use_to = DateField("In use to", [Optional()], description="Nothing, if it is in use still.")
    run = StringField("Id of the training run", description="As the system that ran it calls it, or nothing.")
    despite = StringField(ALL_THE_SAME, description=IN_THE_LOG)


class OutputForm(FlaskForm):  # type: ignore[misc]
    model = SelectField("Which model said it", [PICK])
    kind = SelectField("What it tells about people", choices=OUTPUT_CHOICES)
    dataset = SelectField("About the photographs of the dataset", description="Or about one photograph or account:")
    store = SelectField("Store", description="Of the photograph or the account.")
    key = StringField("Key of the photograph")
    account = StringField("Account", description="We keep only a keyed digest of it.")
    count = IntegerField("How many answers are kept", [InputRequired("Say how many.")], default=1)
    kept_at = StringField("Where they are kept", [SAY])
    made_on = DateField("Made on", [Optional()])


class ProductForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name of the product", [SAY])
    model = SelectField("Built on the model", [PICK])
    description = TextAreaField("What it does")


class RecipientForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name of the recipient", [SAY])
    contact = StringField("How to reach them", [SAY])
    country = StringField("Country")


class DisclosureForm(FlaskForm):  # type: ignore[misc]
    recipient = SelectField("Recipient", [PICK])
    what = SelectField("Received", [PICK])
    disclosed_on = DateField("On", [DAY])
    basis = TextAreaField("On what basis", [SAY], description="A contract, a law, or that there was none.")
    despite = StringField(ALL_THE_SAME, description=IN_THE_LOG)


def _source(session: Session, form: SourceForm) -> str:
    row = records.add_source(session, **_texts(form))
    return f"{row.name} is written down."


def _dataset(session: Session, form: DatasetForm) -> str:
    row = records.add_dataset(session, **_texts(form))
    return f"{row.name} {row.version} is written down. Put photographs in it next."


def _put(session: Session, form: PutForm) -> str:
    dataset, store = _row(session, Dataset, form.dataset.data), _row(session, Store, form.store.data)
    put = members.put_in_dataset(session, dataset, store, form.despite.data or "")
    kept_out = (
        f" {counted(put.kept_out, 'photograph')} stay out, as promised to the people in them." if put.kept_out else ""
    )
    return f"{counted(put.added, 'photograph')} put in, {put.already:,} were in already.{kept_out}"


def _model(session: Session, form: ModelForm) -> str:
    row = records.add_model(session, **_texts(form))
    return f"{row.name} {row.version} is written down. Say next what it was trained on."


def _training(session: Session, form: TrainingForm) -> str:
    model, dataset = _row(session, TrainedModel, form.model.data), _row(session, Dataset, form.dataset.data)
    days = (form.trained_on.data, form.in_use_from.data, form.in_use_to.data)
    records.add_training_use(session, model, dataset, *days, form.run.data or "", form.despite.data or "")
    return f"{model.name} {model.version} was trained on {dataset.name} {dataset.version}: written down."


def _output(session: Session, form: OutputForm) -> str:
    about = About(
        _row(session, Store, form.store.data) if form.store.data else None,
        form.key.data or "",
        form.account.data or "",
        _row(session, Dataset, form.dataset.data) if form.dataset.data else None,
    )
    model = _row(session, TrainedModel, form.model.data)
    said = (form.count.data, form.kept_at.data, form.made_on.data)
    outputs.add_output(session, model, form.kind.data, about, *said)
    return f"What {model.name} {model.version} said is written down."


def _product(session: Session, form: ProductForm) -> str:
    model = _row(session, TrainedModel, form.model.data)
    row = records.add_product(session, form.name.data, model, form.description.data or "")
    return f"{row.name} is written down."


def _recipient(session: Session, form: RecipientForm) -> str:
    row = records.add_recipient(session, **_texts(form))
    return f"{row.name} is written down. Say next what they received."


def _disclosure(session: Session, form: DisclosureForm) -> str:
    recipient = _row(session, Recipient, form.recipient.data)
    kind, _, row_id = form.what.data.partition("/")
    dataset = _row(session, Dataset, row_id) if kind == "dataset" else None
    model = _row(session, TrainedModel, row_id) if kind == "model" else None
    said = (form.disclosed_on.data, form.basis.data, form.despite.data or "")
    records.add_disclosure(session, recipient, dataset, model, *said)
    return f"What {recipient.name} received is written down."


@dataclass(frozen=True)
class Kind:
    """One kind of record: the question on its page, its form, what writes it down, and the command that does it."""

    question: str
    form: type[FlaskForm]
    add: Callable[[Session, Any], str]


KINDS = {
    "source": Kind("Where did photographs come from?", SourceForm, _source),
    "dataset": Kind("Which dataset was made?", DatasetForm, _dataset),
    "places": Kind("Which photographs are in a dataset?", PutForm, _put),
    "model": Kind("Which model was trained?", ModelForm, _model),
    "training": Kind("What was a model trained on?", TrainingForm, _training),
    "output": Kind("What did a model say about people?", OutputForm, _output),
    "product": Kind("What was built on a model?", ProductForm, _product),
    "recipient": Kind("Who received something?", RecipientForm, _recipient),
    "disclosure": Kind("What did a recipient receive?", DisclosureForm, _disclosure),
}


@blueprint.get("/")
@policy("admin")
def overview() -> Page:
    session = g.session
    lists = {
        "sources": session.scalars(select(Source).order_by(Source.name)),
        "datasets": session.scalars(select(Dataset).order_by(Dataset.name, Dataset.version)),
        "models": session.scalars(select(TrainedModel).order_by(TrainedModel.name, TrainedModel.version)),
        "uses": session.scalars(select(TrainingUse).order_by(TrainingUse.trained_on)),
        "products": session.scalars(select(Product).order_by(Product.name)),
        "recipients": session.scalars(select(Recipient).order_by(Recipient.name)),
        "disclosures": session.scalars(select(Disclosure).order_by(Disclosure.disclosed_on)),
    }
    return render_template(
        "lineage/overview.html",
        counts=members.sizes(session),
        has_ground=grounds.has_ground,
        **{name: list(rows) for name, rows in lists.items()},
    )


@blueprint.route("/add/<name>", methods=["GET", "POST"])
@policy("admin")
def add(name: str) -> Page:
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound("There is no such record.")
    form = kind.form()
    _fill_choices(g.session, form)
    if form.validate_on_submit():
        try:
            sentence = kind.add(g.session, form)
        except (BadInput, Conflict, NotAllowed, NotFound) as problem:
            g.session.rollback()
            form.form_errors.append(problem.sentence)
        else:
            g.session.commit()
            flash(sentence)
            return redirect(url_for("lineage.overview"), 303)
    return render_template("lineage/add.html", form=form, kind=kind, name=name), 422 if form.errors else 200


@blueprint.route("/sources/<source_id>", methods=["GET", "POST"])
@policy("admin")
def source(source_id: str) -> Page:
    found = g.session.get(Source, source_id)
    if found is None:
        raise NotFound("There is no such source.")
    form = SourceChangeForm(obj=found)
    if form.validate_on_submit():
        try:
            records.change_source(g.session, found, **_texts(form))
        except BadInput as problem:
            g.session.rollback()
            form.form_errors.append(problem.sentence)
        else:
            g.session.commit()
            flash(f"What is known of {found.name} is written down.")
            return redirect(url_for("lineage.overview"), 303)
    kind = Kind(f"What is known of {found.name}?", SourceChangeForm, _source)
    return render_template("lineage/add.html", form=form, kind=kind), 422 if form.errors else 200


def _fill_choices(session: Session, form: FlaskForm) -> None:
    datasets = [
        (one.id, f"{one.name} {one.version}") for one in session.scalars(select(Dataset).order_by(Dataset.name))
    ]
    models = [
        (one.id, f"{one.name} {one.version}")
        for one in session.scalars(select(TrainedModel).order_by(TrainedModel.name))
    ]
    known = {
        "dataset": datasets,
        "model": models,
        "store": [(one.id, one.name) for one in session.scalars(select(Store).order_by(Store.name))],
        "recipient": [(one.id, one.name) for one in session.scalars(select(Recipient).order_by(Recipient.name))],
        "what": [(f"dataset/{row_id}", f"Dataset {title}") for row_id, title in datasets]
        + [(f"model/{row_id}", f"Model {title}") for row_id, title in models],
    }
    for name, choices in known.items():
        if name in form:
            form[name].choices = [SelectChoice(*one) for one in (("", "Choose one"), *choices)]


def _texts(form: FlaskForm) -> dict[str, Any]:
    """The answers by the names of the rule's parameters, which the fields have, too."""
    return {name: "" if value is None else value for name, value in form.data.items() if name != "csrf_token"}


def _row(session: Session, table: type[Any], row_id: str) -> Any:
    row = session.get(table, row_id)
    if row is None:
        raise BadInput("What you chose is not there any more. Load the page again.")
    return row

"""Orders: list, new, the plan to read and approve, how far it is, what people answer, the sworn statement."""

from __future__ import annotations

import json
from io import BytesIO

from flask import Blueprint, current_app, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from portal.erasure.plans import NOT_DECIDED
from portal.errors import BadInput, Conflict, NotFound
from portal.jobs import make_due
from portal.orders import certificate, making, paper, people, planning, remedies, wording
from portal.orders.outcomes import outcomes
from portal.orders.preview import preview
from portal.orders.progress import MOVING, WORDS, progress
from portal.tables import Dataset, Order, OrderItem, Remedy, Source, Store
from portal.web.context import settings
from portal.web.desk.caseworker import names_of
from portal.web.desk.remedies import EVIDENCE, KINDS_OF_ITEMS, ItemForm, ModelItemForm, item_form
from portal.web.desk.remedies import WORDS as REMEDY_WORDS
from portal.web.operator.scans import in_words
from portal.web.policy import policy

blueprint = Blueprint("orders", __name__, url_prefix="/staff/orders")

Page = str | Response | tuple[str, int]

# What a link to a new order may fill in.
PROPOSED = ("what", "within", "reason")
WISHES = {"pause": making.pause, "resume": making.resume, "cancel": making.cancel}


class OrderForm(FlaskForm):  # type: ignore[misc]
    what = SelectField(
        "What is to be erased?",
        [InputRequired("Choose what is to be erased.")],
        description="Everything of a source, a store or a dataset; or what is chosen by the fields below.",
    )
    accounts = FileField("List of accounts", description="Only for accounts: a text file with one account name a line.")
    before = StringField(
        "Before the day",
        description="Only for what is too old: taken, or first seen, before this day, such as 2014-12-31.",
    )
    days = IntegerField(
        "Or: older than so many days",
        [Optional()],
        description="Only for what is too old.",
    )
    within = SelectField("In which store?", default="", description="Only for what is too old.")
    reason = TextAreaField(
        "By whose order, and on what ground?",
        [InputRequired("Say by whose order it is, and on what ground."), Length(max=making.LONGEST_REASON)],
        description="One or two sentences. It stands in the log, which is for ever: name no person.",
    )
    suppresses = SelectField(
        "What is not taken in again?",
        choices=[
            SelectChoice("near", "The same photographs, also when they were saved anew"),
            SelectChoice("exact", "Exactly the same files"),
            SelectChoice("nothing", "Nothing is kept, and all may come in again"),
        ],
        default="near",
    )
    signatory = StringField("Who signs the statement?", [InputRequired("Say who signs the statement.")])
    position = StringField("Their position", [InputRequired("Say their position.")])
    oath = SelectField(
        "By which law do they swear?",
        choices=[
            SelectChoice("statement", "A signed statement, without an oath"),
            SelectChoice("us", "United States: under penalty of perjury (28 U.S.C. 1746)"),
            SelectChoice("california", "California: under penalty of perjury (CCP 2015.5)"),
        ],
        default="statement",
    )


@blueprint.get("/")
@policy("admin")
def overview() -> Page:
    orders = making.newest_first(g.session)
    ended = outcomes(g.session, orders)
    listed = [(order, making.title(g.session, order), ended.get(order.id, [])) for order in orders]
    return render_template("admin/orders.html", orders=listed, words=WORDS)


@blueprint.route("/new", methods=["GET", "POST"])
@policy("admin")
def new() -> Page:
    # Another page may propose an order: it fills in a field or two, and a person reads and sends it.
    form = OrderForm(data={name: request.args[name] for name in PROPOSED if name in request.args})
    form.what.choices = _choices()
    stores = g.session.scalars(select(Store).order_by(Store.name))
    form.within.choices = [SelectChoice("", "In all"), *(SelectChoice(store.id, store.name) for store in stores)]
    if form.validate_on_submit():
        try:
            order = making.make(g.session, _wish(form), current_user.id)
        except (BadInput, Conflict, NotFound) as problem:
            g.session.rollback()
            form.form_errors.append(problem.sentence)
        else:
            g.session.commit()
            return redirect(url_for("orders.show", order_id=order.id), 303)
    return render_template("admin/order_new.html", form=form), 422 if form.is_submitted() else 200


@blueprint.get("/<order_id>")
@policy("admin")
def show(order_id: str) -> Page:
    """The plan before it is approved, and how far it is after."""
    order = _order(order_id)
    people_of = {one for one in (order.asked_by, order.first_by, order.second_by) if one}
    return render_template(
        "admin/order.html",
        order=order,
        plan=preview(g.session, order),
        names=names_of(g.session, people_of),
        words=WORDS,
        moving=order.state in MOVING and order.work_state in ("due", "leased") and not order.paused,
        may_approve=not settings().two_people or order.first_by != current_user.id,
        unanswered=len(people.open_items(g.session, order)),
        cooling_hours=settings().cooling_hours,
        statements=outcomes(g.session, [order]).get(order.id, []),
        **_progress(order),
    )


@blueprint.get("/<order_id>/progress")
@policy("admin")
def show_progress(order_id: str) -> Response:
    order = _order(order_id)
    told = _progress(order)
    body = {"state": order.state, "percent": told["percent"], "texts": told["texts"]}
    return current_app.response_class(json.dumps(body), mimetype="application/json")


@blueprint.post("/<order_id>/approve")
@policy("admin")
def approve(order_id: str) -> Page:
    """Approve the plan whose digest the form carries: what was read, and nothing that came after."""
    making.approve(g.session, _order(order_id), current_user.id, request.form.get("digest", ""))
    g.session.commit()
    return redirect(url_for("orders.show", order_id=order_id), 303)


@blueprint.post("/<order_id>/plan-again")
@policy("admin")
def plan_again(order_id: str) -> Page:
    order = _order(order_id)
    planning.plan_again(g.session, order)
    make_due(g.session, order)
    g.session.commit()
    return redirect(url_for("orders.show", order_id=order_id), 303)


@blueprint.post("/<order_id>/ask/<wish>")
@policy("admin")
def ask(order_id: str, wish: str) -> Page:
    if wish not in WISHES:
        raise NotFound("There is no such button.")
    WISHES[wish](g.session, _order(order_id))
    g.session.commit()
    return redirect(url_for("orders.show", order_id=order_id), 303)


@blueprint.get("/<order_id>/items")
@policy("admin")
def items(order_id: str) -> Page:
    """Models, products and recipients: each with its own form."""
    return _items_page(_order(order_id), {})


@blueprint.post("/<order_id>/items/<int:item_id>")
@policy("admin")
def answer(order_id: str, item_id: int) -> Page:
    order = _order(order_id)
    item = g.session.scalar(select(OrderItem).filter_by(order_id=order.id, id=item_id))
    if item is None:
        raise NotFound("There is no such item.")
    form = item_form(item, _remedy(item))
    if not form.validate_on_submit():
        return _items_page(order, {item.id: form})
    try:
        shown = form.evidence() if isinstance(form, ModelItemForm) and form.result.data != NOT_DECIDED else None
        people.answer(g.session, item, current_user.id, form.result.data, form.note.data, shown)
    except BadInput as problem:
        form.note.errors = [problem.sentence]
        return _items_page(order, {item.id: form})
    return _after_answer(order)


@blueprint.post("/<order_id>/items/<int:item_id>/confirm")
@policy("admin")
def confirm(order_id: str, item_id: int) -> Page:
    """A second person has read what was answered about a model."""
    order = _order(order_id)
    item = g.session.scalar(select(OrderItem).filter_by(order_id=order.id, id=item_id, kind="model"))
    if item is None:
        raise NotFound("There is no such item.")
    remedies.confirm(g.session, item, current_user.id)
    return _after_answer(order)


def _after_answer(order: Order) -> Page:
    settled = certificate.settle_if_complete(g.session, order)
    g.session.commit()
    return redirect(url_for("orders.show" if settled else "orders.items", order_id=order.id), 303)


@blueprint.get("/<order_id>/statement")
@policy("admin")
def statement(order_id: str) -> Page:
    """The sworn statement as a page, with the same words as on paper."""
    order = _order(order_id)
    said, lines = certificate.read(g.session, certificate.of_order(g.session, order))
    return render_template("admin/order_statement.html", order=order, sections=wording.sections(said, lines))


@blueprint.post("/<order_id>/statement/<form>")
@policy("admin")
def download(order_id: str, form: str) -> Response:
    """The statement as PDF or as a file that can be checked. It may sign a new head of the log, so it is a POST."""
    order = _order(order_id)
    found = certificate.of_order(g.session, order)
    if form == "paper":
        data = paper.as_pdf(*certificate.read(g.session, found), order.signatory)
    elif form == "file":
        data = certificate.file_of(g.session, found)
    elif form.isdecimal():
        data = certificate.part_of(g.session, found, int(form))
    else:
        raise NotFound("There is no such form of the statement.")
    g.session.commit()
    kind, ending = ("application/pdf", "pdf") if form == "paper" else ("text/plain", "txt")
    name = f"statement-{order.id[:8]}{f'-{form}' if form.isdecimal() else ''}.{ending}"
    return send_file(BytesIO(data), mimetype=kind, as_attachment=True, download_name=name)


def _choices() -> list[SelectChoice]:
    tables = ((Source, "source", "the source"), (Store, "store", "the store"))
    named = [
        SelectChoice(f"{kind}/{row.id}", f"All of {words} {row.name}")
        for table, kind, words in tables
        for row in g.session.scalars(select(table).order_by(table.name))
    ]
    datasets = g.session.scalars(select(Dataset).order_by(Dataset.name, Dataset.version))
    named += [SelectChoice(f"dataset/{row.id}", f"All of the dataset {row.name} {row.version}") for row in datasets]
    others = [
        SelectChoice("accounts/", "Photographs of a list of accounts"),
        SelectChoice("retention/", "What is too old"),
    ]
    return [SelectChoice("", "Choose one"), *named, *others]


def _wish(form: OrderForm) -> making.Wish:
    kind, _, target = form.what.data.partition("/")
    names = form.accounts.data.read() if kind == "accounts" and form.accounts.data else b""
    old = kind == "retention"
    return making.Wish(
        kind=kind,
        target=target,
        accounts=names,
        before=(form.before.data or "").strip() if old else "",
        days=form.days.data if old else None,
        stores=(form.within.data,) if old and form.within.data else (),
        reason=form.reason.data,
        signatory=form.signatory.data,
        position=form.position.data,
        suppresses=form.suppresses.data,
        oath=form.oath.data,
    )


def _items_page(order: Order, sent: dict[int, ItemForm]) -> Page:
    found = [
        (item, sent.get(item.id) or item_form(item, _remedy(item), fresh=True))
        for item in people.items_of(g.session, order)
    ]
    page = render_template(
        "admin/order_items.html",
        order=order,
        items=found,
        form=next(iter(sent.values()), None),
        words=REMEDY_WORDS,
        kinds=KINDS_OF_ITEMS,
        evidence=EVIDENCE,
        unconfirmed={item.id for item, _ in found if remedies.waits_for(g.session, item, current_user.id)},
        closed=order.state not in ("running", "checking", "notifying"),
    )
    return page, 422 if sent else 200


def _remedy(item: OrderItem) -> Remedy | None:
    return remedies.of_item(g.session, item) if item.kind == "model" else None


def _progress(order: Order) -> dict[str, object]:
    """What the page and its polling show: a whole percent, and texts by field."""
    told = progress(order)
    percent = int(100 * (told.fraction or 0))
    texts = {
        "done": f"{told.done:,}" + (f" of {told.of:,}" if told.of is not None else ""),
        "rate": f"{told.per_second:,.0f}" if told.per_second else "–",
        "left": in_words(told.seconds_left),
        "summary": f"{percent} percent, {told.done:,} photographs",
    }
    return {"told": told, "percent": percent, "texts": texts}


def _order(order_id: str) -> Order:
    order: Order | None = g.session.get(Order, order_id)
    if order is None:
        raise NotFound("There is no such order.")
    return order

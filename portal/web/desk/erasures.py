"""The plan of an erasure, its approval by a second person, what people answer about models and recipients, the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.cases import lifecycle
from portal.cases.answer import deciding
from portal.erasure import carrying, certificate, faces, intending, plans, remedies
from portal.erasure.items import FACE, NOTHING
from portal.errors import BadInput, Conflict, NotFound, StoreUnavailable
from portal.tables import Case, Certificate, Dataset, Erasure, ErasureItem, Remedy, Store
from portal.tables.erasure import FOR_PEOPLE
from portal.web.context import settings
from portal.web.desk.caseworker import find_case, names_of
from portal.web.desk.holds import keeping
from portal.web.desk.remedies import EVIDENCE, KINDS_OF_ITEMS, WORDS, ItemForm, ModelItemForm, item_form
from portal.web.policy import policy

blueprint = Blueprint("erasures", __name__, url_prefix="/staff")

Page = str | Response | tuple[str, int]

ITEMS_SHOWN = 200
KINDS = {
    "suppression": ("promise not to take a photograph in again", "promises not to take photographs in again"),
    "dataset-place": ("place in a dataset", "places in datasets"),
    "crop": ("face cut out for reviewers", "faces cut out for reviewers"),
    "record": ("line of a manifest", "lines of manifests"),
    "templates": ("photograph’s face templates", "photographs’ face templates"),
    "image": ("photograph in a store", "photographs in stores"),
    "copy": ("copy made of a photograph, such as a thumbnail", "copies made of photographs, such as thumbnails"),
    "redaction": ("photograph that stays without one face", "photographs that stay without one face"),
    "face": ("face template of one person", "face templates of one person"),
    "model": ("model to see to", "models to see to"),
    "output": ("stored output of a model to see to", "stored outputs of models to see to"),
    "product": ("product to see to", "products to see to"),
    "recipient": ("recipient to tell", "recipients to tell"),
}
STATES = {
    "planned": "Waits for approval",
    "approved": "Approved",
    "cooling": "Approved. The person can still change their mind",
    "running": "Being carried out",
    "checking": "Being looked at again",
    "notifying": "Waits for answers about models, products and recipients",
    "settled": "Done. The certificate is issued",
    "stopped": "Stopped. The plan must be made again",
}


def plan_what_was_granted(session: Session, case: Case, account_id: str) -> str | None:
    """Make a plan for each granted deletion and opt-out that has none. Commits. Returns what stood in the way."""
    try:
        rights = deciding.rights_to_erase(session, case)
        for right in rights:
            plans.plan_erasure(session, case, right.right, account_id)
        if rights:
            lifecycle.wait_for(session, case, "approver")
    except (Conflict, StoreUnavailable) as problem:
        session.rollback()
        return problem.sentence
    session.commit()
    return None


@blueprint.route("/cases/<case_id>/plan", methods=["GET", "POST"])
@policy("caseworker")
def plan(case_id: str) -> Page:
    """Make the plan where that did not work right after the decision."""
    case = find_case(g.session, case_id)
    if request.method == "POST":
        problem = plan_what_was_granted(g.session, case, current_user.id)
        if problem is None:
            return redirect(url_for("caseworker.case", case_id=case_id), 303)
        flash(problem)
    return render_template("caseworker/plan.html", case=find_case(g.session, case_id))


@blueprint.get("/erasures/<erasure_id>")
@policy("caseworker")
def show(erasure_id: str) -> Page:
    """The plan before it is approved, and how far it is after."""
    erasure = _erasure(erasure_id)
    counts = Counter(item.kind for item in erasure.items)
    ended = Counter(item.kind for item in erasure.items if item.state in intending.ENDED)
    return render_template(
        "caseworker/erasure.html",
        erasure=erasure,
        case=find_case(g.session, erasure.case_id),
        kinds=[(KINDS[kind], counts[kind], ended[kind]) for kind in KINDS if counts[kind]],
        done=sum(ended.values()),
        items=[_of_plan(g.session, item) for item in erasure.items[:ITEMS_SHOWN]],
        states=STATES,
        names=names_of(g.session, {one for one in (erasure.asked_by, erasure.approved_by) if one}),
        may_approve=erasure.asked_by != current_user.id or not settings().two_people,
        cooling_hours=settings().cooling_hours,
        keeps_nothing=any(item.target.startswith(NOTHING) for item in erasure.items if item.kind == "suppression"),
        holds=keeping(g.session, erasure) if erasure.state != "settled" else [],
        with_others=len(faces.with_others(g.session, find_case(g.session, erasure.case_id))),
        undecided=_undecided(erasure),
        certificate=certificate.newest(g.session, erasure),
    )


@blueprint.post("/erasures/<erasure_id>/approve")
@policy("caseworker")
def approve(erasure_id: str) -> Page:
    """Approve the plan whose digest the form carries: what was read, and nothing that came after."""
    erasure = _erasure(erasure_id)
    plans.approve(g.session, erasure, current_user.id, request.form.get("digest", ""))
    case = find_case(g.session, erasure.case_id)
    if not any(one.state == "planned" for one in _erasures_of(case)):
        lifecycle.wait_for(g.session, case, "machine")
    g.session.commit()
    return redirect(url_for("erasures.show", erasure_id=erasure_id), 303)


@blueprint.post("/erasures/<erasure_id>/plan-again")
@policy("caseworker")
def plan_again(erasure_id: str) -> Page:
    """Make the plan anew, because what it was made of has changed."""
    erasure = _erasure(erasure_id)
    case = find_case(g.session, erasure.case_id)
    plans.plan_erasure(g.session, case, erasure.kind, current_user.id)
    lifecycle.wait_for(g.session, case, "approver")
    g.session.commit()
    return redirect(url_for("erasures.show", erasure_id=erasure_id), 303)


@blueprint.get("/erasures/<erasure_id>/items")
@policy("caseworker")
def people_items(erasure_id: str) -> Page:
    """Models, products and recipients: each with its own form."""
    return _items_page(_erasure(erasure_id), {})


@blueprint.post("/erasures/<erasure_id>/items/<int:item_id>")
@policy("caseworker")
def answer_item(erasure_id: str, item_id: int) -> Page:
    erasure = _erasure(erasure_id)
    item = next((one for one in erasure.items if one.id == item_id and one.kind in FOR_PEOPLE), None)
    if item is None:
        raise NotFound("There is no such item.")
    form = item_form(item, _remedy(item))
    if not form.validate_on_submit():
        return _items_page(erasure, {item.id: form})
    try:
        _keep_answer(item, form)
    except BadInput as problem:
        form.note.errors = [problem.sentence]
        return _items_page(erasure, {item.id: form})
    return _after_answer(erasure, "Your answer is kept.")


@blueprint.post("/erasures/<erasure_id>/items/<int:item_id>/confirm")
@policy("caseworker")
def confirm_remedy(erasure_id: str, item_id: int) -> Page:
    """A second person has read what was answered about a model."""
    erasure = _erasure(erasure_id)
    item = next((one for one in erasure.items if one.id == item_id and one.kind == "model"), None)
    if item is None:
        raise NotFound("There is no such item.")
    remedies.confirm(g.session, item, current_user.id)
    return _after_answer(erasure, "The answer is confirmed.")


def _keep_answer(item: ErasureItem, form: ItemForm) -> None:
    result, note = form.result.data, form.note.data
    if isinstance(form, ModelItemForm) and result != plans.NOT_DECIDED:
        remedies.answer(g.session, item, current_user.id, result, note, form.evidence())
    else:
        plans.answer_item(g.session, item, current_user.id, result, note)


def _after_answer(erasure: Erasure, said: str) -> Page:
    settled = carrying.settle_if_complete(g.session, erasure)
    g.session.commit()
    if settled:
        return redirect(url_for("erasures.show", erasure_id=erasure.id), 303)
    flash(said)
    return redirect(url_for("erasures.people_items", erasure_id=erasure.id), 303)


def _items_page(erasure: Erasure, sent: dict[int, ItemForm]) -> Page:
    items = [
        (item, plans.sealed_facts(g.session, item), sent.get(item.id) or item_form(item, _remedy(item), fresh=True))
        for item in erasure.items
        if item.kind in FOR_PEOPLE
    ]
    page = render_template(
        "caseworker/items.html",
        erasure=erasure,
        items=items,
        form=next(iter(sent.values()), None),
        words=WORDS,
        kinds=KINDS_OF_ITEMS,
        closed=erasure.state in {"planned", "stopped"},
        unconfirmed={item.id for item, _, _ in items if _waits_for_me(item)},
        evidence=EVIDENCE,
    )
    return page, 422 if sent else 200


def _remedy(item: ErasureItem) -> Remedy | None:
    return remedies.of_item(g.session, item) if item.kind == "model" else None


def _waits_for_me(item: ErasureItem) -> bool:
    """Whether this colleague can confirm what another one answered about a model."""
    row = _remedy(item)
    return row is not None and not remedies.is_closed(g.session, item) and row.answered_by != current_user.id


@blueprint.post("/certificates/<certificate_id>")
@policy("caseworker")
def download(certificate_id: str) -> Response:
    """The certificate file, the same that the person gets. It may sign a new head of the log, so it is a POST."""
    found = g.session.get(Certificate, certificate_id)
    if found is None:
        abort(404)
    data = certificate.file_of(g.session, found)
    g.session.commit()
    return send_file(
        BytesIO(data), mimetype="text/plain", as_attachment=True, download_name=f"certificate-{found.id[:8]}.txt"
    )


def described(session: Session, kind: str, target: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """One line of a plan in words: what it is, where it lies and, for people's items, how it was reached.

    `facts` are those of the plan, which are sealed; without them only the kind is known.
    """
    what = KINDS[kind][0]
    if kind == "suppression" and target.startswith(NOTHING):
        what = "nothing kept to know a photograph again"
    if kind == "suppression" and target.startswith(FACE):
        what = f"{what}, and a protected template of the face kept"
    if kind in FOR_PEOPLE:
        return {"what": what, "where": facts.get("name", ""), "via": facts.get("via", "")}
    store = session.get(Store, facts["store"]) if facts.get("store") else None
    where = f"{store.name}: {facts['key']}" if store else ""
    if kind == "dataset-place":
        dataset = session.get(Dataset, target.partition("/")[0])
        where = ", ".join(part for part in (f"{dataset.name} {dataset.version}" if dataset else "", where) if part)
    return {"what": what, "where": where, "via": ""}


def _of_plan(session: Session, item: ErasureItem) -> dict[str, object]:
    return {"item": item, **described(session, item.kind, item.target, plans.sealed_facts(session, item))}


def _erasure(erasure_id: str) -> Erasure:
    erasure = g.session.get(Erasure, erasure_id)
    if erasure is None:
        raise NotFound("There is no such plan.")
    found: Erasure = erasure
    return found


def _undecided(erasure: Erasure) -> int:
    """In how many photographs of the plan are others, without a decision about them."""
    if erasure.kind != "deletion":
        return 0
    return len(faces.undecided(g.session, find_case(g.session, erasure.case_id)))


def _erasures_of(case: Case) -> list[Erasure]:
    return list(g.session.scalars(select(Erasure).where(Erasure.case_id == case.id)))

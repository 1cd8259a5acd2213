"""Looking before it happens: the copy a person would get, and the plan of what would go. Nothing is frozen by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from flask import Blueprint, g, render_template, request, send_file, url_for
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal import audit
from portal.cases import law, lifecycle
from portal.cases.answer import held, keeping, package_page, packages
from portal.cases.housekeeping.purging import RECORD_MONTHS
from portal.erasure import holds, plans
from portal.erasure.plans import Planned
from portal.errors import Conflict, NotFound
from portal.languages import known, speaking
from portal.tables import Candidate, Case, Image, Store
from portal.tables.erasure import ERASURE_KINDS
from portal.web.context import database, settings
from portal.web.desk.caseworker import find_case
from portal.web.desk.erasures import ITEMS_SHOWN, KINDS, described
from portal.web.policy import policy
from portal.web.texts import counted

blueprint = Blueprint("previews", __name__, url_prefix="/staff/cases")

PHOTOGRAPHS_A_PAGE = 20
PICTURES = {"access", "copy"}
# Before, people still compare; after, nobody has to look any more.
OPEN = {"deciding", "fulfilling"}


@blueprint.get("/<case_id>/copy")
@policy("caseworker")
def package(case_id: str) -> str:
    """What the person would get. The log says who looked before anything is shown."""
    case = _with_copy(case_id)
    with speaking(case.language):
        contents = packages.gather(g.session, case)
        facts = packages.as_facts(contents)
        said = {each["number"]: (each, _rows(each)) for each in facts["photographs"]}
    pages = max(1, -(-len(contents.photographs) // PHOTOGRAPHS_A_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    shown = contents.photographs[(page - 1) * PHOTOGRAPHS_A_PAGE : page * PHOTOGRAPHS_A_PAGE]
    _note_that_it_was_seen(case, len(contents.photographs))
    return render_template(
        "caseworker/copy.html",
        case=case,
        facts=facts,
        spoken=known(case.language),
        shown=[(one, *said[one.held.number]) for one in shown],
        page=page,
        pages=pages,
    )


@blueprint.get("/<case_id>/copy/<int:number>.jpg")
@policy("caseworker")
def picture(case_id: str, number: int) -> Response:
    """One photograph with other people's faces covered, as it would be in the copy."""
    contents = packages.gather(g.session, _with_copy(case_id))
    read = packages.reader_of(g.session, contents)
    # Reading from a store is slow: nothing is held meanwhile.
    g.session.rollback()
    seen = packages.look_at(contents, number, read)
    if seen.jpeg is None:
        raise NotFound(seen.withheld or packages.NO_READ)
    with database().writing() as session:
        audit.append(session, "image-revealed", {"account": current_user.id, "image": seen.held.image_id})
    return send_file(BytesIO(seen.jpeg), mimetype="image/jpeg", max_age=0)


@blueprint.get("/<case_id>/plan/<kind>")
@policy("caseworker")
def plan(case_id: str, kind: str) -> str:
    """Every copy, dataset, model and recipient that a plan made now would hold, and what stays and why."""
    case = find_case(g.session, case_id)
    right = next((one for one in case.rights if one.right == kind and kind in ERASURE_KINDS), None)
    if right is None:
        raise NotFound("This was not asked in this request.")
    planned, problem = _planned(case, kind)
    counts = Counter(item.kind for item in planned)
    return render_template(
        "caseworker/plan_preview.html",
        case=case,
        kind=kind,
        problem=problem,
        counts=[(KINDS[each][0 if counts[each] == 1 else 1], counts[each]) for each in KINDS if counts[each]],
        items=[described(g.session, one.kind, one.target, one.facts) for one in planned[:ITEMS_SHOWN]],
        more=max(0, len(planned) - ITEMS_SHOWN),
        holds=holds.on_case(g.session, case.id),
        stays=list(_stays(g.session, case, kind, planned)),
        rule=law.rule_by(right.rule, right.rule_version),
        back=_back(case),
    )


def _rows(said: dict[str, Any]) -> list[dict[str, object]]:
    """The lines below a photograph, for the list on the page: the same as in the copy."""
    return [
        {"key": label, "value": values[0] if len(values) == 1 else values}
        for label, values in package_page.rows_of(said)
    ]


def _planned(case: Case, kind: str) -> tuple[list[Planned], str]:
    """What a plan made now would hold, and what stands in its way."""
    try:
        return plans.enumerate_items(g.session, case, kind), ""
    except Conflict as problem:
        return [], problem.sentence


def _stays(session: Session, case: Case, kind: str, planned: list[Planned]) -> Iterator[str]:
    """What would be kept, and why, a sentence each."""
    unsure = held.unsure(session, case)
    if unsure:
        yield f"{counted(unsure, 'photograph')} about which people could not tell: nobody knows that it is this person."
    gone = _confirmed_but_gone(session, case)
    if gone:
        yield f"{counted(gone, 'confirmed photograph')}: not in the stores any more, so nothing is left to do."
    if kind == "opt-out":
        yield "The photographs in their stores. An opt-out only takes them out of datasets, and keeps them out."
    else:
        for name, count in _not_erasable(session, planned):
            yield f"{counted(count, 'photograph')} in {name}: Efface may not delete there. An admin can change that."
    yield _known_again(case, kind)
    yield f"The certificate and the log, which name nobody, and the record of this request, for {RECORD_MONTHS} months."
    yield "Copies in backups of the stores: the portal cannot reach them. Whoever runs the stores must see to them."


def _known_again(case: Case, kind: str) -> str:
    mode = keeping.mode(case) if kind == "deletion" else "photographs"
    if mode == "none":
        return "Nothing to know the photographs by: the person asked for that. They may come in again."
    years = f"{settings().suppression_years:g}"
    prints = f"A fingerprint of each photograph under a key, for {years} years: so that it cannot come in again."
    if mode != "face":
        return prints
    ends = keeping.face_ends(g.session, case).date()
    return (
        f"{prints} A protected template of the face, because the person asked for it, until {ends} at the latest: "
        "new photographs of it are held back for you to look at. It is used for nothing else, and nobody can see it."
    )


def _confirmed_but_gone(session: Session, case: Case) -> int:
    query = select(func.count()).select_from(Candidate).join(Image, Image.id == Candidate.image_id)
    confirmed = query.where(Candidate.case_id == case.id, Candidate.state == "confirmed")
    return session.scalar(confirmed.where(Image.state != "live")) or 0


def _not_erasable(session: Session, planned: list[Planned]) -> Iterator[tuple[str, int]]:
    """Stores in which nothing may be deleted, with how many photographs of the plan lie there."""
    counts = Counter(item.facts["store"] for item in planned if item.kind == "image")
    for store in session.scalars(select(Store).where(Store.id.in_(counts)).order_by(Store.name)):
        if not store.may_erase:
            yield store.name, counts[store.id]


def _with_copy(case_id: str) -> Case:
    case = find_case(g.session, case_id)
    if case.state not in OPEN or not PICTURES & {right.right for right in case.rights}:
        raise NotFound("The copy can be looked at only while it is decided about, or made.")
    return case


def _note_that_it_was_seen(case: Case, photographs: int) -> None:
    with database().writing() as session:
        lifecycle.record(session, session.get_one(Case, case.id), "copy-looked-at", current_user.id)
        audit.append(
            session, "copy-looked-at", {"case": case.id, "account": current_user.id, "photographs": photographs}
        )


def _back(case: Case) -> str:
    return url_for("decisions.decide" if case.state == "deciding" else "caseworker.photographs", case_id=case.id)

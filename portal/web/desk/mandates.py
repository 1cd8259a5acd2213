"""The desk's page for somebody who acts for another: the list of the rule, point by point, and what two people say."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import audit
from portal.cases.acting import authority, mandates
from portal.cases.acting.papers import PDF, Paper
from portal.cases.requester import lost_words
from portal.errors import BadInput, NotFound
from portal.tables import Case, Mandate
from portal.web.context import database, settings
from portal.web.desk.caseworker import Page, find_case, framed
from portal.web.person import acting_words as texts
from portal.web.policy import policy

blueprint = Blueprint("mandates", __name__, url_prefix="/staff/cases/<case_id>/mandate")

# What is shown of the rule beside the list.
GIVES = {
    "yes": "The law there gives this right.",
    "some": "The law there gives it in part, or lets it be.",
    "no": "No law there is known to give it. The organisation may choose to do it.",
}
ANSWER_TO = {
    "requester": "The one who asks reads the answer.",
    "person": "Only the person reads the answer, with words of their own.",
    "both": "The one who asks and the person read the answer.",
}


@blueprint.get("")
@policy("caseworker")
def show(case_id: str) -> Page:
    return _page(find_case(g.session, case_id))


def _page(case: Case, sentence: str = "", status: int = 200) -> Page:
    mandate = _mandate_of(case)
    page = render_template(
        "caseworker/mandate.html",
        **framed(g.session, case),
        mandate=mandate,
        rule=mandates.rule_of(mandate),
        said=mandates.said_of(g.session, mandate),
        lines=authority.lines(g.session, mandate),
        over=mandates.over(g.session, mandate),
        renewed=lost_words.given_at(g.session, case),
        asks=[right.right for right in case.rights if mandates.waits_for_person(mandate, right)],
        waits_for_second=authority.waits_for_second(mandate),
        mine=mandate.judged_by == current_user.id,
        open=case.state not in {"fulfilling", "closed"},
        two_people=settings().two_people,
        gives=GIVES,
        answer_to=ANSWER_TO,
        texts=texts,
        sentence=sentence,
        typed=request.form,
    )
    return page, status


@blueprint.post("/judge")
@policy("caseworker")
def judge(case_id: str) -> Page:
    case = find_case(g.session, case_id)
    said = {name.removeprefix("point-"): value for name, value in request.form.items() if name.startswith("point-")}
    met = {name: value == "yes" for name, value in said.items() if value in {"yes", "no"}}
    try:
        authority.judge(g.session, case, current_user.id, met, request.form.get("note", ""))
    except BadInput as problem:
        g.session.rollback()
        return _page(find_case(g.session, case_id), problem.sentence, problem.status)
    return _done(case_id)


@blueprint.post("/agree")
@policy("caseworker")
def agree(case_id: str) -> Page:
    authority.agree(g.session, find_case(g.session, case_id), current_user.id)
    return _done(case_id)


@blueprint.post("/return")
@policy("caseworker")
def give_back(case_id: str) -> Page:
    authority.give_back(g.session, find_case(g.session, case_id), current_user.id)
    return _done(case_id)


@blueprint.post("/confirmed")
@policy("caseworker")
def confirmed(case_id: str) -> Page:
    """The person said yes in another way than by the link."""
    case = find_case(g.session, case_id)
    try:
        authority.confirm_for_person(g.session, case, current_user.id, request.form.get("note", ""))
    except BadInput as problem:
        g.session.rollback()
        return _page(find_case(g.session, case_id), problem.sentence, problem.status)
    return _done(case_id)


def _done(case_id: str) -> Page:
    g.session.commit()
    # Papers that were there for this judgement only are gone now.
    database().forget_deleted_bytes()
    flash("Saved.")
    return redirect(url_for("mandates.show", case_id=case_id), 303)


@blueprint.get("/papers/<point>")
@policy("caseworker")
def paper(case_id: str, point: str) -> Response:
    """A paper, to save. No bytes leave before the log has the line."""
    case = find_case(g.session, case_id)
    found = mandates.open_paper(g.session, _mandate_of(case), point)
    with database().writing() as session:
        audit.append(session, "paper-revealed", {"account": current_user.id, "case": case.id, "point": point})
    return sent(found, f"{case.reference}-{point}")


def sent(paper: Paper, name: str) -> Response:
    """A picture to look at; a PDF only ever as a file, because nothing here has looked into it."""
    ending = "pdf" if paper.media_type == PDF else "jpg"
    return send_file(
        BytesIO(paper.data),
        mimetype=paper.media_type,
        as_attachment=paper.media_type == PDF,
        download_name=f"{name}.{ending}",
        max_age=0,
    )


def _mandate_of(case: Case) -> Mandate:
    mandate = mandates.of_case(g.session, case)
    if mandate is None:
        raise NotFound("The person asks for themselves in this request.")
    return mandate

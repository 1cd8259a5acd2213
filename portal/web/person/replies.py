"""What one can do with the answer of one's case: save it on paper, and say whether it was clear."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from portal import clock, look
from portal.cases.acting import mandates
from portal.cases.answer import answer_paper, answers, feedback, receipt_paper
from portal.errors import NotFound
from portal.languages import gettext as _
from portal.tables import Case
from portal.web import sessions
from portal.web.context import settings
from portal.web.limits import spend
from portal.web.policy import policy

blueprint = Blueprint("replies", __name__, url_prefix="/case")


@blueprint.get("/answer.pdf")
@policy("case-holder")
def paper() -> Response:
    """The answer as PDF, with the words of the page."""
    case = sessions.held_case(g.session)
    answer = _answer(case)
    spend("pdf", case.id)
    config = settings()
    received = clock.local_date(case.received_at, config.zone)
    data = answer_paper.as_pdf(answer, case.reference, config.organisation, received, look.logo_of(config))
    headers = {"Content-Disposition": f'attachment; filename="{case.reference}.pdf"'}
    return Response(data, mimetype="application/pdf", headers=headers)


@blueprint.get("/receipt.pdf")
@policy("case-holder")
def receipt() -> Response:
    """That the request came, as PDF. It is the same for a hit and a miss."""
    case = sessions.held_case(g.session)
    spend("pdf", case.id)
    config, status = settings(), answers.status_of(g.session, case)
    where, authority = f"{config.address}/case", answers.authority_of(case.rights[0])
    data = receipt_paper.as_pdf(status, config.organisation, where, authority, look.logo_of(config))
    headers = {"Content-Disposition": f'attachment; filename="{case.reference}-receipt.pdf"'}
    return Response(data, mimetype="application/pdf", headers=headers)


@blueprint.post("/clear")
@policy("case-holder")
def clear() -> Response:
    """Was this answer clear? Said twice on a day, it counts once, and the page says the same."""
    case = sessions.held_case(g.session)
    _answer(case)
    feedback.say(g.session, case, request.form.get("clear", ""))
    g.session.commit()
    flash(_("Thank you. We only count what people say. We do not keep who said it."))
    return redirect(url_for("following.overview"), 303)


def _answer(case: Case) -> answers.Answer:
    """The answer, for those to whom it goes."""
    reads = mandates.may_read_answer(g.session, case, sessions.is_person())
    answer = answers.answer_of(g.session, case) if reads else None
    if answer is None:
        raise NotFound(_("There is no answer yet."))
    return answer

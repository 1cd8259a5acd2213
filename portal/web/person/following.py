"""Following one's own case: sign in with reference and secret words, see how far it is, read the answer, withdraw."""

from __future__ import annotations

import json

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from portal import audit, clock
from portal.blobs import open_blob
from portal.cases import letters, messages, withdrawing
from portal.cases.acting import mandates, person_link
from portal.cases.answer import answering, answers, choosing, protocol
from portal.cases.clocks import calendar, charging
from portal.cases.requester import access, assurance, challenge
from portal.erasure import aftermath, interim, wording
from portal.erasure.certificate import file_of, items_of
from portal.errors import NotAllowed, NotFound
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Case, Certificate, Package
from portal.web import sessions
from portal.web.context import database, settings
from portal.web.limits import network
from portal.web.person.intake import Page
from portal.web.policy import policy
from portal.web.squares import drawn

blueprint = Blueprint("following", __name__, url_prefix="/case")


# Why somebody who holds a case may not see it, and the page that says what opens it.
CLOSED = {"mandate-over": "permission.own", "words-renewed": "lost_words.waiting"}


class SignIn(FlaskForm):  # type: ignore[misc]
    reference = StringField(
        _l("Your reference"),
        [InputRequired(_l("Enter your reference")), Length(max=40, message=_l("A reference looks like EF-7K3M-Q2WX"))],
        description=_l("It looks like EF-7K3M-Q2WX."),
    )
    secret = StringField(
        _l("Your secret words"),
        [InputRequired(_l("Enter your secret words")), Length(max=200, message=_l("Enter the five secret words only"))],
        description=_l("Five words. We showed them once, when you sent your request."),
    )


class Nothing(FlaskForm):  # type: ignore[misc]
    """A button that asks for nothing more."""


@blueprint.route("/sign-in", methods=["GET", "POST"])
@policy("public")
def sign_in() -> Page:
    form = SignIn()
    if form.validate_on_submit():
        try:
            case_id, as_person = _case_of(form.reference.data, form.secret.data)
        except NotAllowed as problem:
            form.secret.errors = [problem.sentence]
        else:
            sessions.hold_case(case_id, as_person)
            return redirect(url_for("following.overview"), 303)
    return render_template("subject/sign_in.html", form=form), 422 if form.errors else 200


def _case_of(reference: str, words: str) -> tuple[str, bool]:
    """Which case, and whether these are the words of a person for whom somebody else acts.

    The try is counted first and for good; the slow check then holds no lock."""
    with database().writing() as writing:
        access.count_try(writing, reference, network(request.remote_addr or ""))
    with database().reading() as reading:
        case = access.sign_in(reading, reference, words)
        return case.id, person_link.is_person(reading, case, words)


@blueprint.post("/sign-out")
@policy("case-holder")
def sign_out() -> Page:
    sessions.leave_case()
    flash(_("You are signed out. Nobody can see your request on this device now."))
    return redirect(url_for("subject.start"), 303)


@blueprint.get("")
@policy("case-holder")
def overview() -> Page:
    """How far the case is and, once there is one, the answer."""
    try:
        case = _case()
    except NotAllowed as problem:
        if problem.code not in CLOSED:
            raise
        return redirect(url_for(CLOSED[problem.code]), 303)
    status, answer = answers.status_of(g.session, case), _answer(case)
    may_add = status.can_add and case.consented_at is not None
    news = messages.unread_by_person(g.session, case, sessions.is_person())
    asked = challenge.waiting(g.session, case)
    return render_template(
        "subject/overview.html",
        status=status,
        answer=answer,
        may_add=may_add,
        news=news,
        letters=letters.of_person(g.session, case) if _may_read(case) else [],
        mandate=mandates.of_case(g.session, case),
        so_far=interim.so_far(g.session, case) if _may_read(case) else None,
        after=aftermath.of_case(g.session, case) if _may_read(case) else None,
        waits=answer is not None and not answers.is_blind(case) and case.state != "closed",
        elsewhere=answer is None and answers.is_answered(g.session, case),
        rights=answers.RIGHTS,
        authority=answers.authority_of(case.rights[0]),
        today=clock.local_date(clock.now(), settings().zone),
        asked=asked is not None,
        **_about_a_question(case),
        signs=assurance.waits_for_person(g.session, case),
        **_about_photographs(case, answer),
    )


def _about_a_question(case: Case) -> dict[str, object]:
    """What whoever sent the request reads about what they were asked: what they mean, or a fee."""
    if sessions.is_person():
        return {"answer_until": None, "went_on": False, "fees": []}
    return {
        "answer_until": answering.last_day(g.session, case),
        "went_on": answering.went_on(g.session, case),
        "fees": charging.sentences(g.session, case),
    }


def _about_photographs(case: Case, answer: answers.Answer | None) -> dict[str, object]:
    """What the person said about the photographs of their answer, and what they can ask for them now."""
    if answer is None or not answer.photographs:
        return {"undoable": []}
    return {
        "said": {number: one.said for number, one in choosing.shown(g.session, case).items()},
        "doubted": choosing.doubted(g.session, case),
        "can_say": case.state in choosing.OPEN_TO_MORE,
        "can_choose": bool(choosing.wishes(g.session, case)),
        "undoable": choosing.undoable(g.session, case),
    }


@blueprint.route("/withdraw", methods=["GET", "POST"])
@policy("case-holder")
def withdraw() -> Page:
    case = _case()
    form = Nothing()
    if form.validate_on_submit():
        withdrawing.withdraw(g.session, case)
        g.session.commit()
        database().forget_deleted_bytes()
        return redirect(url_for("following.overview"), 303)
    status = answers.status_of(g.session, case)
    if not status.can_withdraw:
        return redirect(url_for("following.overview"), 303)
    return render_template("subject/withdraw.html", form=form, status=status)


@blueprint.get("/day.ics")
@policy("case-holder")
def day_of_answer() -> Page:
    """The last day of the answer, for the person's own calendar."""
    case = _case()
    return _download(calendar.day_of_answer(g.session, case), "text/calendar", f"{case.reference}.ics")


@blueprint.get("/status.json")
@policy("case-holder")
def status_file() -> Page:
    """How far it is, for programs: in the words of the Data Rights Protocol."""
    case = _case()
    facts = {"requests": protocol.statuses(g.session, case, _may_read(case))}
    return _download(json.dumps(facts, ensure_ascii=False).encode(), "application/json", f"{case.reference}.json")


@blueprint.post("/package")
@policy("case-holder")
def package() -> Page:
    """The copy of what is held, as a ZIP that opens without a network."""
    case = _case()
    answer = _answer(case)
    found = g.session.get(Package, answer.package_id) if answer and answer.package_id else None
    if found is None or (found.expires_at is not None and found.expires_at <= clock.now()):
        raise NotFound(_("This copy is not kept any more. You can ask for a new one."))
    data = open_blob(g.session, found.blob_id)
    found.fetched_at = found.fetched_at or clock.now()
    g.session.commit()
    return _download(data, "application/zip", f"{case.reference}.zip")


@blueprint.get("/certificates/<certificate_id>")
@policy("case-holder")
def certificate(certificate_id: str) -> Page:
    """A certificate in plain words."""
    found = _certificate(_case(), certificate_id)
    lines = wording.in_words(json.loads(found.statement), items_of(g.session, found))
    key = audit.verifier_key(g.session)
    address = settings().address + url_for("checking.certificate")
    return render_template("subject/certificate.html", certificate=found, lines=lines, key=key, squares=drawn(address))


@blueprint.post("/certificates/<certificate_id>/file")
@policy("case-holder")
def certificate_file(certificate_id: str) -> Page:
    """The certificate as a file that anybody can check. Sent by POST, because it may sign a new head of the log."""
    case = _case()
    data = file_of(g.session, _certificate(case, certificate_id))
    # Handed out only once the head it carries is written for good.
    g.session.commit()
    return _download(data, "application/json", f"{case.reference}-certificate.json")


def _case() -> Case:
    return sessions.held_case(g.session)


def _answer(case: Case) -> answers.Answer | None:
    """The answer, for those to whom it goes: where somebody acts for another the rule says who that is."""
    return answers.answer_of(g.session, case) if _may_read(case) else None


def _may_read(case: Case) -> bool:
    return mandates.may_read_answer(g.session, case, sessions.is_person())


def _certificate(case: Case, certificate_id: str) -> Certificate:
    """One of the certificates the answer shows to this person; others are as if they were not there."""
    answer = _answer(case)
    if answer is None or certificate_id not in answer.certificate_ids:
        raise NotFound(_("There is no such certificate in your request."))
    found: Certificate = g.session.get_one(Certificate, certificate_id)
    return found


def _download(data: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype=media_type, headers=headers)

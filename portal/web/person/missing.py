"""You missed one: after a case was closed the person says where a photograph of them still is."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_wtf import FlaskForm
from wtforms import StringField

from portal.cases import lifecycle
from portal.cases.acting import mandates
from portal.cases.answer import answers, following_up
from portal.cases.arrival import intake as rules
from portal.errors import BadInput, Conflict, NotAllowed
from portal.languages import gettext as _
from portal.languages import isolated
from portal.languages import lazy_gettext as _l
from portal.tables import Case
from portal.web import sessions
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("missing", __name__, url_prefix="/case")


class Missed(FlaskForm):  # type: ignore[misc]
    link = StringField(_l("A link to the photograph or the page it is on"))


@blueprint.route("/missed", methods=["GET", "POST"])
@policy("case-holder")
def missed() -> Page:
    """Where nothing was found, or photographs were only shown, we look again with the link.

    Where photographs were deleted for somebody who was checked, one button opens the request that follows. Else it
    takes a new one, and the page says so. Who was not checked reads the same in every case: whether we look again would
    tell what was found.
    """
    case = sessions.held_case(g.session)
    if not mandates.may_read_answer(g.session, case, sessions.is_person()):
        # Whether we would look again tells what was found, so it is only for those to whom the answer goes.
        raise NotAllowed(_("The answer is ready. It went to the person you act for, and not to you."))
    # Not by the state where nobody was checked: without photographs a case closes sooner than with some.
    if not answers.is_answered(g.session, case) or (not answers.is_blind(case) and case.state != "closed"):
        sentence = _("This request is not finished, or it was taken back. You can write us a message.")
        raise Conflict(sentence, "not-closed")
    again, form = _may_look_again(case), Missed()
    if again and form.validate_on_submit():
        try:
            # Opened first: to a closed request nothing is added. A link that is none takes both back.
            lifecycle.search_again(g.session, case, "subject", "the person says that one was missed")
            rules.add_link(g.session, case, form.link.data or "")
        except BadInput as problem:
            g.session.rollback()
            form.link.errors = [problem.sentence]
        else:
            g.session.commit()
            flash(_("Thank you. We look again. You see here when there is an answer."))
            return redirect(url_for("following.overview"), 303)
    follows = not again and not answers.is_blind(case) and following_up.may_follow_up(g.session, case)
    if follows and form.validate_on_submit() and (new := _followed_up(case, form)) is not None:
        sessions.hold_case(new.id)
        reference = isolated(new.reference)
        flash(_("This is your new request: %(reference)s. Your secret words stay the same.", reference=reference))
        return redirect(url_for("following.overview"), 303)
    can_look = follows and following_up.can_look(g.session, case)
    page = render_template("subject/missed.html", form=form, again=again, follows=follows, can_look=can_look)
    return page, 422 if form.errors else 200


def _followed_up(case: Case, form: Missed) -> Case | None:
    """The request that follows, for good; None where the form must be shown again."""
    try:
        new = following_up.follow_up(g.session, case, form.link.data or "")
    except BadInput as problem:
        g.session.rollback()
        form.link.errors = [problem.sentence]
        return None
    g.session.commit()
    return new


def _may_look_again(case: Case) -> bool:
    return lifecycle.may_open_again(g.session, case) and not answers.is_blind(case)

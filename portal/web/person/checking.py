"""Checking a certificate in the browser, or with the file sent here, read, and forgotten at once."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.exceptions import RequestEntityTooLarge

from portal import audit
from portal.audit import consistency
from portal.erasure import histories, wording
from portal.erasure.verifying import Changed, Unreadable, items_of, verify
from portal.errors import NotFound
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.orders import heads
from portal.orders import verifying as of_orders
from portal.orders import wording as order_wording
from portal.web.limits import spend
from portal.web.person.intake import Page
from portal.web.policy import policy

blueprint = Blueprint("checking", __name__, url_prefix="/verify")


class Checked(FlaskForm):  # type: ignore[misc]
    certificate = FileField(_l("Choose the certificate, or drop it here"), description=_l("A file that ends in .json."))
    second = FileField(
        _l("A second certificate, if you have one"),
        description=_l("We then also check that our log says the same to everybody. Only this needs the network."),
    )


@blueprint.route("", methods=["GET", "POST"])
@policy("public")
def certificate() -> Page:
    """Is the file as it was issued? It is not kept, whatever it is."""
    form = Checked()
    if request.method == "GET" or not form.validate_on_submit():
        return _page(form)
    spend("certificate")
    sent = form.certificate.data
    if not sent or not sent.filename:
        form.certificate.errors = [_("Choose a file first.")]
        return _page(form)
    data: bytes = sent.read()
    try:
        lines = _in_words(data, audit.verifier_key(g.session))
    except (Changed, Unreadable) as problem:
        return _page(form, result="changed", why=problem.sentence)
    other = form.second.data.read() if form.second.data else b""
    if not other:
        return _page(form, result="valid", lines=lines)
    try:
        _compare(data, other)
    except NotFound as problem:
        return _page(form, result="untold", why=problem.sentence)
    except (Changed, Unreadable) as problem:
        return _page(form, result="forked" if problem.code == "forked" else "changed", why=problem.sentence)
    return _page(form, result="valid", lines=lines, together=True)


@blueprint.get("/proof")
@policy("public")
def log_proof() -> Response:
    """The log's own proof that its head over `from` entries is the beginning of that over `to`, for the browser."""
    spend("certificate")
    old, new = (request.args.get(name, 0, type=int) for name in ("from", "to"))
    return Response(consistency.prove(g.session, old, new), mimetype="text/plain")


def _in_words(data: bytes, key: str) -> list[str]:
    """What a person's certificate or the statement of an order says, once all of it was checked."""
    if of_orders.is_of_order(data):
        statement, lines, shown = of_orders.verify(data, key)
        return order_wording.in_words(statement, lines, len(shown))
    return wording.in_words(verify(data, key), items_of(data))


def _compare(data: bytes, other: bytes) -> None:
    """Whether two certificates are of one log. Its own proof between their heads is made here."""
    key = audit.verifier_key(g.session)
    one, two = heads.head_of(data, key), heads.head_of(other, key)
    old, new = sorted((one.size, two.size))
    histories.check(one, two, consistency.prove(g.session, old, new))


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    form = Checked(formdata=None)
    form.certificate.errors = [_("This file is too big to be checked here. Check it with the program.")]
    return _page(form, status=413)


def _page(form: Checked, status: int = 200, **more: object) -> Page:
    key = audit.verifier_key(g.session)
    page = render_template("subject/verify.html", form=form, key=key, **more)
    return page, 422 if form.errors and status == 200 else status

"""When something goes wrong: a page that says what happened and what to do, never blames, and keeps the answers."""

from __future__ import annotations

import logging
import secrets
import traceback

from flask import Flask, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from portal.errors import EffaceError, TooMany
from portal.languages import gettext as _
from portal.languages import mark

log = logging.getLogger(__name__)

Answer = tuple[str, int] | Response

PAGES = {
    400: (
        mark("This page could not be read"),
        mark("Something in what your browser sent is not as we expect it. Please try again."),
    ),
    403: (
        mark("You cannot open this page"),
        mark("This page is not for the account or the request you are signed in to."),
    ),
    404: (
        mark("Page not found"),
        mark("If you typed the address, check that it is right. If you followed a link, it may be old."),
    ),
    405: (mark("This page works in another way"), mark("Please go back and use the buttons on the page.")),
    409: (mark("This has changed"), mark("Somebody else was faster, or it has changed since you opened the page.")),
    410: (mark("This link has been used"), mark("Please go to the first page and go on from there.")),
    413: (mark("The picture is too big"), mark("Please send a smaller picture. Your other answers are saved.")),
    422: (
        mark("Something needs another look"),
        mark("Please go back and check what you wrote. Your other answers are saved."),
    ),
    429: (
        mark("Please wait a little"),
        mark("You have tried many times. Your answers are saved. Please wait a few minutes."),
    ),
    500: (
        mark("Sorry, something went wrong"),
        mark("This is our fault, not yours. Your earlier answers are saved. Please try again later."),
    ),
    503: (
        mark("Sorry, this is not working right now"),
        mark("Your earlier answers are saved. Please try again in a few minutes."),
    ),
}
TOO_LONG_OPEN = (
    mark("This page was open too long"),
    mark(
        "To keep you safe, pages stop working after some time. Your saved answers are still there. "
        "Open the page again and send it once more."
    ),
)


def prepare(app: Flask) -> None:
    app.register_error_handler(EffaceError, _known)
    app.register_error_handler(CSRFError, _old_form)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SecurityError, _strange_host)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(Exception, _unknown)


def error_page(status: int, title: str, sentence: str, reference: str | None = None) -> tuple[str, int]:
    again = None if status in {404, 410} else _nearest_page()
    page = render_template(
        "errors/page.html", status=status, title=title, sentence=sentence, again=again, reference=reference
    )
    return page, status


def _words(status: int) -> tuple[str, str]:
    """What a page says about a status, in the language of the reader."""
    title, sentence = PAGES.get(status, PAGES[400 if status < 500 else 500])
    return _(title), _(sentence)


def _nearest_page() -> str | None:
    """The page itself, or for a button that has none, such as `.../approve`, the page above it."""
    addresses = current_app.create_url_adapter(request)
    path = request.path
    while path and addresses is not None:
        if addresses.test(path, "GET"):
            return path
        path = path.rpartition("/")[0]
    return None


def _known(problem: EffaceError) -> Answer:
    if problem.status >= 500 and problem.status != 503:
        return _unknown(problem)
    title, _usual = _words(problem.status)
    page, status = error_page(problem.status, title, problem.sentence)
    answer = Response(page, status, mimetype="text/html")
    if isinstance(problem, TooMany) and problem.minutes:
        answer.headers["Retry-After"] = str(problem.minutes * 60)
    return answer


def _old_form(_problem: CSRFError) -> Answer:
    return error_page(400, *(_(text) for text in TOO_LONG_OPEN))


def _http(problem: HTTPException) -> Answer:
    if isinstance(problem, RequestRedirect) or problem.response is not None:
        return problem.get_response()
    status = problem.code or 500
    return error_page(status, *_words(status))


def _strange_host(_problem: SecurityError) -> Answer:
    # Without a host name that is ours no address can be made, so the page has none in it.
    return Response("This portal is not known by that name.\n", 400, mimetype="text/plain")


def _busy(problem: OperationalError) -> Answer:
    log.error("the database did not answer: %s", type(problem.orig).__name__)
    return error_page(503, *_words(503))


def _unknown(problem: Exception) -> Answer:
    """The message of an error may hold what a person wrote, so only the kind of error and the lines are logged."""
    reference = secrets.token_hex(4).upper()
    lines = "".join(traceback.format_tb(problem.__traceback__))
    log.error("error %s at %s: %s\n%s", reference, request.endpoint, type(problem).__name__, lines)
    return error_page(500, *_words(500), reference=reference)

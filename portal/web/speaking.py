"""In which language a page is: what the person chose, else what their browser asks for, else the installation's."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Flask, Response, g, redirect, request, url_for
from flask_babel import Babel, Domain
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

from portal import languages
from portal.errors import NotAllowed, NotFound
from portal.languages import LANGUAGES, speaking
from portal.web.context import settings
from portal.web.policy import policy, safe_path
from portal.web.sessions import held_case

blueprint = Blueprint("speaking", __name__)

COOKIE = "efface-language"
YEAR = 365 * 24 * 3600
# Whoever sends a link to somebody can say in it in which language it opens: `/?language=ar`.
IN_ADDRESS = "language"
OPEN_TO_ALL = {"subject", "checking"}


class OneSource(Domain):  # type: ignore[misc]
    """Flask-Babel's texts are those of portal.languages."""

    def get_translations(self) -> Any:
        return languages.catalogue(languages.current().code)


def prepare(app: Flask) -> None:
    babel = Babel(app, locale_selector=lambda: languages.current().locale)
    babel.domain_instance = OneSource()
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.globals["ngettext"] = ngettext
    app.add_template_filter(bdi)
    app.add_template_filter(languages.number, "number")
    app.context_processor(
        lambda: {"language": languages.current(), "languages": LANGUAGES.values(), "elsewhere_in": elsewhere()}
    )
    app.before_request(_begin)
    app.after_request(_say_which)
    app.teardown_request(_end)


def bdi(text: object) -> Markup:
    """A reference, a date or a name that keeps its own direction in a text from right to left."""
    return Markup("<bdi>{}</bdi>").format(text)


def ngettext(one: str, many: str, num: float, **values: object) -> Markup:
    """As in portal.languages, for pages: values are escaped, and numbers are as the language writes them."""
    return Markup(languages.ngettext(one, many, num, **{name: escape(value) for name, value in values.items()}))  # noqa: S704


def asked_for() -> str:
    """The language this request is answered in. Pages of staff are in English."""
    if request.path.startswith("/staff"):
        return languages.ENGLISH
    for chosen in (request.args.get(IN_ADDRESS, ""), request.cookies.get(COOKIE, "")):
        if chosen in LANGUAGES:
            return chosen
    return request.accept_languages.best_match(list(LANGUAGES)) or settings().language


def _begin() -> None:
    g.speaking = speaking(asked_for())
    g.speaking.__enter__()


def _end(_problem: BaseException | None) -> None:
    # A thread of the server answers one request after the other.
    if "speaking" in g:
        g.pop("speaking").__exit__(None, None, None)


def _say_which(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = languages.current().code
        response.vary.update(["Accept-Language", "Cookie"])
        if request.args.get(IN_ADDRESS) == languages.current().code and not request.path.startswith("/staff"):
            # The pages after this one have it no more in their address.
            _remember(response, languages.current().code)
    return response


def elsewhere() -> dict[str, str]:
    """The addresses of this page in all languages, for pages that are the same for everybody."""
    if request.method != "GET" or request.blueprint not in OPEN_TO_ALL:
        return {}
    return {code: f"{request.path}?{IN_ADDRESS}={code}" for code in LANGUAGES}


def _remember(response: AnyResponse, code: str) -> None:
    secure = settings().secure_cookies
    response.set_cookie(COOKIE, code, max_age=YEAR, httponly=True, samesite="Lax", secure=secure)


@blueprint.post("/language")
@policy("public")
def choose() -> AnyResponse:
    """Kept in a cookie of its own, which says nothing else; and in the person's request, where mails take it from."""
    answer = redirect(safe_path(request.form.get("back"), url_for("subject.start")), 303)
    asked = request.form.get("language", "")
    if asked in LANGUAGES:
        # Who holds no request, or acts no more for the person whose it is, chooses for this browser alone.
        with suppress(NotFound, NotAllowed):
            held_case(g.session).language = asked
            g.session.commit()
        _remember(answer, asked)
    return answer

"""Who may call which route. A route that does not say so keeps the application from starting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response

from portal.errors import NotAllowed
from portal.tables import Account
from portal.tables.staff import ROLES
from portal.web.context import READING, database

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC, CASE_HOLDER, STAFF = "public", "case-holder", "staff"
KNOWN = {PUBLIC, CASE_HOLDER, STAFF, *ROLES}
# Files that lie in the package, the same for everybody.
FILES = {"static", "bootstrap.static"}
# Files of the installation, the same for everybody, too.
OWN_FILES = {"look.sheet", "look.logo"}


class AccountLogin(UserMixin):  # type: ignore[misc]
    """The signed-in member of staff, as Flask-Login wants it. Changes are made to the row, not here."""

    def __init__(self, account: Account) -> None:
        self.id = account.id
        self.name = account.name
        self.email = account.email
        self.roles = frozenset(account.roles)

    def has(self, *roles: str) -> bool:
        return bool(self.roles.intersection(roles))


def policy(*who: str) -> Callable[[View], View]:
    """Say who may call a view; any one of them suffices. Stands below the route: `@route` then `@policy`.

    `public` everybody; `case-holder` a browser that signed in to a case; `staff` any account; or names of roles.
    """
    unknown = set(who) - KNOWN
    if unknown or not who:
        raise ValueError(f"a policy names some of {sorted(KNOWN)}, not {sorted(unknown)}")

    def mark(view: View) -> View:
        view.policy = frozenset(who)  # type: ignore[attr-defined]
        return view

    return mark


def policy_of(app: Flask, endpoint: str) -> frozenset[str]:
    """Who may call this endpoint; empty when nobody said so."""
    if endpoint in FILES:
        return frozenset({PUBLIC})
    found: frozenset[str] = getattr(app.view_functions[endpoint], "policy", frozenset())
    return found


def check(app: Flask) -> None:
    """Raises RuntimeError naming the routes without a policy."""
    bare = sorted({rule.endpoint for rule in app.url_map.iter_rules() if not policy_of(app, rule.endpoint)})
    if bare:
        raise RuntimeError(f"These routes have no policy: {', '.join(bare)}.")


def prepare(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(_load)
    # Sessions live in the database and are ended there; guessing from the browser's address adds nothing.
    manager.session_protection = None
    app.before_request(_enforce)


def _load(account_id: str) -> AccountLogin | None:
    # Read apart from the view's own transaction, so that a POST takes the write lock only when the view needs it.
    with database().reading() as reading:
        account = reading.get(Account, account_id)
        return AccountLogin(account) if account is not None and account.disabled_at is None else None


def _enforce() -> Response | None:
    if request.endpoint is None:
        return None
    allowed = policy_of(current_app, request.endpoint)
    if PUBLIC in allowed or (CASE_HOLDER in allowed and "case" in session):
        return None
    if allowed == {CASE_HOLDER}:
        return redirect(url_for("following.sign_in"), 303)
    if not current_user.is_authenticated:
        return _to_the_staff_entrance()
    if STAFF in allowed or current_user.has(*allowed):
        return None
    raise NotAllowed("Your account may not see this page. Ask an admin if you need it.")


def _to_the_staff_entrance() -> Response:
    back = request.full_path.rstrip("?") if request.method in READING else None
    return redirect(url_for("staff.sign_in", next=back), 303)


def safe_path(path: str | None, otherwise: str) -> str:
    """`path` when it leads to this site and nowhere else, else `otherwise`. For `next` and `back` in forms."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return otherwise
    return path

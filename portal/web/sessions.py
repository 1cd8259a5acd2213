"""Browser sessions on the server's side. The cookie holds a random token and nothing else.

A first visit gets a token but no row: the row is made when there is something to remember. The token of a form
(CSRF) is derived from the cookie's, so that showing a form writes nothing.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Request, Response, current_app, g, session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import login_user
from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session
from werkzeug.datastructures import CallbackDict

from portal import clock
from portal.cases.acting import mandates
from portal.cases.requester import lost_words
from portal.db import Database
from portal.errors import NotAllowed, NotFound
from portal.keys import Keys, SealBroken, keys_in, token_digest
from portal.languages import gettext as _
from portal.tables import Account, Case, WebSession
from portal.web.policy import AccountLogin

PUBLIC_LIFE = timedelta(hours=24)
STAFF_LIFE = timedelta(hours=12)
STAFF_IDLE = timedelta(minutes=60)
SEEN_EVERY = timedelta(minutes=5)
# Kept out of what is stored: it follows from the token.
FORM_TOKEN = "csrf_token"  # noqa: S105 - the name of a field
FILES = ("/static/", "/bootstrap/", "/healthz")


class BrowserSession(CallbackDict[str, Any], SessionMixin):
    """What is remembered about one browser: `draft`, `case`, and for staff `_user_id`.

    `token` is what the cookie should hold, `stale` the token whose row must go.
    """

    def __init__(self, keys: Keys, token: str | None = None, row: WebSession | None = None) -> None:
        super().__init__(None, _mark_modified)
        self._keys = keys
        self.known_token = token
        self.token = token or secrets.token_urlsafe(32)
        self.stale: str | None = None
        self.stored = row is not None
        self.expires_at: datetime | None = row.expires_at if row else None
        if row is not None:
            self.update(json.loads(keys.unseal(row.data, _place(row.token_digest))))
        self._renew_form_token()
        self.modified = False

    def rotate(self, *, forget: bool) -> None:
        """A new token, because what the browser may do has changed. `forget` drops all that was remembered."""
        self.stale = self.token if self.stored else None
        self.token = secrets.token_urlsafe(32)
        self.stored = False
        if forget:
            self.clear()
            self.expires_at = None
        self._renew_form_token()
        self.modified = True

    def kept(self) -> dict[str, Any]:
        return {name: value for name, value in self.items() if name != FORM_TOKEN}

    def _renew_form_token(self) -> None:
        dict.__setitem__(self, FORM_TOKEN, self._keys.digest("csrf", self.token.encode()))


def _mark_modified(changed: BrowserSession) -> None:
    changed.modified = True


def _place(digest: str) -> str:
    return f"web_session/{digest}"


class DatabaseSessions(SessionInterface):
    def __init__(self, database: Database, keys: Keys) -> None:
        self.database = database
        self.keys = keys
        self.secure = database.config.secure_cookies
        self.cookie = "__Host-efface" if self.secure else "efface"

    def open_session(self, app: Flask, request: Request) -> BrowserSession:
        token = request.cookies.get(self.cookie, "")
        if len(token) < 43 or len(token) > 64:
            return BrowserSession(self.keys)
        if request.path.startswith(FILES):
            # Nothing is remembered here, but the token stays: a new one on an error page would cost what is remembered.
            return BrowserSession(self.keys, token)
        with self.database.reading() as reading:
            row = reading.get(WebSession, token_digest(token))
        if row is None:
            return BrowserSession(self.keys, token)
        try:
            opened = BrowserSession(self.keys, token, row)
        except SealBroken:
            return BrowserSession(self.keys)
        if _is_over(opened):
            opened.rotate(forget=True)
        elif _was_long_ago(opened, request):
            opened["_seen"] = clock.now().timestamp()
        return opened

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, BrowserSession)
        if session.stale or session.modified:
            with self.database.writing() as writing:
                self.store(writing, session)
        if session.token != session.known_token and (session.stored or FORM_TOKEN in g or session.stale):
            response.set_cookie(self.cookie, session.token, httponly=True, samesite="Lax", secure=self.secure, path="/")

    def read(self, row: WebSession) -> dict[str, Any]:
        """What a row remembers. Raises SealBroken."""
        kept: dict[str, Any] = json.loads(self.keys.unseal(row.data, _place(row.token_digest)))
        return kept

    def store(self, writing: Session, session: BrowserSession) -> None:
        if session.stale:
            writing.execute(delete(WebSession).where(WebSession.token_digest == token_digest(session.stale)))
        kept = session.kept()
        if not kept and not session.stored:
            return
        digest = token_digest(session.token)
        sealed = self.keys.seal(json.dumps(kept).encode(), _place(digest))
        if session.stored:
            # A row that was deleted meanwhile stays deleted: signing out elsewhere must win.
            changed = writing.execute(update(WebSession).where(WebSession.token_digest == digest).values(data=sealed))
            assert isinstance(changed, CursorResult)
            session.stored = changed.rowcount == 1
            return
        writing.add(_new_row(session, digest, sealed))
        session.stored = True


def _new_row(session: BrowserSession, digest: str, sealed: bytes) -> WebSession:
    now = clock.now()
    life = STAFF_LIFE if "_user_id" in session else PUBLIC_LIFE
    return WebSession(
        token_digest=digest,
        account_id=session.get("_user_id"),
        data=sealed,
        created_at=now,
        expires_at=session.expires_at or now + life,
    )


def _is_over(opened: BrowserSession) -> bool:
    now = clock.now()
    if opened.expires_at is None or opened.expires_at <= now:
        return True
    return "_user_id" in opened and _unseen_for(opened) > STAFF_IDLE


def _was_long_ago(opened: BrowserSession, request: Request) -> bool:
    """Is it worth noting that this member of staff is still there? Pages that poll do not count as being there."""
    if "_user_id" not in opened or request.headers.get("Sec-Fetch-Dest", "document") != "document":
        return False
    return _unseen_for(opened) > SEEN_EVERY


def _unseen_for(opened: BrowserSession) -> timedelta:
    return clock.now() - datetime.fromtimestamp(opened.get("_seen", 0), UTC)


def prepare(app: Flask) -> None:
    database: Database = app.extensions["database"]
    app.session_interface = DatabaseSessions(database, keys_in(database.config.data))


def _current() -> BrowserSession:
    found = session._get_current_object()  # type: ignore[attr-defined]
    assert isinstance(found, BrowserSession)
    g.pop(FORM_TOKEN, None)
    return found


def sign_in_account(account: Account) -> None:
    """Staff sign-in: a new token, nothing carried over from before."""
    browser = _current()
    browser.rotate(forget=True)
    browser["_seen"] = clock.now().timestamp()
    login_user(AccountLogin(account))


def hold_draft(draft_id: str) -> None:
    """From here on this browser fills in that request. A token somebody planted before is of no use."""
    browser = _current()
    browser.rotate(forget=False)
    browser["draft"] = draft_id


def hold_case(case_id: str, as_person: bool = False) -> None:
    """From here on this browser may follow that case; `as_person` where somebody else acts for them in it."""
    browser = _current()
    browser.rotate(forget=False)
    browser["case"] = case_id
    browser["as_person"] = as_person


def exchange_draft_for_case(database_session: Session, **more: Any) -> None:
    """The request was sent: this browser now follows its case. `more` is remembered, too. Rule-like: does not commit.

    It is written together with the case, and the token stays as `hold_draft` made it: neither a kill nor a second press
    of the button can part a person from the secret words, which are shown to this browser only.
    """
    browser = _current()
    browser.pop("draft", None)
    browser.update({"as_person": False} | more)
    _interface().store(database_session, browser)
    browser.modified = False


def has_sent(database_session: Session) -> bool:
    """Whether the request of this browser was sent, perhaps by another press of the button a moment ago."""
    browser = _current()
    row = database_session.get(WebSession, token_digest(browser.token))
    kept = _interface().read(row) if row is not None else {}
    return "case" in kept and "draft" not in kept


def _interface() -> DatabaseSessions:
    found = current_app.session_interface
    assert isinstance(found, DatabaseSessions)
    return found


def held_case(database_session: Session) -> Case:
    """The case this browser signed in to. Raises NotFound when it is not there any more, NotAllowed (`mandate-over`)
    for somebody whose permission to act for the person has ended, and (`words-renewed`) while new words do not open it.
    """
    case = case_to_renew(database_session)
    mandate = mandates.of_case(database_session, case)
    ended = mandates.over(database_session, mandate) if mandate is not None else None
    if ended is not None and not is_person():
        raise NotAllowed(_(mandates.OVER[ended]), "mandate-over")
    return case


def case_to_renew(database_session: Session) -> Case:
    """The same where the permission has ended, too: for the page that takes a new one."""
    case = any_case(database_session)
    if lost_words.since(database_session, case) is not None and not is_person():
        raise NotAllowed(
            _("A person first makes sure that it is you. Then you see your request here."), "words-renewed"
        )
    return case


def is_person() -> bool:
    """Whether this browser signed in with the words of a person for whom somebody else acts."""
    return bool(session.get("as_person"))


def any_case(database_session: Session) -> Case:
    """The same without a look at what closes it: for the page that says what opens it again. Raises NotFound."""
    case = database_session.get(Case, session.get("case", ""))
    if case is None:
        raise NotFound(_("This request is not kept any more."), "case-gone")
    return case


def leave_case() -> None:
    """A subject signs out. Staff who signed in with the same browser stay signed in."""
    browser = _current()
    for name in ("case", "as_person", "draft", "lost", "words", "words_until"):
        browser.pop(name, None)
    browser.rotate(forget=False)


def sign_out() -> None:
    """End the session here and now, staff's or a subject's: its row goes, a copied cookie opens nothing."""
    _current().rotate(forget=True)


def end_sessions_of(database_session: Session, account_id: str) -> None:
    """End all sessions of an account at once. Rule-like: does not commit."""
    database_session.execute(delete(WebSession).where(WebSession.account_id == account_id))

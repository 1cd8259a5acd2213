"""A request being filled in, and how it becomes a case. Everything the person sends is sealed at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal import clock
from portal.cases.law import residences
from portal.errors import BadInput, Gone
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import mark
from portal.tables import Case, Draft, random_id
from portal.tables.cases import RIGHTS

LIFE = timedelta(hours=24)
WAYS = ("face", "link", "file", "account")
FOR_WHOM = ("me", "child", "agent", "deceased")
HELPS_LONGEST = 500


def open_draft(session: Session) -> Draft:
    """A new, empty draft. It is purged after a day unless it is sent."""
    draft_id = random_id()
    now = clock.now()
    draft = Draft(id=draft_id, answers=_sealed(session, draft_id, {}), created_at=now, expires_at=now + LIFE)
    session.add(draft)
    session.flush()
    return draft


def find_draft(session: Session, draft_id: str) -> Draft:
    """The draft. Raises Gone when it was sent or has expired."""
    draft = session.get(Draft, draft_id, populate_existing=True)
    if draft is None or draft.expires_at <= clock.now():
        raise Gone(
            _(
                "This request was sent already, or it was left for more than a day. "
                "If you sent it, sign in with your reference. If not, please start again."
            ),
            "draft-gone",
        )
    return draft


def read_answers(session: Session, draft: Draft) -> dict[str, Any]:
    """What was answered so far. Keys are those of `CHECKS`."""
    plain = keys_of(session).unseal(draft.answers, f"draft/{draft.id}")
    answers: dict[str, Any] = json.loads(plain)
    return answers


def save_answers(session: Session, draft: Draft, **answers: Any) -> dict[str, Any]:
    """Add answers to those given; None takes one back. Raises BadInput naming what is wrong.

    Another contact needs a new code: the old confirmation does not speak for it.
    """
    before = read_answers(session, draft)
    for name, value in answers.items():
        if name not in CHECKS:
            raise BadInput(f"There is no question called {name}.", "unknown-question")
        if value is not None and not CHECKS[name](value):
            raise BadInput(_(SENTENCES[name], most=HELPS_LONGEST), f"bad-{name.replace('_', '-')}")
    after = {name: value for name, value in (before | answers).items() if value is not None}
    if after.get("contact") != before.get("contact"):
        draft.contact_confirmed_at = None
    draft.answers = _sealed(session, draft.id, after)
    session.flush()
    return after


def read_details(session: Session, case: Case) -> dict[str, Any]:
    """What the person wrote beside the questions: `helps` and `for_whom`. Empty once it is purged."""
    if case.details is None:
        return {}
    details: dict[str, Any] = json.loads(keys_of(session).unseal(case.details, f"case/{case.id}/details"))
    return details


def _sealed(session: Session, draft_id: str, answers: dict[str, Any]) -> bytes:
    return keys_of(session).seal(json.dumps(answers).encode(), f"draft/{draft_id}")


def _some_of(known: tuple[str, ...], value: Any) -> bool:
    return isinstance(value, list) and len(value) == len(set(value)) and set(value) <= set(known)


# Each answer and what it may be.
CHECKS: dict[str, Callable[[Any], bool]] = {
    "rights": lambda value: _some_of(RIGHTS, value),
    "for_whom": lambda value: value in FOR_WHOM,
    "residence": lambda value: value == "" or value in {code for code, _name in residences()},
    "ways": lambda value: _some_of(WAYS, value),
    "consent": lambda value: isinstance(value, bool),
    "contact": lambda value: isinstance(value, str) and 0 < len(value) <= 254,
    "no_contact": lambda value: isinstance(value, bool),
    "helps": lambda value: isinstance(value, str) and len(value) <= HELPS_LONGEST,
    "language": lambda value: isinstance(value, str) and 0 < len(value) <= 10,
}
SENTENCES = {
    "rights": mark("Choose what you would like to do."),
    "for_whom": mark("Choose who this is for."),
    "residence": mark("Choose where you live, or say that you would rather not tell us."),
    "ways": mark("Choose how we can look for you."),
    "consent": mark("Say whether we may compare your face."),
    "contact": mark("Tell us where we can write to you."),
    "no_contact": mark("Say whether we can write to you."),
    "helps": mark("Use at most %(most)s characters."),
    "language": mark("Choose a language."),
}

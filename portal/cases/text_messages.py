"""What a text message says: what the mail of the same occasion does, in one or two sentences.

It can be read on a screen that is locked, so it names neither the organisation nor what it is about. The reference and
the address of the portal tell the person that it is ours.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

from portal import languages
from portal.languages import gettext as _
from portal.languages import isolated


def received(reference: str, due_on: date, asks_more: bool, page: str) -> str:
    if asks_more:
        said = _("We got your request %(reference)s. We need two more things from you.", reference=isolated(reference))
        return f"{said}\n{page}"
    said = _(
        "We got your request %(reference)s. We answer by %(day)s.",
        reference=isolated(reference),
        day=isolated(languages.day(due_on)),
    )
    return f"{said}\n{page}"


def news(reference: str, page: str) -> str:
    """Whatever happened: the person signs in to read it."""
    said = _("There is news about your request %(reference)s.", reference=isolated(reference))
    return f"{said}\n{page}"


def waits(reference: str, last_day: date, page: str) -> str:
    """A question waits, without whose answer the request ends."""
    said = _(
        "We need an answer from you by %(day)s for your request %(reference)s. Else we close it.",
        reference=isolated(reference),
        day=isolated(languages.day(last_day)),
    )
    return f"{said}\n{page}"


def ended(reference: str, page: str) -> str:
    said = _(
        "We got no answer, so we closed your request %(reference)s. You can make a new one.",
        reference=isolated(reference),
    )
    return f"{said}\n{page}"


def new_words(reference: str, page: str) -> str:
    said = _(
        "Your request %(reference)s has new secret words. If you did not ask for them, tell us.",
        reference=isolated(reference),
    )
    return f"{said}\n{page}"


def code(digits: str, address: str) -> str:
    """The last line binds the code to the portal's address: phones offer it on that page and on no other.

    Source: https://wicg.github.io/sms-one-time-codes/
    """
    said = _("Your code is %(code)s. It works for 10 minutes, once.", code=isolated(digits))
    url = urlsplit(address)
    return f"{said}\n\n@{url.hostname} #{digits}" if url.scheme == "https" else said

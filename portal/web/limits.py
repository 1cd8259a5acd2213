"""How often a browser's network may try something. Only keyed hashes are kept, and only for a day."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from flask import request

from portal.cases.arrival import limits
from portal.errors import TooMany
from portal.languages import ngettext
from portal.web.context import database

# Most tries, and in which time. A network may be a school or a company, so these are far above what one person needs.
MOST = {
    "draft": (60, timedelta(hours=1)),
    "code": (20, timedelta(hours=1)),
    "photo": (120, timedelta(hours=1)),
    "person-link": (30, timedelta(minutes=15)),
    # By the request that it is about: a PDF is the slowest thing that a page of a person makes.
    "pdf": (30, timedelta(hours=1)),
    # By the request: each is read from a store and opened anew.
    "photograph": (600, timedelta(hours=1)),
    "certificate": (60, timedelta(hours=1)),
    # A firm that reads its notice, takes the file, and answers.
    "notice": (120, timedelta(hours=1)),
    # Wrong tokens only.
    "gate-token": (30, timedelta(minutes=15)),
    "case-sign-in": (30, timedelta(minutes=15)),
    "staff-sign-in": (60, timedelta(minutes=15)),
}


def spend(purpose: str, what: str | None = None) -> None:
    """Count one try of `purpose` by the network the request came from, or by `what`. Raises TooMany.

    Writes in a transaction of its own, so that a try counts although the view fails: call it before `g.session` is
    used.
    """
    most, window = MOST[purpose]
    with database().writing() as session:
        who = what or network(request.remote_addr or "")
        granted = limits.spend(session, purpose, who, most, window)
        minutes = limits.minutes_left(session, purpose, who)
    if not granted:
        sentence = ngettext(
            "You have tried many times. Your answers are saved. Please wait %(num)s minute.",
            "You have tried many times. Your answers are saved. Please wait %(num)s minutes.",
            minutes,
        )
        raise TooMany(sentence, minutes=minutes)


def network(address: str) -> str:
    """The /64 of an IPv6 address or the /24 of an IPv4 one: one household or office, not one device."""
    found = _read(address)
    if found is None:
        return address
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def public_network() -> str:
    """The network this request came from. Empty for an inside address, a proxy's say: everybody may come from there."""
    address = request.remote_addr or ""
    found = _read(address)
    return network(address) if found is not None and found.is_global else ""


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found

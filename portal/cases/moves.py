"""The one table of allowed moves of a case. The README's picture of a case's life is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import Conflict

LOOKING = "We are looking for photos of you. A person checks everything the computer suggests."


@dataclass(frozen=True)
class Move:
    """One allowed move. `sentence` is what the person may read, `clock` what happens to the legal clock."""

    sources: tuple[str, ...]
    to: str
    actors: frozenset[str]
    kind: str
    waiting_for: str
    sentence: str
    outcomes: frozenset[str] = frozenset()
    needs_reason: bool = False
    clock: str = "runs on"


def _by(*actors: str) -> frozenset[str]:
    return frozenset(actors)


# The sentences of all moves between the search and the decision are one and the same: they must not tell a hit
# from a miss. Actors are `subject`, `machine` or the role of an account.
MOVES = (
    Move(
        ("received",),
        "identity-check",
        _by("machine"),
        "identity-asked",
        "caseworker",
        "We got your request. A person checks that it really comes from you.",
    ),
    Move(("received",), "searching", _by("machine"), "search-begun", "machine", LOOKING),
    Move(("identity-check",), "searching", _by("caseworker"), "identity-confirmed", "machine", LOOKING),
    Move(
        ("identity-check",),
        "closed",
        _by("caseworker", "machine"),
        "identity-not-confirmed",
        "nobody",
        "We could not make sure that this request comes from you.",
        outcomes=frozenset({"unverified"}),
        needs_reason=True,
        clock="stops",
    ),
    Move(("searching",), "reviewing", _by("machine"), "review-begun", "reviewer", LOOKING),
    Move(("searching",), "deciding", _by("machine"), "search-finished", "caseworker", LOOKING),
    Move(("reviewing",), "deciding", _by("machine"), "review-finished", "caseworker", LOOKING),
    Move(("reviewing",), "searching", _by("subject", "caseworker", "machine"), "search-again", "machine", LOOKING),
    Move(
        ("deciding",),
        "reviewing",
        _by("subject", "caseworker", "reviewer"),
        "look-again",
        "reviewer",
        LOOKING,
        needs_reason=True,
    ),
    Move(
        ("deciding",),
        "fulfilling",
        _by("machine"),
        "decided",
        "machine",
        "We have decided. Now we carry out what we decided.",
    ),
    Move(
        ("fulfilling",),
        "closed",
        _by("machine"),
        "answered",
        "nobody",
        "Your answer is ready.",
        outcomes=frozenset({"fulfilled", "partly-fulfilled", "nothing-found", "refused"}),
        clock="stops",
    ),
    Move(
        ("received", "identity-check", "searching", "reviewing", "deciding", "fulfilling"),
        "closed",
        _by("subject"),
        "withdrawn",
        "nobody",
        "You took your request back. We deleted what you sent.",
        outcomes=frozenset({"withdrawn"}),
        clock="stops",
    ),
    Move(
        ("closed",),
        "reviewing",
        _by("subject", "caseworker"),
        "opened-again",
        "reviewer",
        LOOKING,
        needs_reason=True,
        clock="starts anew",
    ),
    Move(
        ("closed",),
        "deciding",
        _by("subject"),
        "opened-again",
        "caseworker",
        LOOKING,
        needs_reason=True,
        clock="starts anew",
    ),
)


def allowed(source: str, to: str, outcome: str | None = None) -> Move:
    """The move of the table. Raises Conflict when there is none."""
    for one in MOVES:
        if source in one.sources and one.to == to and (outcome in one.outcomes if one.outcomes else outcome is None):
            return one
    raise Conflict(
        f"A case cannot go from {source} to {to}. It may have moved on: load the page again.", "no-such-move"
    )

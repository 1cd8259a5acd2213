"""What a reviewer sees and may say, whatever stands behind it: a pair of a case, or one with a known answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from portal.keys import keys_of
from portal.tables.matching import ANSWERS

# So long a pair is held by whom it was handed to.
LEASE = timedelta(minutes=10)

WHOLE = 1600  # pixels of the longer side of a whole picture
SIDE = dict(zip(ANSWERS, (-1, -1, 0, 1, 1), strict=True))


@dataclass(frozen=True)
class Pair:
    """What a reviewer sees beside the pictures. Where no face photo was sent, `note` says what was given.

    `photos`: how many photographs were sent that one can look at, the one that was compared first. `found_left`: the
    found picture stands left of the sent one. `together` are the ids of all pairs that one answer decides, this one
    first.
    """

    id: str
    photos: int
    note: str | None
    found_left: bool
    together: list[str]

    @property
    def sent(self) -> bool:
        """Whether a face photo was sent."""
        return self.photos > 0


@dataclass(frozen=True)
class Good:
    """Whether each picture is good enough to tell, as a reviewer says before comparing. `sent`: None without one."""

    sent: bool | None
    found: bool


def lot(session: Session, purpose: str, account_id: str, what: str) -> bytes:
    """32 bytes by which chance decides about this for this reviewer: the same on every reload.

    They are keyed: whoever reads this code and knows their own id cannot work out which pair is a known one.
    """
    return bytes.fromhex(keys_of(session).digest("lot", f"{purpose}/{account_id}/{what}".encode()))


def verdict(answers: list[str], needed: int) -> str | None:
    """`confirmed`, `rejected` or `unsure` for the standing answers, or None while another person must look.

    Answers on the same side agree. Where two differ a third decides: the side that two of the three took, else unsure.
    """
    sides = [SIDE[answer] for answer in answers]
    if len(sides) < needed:
        return None
    if needed > 1 and len(sides) == 2 and sides[0] != sides[1]:
        return None
    for side, state in ((1, "confirmed"), (-1, "rejected")):
        if sides.count(side) * 2 > len(sides):
            return state
    return "unsure"

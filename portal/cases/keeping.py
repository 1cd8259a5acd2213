"""What is kept so that deleted photographs are known when they come again. The person chooses: digests, or nothing."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal import audit
from portal.cases import lifecycle
from portal.errors import BadInput, Conflict
from portal.languages import gettext as _
from portal.tables import Case, CaseRight
from portal.tables.cases import KEEPS


def chosen(case: Case) -> str | None:
    """One of KEEPS, as far as the person can still change it; None where there is no deletion to choose for.

    It is open until all rights are decided, whatever a search found: the page must not tell that.
    """
    right = _deletion(case)
    open_still = right is not None and right.outcome is None and case.state not in {"fulfilling", "closed"}
    return right.keeps if right is not None and open_still else None


def choose(session: Session, case: Case, keeps: str) -> None:
    """Note what may be kept: one of KEEPS. Raises BadInput for another word, Conflict when it is too late."""
    session.refresh(case)
    if chosen(case) is None:
        raise Conflict(_("We have decided about your request. This can no longer be changed here."), "too-late")
    if keeps not in KEEPS:
        raise BadInput(_("Choose what we may keep"), "unknown-word")
    right = _deletion(case)
    assert right is not None
    if right.keeps != keeps:
        right.keeps = keeps
        session.flush()
        lifecycle.record(session, case, "kept-chosen", "subject", keeps=keeps)
        audit.append(session, "kept-chosen", {"case": case.id, "keeps": keeps})


def keeps_nothing(case: Case) -> bool:
    """Whether the person wants nothing kept by which deleted photographs could be known again."""
    right = _deletion(case)
    return right is not None and right.keeps == "none"


def _deletion(case: Case) -> CaseRight | None:
    return next((right for right in case.rights if right.right == "deletion"), None)

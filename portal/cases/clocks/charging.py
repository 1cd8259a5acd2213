"""A fee, where the frozen rule of a right knows one: asked for once, recorded by staff when it is paid, or let go.

No payment runs through the portal. Where the law says so the clock waits for the fee. It is asked for only before the
search, or where it is sure who asks: a fee, or none, would tell a hit from a miss. An unpaid fee closes no request.
"""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal.cases import law, lifecycle, messages
from portal.cases.answer import answering
from portal.cases.clocks import pausing
from portal.errors import BadInput, Conflict, NotAllowed
from portal.languages import gettext as _
from portal.languages import isolated, mark
from portal.tables import Case, CaseEvent, CaseRight

# A sum with its currency on either side and nothing else: it stands in the log, where no name may be.
AMOUNT = re.compile(r"(?:[^\W\d_]{1,3}|[$€£¥₹]) ?\d[\d., ]{0,14}|\d[\d., ]{0,14} ?(?:[^\W\d_]{1,3}|[$€£¥₹])")
ASKED, PAID, WAIVED = "fee-asked", "fee-paid", "fee-waived"
# Chosen from a list, and the same for a hit and a miss: a free text in the timeline could name somebody.
REASONS = {
    "repeated": mark("you asked us for the same thing a short time ago"),
    "excessive": mark("this takes far more work than the law asks of us without a fee"),
}


def knows(right: CaseRight) -> bool:
    """True where the frozen rule of the right lets a fee be asked for."""
    return bool(law.rule_by(right.rule, right.rule_version).fee)


def may_ask(session: Session, right: CaseRight) -> bool:
    """True while a right is open whose rule knows a fee, and none was asked for it."""
    case = right.case
    early = case.state in {"received", "identity-check"}
    open_still = case.state in {"searching", "reviewing", "deciding"} and case.identity == "confirmed"
    return knows(right) and right.outcome is None and (early or open_still) and asked(session, right) is None


def ask(session: Session, right: CaseRight, account_id: str, amount: str, reason: str, how: str) -> None:
    """A caseworker asks for a fee: `amount` with its currency, `reason` one of REASONS, `how` to pay as a message.

    Raises NotAllowed (no caseworker), Conflict (the rule knows none, or asked before), BadInput naming the field.
    """
    _see_that_may(session, account_id)
    if not may_ask(session, right):
        raise Conflict("A fee cannot be asked for here, or was asked for already.", "no-fee")
    amount = " ".join(amount.split())
    if not AMOUNT.fullmatch(amount):
        raise BadInput("Write the amount with its currency, such as GBP 20.", "bad-amount")
    if reason not in REASONS:
        raise BadInput("Choose a reason from the list.", "reason-missing")
    message = messages.write(session, right.case, account_id, how)
    _log(session, right, ASKED, account_id, amount=amount, reason=reason, message=message.id)
    if right.case.waiting_for == "caseworker":
        lifecycle.wait_for(session, right.case, "subject")


def settle(session: Session, right: CaseRight, account_id: str, paid: bool) -> None:
    """Staff write down that the fee was paid, or that the request goes on without it. Raises NotAllowed, Conflict."""
    _see_that_may(session, account_id)
    if open_fee(session, right) is None:
        raise Conflict("No fee is waited for here any more.", "no-fee")
    _log(session, right, PAID if paid else WAIVED, account_id)
    pausing.apply(session, right.case)
    answering.wait_for_us(session, right.case)


def asked(session: Session, right: CaseRight) -> CaseEvent | None:
    """The line with which a fee was asked for this right; its facts are `amount` and `reason`."""
    session.flush()
    lines = select(CaseEvent).where(CaseEvent.case_id == right.case_id, CaseEvent.kind == ASKED)
    return next((each for each in session.scalars(lines) if each.facts["right"] == right.right), None)


def open_fee(session: Session, right: CaseRight) -> CaseEvent | None:
    """The same, while it is waited for: neither paid nor let go, and the request not decided."""
    waits = (each for each in pausing.questions(session, right.case) if each.answered_on is None)
    mine = next((each for each in waits if each.cause == "fee" and each.is_about(right)), None)
    return session.get_one(CaseEvent, mine.event_id) if mine is not None else None


def sentences(session: Session, case: Case) -> list[str]:
    """What the person reads on their page about the fees that are waited for."""
    fees = [fee for right in case.rights if (fee := open_fee(session, right)) is not None]
    return [sentence(fee) for fee in fees]


def sentence(fee: CaseEvent) -> str:
    """How much is asked for and why, from the line with which it was asked for, in the language spoken now."""
    amount, words = isolated(fee.facts["amount"]), REASONS[fee.facts["reason"]]
    return _(
        "We ask for a fee of %(amount)s because %(reason)s. We write to you how to pay it. "
        "Your request stays open, also before you pay. If you think this is wrong, tell us.",
        amount=amount,
        reason=_(words),
    )


def how_to_pay(session: Session, fee: CaseEvent) -> str:
    """What the person was written about it; empty once it is not kept any more."""
    return messages.text_of(session, fee.facts["message"])


def _see_that_may(session: Session, account_id: str) -> None:
    if "caseworker" not in lifecycle.roles_of(session, account_id):
        raise NotAllowed("Only a caseworker sees to a fee.", "not-your-step")


def _log(session: Session, right: CaseRight, kind: str, account_id: str, **more: str) -> None:
    facts = {"right": right.right, **more}
    lifecycle.record(session, right.case, kind, account_id, **facts)
    audit.append(session, kind, {"case": right.case_id, "actor": account_id, **facts})

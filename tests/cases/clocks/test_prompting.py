"""Who must still show two more things reads it in the first mail and is reminded once; nobody else is, nothing ends."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.cases import mails
from portal.cases.clocks import prompting
from portal.cases.housekeeping import upkeep
from portal.tables import Case, Mail
from tests.cases.clocks.test_pausing import Turn
from tests.cases.clocks.test_pausing import turn_to as turn_to
from tests.cases.making import make_account, send, show_signs


def bodies(session: Session, case: Case) -> list[str]:
    mine = session.scalars(select(Mail).where(Mail.case_id == case.id).order_by(Mail.created_at))
    return [letter.body for mail in mine if (letter := mails.open_mail(session, mail)) is not None]


def test_the_first_mail_says_it_and_one_reminder_follows(session: Session, turn_to: Turn) -> None:
    turn_to("2026-11-02")
    strong, light = send(session, "access").case, send(session, "deletion").case
    shown, without = send(session, "access").case, send(session, "access", contact=False).case
    show_signs(session, shown, make_account(session).id)
    assert "We need two more things from you." in bodies(session, strong)[0]
    assert "You do not need to do anything else now." in bodies(session, light)[0]
    assert prompting.remind(session) == {"reminded": 0}
    turn_to("2026-11-04")
    assert upkeep.keep(session) == {"reminded": 1, "ended": 0}
    assert prompting.remind(session) == {"reminded": 0}
    assert "There is news about your request" in bodies(session, strong)[-1]
    assert len(bodies(session, light)) == 1
    turn_to("2026-12-24")
    upkeep.keep(session)
    assert {case.state for case in (strong, shown, without)} == {"identity-check"}

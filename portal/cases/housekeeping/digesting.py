"""Each working morning a mail to every caseworker for whom something cannot wait: late, due soon, or not read yet.

It has references and days, and nothing about any person. Who has nothing that cannot wait gets none. What is late is
told to all caseworkers, whoever has it: somebody may be away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import assigning, mails, messages
from portal.cases.clocks.deadlines import is_working_day
from portal.db import config_of
from portal.languages import ENGLISH, day, speaking
from portal.tables import Account, Case

# From this hour on, in the installation's time zone.
HOUR = 7
SOON = timedelta(days=3)
# A mail that nobody reads to the end is of no use: the rest is in the list.
MOST = 20


def digest(session: Session) -> dict[str, int]:
    """Queue today's mails, where the setting wants them and the morning has come. Each is written once a day."""
    config, now = config_of(session), clock.now()
    today = clock.local_date(now, config.zone)
    if not config.digest or now.astimezone(ZoneInfo(config.zone)).hour < HOUR:
        return {}
    if not is_working_day(today, config.holidays):
        return {}
    team = assigning.caseworkers(session)
    for account in team:
        lines = _lines(session, account, team)
        if lines:
            body = "\n".join([*lines, "", f"All of them: {config.address}/staff/cases/"])
            dedupe = f"digest/{account.id}/{today}"
            mails.queue_mail(session, None, account.email, "Requests that cannot wait", body, dedupe)
    return {}


def _lines(session: Session, account: Account, team: Sequence[Account]) -> list[str]:
    """What cannot wait, for one caseworker: a line for each kind, and one for each request below it."""
    # What somebody has who is not in the team any more is nobody's.
    others = [one.id for one in team if one.id != account.id]
    today = clock.local_date(clock.now(), config_of(session).zone)
    written = messages.cases_with_news(session)
    mine = Case.caseworker_id.is_(None) | Case.caseworker_id.not_in(others)
    running = select(Case).where(Case.state != "closed").order_by(Case.due_on, Case.reference)
    kinds = {
        "Late": running.where(Case.due_on < today),
        "Due within 3 days": running.where(mine, Case.due_on >= today, Case.due_on <= today + SOON),
        "The person wrote, and nobody has read it": select(Case)
        .where(mine, Case.id.in_(written))
        .order_by(Case.due_on, Case.reference),
    }
    lines: list[str] = []
    with speaking(ENGLISH):
        for title, query in kinds.items():
            found = list(session.scalars(query))
            lines += [f"{title}: {len(found)}"] * bool(found)
            lines += [f"  {case.reference}, last day {day(case.due_on)}" for case in found[:MOST]]
    return lines

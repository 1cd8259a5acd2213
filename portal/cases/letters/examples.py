"""Letters about a made-up request, so that the texts of a language can be read before anybody gets one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, mails
from portal.cases.answer import answers
from portal.cases.answer.reasons import REASONS
from portal.cases.clocks import charging, extending
from portal.cases.letters.forms import Form, length
from portal.db import config_of
from portal.languages import gettext as _
from portal.languages import isolated, speaking
from portal.tables import CaseEvent

REFERENCE = "EF-7K3M-Q2WX"
# Somebody in Europe asked for a deletion, and a day of the month later is the last one.
PLACE, RIGHT, DAYS = "EU", "deletion", timedelta(days=30)
REFUSED = REASONS["claim_not_covered"]
FEE = {"amount": "10 EUR", "reason": next(iter(charging.REASONS))}


def example(session: Session, form: Form, kind: str) -> tuple[str, tuple[str, ...]]:
    """Title and paragraphs of one kind of letter, or of the `mail`, filled for the made-up request."""
    text = form.mail if kind == "mail" else form.letters[kind]
    with speaking(form.language):
        return text.filled(_values(session, form, kind))


def _values(session: Session, form: Form, kind: str) -> Mapping[str, str]:
    config, today = config_of(session), clock.local_date(clock.now(), config_of(session).zone)
    rule = law.rules_for(PLACE, RIGHT, today)
    refusal = _("We cannot do this because %(reason)s.", reason=_(REFUSED))
    return {
        "reference": isolated(REFERENCE),
        "address": config.address,
        "organisation": isolated(config.organisation),
        "contact": config.contact,
        "received_on": mails.long_date(today - DAYS),
        "asked": form.rights[RIGHT],
        "told": refusal if kind == "refusal" else _(answers.DONE[RIGHT]),
        "due_on": mails.long_date(today),
        "reason": _(next(iter(extending.REASONS.values()))),
        "fee": charging.sentence(CaseEvent(facts=FEE)),
        "how": "",
        "law": isolated(rule.title),
        "source": next((isolated(str(source)) for source in rule.sources if source.url), ""),
        "authority": _(rule.authority),
        "appeal_acknowledge": length(rule.appeal.acknowledge) if rule.appeal else "",
        "appeal_respond": length(rule.appeal.respond) if rule.appeal else "",
    }

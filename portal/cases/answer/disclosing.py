"""What an answer gives and what it keeps back, by the rule that is frozen on the case.

Recipients are told by name, by name with a contact, or by category. A face template is described, never given, also
where no law forbids it. Other people's faces are covered under every rule (GDPR Article 15(4), PIPEDA section 9(1)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from portal.cases import law
from portal.cases.answer import held
from portal.cases.answer.held import Held
from portal.cases.law import Disclose
from portal.languages import gettext as _
from portal.languages import isolated, mark, ngettext
from portal.lineage import Reached
from portal.tables import Case

# The rights that show pictures come first: their rule says what may be seen.
ORDER = ("copy", "access", "deletion", "opt-out")
TEMPLATES = mark(
    "A face template is a set of numbers made from a face. We say how many we hold and how they were made. "
    "We never give the numbers away: with them somebody could find you elsewhere."
)
FORBIDDEN = mark("The law where you live forbids it, too.")


def disclosure_of(case: Case) -> Disclose:
    """What the answer to a case may tell, by its frozen rules: that of a copy, else of access, else of what was asked.

    Never the union of several: what one place wants told, another forbids.
    """
    right = min(case.rights, key=lambda each: ORDER.index(each.right))
    return law.rule_by(right.rule, right.rule_version).disclose


def photographs(session: Session, case: Case) -> list[Held]:
    """What is held about the person of a case, as far as its rule lets them see it."""
    how = disclosure_of(case).recipients
    return [replace(one, recipients=_recipients(one.recipients, how)) for one in held.photographs(session, case)]


def about_templates(case: Case) -> str:
    """Why the person reads how many templates there are, and never gets one."""
    forbidden = disclosure_of(case).template == "forbidden"
    return f"{_(TEMPLATES)} {_(FORBIDDEN)}" if forbidden else _(TEMPLATES)


def _recipients(found: Sequence[Reached], how: str) -> list[Reached]:
    if how == "categories":
        return _by_category(found)
    if how == "named-with-contact":
        return [replace(one, name=f"{one.name}, {one.facts['contact']}") for one in found]
    return list(found)


def _by_category(found: Sequence[Reached]) -> list[Reached]:
    """One line for all that got the same kind of thing in the same country, without names."""
    groups: dict[str, int] = {}
    for one in found:
        name = _category(one)
        groups[name] = groups.get(name, 0) + 1
    return [
        Reached("", name, ngettext("There is %(num)s of them.", "There are %(num)s of them.", count), {"count": count})
        for name, count in sorted(groups.items())
    ]


def _category(one: Reached) -> str:
    kinds = {kind for each in one.facts["disclosures"] for kind in ("dataset", "model", "store") if each[kind]}
    if kinds == {"store"}:
        return _("Organisations that hold photographs")
    # For translators: put in after "received", below.
    what = _("a dataset") if "dataset" in kinds else _("a model")
    if {"dataset", "model"} <= kinds:
        what = _("a dataset and a model")
    if one.facts["country"]:
        country = isolated(one.facts["country"])
        return _("Organisations in %(country)s that received %(what)s", country=country, what=what)
    return _("Organisations that received %(what)s", what=what)

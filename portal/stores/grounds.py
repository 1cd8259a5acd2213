"""On what ground photographs may be taken in and used. A use without one is refused, by the name of the rule.

Finding people is never refused for want of papers: a store of which nobody has said where it came from may be read and
searched, and what was read stays searchable. Only new use needs a ground: datasets, training, passing on. What has
happened already may be written down with a reason, as nobody could be told of it otherwise; the log then says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal import audit
from portal.errors import BadInput, NotAllowed
from portal.tables import Source, Store

LONGEST_REASON = 300


@dataclass(frozen=True)
class Rule:
    """What needs a ground, and by which law. `checked`: how far the text of the law was read for this."""

    name: str
    use: str
    cites: str
    checked: str


# Article 9 GDPR is about faces as soon as they are made searchable or trained on.
GDPR = "GDPR Art. 5(1)(a)-(b), Art. 6(1) and Art. 9(1)-(2)"
RULES = {
    "read": Rule(
        "ground-before-reading",
        "taken in",
        f"{GDPR}; Illinois BIPA 740 ILCS 14/15(b); Texas CUBI 503.001(b)",
        "second-hand",
    ),
    "dataset": Rule(
        "ground-before-dataset", "put in a dataset", f"{GDPR}; FTC Act s. 5 (Everalbum C-4743, III)", "second-hand"
    ),
    "training": Rule(
        "ground-before-training",
        "trained on",
        f"{GDPR}; EDPB Opinion 28/2024; FTC Act s. 5 (Everalbum C-4743, III.C)",
        "second-hand",
    ),
    "passing-on": Rule(
        "ground-before-passing-on",
        "passed on",
        f"{GDPR}; Illinois BIPA 740 ILCS 14/15(c)-(d); Texas CUBI 503.001(c)",
        "second-hand",
    ),
}


def has_ground(source: Source) -> bool:
    """Whether all people in the photographs agreed, or the giver had the right to share them, as recorded."""
    return source.consented == "yes" or source.may_share == "yes"


def need(session: Session, use: str, stores: Iterable[Store], despite: str = "") -> None:
    """Refuse a new use of photographs of these stores where one has no ground. `use`: a name in RULES.

    `despite` is the reason why it is written down all the same; it goes into the log. Raises NotAllowed, BadInput.
    """
    without = [(store, source) for store in stores if not _is_fine(source := _source(session, store))]
    if not without:
        return
    rule, reason = RULES[use], _reason(despite)
    if not reason:
        raise NotAllowed(_refusal(rule, *without[0]), rule.name)
    facts = {"rule": rule.name, "stores": [store.id for store, _ in without], "why": reason}
    audit.append(session, "used-without-ground", facts)


def need_to_read(session: Session, store: Store, despite: str = "") -> None:
    """Refuse to read a store whose source is recorded to have no ground, unless a reason was given now or before."""
    source = _source(session, store)
    if source is None or has_ground(source) or store.despite:
        return
    need(session, "read", [store], despite)
    store.despite = _reason(despite)


def _source(session: Session, store: Store) -> Source | None:
    return session.get(Source, store.source_id) if store.source_id is not None else None


def _is_fine(source: Source | None) -> bool:
    return source is not None and has_ground(source)


def _reason(despite: str) -> str:
    reason = " ".join(despite.split())
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadInput(f"The reason may have {LONGEST_REASON} characters. It goes into the log: name nobody in it.")
    return reason


def _refusal(rule: Rule, store: Store, source: Source | None) -> str:
    begin = f"Rule {rule.name} ({rule.cites}): photographs of {store.name} may not be {rule.use},"
    if source is None:
        return (
            f"{begin} because nobody has written down where they came from. Add their source, with the consent of the "
            "people in them or the right to share them, and say that the store came from it."
        )
    return (
        f"{begin} because no consent of all people in them and no right to share them is recorded for the source "
        f"{source.name}. Record one of the two for this source. If it has happened already, give the reason why it is "
        "written down all the same."
    )

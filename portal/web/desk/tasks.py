"""What waits for a member of staff, by role: the list on the home page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from portal.cases import messages
from portal.cases.answer import appeals
from portal.cases.housekeeping import destroying, stuck
from portal.erasure import holds, rechecking
from portal.matching import practice, review
from portal.stores import drift
from portal.suppression import held_back
from portal.tables import Account, Case, Dataset, Erasure, ErasureItem, Image, Scan, Store
from portal.tables.erasure import FOR_PEOPLE
from portal.web.texts import counted, day


@dataclass(frozen=True)
class Task:
    """One line: what it is, where it is done, how it stands, and whether somebody should do it now."""

    title: str
    address: str
    standing: str
    waits: bool


def tasks_of(session: Session, account_id: str, roles: frozenset[str]) -> list[Task]:
    """The tasks of all roles of an account, those that wait first."""
    by_role: dict[str, Callable[[Session, str], Iterator[Task]]] = {
        "caseworker": _caseworker,
        "reviewer": _reviewer,
        "admin": _admin,
        "auditor": _auditor,
    }
    found = [task for role, of_role in by_role.items() if role in roles for task in of_role(session, account_id)]
    return sorted(found, key=lambda task: not task.waits)


def _caseworker(session: Session, account_id: str) -> Iterator[Task]:
    cases = _count(session, select(Case.id).where(Case.waiting_for == "caseworker", Case.state != "closed"))
    first = session.scalar(select(func.min(Case.due_on)).where(Case.waiting_for == "caseworker"))
    standing = f"{counted(cases, 'request')}, the first is due on {day(first)}" if cases else "Nothing waits"
    yield Task("Requests that wait for you", url_for("inbox.show", waiting="caseworker"), standing, cases > 0)
    mine = _count(session, select(Case.id).where(Case.caseworker_id == account_id, Case.state != "closed"))
    if mine:
        yield Task("Requests that you have", url_for("inbox.show", assigned="me"), counted(mine, "request"), False)
    approvals = _count(session, select(Case.id).where(Case.waiting_for == "approver", Case.state != "closed"))
    standing = counted(approvals, "request") if approvals else "Nothing waits"
    address = url_for("inbox.show", waiting="approver")
    yield Task("Decisions and plans that need a second person", address, standing, approvals > 0)
    news = len(messages.cases_with_news(session))
    if news:
        yield Task("Messages from people", url_for("inbox.show"), counted(news, "request"), True)
    again = len(appeals.open_appeals(session))
    if again:
        yield Task("Refusals to look at again", url_for("inbox.show"), counted(again, "request"), True)
    back = len(rechecking.waiting(session))
    if back:
        standing = f"{counted(back, 'erasure')} to look at"
        yield Task("Erased photographs that seem to be back", url_for("watching.rechecks"), standing, True)
    doubtful = len(held_back.waiting(session))
    if doubtful:
        standing = f"{counted(doubtful, 'photograph')} to look at"
        yield Task("Photographs held back because of a face", url_for("kept_out.show"), standing, True)
    kept = len(holds.waiting(session))
    if kept:
        yield Task("Legal holds to agree to, or to look at again", url_for("holds.show"), counted(kept, "hold"), True)
    trouble = sorted(stuck.cases_in_trouble(session))
    if trouble:
        address = url_for("caseworker.case", case_id=trouble[0])
        yield Task("Requests in which the portal is stuck", address, counted(len(trouble), "request"), True)
    counted_last = destroying.newest(session)
    if counted_last is not None and counted_last.waits:
        # A photograph may be over by several laws: the largest number is of different ones.
        over, soon = max(counted_last.over.values()), max(counted_last.soon.values())
        standing = f"{counted(over, 'photograph')} over, {counted(soon, 'photograph')} within 30 days"
        yield Task("Photographs whose time is over by law", url_for("destruction.show"), standing, True)
    open_items = (
        select(ErasureItem.id)
        .join(Erasure, Erasure.id == ErasureItem.erasure_id)
        .where(Erasure.state == "notifying", ErasureItem.kind.in_(FOR_PEOPLE), ErasureItem.result.is_(None))
    )
    items = _count(session, open_items)
    standing = counted(items, "answer is", "answers are") + " missing" if items else "Nothing waits"
    address = url_for("inbox.show", state="fulfilling")
    yield Task("Models, products and recipients to see to", address, standing, items > 0)


def _reviewer(session: Session, account_id: str) -> Iterator[Task]:
    before = practice.standing(session, account_id)
    if not before.may_judge:
        yield Task(
            "Practise comparing pictures", url_for("reviewer.queue"), "Before your answers count", before.left > 0
        )
        return
    pairs = review.waiting(session, account_id)
    standing = f"{counted(pairs, 'pair')} to compare" if pairs else "Nothing waits"
    yield Task("Compare pictures", url_for("reviewer.queue"), standing, pairs > 0)


def _admin(session: Session, account_id: str) -> Iterator[Task]:
    stores, images = _count(session, select(Store.id)), _count(session, select(Image.id))
    standing = f"{counted(stores, 'store')}, {counted(images, 'photograph')} seen" if stores else "Add the first store"
    yield Task("Image stores", url_for("admin.stores"), standing, stores == 0)
    failed = _count(session, select(Scan.id).where(Scan.work_state == "failed"))
    if failed:
        yield Task("Scans that stopped", url_for("admin.stores"), counted(failed, "scan"), True)
    differences = sum(drift.counts(session).values())
    if differences:
        standing = counted(differences, "difference")
        yield Task("Stores that differ from what is known of them", url_for("watching.differences"), standing, True)
    datasets = _count(session, select(Dataset.id))
    standing = counted(datasets, "dataset") if datasets else "Say where the photographs came from and went"
    yield Task("Sources, datasets, models and recipients", url_for("lineage.overview"), standing, datasets == 0)
    people = list(session.scalars(select(Account).where(Account.disabled_at.is_(None))))
    missing = [role for role in ("caseworker", "reviewer") if not any(role in one.roles for one in people)]
    standing = f"Nobody is a {' or a '.join(missing)} yet" if missing else counted(len(people), "account")
    yield Task("Staff accounts", url_for("people.accounts_list"), standing, bool(missing))
    stranded = review.stranded(session)
    if stranded:
        standing = f"{counted(stranded, 'pair')}: another reviewer is needed"
        yield Task("Pictures that no reviewer may judge", url_for("people.accounts_list"), standing, True)
    applies = practice.gate_applies(session)
    standing = "In use" if applies else "None or too few: new reviewers do not practise"
    yield Task("Pairs with a known answer, for reviewers", url_for("practice.show"), standing, False)
    yield Task("What is kept out", url_for("kept_out.show"), "To read", False)
    yield Task("Settings", url_for("people.show_settings"), "To read", False)
    yield Task("Law rules", url_for("law.show"), "To read", False)
    yield Task("Texts of letters", url_for("letter_texts.overview"), "To read", False)


def _auditor(session: Session, account_id: str) -> Iterator[Task]:
    yield Task("Requests", url_for("auditor.cases"), "To read", False)
    yield Task("The log", url_for("auditor.log"), "To read", False)


def _count(session: Session, query: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0

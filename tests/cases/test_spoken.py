"""What a person reads in another language: mails, answers, packages, certificates, the calendar.

The catalogue here is made up: it puts each text in brackets, so that words that were never marked stand outside.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from pathlib import Path

import pytest
from babel.support import NullTranslations
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, letters, mails, messages
from portal.cases.answer import answers, appeals, deciding, packages
from portal.cases.clocks import calendar, extending
from portal.erasure import statement as statement_words
from portal.erasure import wording
from portal.errors import BadInput
from portal.languages import gettext, speaking, texts
from portal.matching import coverage_words
from portal.tables import Case, CaseRight, Mail, Search
from tests.cases.making import add_face, make_account, make_image, send, to_deciding


class Bracketed(NullTranslations):
    """`Hello` is said `‹Hello›`."""

    def ugettext(self, message: str) -> str:
        return f"‹{message}›"

    def ungettext(self, singular: str, plural: str, num: int) -> str:
        return f"‹{singular if num == 1 else plural}›"


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "catalogue", lambda code: NullTranslations() if code == "en" else Bracketed())


def outside(text: str) -> str:
    """The words that stand in no brackets: those that nobody could translate."""
    before = ""
    while before != text:
        before, text = text, re.sub(r"‹[^‹›]*›", "", text)
    return " ".join(text.split())


def arabic(session: Session, *rights: str) -> Case:
    case = send(session, *(rights or ("access",))).case
    case.language = "ar"
    session.flush()
    return case


def mailed(session: Session, dedupe: str) -> mails.Letter:
    mail = session.scalars(select(Mail).where(Mail.dedupe.startswith(dedupe))).one()
    letter = mails.open_mail(session, mail)
    assert letter is not None
    return letter


def test_mails_are_in_the_language_of_the_case_whoever_writes_them(session: Session) -> None:
    case = arabic(session)
    mails.queue_news(session, case)
    mails.queue_more_time(session, case, case.rights[0])
    mails.queue_reminder(session, case, case.due_on, 1)
    for kind in ("news/", "more-time/", "reminder/"):
        letter = mailed(session, kind)
        assert outside(letter.subject) == ""
        assert outside(letter.body) == "\u2068This organisation\u2069"
        assert f"\u2068{case.reference}\u2069" in letter.subject
        # A sign that is no letter at its end would become part of an address when it is clicked.
        assert re.search(r"/case(?!\u2069)", letter.body)
    ended = mails.open_mail(session, mails.queue_ended(session, "a@example.org", case))
    assert ended is not None
    assert outside(ended.body) == "\u2068This organisation\u2069"


def test_a_code_is_mailed_in_the_language_of_the_page_that_asked_for_it(session: Session) -> None:
    with speaking("ar"):
        letter = mails.open_mail(session, mails.queue_code(session, "a@example.org", "123456", "code"))
    assert letter is not None
    assert (outside(letter.subject), outside(letter.body)) == ("", "\u2068This organisation\u2069")
    assert "\u2068123456\u2069" in letter.body


def test_the_page_of_a_case_has_no_word_that_is_not_translated(session: Session, tmp_path: Path) -> None:
    case = arabic(session, "access", "deletion")
    account = to_deciding(session, case, make_image(session, tmp_path))
    access, deletion = case.rights
    deciding.decide(session, access, account.id, "grant")
    deciding.decide(session, deletion, account.id, "refuse", "exempt_legal")
    extending.extend(session, deletion, account.id, "many")
    with speaking("ar"):
        status = answers.status_of(session, case)
        said = [status.next, status.more_time or "", *status.asked, *(step.name for step in status.steps)]
        said += answers.preview(session, access) + answers.preview(session, deletion)
    assert "".join(outside(each) for each in said) == ""
    assert answers.status_of(session, case).next == answers.NEXT["looking"]


def refused(session: Session) -> CaseRight:
    case = arabic(session)
    account = to_deciding(session, case)
    (right,) = case.rights
    deciding.decide(session, right, account.id, "refuse", "claim_not_covered")
    deciding.approve_refusal(session, right, make_account(session).id)
    return right


def test_an_answer_and_its_appeal_are_said_in_the_language_of_the_reader(session: Session) -> None:
    right = refused(session)
    rules = [rule for place in law.places().values() for rule in place.rules]
    with_appeal = next(rule for rule in rules if rule.right == "access" and rule.appeal is not None)
    right.rule, right.rule_version = with_appeal.id, with_appeal.version
    appeals.open_appeal(session, right)
    with speaking("ar"):
        answer = answers.answer_of(session, right.case)
        assert answer is not None
        assert answer.coverage is not None
        (said,) = answer.rights
        texts_said = [said.sentence, said.complaint or "", said.appeal or "", said.asked, answer.coverage.sentence]
    assert "".join(outside(each) for each in texts_said) == ""


def test_a_letter_has_its_own_words_and_those_of_the_catalogue(session: Session) -> None:
    letter = letters.write(session, refused(session), "refusal")
    assert letter.language == "ar"
    told = [each for each in letter.paragraphs if "‹" in each]
    assert any(deciding.REASONS["claim_not_covered"] in each for each in told)
    assert not any(re.search(r"[a-z]{4}", each) and "‹" not in each for each in (letter.title, letter.paragraphs[0]))


def test_a_package_is_in_the_language_of_the_case_also_from_a_worker(session: Session, tmp_path: Path) -> None:
    case = arabic(session, "copy")
    image = make_image(session, tmp_path)
    add_face(session, image, (220, 140, 420, 340))
    add_face(session, image, (20, 140, 120, 240))
    to_deciding(session, case, image)
    search = session.scalars(select(Search).where(Search.case_id == case.id)).one()
    search.coverage, search.finished_at = {"Attic": {"searched": 1}, "Cellar": {"faceless": 2}}, clock.now()
    messages.write(session, case, "subject", "Bonjour")
    built = packages.build(packages.gather(session, case), lambda _store, _key: b"broken")
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        page, readme = archive.read("index.html").decode(), archive.read("README.txt").decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert f"\u2068{case.reference}\u2069" in page
    assert outside(readme) == ""
    seen = html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    left = set(re.findall(r"[A-Za-z]{3,}", outside(seen))) - {"This", "organisation", "Bonjour", "Attic", "Cellar"}
    held = packages.gather(session, case).photographs[0].held
    assert left <= set(re.findall(r"[A-Za-z]{3,}", f"{held.store} {held.digest} {held.manifest}"))


def test_the_entry_of_a_calendar_is_in_the_language_of_the_case(session: Session) -> None:
    case = arabic(session)
    entry = calendar.day_of_answer(session, case).decode()
    assert f"SUMMARY:‹Your request \u2068{case.reference}\u2069›" in entry


def test_a_certificate_is_said_in_the_language_of_whoever_reads_it() -> None:
    item = {"name": "Faces", "version": "1", "results": {"deleted": 2}}
    statement = {
        "erasure": "deletion",
        "extent": "partial",
        "id": "0",
        "at": "2026-11-20T10:00:00Z",
        "issuer": {"organisation": "0"},
        "case": {"reference": "0", "rule": "0", "rule_version": 1},
        "dates": {"received": "2026-11-01T10:00:00Z"},
        "counts": {"image": {"deleted": 2, "not-reached": 1}},
        "datasets": [item],
        "models": [],
        "products": [],
        "recipients": [],
        "exceptions": [{"kind": "image", "why": "not-reached", "count": 1}],
        "kept": [{"what": "log", "why": statement_words.LOG_STAYS}],
        "search": {"sentence": statement_words.NOT_FOUND},
        "approval": "",
        "checked": statement_words.CHECKED,
        "backups": statement_words.BACKUPS,
    }
    with speaking("pl"):
        said = outside(" ".join(wording.in_words(statement, [])))
    assert not re.search(r"[A-Za-z]", said)
    assert wording.in_words(statement, [])[1] == "Issued by 0 on 20 November 2026. Certificate 0."


def test_an_error_is_said_in_the_language_spoken_and_keeps_its_code(session: Session) -> None:
    case = arabic(session)
    with speaking("ar"), pytest.raises(BadInput) as problem:
        messages.write(session, case, "subject", "")
    assert (outside(problem.value.sentence), problem.value.code) == ("", "empty-message")


def test_counts_are_said_by_whole_sentences() -> None:
    with speaking("pl"):
        said = coverage_words.summary({"Attic": {"searched": 2}, "Cellar": {"faceless": 1}})
        assert outside(said) == ""
        assert outside("".join(coverage_words.lines({"searched": 2}))) == ""
    assert gettext("Hello") == "Hello"

"""Letters: the decision and the law in plain words, nothing that tells too much, sent once, and the same again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law, letters, lifecycle, mails
from portal.cases.answer import answers, deciding
from portal.cases.clocks import extending
from portal.cases.housekeeping import purging
from portal.cases.letters import forms
from portal.errors import BadInput, Conflict, NotAllowed, NotFound
from portal.languages import LANGUAGES, speaking
from portal.tables import Case, CaseEvent, CaseRight, Mail, SentLetter
from tests.cases.making import make_account, make_image, send, to_deciding
from tests.cases.test_paper import words_of


def refused(session: Session, reason: str = "claim_not_covered", note: str = "") -> CaseRight:
    case = send(session, "access").case
    to_deciding(session, case)
    (right,) = case.rights
    deciding.decide(session, right, make_account(session).id, "refuse", reason, note)
    return right


def approve(session: Session, right: CaseRight) -> None:
    deciding.approve_refusal(session, right, make_account(session).id)


def words(letter: letters.Letter) -> str:
    return "\n".join((letter.title, *letter.paragraphs))


def test_a_refusal_says_why_by_what_law_and_how_to_object(session: Session) -> None:
    right = refused(session, note="We looked at the law of where you live.")
    letter = letters.write(session, right, "refusal")
    rule = law.rule_by(right.rule, right.rule_version)
    for said in (
        right.case.reference,
        deciding.REASONS["claim_not_covered"],
        "We looked at the law of where you live.",
        rule.title,
        rule.authority,
        mails.long_date(right.due_on),
    ):
        assert said in words(letter)
    assert "{" not in words(letter)
    assert not any("None" in each or not each for each in letter.paragraphs)


def test_it_is_sent_once_after_the_second_person_and_the_mail_tells_nothing(session: Session) -> None:
    right, caseworker = refused(session), make_account(session)
    digest = letters.write(session, right, "refusal").digest
    with pytest.raises(Conflict):
        letters.send(session, right, "refusal", caseworker.id, digest)
    approve(session, right)
    assert letters.of_person(session, right.case) == []
    with pytest.raises(NotAllowed):
        letters.send(session, right, "refusal", make_account(session, "reviewer").id, digest)
    with pytest.raises(Conflict):
        letters.send(session, right, "refusal", caseworker.id, "0" * 64)
    letters.send(session, right, "refusal", caseworker.id, letters.write(session, right, "refusal").digest)
    with pytest.raises(Conflict):
        letters.send(session, right, "refusal", caseworker.id, digest)
    assert letters.of_person(session, right.case) == [(right, "refusal")]
    mail = session.scalars(select(Mail).where(Mail.dedupe.startswith("letter/"))).one()
    sent = mails.open_mail(session, mail)
    assert sent is not None
    assert right.case.reference in sent.body
    for telling in ("refus", "cannot", "photo", "access"):
        assert telling not in sent.body.lower()


def test_what_was_sent_is_written_again_with_its_day_and_a_change_shows(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = refused(session)
    approve(session, right)
    first = letters.write(session, right, "refusal")
    letters.send(session, right, "refusal", make_account(session).id, first.digest)
    later = clock.now() + timedelta(days=40)
    monkeypatch.setattr("portal.clock.now", lambda: later)
    again = letters.write(session, right, "refusal")
    assert (again.digest, again.day, again.sent_on, again.changed) == (first.digest, first.day, first.day, False)
    right.note = "Something else"
    session.flush()
    old = letters.write(session, right, "refusal")
    assert (old.changed, old.lost, old.paragraphs, old.day) == (True, False, first.paragraphs, first.day)
    assert "Something else" not in words(old)


def test_what_was_sent_goes_with_the_contact_and_is_never_made_up_anew(session: Session) -> None:
    right = refused(session, note="Because of this.")
    approve(session, right)
    letters.send(session, right, "refusal", make_account(session).id, letters.write(session, right, "refusal").digest)
    assert b"Because" not in session.scalars(select(SentLetter.sealed)).one()
    purging.purge_contact(session, right.case)
    assert list(session.scalars(select(SentLetter))) == []
    old = letters.write(session, right, "refusal")
    assert (old.lost, old.changed) == (True, True)
    assert old.paragraphs == ("The words of this letter are not kept any more.",)


@pytest.mark.parametrize("code", LANGUAGES)
def test_there_are_letters_in_each_language_and_paper_can_be_made_of_them(session: Session, code: str) -> None:
    right = refused(session)
    right.case.language = code
    english = forms.newest("en")
    assert set(forms.newest(code).rights) == set(english.rights)
    for kind, text in english.letters.items():
        theirs = forms.newest(code).letters[kind]
        assert [forms.fields_of(each) for each in theirs.paragraphs] == [
            forms.fields_of(each) for each in text.paragraphs
        ]
    extending.extend(session, right, make_account(session).id, "many")
    for kind in ("refusal", "extension"):
        letter = letters.write(session, right, kind)
        assert letter.language == code
        assert letters.as_pdf(letter, "Example", right.case.reference, internal=True).startswith(b"%PDF")
        if code != "en":
            assert letter.title != english.letters[kind].title.format(reference=right.case.reference)


def test_in_arabic_the_reference_and_the_days_stand_for_themselves(session: Session) -> None:
    right = refused(session)
    right.case.language = "ar"
    letter = letters.write(session, right, "refusal")
    assert f"\u2068{right.case.reference}\u2069" in letter.title
    with speaking("ar"):
        assert mails.long_date(right.due_on) in words(letter)


def test_a_letter_that_cannot_be_put_on_paper_is_not_sent(session: Session) -> None:
    right = refused(session, note="请看这里")
    approve(session, right)
    digest = letters.write(session, right, "refusal").digest
    with pytest.raises(BadInput, match="看"):
        letters.send(session, right, "refusal", make_account(session).id, digest)
    assert list(session.scalars(select(SentLetter))) == []
    assert letters.may_send(session, right, "refusal")


def test_what_is_decided_anew_has_a_new_letter(session: Session) -> None:
    right, caseworker = refused(session), make_account(session)
    approve(session, right)
    letters.send(session, right, "refusal", caseworker.id, letters.write(session, right, "refusal").digest)
    assert not letters.may_send(session, right, "refusal")
    lifecycle.undecide(session, right, caseworker.id)
    assert letters.kinds_of(session, right) == []
    right.decision, right.reason, right.outcome = "refuse", "no_match", "refused"
    right.decided_at = right.fulfilled_at = clock.now()
    session.flush()
    assert letters.may_send(session, right, "refusal")
    assert letters.of_person(session, right.case) == []
    letters.send(session, right, "refusal", caseworker.id, letters.write(session, right, "refusal").digest)
    assert len(list(session.scalars(select(Mail).where(Mail.dedupe.startswith("letter/"))))) == 2


def test_a_request_taken_back_has_no_answer_to_send(session: Session) -> None:
    right = refused(session)
    right.outcome = "withdrawn"
    session.flush()
    assert letters.kinds_of(session, right) == []


def test_more_time_has_its_letter_at_once(session: Session) -> None:
    right, caseworker = send(session, "access").case.rights[0], make_account(session)
    assert letters.kinds_of(session, right) == []
    with pytest.raises(NotFound):
        letters.write(session, right, "extension")
    extending.extend(session, right, caseworker.id, "many")
    letter = letters.write(session, right, "extension")
    assert extending.REASONS["many"] in words(letter)
    assert mails.long_date(right.latest_on) in words(letter)
    letters.send(session, right, "extension", caseworker.id, letter.digest)
    assert letters.of_person(session, right.case) == [(right, "extension")]


@pytest.mark.parametrize("found", [True, False])
def test_where_nobody_was_checked_the_letter_is_the_same_for_a_hit_and_a_miss(
    session: Session, tmp_path: Path, found: bool
) -> None:
    case = send(session, "opt-out").case
    assert answers.is_blind(case)
    to_deciding(session, case, *([make_image(session, tmp_path)] if found else []))
    (right,) = case.rights
    deciding.decide(session, right, make_account(session).id, "grant", note="14 pictures of you")
    letter = letters.write(session, right, "answer")
    assert answers.DONE_BLIND in letter.paragraphs
    assert "14 pictures" not in words(letter)
    assert answers.NOTHING not in words(letter)
    assert any("Do not post this before" in note for note in letter.notes)


def test_where_nobody_was_checked_the_day_of_the_letter_does_not_tell_how_long_it_took(session: Session) -> None:
    case = send(session, "opt-out").case
    caseworker = to_deciding(session, case)
    (right,) = case.rights
    deciding.decide(session, right, caseworker.id, "grant")
    letter = letters.write(session, right, "answer")
    letters.send(session, right, "answer", caseworker.id, letter.digest)
    sent = letters.write(session, right, "answer")
    assert sent.day == answers.status_of(session, case).answer_by
    assert sent.sent_on is not None
    assert sent.sent_on < sent.day


def test_an_unchecked_rule_shows_on_the_internal_copy_only(session: Session) -> None:
    right = refused(session)
    unchecked = next(
        rule
        for place in law.places().values()
        for rule in place.rules
        if rule.right == "access" and rule.status == "from memory"
    )
    right.rule, right.rule_version = unchecked.id, unchecked.version
    letter = letters.write(session, right, "refusal")
    inside = words_of(letters.as_pdf(letter, "Example", right.case.reference, internal=True))
    outside = words_of(letters.as_pdf(letter, "Example", right.case.reference))
    assert "NOT CHECKED" in inside
    assert f"Rule {unchecked.id}, version {unchecked.version}" in inside
    assert "INTERNAL COPY" in inside
    for telling in ("NOT CHECKED", "INTERNAL", "Decided by"):
        assert telling not in outside
    assert right.case.reference in outside


def test_every_rule_has_a_word_for_how_far_it_was_checked_and_a_letter(session: Session) -> None:
    right = refused(session)
    for place in law.places().values():
        for rule in place.rules:
            right.rule, right.rule_version = rule.id, rule.version
            letter = letters.write(session, right, "refusal")
            assert rule.title in words(letter)
            assert letters.CHECKED[rule.status] in letter.notes[0]


def test_another_language_falls_back_to_english_and_the_file_says_so(session: Session) -> None:
    right = refused(session)
    right.case.language = "nl"
    letter = letters.write(session, right, "refusal")
    assert letter.language == "en"
    assert any("nl, and there are no letters in it" in note for note in letter.notes)


def test_the_timeline_has_no_words_of_the_letter(session: Session) -> None:
    right = refused(session, note="secret words")
    approve(session, right)
    letters.send(session, right, "refusal", make_account(session).id, letters.write(session, right, "refusal").digest)
    event = session.scalars(select(CaseEvent).where(CaseEvent.kind == "letter-sent")).one()
    assert set(event.facts) == {"right", "letter", "language", "version", "digest"}
    assert session.get_one(Case, right.case_id).state == "closed"


FORM = (Path(forms.__file__).parent / "en-1.toml").read_text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (FORM.replace("[refusal]", "[refused]"), "refusal is missing"),
        (FORM.replace("{law}.", "{lawyer}."), "lawyer"),
        (FORM.replace("There is a letter", "We say {told}"), "told"),
        (FORM.replace("version = 1", "version = 2"), "version 2"),
        (FORM.replace("[mail]", "[mail"), "en-1.toml"),
        (FORM.replace("copy =", "copies ="), "copy is missing"),
    ],
)
def test_a_wrong_file_of_letters_is_named(tmp_path: Path, wrong: str, said: str) -> None:
    (tmp_path / "en-1.toml").write_text(wrong)
    with pytest.raises(forms.BadForm, match=said):
        forms.forms(tmp_path)


def test_new_letters_take_the_newest_version_and_old_ones_keep_theirs(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = refused(session)
    approve(session, right)
    letters.send(session, right, "refusal", make_account(session).id, letters.write(session, right, "refusal").digest)
    (tmp_path / "en-1.toml").write_text(FORM)
    (tmp_path / "en-2.toml").write_text(
        FORM.replace("version = 1", "version = 2").replace("This is our", "Here is our")
    )
    both = forms.forms(tmp_path)
    monkeypatch.setattr(forms, "forms", lambda: both)
    assert forms.newest("en").version == 2
    old = letters.write(session, right, "refusal")
    assert (old.version, old.changed) == (1, False)

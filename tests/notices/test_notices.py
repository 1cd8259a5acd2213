"""Recipients are told what they need to find the photographs and nothing else; their answers reach the certificate."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit, clock, lineage
from portal.audit import notes
from portal.audit.signers import SigningKey
from portal.erasure import carrying, certificate, plans, wording
from portal.erasure.verifying import verify
from portal.errors import BadInput, Conflict, Gone
from portal.keys import keys_of
from portal.notices import answering, chasing, clocks, forgetting, links, making, sending, wire
from portal.tables import (
    Case,
    Certificate,
    Dataset,
    Disclosure,
    Entry,
    Erasure,
    FeedEntry,
    Image,
    Mail,
    Notice,
    NoticeGround,
    Recipient,
)
from tests.notices.scene import (
    ENDPOINT,
    add_model_recipient,
    announced,
    carried_out,
    digest_of,
    register_key,
)


def facts_of(session: Session, notice: Notice) -> dict[str, Any]:
    ours = notes.read_key_line(audit.verifier_key(session))
    facts, _ = wire.open_signed(wire.NOTICE, making.text_of(session, notice), [ours])
    return facts


def item_of(session: Session, notice: Notice) -> Any:
    return next(one for one in session.get_one(Erasure, notice.erasure_id).items if one.id == notice.item_id)


def signed(key: Any, name: str, **facts: Any) -> str:
    return wire.sign(wire.ANSWER, {"v": 1, **facts}, name, key)


def turn_to(monkeypatch: pytest.MonkeyPatch, moment: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def test_the_recipient_finds_the_photographs_and_reads_nothing_of_people(session: Session) -> None:
    notice = announced(session)
    facts = facts_of(session, notice)
    salt = bytes.fromhex(facts["salt"])
    wanted = sorted(hashlib.sha256(salt + digest_of(image)).hexdigest() for image in (1, 2))
    assert facts["digests"] == wanted
    assert facts["asks"] == "erase"
    assert [(one["what"], one["name"], one["version"]) for one in facts["received"]] == [("dataset", "Faces", "2014")]
    whole = making.text_of(session, notice)
    for secret in ("Somebody", "EF-TEST", "secret-name", digest_of(1).hex(), keys_of(session).derived("x").hex()):
        assert secret not in whole
    logged = b"".join(session.scalars(select(Entry.body)))
    assert notice.digest.encode() in logged
    assert salt.hex().encode() not in logged


def test_another_notice_has_another_salt_and_a_model_has_no_digests(session: Session) -> None:
    erasure = carried_out(session)
    add_model_recipient(session)
    made = {one.recipient_id: one for one in making.announce(session, erasure)}
    first, second = facts_of(session, made["recipient"]), facts_of(session, made["second"])
    assert first["salt"] != second["salt"]
    assert second["digests"] == []
    assert [one["what"] for one in second["received"]] == ["model"]
    assert making.announce(session, erasure) == [], "told twice"


def test_what_a_hold_keeps_is_told_of_once_it_goes_after_all(session: Session) -> None:
    erasure = carried_out(session)
    held = [item for item in erasure.items if item.image_id == 2]
    for item in held:
        item.state = "withheld"
    (first,) = making.announce(session, erasure)
    assert first.photographs == 1
    assert making.announce(session, erasure) == []
    for item in held:
        item.state = "verified"
    (second,) = making.announce(session, erasure)
    said = facts_of(session, second)
    assert said["digests"] == [wire.salted(bytes.fromhex(said["salt"]), digest_of(2)).hex()]
    assert (second.number, second.photographs) == (2, 1)
    ground = session.scalars(select(NoticeGround)).one()
    assert making.digests_of(session, ground) == {1: digest_of(1), 2: digest_of(2)}
    assert making.announce(session, erasure) == making.look_again(session, ground) == []


def test_an_opt_out_asks_to_stop_the_use(session: Session) -> None:
    making.announce(session, carried_out(session, "opt-out"))
    assert facts_of(session, session.scalars(select(Notice)).one())["asks"] == "stop-using"


def test_an_answer_on_the_page_stands_on_the_certificate(session: Session) -> None:
    notice = announced(session)
    answering.answer(session, notice, "erased", "We wiped the disks on Monday.")
    item = item_of(session, notice)
    assert (item.state, item.result, item.done_by) == ("verified", "destroyed", None)
    assert "We wiped the disks on Monday." in item.note
    assert session.get_one(Erasure, notice.erasure_id).state == "settled"
    said = json.loads(session.scalars(select(Certificate)).one().statement)
    assert [one["result"] for one in said["recipients"]] == ["destroyed"]
    # Later they think again: another certificate supersedes this one, which stays as it was.
    answering.answer(session, notice, "refused", "Our lawyer says no.")
    assert notice.state == "refused"
    assert notice.escalated_at is not None
    assert [one["result"] for one in answering.answers_of(session, notice)] == ["erased", "refused"]
    first, second = session.scalars(select(Certificate).order_by(Certificate.number))
    assert json.loads(first.statement) == said
    later = json.loads(second.statement)
    assert later["supersedes"] == first.id
    assert [one["result"] for one in later["recipients"]] == ["kept"]


@pytest.mark.parametrize(
    ("result", "words", "code"),
    [("maybe", "", "unknown-answer"), ("refused", " ", "reason-missing"), ("erased", "a\0b", "zero-byte")],
)
def test_an_answer_without_a_reason_changes_nothing(session: Session, result: str, words: str, code: str) -> None:
    notice = announced(session)
    with pytest.raises(BadInput) as problem:
        answering.answer(session, notice, result, words)
    assert problem.value.code == code
    assert notice.state == "made"
    assert notice.answer is None


def test_a_signed_answer_is_kept_verbatim_and_counts_once(session: Session) -> None:
    notice = announced(session)
    key, name = register_key(session)
    text = signed(key, name, notice=notice.id, result="nothing-held")
    assert answering.take_signed(session, text) == [notice]
    assert answering.take_signed(session, text) == [notice]
    kept = answering.answers_of(session, notice)
    assert [(one["words"], one["signed"]) for one in kept] == [(text, True)]
    assert (notice.state, notice.signed, item_of(session, notice).result) == ("acknowledged", True, "not-affected")


def test_what_is_not_signed_by_the_registered_key_or_is_about_another_is_refused_by_name(session: Session) -> None:
    notice = announced(session)
    key, name = register_key(session)
    text = signed(key, name, notice=notice.id, result="erased")
    stranger = signed(SigningKey.generate(), name, notice=notice.id, result="erased")
    ours = wire.sign(wire.NOTICE, {"notice": notice.id, "result": "erased"}, name, key)
    wrong = {
        "bad-signature": text.replace("erased", "partly"),
        "unknown-key": stranger,
        "malformed": "We erased everything. Best regards",
        "other-kind": ours,
        "no-notice": signed(key, name, notice="0" * 32, result="erased"),
        "bad-answer": signed(key, name, notice=notice.id, result="told"),
        "no-reason": signed(key, name, notice=notice.id, result="refused"),
        "too-large": text + "x" * 70_000,
    }
    for code, each in wrong.items():
        with pytest.raises(BadInput) as problem:
            answering.take_signed(session, each)
        assert problem.value.code == code
    assert (notice.state, notice.answer) == ("made", None)


def test_a_link_with_another_token_is_gone_as_one_that_never_was(session: Session) -> None:
    notice = announced(session)
    token = links.answer_page(session, notice.id).rpartition("/")[2]
    assert links.find(session, notice.id, token) is notice
    said = set()
    for notice_id, given in ((notice.id, "x" * 43), ("0" * 32, token), (notice.id, "é")):
        with pytest.raises(Gone) as problem:
            links.find(session, notice_id, given)
        said.add(problem.value.sentence)
    assert len(said) == 1


def test_silence_is_reminded_of_escalated_and_ends_with_the_facts(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = announced(session, endpoint=ENDPOINT)
    call = sending.call_for(session, notice)
    assert call is not None
    assert call.endpoint == ENDPOINT
    assert sending.record(session, notice, call, sending.Came("error", 500)) == clocks.CALL_AGAIN[0]
    notice.work_state = "done"
    begun = clock.now()
    chasing.keep_up(session)
    for age, reminders, escalated, state in ((6, 0, False, "sent"), (8, 1, False, "sent"), (15, 2, True, "sent")):
        turn_to(monkeypatch, begun + timedelta(days=age))
        chasing.keep_up(session)
        assert (notice.reminders, notice.escalated_at is not None, notice.state) == (reminders, escalated, state)
        if notice.work_state == "due":
            sending.record(session, notice, call, sending.Came("redirect", 302))
            notice.work_state = "done"
    mails = list(session.scalars(select(Mail.dedupe)))
    assert len(mails) == len(set(mails)) == 3, "the first, and two reminders"
    turn_to(monkeypatch, begun + timedelta(days=22))
    chasing.keep_up(session)
    assert notice.state == "unreachable"
    item = item_of(session, notice)
    assert (item.result, item.done_by) == ("not-reached", None)
    for fact in ("answered with an error (500)", "led elsewhere", "a mail was written", "No mail has left"):
        assert fact in item.note
    assert session.get_one(Erasure, notice.erasure_id).state == "settled"
    # A caseworker has it sent again: the days begin anew, and a late answer is kept.
    sending.send_again(session, notice)
    chasing.keep_up(session)
    assert notice.state == "sent"
    answering.answer(session, notice, "erased", "")
    assert notice.state == "acknowledged"


def test_silence_takes_back_nothing_that_a_person_wrote_down(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = announced(session)
    plans.answer_item(session, item_of(session, notice), "approver", "told", "Letter of 21 November.")
    begun = clock.now()
    chasing.keep_up(session)
    turn_to(monkeypatch, begun + clocks.GIVE_UP)
    chasing.keep_up(session)
    assert notice.state == "unreachable"
    item = item_of(session, notice)
    assert (item.result, item.note) == ("told", "Letter of 21 November.")


def test_a_recipient_without_any_way_is_for_a_caseworker_at_once(session: Session) -> None:
    erasure = carried_out(session)
    session.get_one(Recipient, "recipient").contact = "12 Main Street, Springfield"
    (notice,) = making.announce(session, erasure)
    assert sending.record(session, notice, None, None) is None
    assert notice.state == "unreachable"
    assert notice.escalated_at is not None
    assert erasure.state == "notifying", "nobody answered for them"
    answering.answer_by_hand(session, notice, "told", "By letter of 21 November, kept in the file.", "approver")
    assert (item_of(session, notice).result, notice.account_id) == ("told", "approver")


def test_who_received_it_later_or_in_another_copy_is_told_later(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = announced(session)
    answering.answer(session, notice, "erased", "")
    assert session.get_one(Erasure, notice.erasure_id).state == "settled"
    session.add(Recipient(id="late", name="Late Ltd", contact="late@example.org"))
    session.add(Disclosure(recipient_id="late", dataset_id="dataset", disclosed_on=date(2015, 6, 1), basis="Found out"))
    session.add(Dataset(id="more", name="More faces", version="1", created_on=date(2014, 1, 1)))
    session.add(
        Image(id=9, store_id="store", key="again.jpg", digest=digest_of(2), first_seen_at=clock.now(),
              last_seen_at=clock.now())
    )  # fmt: skip
    session.flush()
    lineage.write_places(session, session.get_one(Dataset, "more"), [9])
    session.add(Disclosure(recipient_id="recipient", dataset_id="more", disclosed_on=date(2018, 1, 1), basis="Sold"))
    session.flush()
    assert chasing.keep_up(session)["found"] == 0, "asked again within the day"
    turn_to(monkeypatch, clock.now() + clocks.LOOK_AGAIN + timedelta(minutes=1))
    assert chasing.keep_up(session)["found"] == 2
    made = {(one.recipient_id, one.number): one for one in session.scalars(select(Notice))}
    assert set(made) == {("recipient", 1), ("recipient", 2), ("late", 1)}
    assert made["late", 1].photographs == 2
    second = facts_of(session, made["recipient", 2])
    assert [one["name"] for one in second["received"]] == ["More faces"]
    assert second["digests"] == [wire.salted(bytes.fromhex(second["salt"]), digest_of(2)).hex()]
    answering.answer(session, made["late", 1], "nothing-held", "")
    assert made["late", 1].state == "acknowledged"
    assert chasing.keep_up(session)["found"] == 0
    first, second = (
        json.loads(one.statement) for one in session.scalars(select(Certificate).order_by(Certificate.number))
    )
    assert (first["told_later"], second["supersedes"]) == ([], first["id"])
    (listed,) = second["told_later"]
    assert listed["name"] == "Late Ltd"
    assert [(one["text"], one["answer"]) for one in listed["notices"]] == [(made["late", 1].digest, "nothing-held")]
    assert [one["text"] for one in second["recipients"][0]["notices"]] == [
        made["recipient", 1].digest,
        made["recipient", 2].digest,
    ]
    newest = certificate.newest(session, session.get_one(Erasure, notice.erasure_id))
    assert newest is not None
    said = verify(certificate.file_of(session, newest), audit.verifier_key(session))
    lines = "\n".join(wording.in_words(said, certificate.items_of(session, newest)))
    assert "Late Ltd: not affected." in lines
    assert not carrying.settle_if_complete(session, session.get_one(Erasure, notice.erasure_id))


def test_what_is_kept_for_later_notices_goes_when_its_time_is_over(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = announced(session)
    turn_to(monkeypatch, notice.purge_after + timedelta(seconds=1))
    assert chasing.keep_up(session)["purged"] == 1
    session.refresh(notice)
    assert (notice.sealed, making.text_of(session, notice)) == (None, "")
    assert session.scalar(select(func.count()).select_from(NoticeGround)) == 0
    with pytest.raises(Conflict):
        sending.send_again(session, notice)
    assert sending.call_for(session, notice) is None


def test_who_has_nothing_kept_is_told_for_and_no_number_of_a_photograph_stays(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure = carried_out(session)
    case = session.get_one(Case, erasure.case_id)
    (right,) = case.rights
    right.keeps = "none"
    (notice,) = making.announce(session, erasure)
    assert len(facts_of(session, notice)["digests"]) == 2
    ground = session.get_one(NoticeGround, erasure.id)
    assert making.digests_of(session, ground) == {1: b"", 2: b""}
    assert making.announce(session, erasure) == [], "told of each once all the same"
    assert notice.purge_after <= clock.now() + clocks.GIVE_UP
    turn_to(monkeypatch, clock.now() + clocks.GIVE_UP + timedelta(seconds=1))
    chasing.keep_up(session)
    session.refresh(notice)
    assert (notice.sealed, notice.state) == (None, "unreachable")
    assert session.get_one(NoticeGround, erasure.id)
    # Until then its lines stood in the public feed, and the certificate said so.
    kept = json.loads(session.scalars(select(Certificate)).one().statement)["kept"]
    assert [one["count"] for one in kept if one["what"] == "feeds"] == [2]
    assert all(session.scalars(select(FeedEntry.taken_at)).all())
    assert chasing.keep_up(session, look_now=True)["found"] == 0


def test_who_takes_the_numbers_back_takes_them_from_notices_too(session: Session) -> None:
    notice = announced(session)
    answering.answer(session, notice, "erased", "")
    erasure = session.get_one(Erasure, notice.erasure_id)
    ground = session.get_one(NoticeGround, erasure.id)
    assert all(making.digests_of(session, ground).values())
    case = session.get_one(Case, erasure.case_id)
    case.state, case.closed_at = "closed", clock.now()
    forgetting.forget(session, case, "photographs")
    assert set(making.digests_of(session, ground).values()) == {b""}
    assert (notice.sealed, notice.result) == (None, "erased")


def test_one_that_cannot_be_asked_about_keeps_no_other_from_its_turn(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced(session)
    ground = session.scalars(select(NoticeGround)).one()
    monkeypatch.setattr(making, "look_again", lambda *given: 1 / 0)
    ground.looked_at = clock.now() - timedelta(days=9)
    assert chasing.keep_up(session)["found"] == 0
    assert clock.now() - ground.looked_at < timedelta(hours=1)


def test_a_certificate_says_who_refused(session: Session) -> None:
    notice = announced(session)
    answering.answer(session, notice, "refused", "We hold them for a court.")
    made = session.scalars(select(Certificate)).one()
    assert made.kind == "partial"
    assert "We hold them for a court." in str(certificate.items_of(session, made))

"""Mails are sealed until they are sent, say nothing, go out once, and are emptied."""

from __future__ import annotations

import email
import email.policy
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.cases import mails
from portal.config import Config
from portal.db import Database
from portal.errors import Unavailable
from portal.jobs import claim
from portal.tables import Mail
from tests.cases.making import EMAIL, send
from workers import carry_out, mailing


def sent(config: Config) -> list[EmailMessage]:
    """The mails in the outbox."""
    files = sorted((config.data / "outbox").glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def queued(database: Database, body: str = "Body.") -> str:
    with database.writing() as session:
        return mails.queue_mail(session, None, EMAIL, "Your code", body).id


def test_a_mail_without_a_server_becomes_a_file(database: Database, config: Config) -> None:
    mail_id = queued(database, "Grüße, ein Wort.")
    assert carry_out(database, "mailing", mail_id) == "worked"
    (message,) = sent(config)
    assert (message["To"], message["Subject"], message["Message-ID"]) == (EMAIL, "Your code", f"<{mail_id}@localhost>")
    assert message.get_content().strip() == "Grüße, ein Wort."
    path = config.data / "outbox" / f"{mail_id}.eml"
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.glob("*.part")) == []


def test_a_sent_mail_is_emptied(database: Database) -> None:
    mail_id = queued(database)
    carry_out(database, "mailing", mail_id)
    with database.reading() as session:
        mail = session.get_one(Mail, mail_id)
        assert mail.sent_at is not None
        assert mail.work_state == "done"
        assert mails.open_mail(session, mail) is None
    assert claim(database, "mailing", mail_id) is None


def test_killed_after_sending_it_goes_out_under_the_same_name(
    database: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_id = queued(database)
    with monkeypatch.context() as killed:
        killed.setattr(mails, "empty_mail", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        assert carry_out(database, "mailing", mail_id) == "failed"
    with database.writing() as session:
        session.get_one(Mail, mail_id).run_after = session.get_one(Mail, mail_id).created_at
    assert carry_out(database, "mailing", mail_id) == "worked"
    assert len(sent(config)) == 1


def test_the_same_occasion_is_mailed_once(session: Session) -> None:
    case = send(session).case
    mails.queue_acknowledgement(session, case)
    assert session.scalar(select(func.count()).where(Mail.dedupe == f"received/{case.id}")) == 1


def test_subjects_and_bodies_tell_nothing(session: Session) -> None:
    case = send(session).case
    mails.queue_news(session, case)
    for mail in session.scalars(select(Mail)):
        letter = mails.open_mail(session, mail)
        assert letter is not None
        assert letter.subject in {"Your code", f"Your request {case.reference}"}
        assert not re.search("photo|face|delet|found|picture", letter.subject + letter.body, re.IGNORECASE)
        assert EMAIL.encode() not in mail.sealed


class SmallServer(socketserver.StreamRequestHandler):
    """As much of SMTP as is needed to take one mail, or to refuse it."""

    taken: list[bytes] = []
    refuse = False

    def handle(self) -> None:
        self.say("220 small")
        while line := self.rfile.readline():
            command = line.split(b" ")[0].strip().upper()
            if command == b"EHLO":
                self.say("250 small")
            elif command == b"RCPT" and self.refuse:
                self.say(f"550 no such person {EMAIL}")
            elif command == b"DATA":
                self.say("354 go on")
                body = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    body += line
                self.taken.append(body)
                self.say("250 taken")
            elif command == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(SmallServer, "taken", [])
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SmallServer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_mail_server_gets_the_mail(database: Database, server: str) -> None:
    mail_id = queued(database)
    database.config = replace(database.config, smtp_url=server)
    assert carry_out(database, "mailing", mail_id) == "worked"
    (body,) = SmallServer.taken
    assert f"Message-ID: <{mail_id}@localhost>".encode() in body


def test_what_a_server_refuses_is_tried_again_and_names_nobody(
    database: Database, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SmallServer, "refuse", True)
    mail_id = queued(database)
    database.config = replace(database.config, smtp_url=server)
    assert carry_out(database, "mailing", mail_id) == "failed"
    with database.reading() as session:
        mail = session.get_one(Mail, mail_id)
        assert (mail.work_state, mail.sent_at) == ("due", None)
        assert EMAIL not in (mail.problem or "")
        assert mails.open_mail(session, mail) is not None


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        mailing.send(EmailMessage(), "smtp://127.0.0.1:1")


def test_a_password_does_not_travel_in_the_clear(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small server offers no encryption, and here stands for one that is not on this machine."""
    monkeypatch.setattr(mailing, "LOOPBACK", set())
    before = len(SmallServer.taken)
    with pytest.raises(Unavailable, match="no encryption"):
        mailing.send(EmailMessage(), server.replace("//", "//portal:secret@"))
    assert len(SmallServer.taken) == before

"""Sends one mail: by SMTP, or as a file in `data/outbox` where no mail server is set; or one text by its service."""

from __future__ import annotations

import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portal import texting
from portal.cases import mails
from portal.cases.arrival.addresses import is_number
from portal.config import LOOPBACK, Config
from portal.errors import Unavailable
from portal.jobs import Lease
from portal.tables import Mail

SECONDS = 30


def work(lease: Lease) -> None:
    """Send, then empty the row. Killed between the two, it goes out again: a mail under the same Message-ID."""
    config = lease.database.config
    with lease.database.reading() as session:
        mail = session.get(Mail, lease.row_id)
        letter = mails.open_mail(session, mail) if mail is not None else None
    if mail is not None and letter is not None:
        deliver(config, mail, letter)
    with lease.database.writing() as session:
        # A mail of a case that was withdrawn meanwhile is gone, and so is the lease.
        lease.hold(session)
        mails.empty_mail(session, session.get_one(Mail, lease.row_id))
        lease.done(session)


def deliver(config: Config, mail: Mail, letter: mails.Letter) -> None:
    """By the way that its contact asks for. Raises Unavailable when it is not taken."""
    if is_number(letter.to):
        texting.send(config.text_url, letter.to, letter.body)
    elif config.smtp_url:
        send(mails.as_message(config, mail, letter), config.smtp_url)
    else:
        put(mails.as_message(config, mail, letter), config.data / "outbox", mail.id)


def send(message: EmailMessage, smtp_url: str) -> None:
    """Hand a mail to the server of `smtp://` or `smtps://`. Raises Unavailable when it does not take it."""
    url = urlsplit(smtp_url)
    try:
        with _connection(url.scheme, url.hostname or "localhost", url.port) as server:
            if url.username:
                _need_secrecy(server, url.hostname or "localhost")
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as problem:
        # The answer of a mail server may repeat the address, so only the kind of failure is kept.
        raise Unavailable(f"The mail server did not take the mail ({type(problem).__name__}).") from problem


def _need_secrecy(server: smtplib.SMTP, host: str) -> None:
    """A password must not travel where anybody can read it; within this machine nobody else can."""
    if not isinstance(server.sock, ssl.SSLSocket) and host not in LOOPBACK:
        raise Unavailable("The mail server offers no encryption, so its password is not sent. Use smtps://.")


def _connection(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    return server


def put(message: EmailMessage, folder: Path, name: str) -> Path:
    """Write a mail as a file that is there whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.eml"
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path

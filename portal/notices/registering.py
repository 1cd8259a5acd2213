"""How a recipient is reached by machine: their endpoint, and the key with which they sign what they answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from portal import audit
from portal.audit import notes
from portal.errors import BadInput
from portal.tables import Recipient

LONGEST = {"address": 500, "key": 300}


def register(session: Session, recipient: Recipient, endpoint: str, key_line: str, actor: str) -> None:
    """Keep endpoint and public key, or forget them where empty. Raises BadInput, code bad-endpoint or bad-key."""
    recipient.endpoint = _endpoint(endpoint.strip()) or None
    recipient.answer_key = _key(key_line.strip()) or None
    session.flush()
    facts = {"recipient": recipient.id, "endpoint": bool(recipient.endpoint), "key": recipient.answer_key, "by": actor}
    audit.append(session, "recipient-registered", facts)


def _endpoint(address: str) -> str:
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        right = parts.scheme == "https" and parts.hostname and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        right = False
    if not right or not address.isprintable() or " " in address or len(address) > LONGEST["address"]:
        raise BadInput(
            "The endpoint must be an https address with the usual port, such as https://example.com/notices.",
            "bad-endpoint",
        )
    return address


def _key(line: str) -> str:
    try:
        if line and len(line) <= LONGEST["key"]:
            return notes.key_line(notes.read_key_line(line))
    except notes.NoteRefused as problem:
        raise BadInput(f"The public key cannot be read. {problem.sentence}", "bad-key") from problem
    if line:
        raise BadInput("The public key is too long: it is one line, name+hash+base64.", "bad-key")
    return ""

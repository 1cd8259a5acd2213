"""Mail addresses: what can be one, and how two are compared without keeping them."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from portal.errors import BadInput
from portal.keys import keys_of
from portal.languages import gettext as _

MAIL_ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]]{1,64}@[^@\s,;<>\"()\[\]]{1,255}")


def clean_address(typed: str) -> str:
    """A mail address. Raises BadInput when it cannot be one."""
    address = typed.strip()
    if len(address) > 254 or not MAIL_ADDRESS.fullmatch(address) or not address.isprintable():
        raise BadInput(_("Enter a mail address in the right form, such as name@example.com."), "bad-address")
    return address


def contact_digest(session: Session, address: str) -> str:
    """Keyed digest of an address, for counting and comparing without keeping it."""
    return keys_of(session).digest("contact", address.strip().lower().encode())

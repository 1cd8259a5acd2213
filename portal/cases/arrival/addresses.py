"""Where a person can be written to: a mail address, or a mobile number in its international form, +41791234567.

Both are one string: a number begins with a plus and has no @.
"""

from __future__ import annotations

import re

import phonenumbers
from sqlalchemy.orm import Session

from portal.db import config_of
from portal.errors import BadInput
from portal.languages import gettext as _

MAIL_ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]]{1,64}@[^@\s,;<>\"()\[\]]{1,255}")
# Where no mobile number can be told from another kind (as in North America), it is taken. Numbers that cost the
# caller more, or whose owner earns by each text, are not.
MOBILE = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
# Places of the laws that are no country's two letters.
COUNTRIES = {"UK": "GB", "EU": None, "": None}


def clean_address(typed: str) -> str:
    """A mail address. Raises BadInput when it cannot be one."""
    address = typed.strip()
    if len(address) > 254 or not MAIL_ADDRESS.fullmatch(address) or not address.isprintable():
        raise BadInput(_("Enter an e-mail address in the right form, such as name@example.com."), "bad-address")
    return address


def clean_number(session: Session, typed: str, residence: str = "") -> str:
    """A mobile number as +41791234567. `residence`, a place of the laws, tells the country of one without its code.

    Raises BadInput when it cannot get text messages, or none are sent here.
    """
    if not config_of(session).text_url:
        raise BadInput(_("We send no text messages. Give us an e-mail address, or go on without one."), "no-texts")
    place = residence.partition("-")[0]
    try:
        number = phonenumbers.parse(typed, COUNTRIES.get(place, place))
    except phonenumbers.NumberParseException:
        number = None
    # Letters are read as the keys they stand on, which makes numbers of mail addresses.
    if number is None or any(each.isalpha() for each in typed) or not phonenumbers.is_valid_number(number):
        raise BadInput(
            _("Enter a mobile number in the right form, with the code of the country, such as +44 7700 900123."),
            "bad-number",
        )
    if phonenumbers.number_type(number) not in MOBILE:
        raise BadInput(
            _("This number cannot get text messages. Give us a mobile number, or an e-mail address."), "no-mobile"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def clean_contact(session: Session, typed: str, residence: str = "") -> str:
    """A mail address or a mobile number, whichever was typed. Raises BadInput."""
    if "@" in typed or not config_of(session).text_url:
        return clean_address(typed)
    if any(each.isdigit() for each in typed):
        return clean_number(session, typed, residence)
    raise BadInput(
        _("Enter an e-mail address, such as name@example.com, or a mobile number, such as +44 7700 900123."),
        "bad-address",
    )


def is_number(contact: str) -> bool:
    """Whether texts go there, and not mails."""
    return contact.startswith("+") and "@" not in contact


def written(contact: str) -> str:
    """A contact as people read it: a number in groups, as +41 79 123 45 67."""
    if not is_number(contact):
        return contact
    return phonenumbers.format_number(phonenumbers.parse(contact), phonenumbers.PhoneNumberFormat.INTERNATIONAL)

"""Text messages: Apprise's only door. It speaks with the services that send them, each by an address of its own form.

What such a service answers is never kept: it may repeat the number, the code or the password.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from portal.errors import Unavailable

if TYPE_CHECKING:
    import apprise

# Where the number goes in the address of the service.
PLACE = "{number}"
EXAMPLE, OTHER = "+15005550006", "+61491570156"
# Apprise says what it sent, and to whom, in the log.
logging.getLogger("apprise").addHandler(logging.NullHandler())
logging.getLogger("apprise").propagate = False


def send(service: str, number: str, body: str) -> None:
    """Hand a text to the service. `number` is in the form +41791234567. Raises Unavailable when it is not taken."""
    if not service:
        raise Unavailable("No texts are sent here any more, and this person left a number. EFFACE_TEXT_URL is empty.")
    gateway = _gateway(service, number)
    if gateway is None or not gateway.notify(body=body):
        raise Unavailable("The service for text messages did not take the text.")


def problem_of(service: str, within: set[str]) -> str | bool:
    """What is wrong with the address of a service, or False. `within`: hosts to which nothing need be encrypted."""
    if PLACE not in service:
        return f"must have {PLACE} where the number goes, such as twilio://sid:token@sender/{PLACE}"
    gateway = _gateway(service, EXAMPLE)
    if gateway is None:
        return (
            "is no address that Apprise knows, such as twilio://sid:token@sender/{number} or jsons://host/?-to={number}"
        )
    other = _gateway(service, OTHER)
    if _read_as(gateway) == _read_as(other):
        # Apprise leaves out what it has no use for: each text would be taken, and reach nobody.
        return f"has {PLACE} where Apprise does not pass it on; a field that the service gets is written ?-to={PLACE}"
    plain = gateway.protocol or ()
    scheme = service.partition("://")[0].lower()
    clear = scheme in ({plain} if isinstance(plain, str) else set(plain)) and gateway.host not in within
    return clear and "must be encrypted: codes would travel in the clear"


def _gateway(service: str, number: str) -> apprise.NotifyBase | None:
    # It takes longer to load than all of the settings, and most installations send no texts.
    import apprise

    found: apprise.NotifyBase | None = apprise.Apprise.instantiate(service.replace(PLACE, quote(number, safe="")))
    return found


def _read_as(gateway: Any) -> str | None:
    """The address of a service as Apprise has understood it."""
    return None if gateway is None else str(gateway.url())

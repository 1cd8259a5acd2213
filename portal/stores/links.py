"""Comparing links without opening them: the same page, however its link was copied, gets the same text.

Nothing here touches the network: no page is fetched and no name is looked up, so a link can neither make the portal
call an inside address nor tell anybody that a person asked.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from portal.errors import BadInput
from portal.languages import gettext as _
from portal.languages import mark

LONGEST = 2000
PRIVATE = mark(
    "This link leads to a private address, so it cannot be a page that others saw. Copy the link of a public page."
)
NOT_A_LINK = mark("This is not a web link. A web link starts with https:// and names a website.")
PREFIXES = ("www.", "m.", "mobile.")
INSIDE = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa")
# Parameters that say how somebody came to a page, not which page it is.
TRACKERS = {"fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "igsh"}
TRACKERS |= {"mc_cid", "mc_eid", "ref", "ref_src", "ref_url", "referrer", "_ga", "_gl", "si", "feature", "share_id"}
# People copy links out of an address bar that hides the scheme.
BARE = re.compile(r"[^\W_]([\w-]*\.)+[\w-]*[^\W_](:\d+)?([/?#].*)?", re.DOTALL)
UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
LAST_IS_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)$")
NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+")
SAFE = "!$&'()*+,;=:@~-._"


def canonical(url: str) -> str:
    """The link in a form that is the same for all its variants. Raises BadInput.

    Scheme, `www.`, `m.` and `mobile.`, default port, fragment, tracking parameters, the order of parameters, a slash
    at the end and the way of percent-encoding make no difference.
    """
    text = url.strip()
    if len(text) > LONGEST:
        raise BadInput(_("This link is longer than %(most)s characters.", most=LONGEST))
    if UNFIT.search(text):
        raise BadInput(_("This link has a space or another sign in it that no web link has."))
    if BARE.fullmatch(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as problem:
        raise BadInput(_(NOT_A_LINK)) from problem
    _refuse_odd(parts)
    place = _host(parts.hostname or "")
    if port is not None and port not in {80, 443}:
        place += f":{port}"
    query = _query(parts.query)
    result = f"https://{place}{_path(parts.path)}" + (f"?{query}" if query else "")
    if len(result) > LONGEST:
        raise BadInput(_("This link is longer than %(most)s characters.", most=LONGEST))
    return result


def _refuse_odd(parts: SplitResult) -> None:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(_(NOT_A_LINK))
    if "@" in parts.netloc:
        raise BadInput(_("This link has a name or password in it. Copy the link of the page without them."))


def _host(host: str) -> str:
    """The host in ASCII, lower case, without prefixes. Raises BadInput for what is not on the public internet."""
    if ":" in host:
        return f"[{_public(_six(host))}]"
    try:
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as problem:
        raise BadInput(_(NOT_A_LINK)) from problem
    if LAST_IS_NUMBER.search(name):
        return str(_public(_four(name)))
    if name == "localhost" or name.endswith(INSIDE) or "." not in name:
        raise BadInput(_(PRIVATE))
    if not NAME.fullmatch(name):
        raise BadInput(_(NOT_A_LINK))
    return _without_prefix(name)


def _without_prefix(name: str) -> str:
    for prefix in PREFIXES:
        rest = name.removeprefix(prefix)
        if rest != name and "." in rest and not LAST_IS_NUMBER.search(rest):
            return _without_prefix(rest)
    return name


def _four(text: str) -> ipaddress.IPv4Address:
    """Browsers read 127.1, 0177.0.0.1, 0x7f000001 and 2130706433 as addresses, and so does inet_aton."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError) as problem:
        raise BadInput(_(NOT_A_LINK)) from problem


def _six(text: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError as problem:
        raise BadInput(_(NOT_A_LINK)) from problem


def _public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The same address, or BadInput when it, or an IPv4 address wrapped in it, is not on the public internet."""
    wrapped: list[ipaddress.IPv4Address | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise BadInput(_(PRIVATE))
        wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in ipaddress.ip_network("64:ff9b::/96") or int(address) >> 32 == 0:
            wrapped.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    for one in (address, *filter(None, wrapped)):
        mapped = isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped is not None
        if one.is_multicast or not (one.is_global or mapped):
            raise BadInput(_(PRIVATE))
    return address


def _path(path: str) -> str:
    segments: list[str] = []
    for piece in path.split("/"):
        segment = unquote_to_bytes(piece)
        if segment == b"..":
            segments = segments[:-1]
        elif segment not in {b"", b"."}:
            segments.append(quote(segment, safe=SAFE))
    return "".join(f"/{segment}" for segment in segments)


def _query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    kept = sorted((name, value) for name, value in pairs if not _tracks(name.lower()))
    return urlencode(kept, errors="surrogateescape")


def _tracks(name: str) -> bool:
    return name in TRACKERS or name.startswith("utm_")

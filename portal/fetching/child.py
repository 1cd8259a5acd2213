"""Reads one page or one file, or hands over one text, in a process that knows no database, no key and no setting.

It is started as a file, with nothing in its environment. On stdin: JSON with `link`, `token` and `hosts`; with `link`,
`hosts` and `most`; or with `link`, `text` and `id`. On stdout: one word of `CODES`; one word of `CODES` or `FETCHED`, a
line's end and the bytes; or JSON with `came`, `status` and `answer`. Each name is resolved once, every address it has
must be public, and the connection goes to an address that was looked at, with the certificate checked against the
name. To read a page, redirects are gone through the same way; for a file and to hand over, none is.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import signal
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

CODES = (
    "seen",
    "not-seen",
    "not-https",
    "host-not-allowed",
    "no-such-host",
    "private-address",
    "bad-certificate",
    "unreachable",
    "too-many-redirects",
    "not-there",
    "not-a-page",
    "too-big",
    "too-slow",
)
TOLD = ("taken", "redirect", "error")
FETCHED = ("fetched", "gone", "redirect", "error")
SECONDS = 10.0
REDIRECTS = 3
MOST = 4 * 1024 * 1024
PIECE = 64 * 1024
LARGEST_ANSWER = 64 * 1024
MEMORY = 512 * 1024 * 1024
PAGES = {"text/html", "application/xhtml+xml", "text/plain"}
# The same website for a browser, and the same for the list of hosts.
PREFIXES = ("www.", "m.", "mobile.")
# An IPv6 address in which an IPv4 address is wrapped leads wherever that one leads.
WRAPPING = tuple(
    ipaddress.ip_network(each)
    for each in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)
UNICAST = ipaddress.ip_network("2000::/3")


class Refused(Exception):
    """The page is not read; the message is one of CODES."""


def _addresses(host: str) -> list[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


def _connect(address: str, seconds: float) -> socket.socket:
    return socket.create_connection((address, 443), timeout=seconds)


@dataclass(frozen=True)
class Way:
    """How names become addresses, addresses connections, and whose certificates are believed."""

    resolve: Callable[[str], list[str]] = _addresses
    connect: Callable[[str, float], socket.socket] = _connect
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)


def look(link: str, token: str, hosts: list[str], way: Way) -> str:
    """Whether the token is on the page: one of CODES."""
    until = time.monotonic() + SECONDS
    try:
        for _ in range(REDIRECTS + 1):
            answer = _follow(link, token, hosts, way, until)
            if answer in CODES:
                return answer
            link = answer
    except Refused as problem:
        return str(problem)
    return "too-many-redirects"


def tell(link: str, text: str, name: str, way: Way) -> dict[str, str | int | None]:
    """Hand a text over by POST: `came` is one of TOLD or CODES, `answer` what was said to it where it was taken."""
    until = time.monotonic() + SECONDS
    try:
        return _hand_over(link, text.encode(), name, way, until)
    except Refused as problem:
        return {"came": str(problem), "status": None, "answer": ""}


def fetch(link: str, hosts: list[str], most: int, way: Way) -> tuple[str, bytes]:
    """A file's bytes, if they are at most so many; with `most` 0 only whether it is there. It says FETCHED or CODES."""
    until = time.monotonic() + SECONDS
    try:
        with _connected(link, hosts, way, until) as (connection, target):
            headers = {"Accept": "image/*, */*", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                return _other(response.status), b""
            return "fetched", b"".join(_at_most(_plain(response, until), most)) if most else b""
    except Refused as problem:
        return str(problem), b""


def _other(status: int) -> str:
    if status in {404, 410}:
        return "gone"
    return "redirect" if 300 <= status < 400 else "error"


def is_public(address: str) -> bool:
    """Whether an address is on the public internet by itself. False for what is no address."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(one, ipaddress.IPv6Address):
        wraps = one.scope_id is not None or any(one in network for network in WRAPPING)
        if wraps or one not in UNICAST:
            return False
    return one.is_global and not one.is_multicast and not one.is_reserved


def _follow(link: str, token: str, hosts: list[str], way: Way, until: float) -> str:
    """One request: a code, or the link to which the page leads on."""
    with _connected(link, hosts, way, until) as (connection, target):
        connection.request("GET", target, headers={"Accept": "text/html", "Accept-Encoding": "identity"})
        response = connection.getresponse()
        if response.status in {301, 302, 303, 307, 308}:
            return urljoin(link, response.getheader("Location") or "")
        return _read(response, token.encode(), until)


def _hand_over(link: str, body: bytes, name: str, way: Way, until: float) -> dict[str, str | int | None]:
    headers = {"Content-Type": "text/plain; charset=utf-8", "Idempotency-Key": name, "Accept-Encoding": "identity"}
    with _connected(link, None, way, until) as (connection, target):
        connection.request("POST", target, body=body, headers=headers)
        response = connection.getresponse()
        if 300 <= response.status < 400:
            return {"came": "redirect", "status": response.status, "answer": ""}
        if not 200 <= response.status < 300:
            return {"came": "error", "status": response.status, "answer": ""}
        answer = b"".join(_at_most(_pieces(response, until), LARGEST_ANSWER))
        return {"came": "taken", "status": response.status, "answer": answer.decode(errors="replace")}


@contextmanager
def _connected(link: str, hosts: list[str] | None, way: Way, until: float) -> Iterator[tuple[_Pinned, str]]:
    """The way to the host of a link, and what to ask it for. Whatever goes wrong with it is Refused."""
    host, target = place_of(link, hosts)
    connection = _Pinned(host, _public_addresses(host, way), way, until)
    try:
        yield connection, target
    except TimeoutError as problem:
        raise Refused("too-slow") from problem
    except ssl.SSLError as problem:
        raise Refused("bad-certificate") from problem
    except (OSError, http.client.HTTPException, ValueError, zlib.error) as problem:
        raise Refused("unreachable") from problem
    finally:
        connection.close()


def _pieces(response: http.client.HTTPResponse, until: float) -> Iterator[bytes]:
    while piece := response.read1(PIECE):
        _left(until)
        yield piece


def _at_most(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > most:
            raise Refused("too-big")
        yield piece


def place_of(link: str, hosts: list[str] | None) -> tuple[str, str]:
    """Host and what to ask it for; without a list of hosts, any. Raises Refused."""
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii").lower()
        odd = parts.scheme != "https" or "@" in parts.netloc or parts.port not in {None, 443}
    except ValueError as problem:
        raise Refused("not-https") from problem
    if odd:
        raise Refused("not-https")
    names = {host, *(host.removeprefix(prefix) for prefix in PREFIXES)}
    if hosts is not None and not names & set(hosts):
        raise Refused("host-not-allowed")
    return host, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _public_addresses(host: str, way: Way) -> list[str]:
    """The addresses of a name, asked for once. One that is not public spoils them all."""
    try:
        found = way.resolve(host)
    except OSError as problem:
        raise Refused("no-such-host") from problem
    if not found:
        raise Refused("no-such-host")
    if not all(is_public(each) for each in found):
        raise Refused("private-address")
    return list(dict.fromkeys(found))


class _Pinned(http.client.HTTPSConnection):
    """A connection to addresses that were looked at, never to a name; the certificate is that of the name."""

    def __init__(self, host: str, addresses: list[str], way: Way, until: float) -> None:
        super().__init__(host, context=way.context)
        self._addresses, self._way, self._until = addresses, way, until

    def connect(self) -> None:
        last: OSError = TimeoutError()
        for address in self._addresses:
            try:
                plain = self._way.connect(address, _left(self._until))
            except OSError as problem:
                last = problem
                continue
            self.sock = self._way.context.wrap_socket(plain, server_hostname=self.host)
            return
        raise last


def _read(response: http.client.HTTPResponse, token: bytes, until: float) -> str:
    if response.status != 200:
        return "not-there"
    if response.headers.get_content_type() not in PAGES:
        return "not-a-page"
    tail, length = b"", 0
    for piece in _plain(response, until):
        length += len(piece)
        if token in tail + piece:
            return "seen"
        tail = (tail + piece)[-len(token) :]
        if length > MOST:
            return "too-big"
    return "not-seen"


def _plain(response: http.client.HTTPResponse, until: float) -> Iterator[bytes]:
    """The body in pieces of bounded size, unpacked where the server packed it although it was asked not to."""
    packed = response.getheader("Content-Encoding", "identity").lower()
    if packed not in {"identity", "gzip", "deflate"}:
        raise Refused("not-a-page")
    unpack = zlib.decompressobj(47) if packed != "identity" else None
    for piece in _pieces(response, until):
        while unpack is not None and piece:
            yield unpack.decompress(piece, PIECE)
            piece = unpack.unconsumed_tail
        if piece:
            yield piece


def _left(until: float) -> float:
    """Seconds that are left. Raises Refused when none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise Refused("too-slow")
    return left


def limit_process() -> None:
    """Little memory and time, no files to write. The bell ends what drips so slowly that no read ever times out."""
    import resource

    wanted = [("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_NOFILE", 32), ("RLIMIT_CPU", 10)]
    if sys.platform.startswith("linux"):
        wanted.append(("RLIMIT_AS", MEMORY))  # macOS has the name but refuses the limit.
    for name, value in wanted:
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = value if hard < 0 else min(value, hard)
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)


def _ring(_number: int, _frame: object) -> None:
    raise Refused("too-slow")


def main(way: Way | None = None) -> None:
    """Answer the one question on stdin."""
    asked = json.load(sys.stdin)
    limit_process()
    if "text" in asked:
        sys.stdout.write(json.dumps(tell(asked["link"], asked["text"], asked["id"], way or Way())))
        return
    if "most" in asked:
        word, data = fetch(asked["link"], asked["hosts"], asked["most"], way or Way())
        sys.stdout.buffer.write(word.encode() + b"\n" + data)
        return
    sys.stdout.write(look(asked["link"], asked["token"], asked["hosts"], way or Way()))


if __name__ == "__main__":
    main()

"""What the fetcher reads, what it refuses, and that it reaches nothing but a public website that was allowed."""

from __future__ import annotations

import gzip
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from portal import fetching
from portal.fetching import child
from portal.fetching.child import Way, is_public
from tests.fetching.serving import HOST, PUBLIC, Answer, make_certificate, page, redirect, to_here, website

TOKEN = "efface-abcdefghij234567"
INSIDE = [
    "https://127.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://10.0.0.8/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00::1]/",
    "https://localhost/",
]


@dataclass
class Site:
    """A website, what it was asked for, and the addresses that connections were meant for."""

    port: int
    context: ssl.SSLContext
    pages: dict[str, Answer]
    asked: list[str]
    addresses: list[str] = field(default_factory=list)

    def look(
        self, link: str = f"https://{HOST}/anna", resolve: Callable[[str], list[str]] = lambda _host: [PUBLIC]
    ) -> str:
        hosts = [HOST, "evil.example", *(link.split("/")[2].strip("[]") for link in INSIDE)]
        return child.look(link, TOKEN, hosts, Way(resolve, to_here(self.port, self.addresses), self.context))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    certificate = make_certificate(tmp_path, HOST, f"www.{HOST}")
    pages: dict[str, Answer] = {}
    asked: list[str] = []
    with website(certificate, pages, asked) as port:
        yield Site(port, ssl.create_default_context(cafile=str(certificate)), pages, asked)


def test_a_token_on_the_page_is_seen_and_a_page_without_it_is_not(site: Site) -> None:
    site.pages["/anna"] = page(b"x" * 65_530 + TOKEN.encode() + b"</html>")
    site.pages["/bert?a=1"] = page(b"<html>nothing</html>")
    assert site.look() == "seen"
    assert site.look(f"https://{HOST}/bert?a=1#top") == "not-seen"
    assert (site.asked, site.addresses) == ([f"{HOST}/anna", f"{HOST}/bert?a=1"], [PUBLIC, PUBLIC])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (page(TOKEN.encode(), status=404), "not-there"),
        (page(TOKEN.encode(), status=500), "not-there"),
        (page(TOKEN.encode(), kind="application/pdf"), "not-a-page"),
        (page(TOKEN.encode(), kind="image/svg+xml"), "not-a-page"),
        (page(gzip.compress(b"a " + TOKEN.encode()), Content_Encoding="gzip"), "seen"),
        (page(b"no gzip at all", Content_Encoding="gzip"), "unreachable"),
        (page(TOKEN.encode(), Content_Encoding="br"), "not-a-page"),
        (page(b"x" * 10_000_000), "too-big"),
        (page(gzip.compress(b"x" * 300_000_000, 1), Content_Encoding="gzip"), "too-big"),
        (redirect(f"https://{HOST}/anna"), "too-many-redirects"),
        (redirect(""), "too-many-redirects"),
        (redirect(f"http://{HOST}/anna"), "not-https"),
        (redirect("file:///etc/passwd"), "not-https"),
        (redirect(f"gopher://{HOST}/"), "not-https"),
        (redirect(f"https://me@{HOST}/"), "not-https"),
        (redirect(f"https://{HOST}:6379/"), "not-https"),
        (redirect("https://elsewhere.example/"), "host-not-allowed"),
        (redirect(f"https://{HOST}.elsewhere.example/"), "host-not-allowed"),
        (redirect(f"https://elsewhere.example/{HOST}"), "host-not-allowed"),
    ],
)
def test_what_a_page_answers(site: Site, answer: Answer, code: str) -> None:
    site.pages["/anna"] = answer
    assert site.look() == code
    assert set(site.asked) == {f"{HOST}/anna"}


def test_redirects_are_followed_three_times_and_looked_up_each_time(site: Site) -> None:
    for number in range(4):
        site.pages[f"/{number}"] = redirect(f"https://www.{HOST}/{number + 1}")
    site.pages["/4"] = page(TOKEN.encode())
    names: list[str] = []

    def resolve(host: str) -> list[str]:
        names.append(host)
        return [PUBLIC]

    assert site.look(f"https://{HOST}/1", resolve) == "seen"
    assert names == [HOST, f"www.{HOST}", f"www.{HOST}", f"www.{HOST}"]
    assert site.look(f"https://{HOST}/0", resolve) == "too-many-redirects"


@pytest.mark.parametrize("inside", INSIDE)
def test_nothing_inside_is_reached_by_link_or_redirect_even_where_it_was_allowed(site: Site, inside: str) -> None:
    """The lookup here is the real one: these are addresses, and names of this machine."""

    def resolve(host: str) -> list[str]:
        return [PUBLIC] if host == HOST else child._addresses(host)

    site.pages["/anna"] = redirect(inside)
    refused = {"private-address", "no-such-host", "host-not-allowed", "not-https"}
    assert site.look(inside, resolve) in refused
    assert site.addresses == []
    assert site.look(resolve=resolve) in refused
    assert site.addresses == [PUBLIC]


def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_looked_at(site: Site) -> None:
    site.pages["/anna"], site.pages["/more"] = page(TOKEN.encode()), redirect("/anna")
    answers = iter([[PUBLIC], ["127.0.0.1"], ["169.254.169.254"]])
    assert site.look(resolve=lambda _host: next(answers)) == "seen"
    assert site.addresses == [PUBLIC]
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    assert site.look(f"https://{HOST}/more", lambda _host: next(answers)) == "private-address"
    assert site.addresses == [PUBLIC, PUBLIC]
    assert site.look(resolve=lambda _host: [PUBLIC, "10.0.0.1"]) == "private-address"
    assert site.look(resolve=lambda _host: []) == "no-such-host"


def test_a_thousand_changes_of_mind_of_a_resolver_reach_nothing_inside(site: Site) -> None:
    site.pages["/anna"] = redirect("/anna")
    inside = ["127.0.0.1", "::1", "10.1.2.3", "::ffff:10.0.0.1", "fe80::1%lo", "not an address", "0.0.0.0"]
    for number in range(1000):
        answers = iter([[inside[number % 7]], [PUBLIC]])
        assert site.look(resolve=lambda _host, told=answers: next(told)) == "private-address"  # type: ignore[misc]
    assert (site.addresses, site.asked) == ([], [])


def test_the_certificate_must_be_that_of_the_name_and_of_somebody_believed(site: Site) -> None:
    site.pages["/"] = page(TOKEN.encode())
    assert site.look("https://evil.example/") == "bad-certificate"
    site.context = ssl.create_default_context()
    assert site.look(f"https://{HOST}/") == "bad-certificate"
    assert site.asked == []


def test_a_page_that_drips_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        page(b"")(handler)
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    site.pages["/anna"] = drip
    monkeypatch.setattr(child, "SECONDS", 0.4)
    started = time.monotonic()
    assert site.look() == "too-slow"
    # It would drip for ever.
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "address",
    [
        *(
            "::1",
            "fe80::1",
            "fc00::1",
            "fec0::1",
            "ff02::1",
            "::8.8.8.8",
            "::ffff:8.8.8.8",
            "2002:808:808::",
            "2001::1",
        ),
        *(
            "64:ff9b::808:808",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "0.0.0.0",
            "",
            "x",
        ),
    ],
)
def test_what_is_not_public_by_itself(address: str) -> None:
    assert not is_public(address)


def test_all_private_networks_are_refused_and_public_ones_are_not() -> None:
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"):
        whole = ipaddress.ip_network(network)
        assert not any(is_public(str(each)) for each in (whole[0], whole[1], whole[-2], whole[-1]))
    assert is_public(PUBLIC)
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


PROGRAM = """
import importlib.util, os, socket, ssl, sys
found = importlib.util.spec_from_file_location("child", {child!r})
child = sys.modules["child"] = importlib.util.module_from_spec(found)
found.loader.exec_module(child)
if [name for name in os.environ if name != "LC_CTYPE"] or {{"sqlalchemy", "portal"}} & set(sys.modules):
    sys.exit(3)
child.SECONDS = {seconds}
def connect(address, seconds):
    return socket.create_connection(("127.0.0.1", {port}), timeout=seconds)
child.main(child.Way(lambda host: [{public!r}], connect, ssl.create_default_context(cafile={ca!r})))
"""


def program(folder: Path, site: Site, seconds: float = 5.0) -> Path:
    """The fetcher as it is started, with the website of this test as its only world."""
    path = folder / "program.py"
    ca = str(folder / f"{HOST}.pem")
    path.write_text(PROGRAM.format(child=str(fetching.CHILD), port=site.port, public=PUBLIC, ca=ca, seconds=seconds))
    return path


def test_the_process_apart_has_no_variables_and_no_database(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EFFACE_DATA", str(tmp_path))
    site.pages["/anna"], site.pages["/bert"] = page(TOKEN.encode()), page(b"nothing")
    run = program(tmp_path, site)
    assert fetching.look(f"https://{HOST}/anna", TOKEN, [HOST], run) == "seen"
    assert fetching.look(f"https://{HOST}/bert", TOKEN, [HOST], run) == "not-seen"
    assert fetching.look(f"https://{HOST}/anna", TOKEN, [], run) == "host-not-allowed"


def test_headers_that_drip_are_given_up_in_the_process_apart(site: Site, tmp_path: Path) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    site.pages["/anna"] = drip
    assert fetching.look(f"https://{HOST}/anna", TOKEN, [HOST], program(tmp_path, site, 0.5)) == "too-slow"


def test_a_process_that_dies_hangs_or_babbles_is_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    for text, code in (
        ("import os; os.abort()", "unreachable"),
        ("print('seen by me')", "unreachable"),
        ("import time; time.sleep(60)", "too-slow"),
    ):
        path.write_text(text)
        assert fetching.look(f"https://{HOST}/", TOKEN, [HOST], path, 0.5) == code


def test_as_it_is_started_it_reaches_nothing_on_this_machine(site: Site) -> None:
    site.pages["/"] = page(TOKEN.encode())
    for host in ("127.0.0.1", "localhost", "2130706433"):
        assert fetching.look(f"https://{host}/", TOKEN, [host]) == "private-address"
    assert fetching.look(f"https://127.0.0.1:{site.port}/", TOKEN, ["127.0.0.1"]) == "not-https"
    assert site.asked == []

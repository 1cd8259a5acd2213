"""A text is handed over to a public https endpoint and nowhere else; what comes back is a clear word, never a hang."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from portal import fetching
from portal.fetching import child
from portal.fetching.child import Way
from tests.fetching.serving import HOST, PUBLIC, Answer, make_certificate, page, redirect, to_here, website
from tests.fetching.test_fetching import INSIDE, PROGRAM

TEXT = "efface-notice/1\n{}\n\n— somebody AAAA\n"
LINK = f"https://{HOST}/notices"


@dataclass
class Endpoint:
    """An endpoint on this machine, and the bodies and ids it was given."""

    port: int
    certificate: Path
    pages: dict[str, Answer]
    asked: list[str]
    got: list[tuple[bytes, str]] = field(default_factory=list)

    def answers(self, *answers: Answer) -> None:
        left = list(answers)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            body = handler.rfile.read(int(handler.headers["Content-Length"]))
            self.got.append((body, handler.headers["Idempotency-Key"]))
            (left.pop(0) if len(left) > 1 else left[0])(handler)

        self.pages["/notices"] = answer

    def tell(self, link: str = LINK) -> dict[str, str | int | None]:
        context = ssl.create_default_context(cafile=str(self.certificate))
        return child.tell(link, TEXT, "id", Way(self.resolve, to_here(self.port, []), context))

    def resolve(self, host: str) -> list[str]:
        return [PUBLIC] if host in (HOST, "other.example") else child._addresses(host)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"), HOST)


@pytest.fixture
def endpoint(certificate: Path) -> Iterator[Endpoint]:
    pages: dict[str, Answer] = {}
    asked: list[str] = []
    with website(certificate, pages, asked) as port:
        yield Endpoint(port, certificate, pages, asked)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1500):
        handler.wfile.write(b"x")
        time.sleep(0.02)


def test_the_exact_bytes_are_handed_over_and_the_answer_comes_back(endpoint: Endpoint) -> None:
    endpoint.answers(page(b"failed", status=500), page("Grüße".encode(), status=202))
    assert endpoint.tell() == {"came": "error", "status": 500, "answer": ""}
    assert endpoint.tell() == {"came": "taken", "status": 202, "answer": "Grüße"}
    assert endpoint.got == [(TEXT.encode(), "id")] * 2, "a repeat is the same"


def test_a_redirect_is_not_followed_however_it_is_said(endpoint: Endpoint) -> None:
    for status in (301, 302, 307, 308):
        endpoint.answers(page(b"", status=status, Location=f"https://{HOST}/elsewhere"))
        assert endpoint.tell() == {"came": "redirect", "status": status, "answer": ""}
    endpoint.answers(redirect("https://127.0.0.1/"))
    assert endpoint.tell()["came"] == "redirect"
    assert not [one for one in endpoint.asked if "elsewhere" in one]


def test_ten_megabytes_are_not_read(endpoint: Endpoint) -> None:
    endpoint.answers(page(b"x" * 10_000_000))
    began = time.monotonic()
    assert endpoint.tell() == {"came": "too-big", "status": None, "answer": ""}
    assert time.monotonic() - began < child.SECONDS
    endpoint.answers(page(b"x" * child.LARGEST_ANSWER))
    assert endpoint.tell()["came"] == "taken", "just as much as it may"


def test_a_slow_drip_ends(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SECONDS", 0.3)
    endpoint.answers(drip)
    began = time.monotonic()
    assert endpoint.tell() == {"came": "too-slow", "status": None, "answer": ""}
    assert time.monotonic() - began < 15, "it would drip for half a minute"


@pytest.mark.parametrize("link", INSIDE)
def test_nothing_inside_is_ever_called(endpoint: Endpoint, link: str) -> None:
    assert endpoint.tell(link)["came"] in {"private-address", "no-such-host", "not-https"}
    assert endpoint.asked == []


def test_other_schemes_ports_and_certificates_are_refused(endpoint: Endpoint) -> None:
    endpoint.answers(page(b""))
    for link in (f"http://{HOST}/", f"https://{HOST}:8443/", f"https://a@{HOST}/", "file:///etc/passwd", "nonsense"):
        assert endpoint.tell(link)["came"] == "not-https"
    assert endpoint.tell("https://other.example/")["came"] == "bad-certificate"


def test_through_the_process_apart(endpoint: Endpoint, tmp_path: Path) -> None:
    """As the worker does it; only names, connections and whose certificates are believed are turned to this machine."""
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM.format(
            child=str(fetching.CHILD), port=endpoint.port, public=PUBLIC, ca=str(endpoint.certificate), seconds=5.0
        )
    )
    endpoint.answers(page(b"thanks"))
    assert fetching.tell(LINK, TEXT, "id", program) == ("taken", 200, "thanks")
    assert fetching.tell("https://127.0.0.1/", TEXT, "id") == ("private-address", None, "")
    broken = tmp_path / "broken.py"
    broken.write_text("print('[1]')")
    assert fetching.tell(LINK, TEXT, "id", broken) == ("unreachable", None, "")

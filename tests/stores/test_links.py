"""Links are compared, never opened."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import BadInput
from portal.stores import links
from portal.stores.links import canonical

SAME = [
    "https://dating.example/anna",
    "http://dating.example/anna",
    "dating.example/anna",
    "HTTPS://DATING.EXAMPLE/anna",
    "hTTp://Dating.Example/anna",
    "https://www.dating.example/anna",
    "www.dating.example/anna",
    "https://m.dating.example/anna",
    "http://m.dating.example/anna/",
    "https://mobile.dating.example/anna",
    "https://www.m.dating.example/anna",
    "https://mobile.dating.example:443/anna",
    "https://dating.example:443/anna",
    "http://dating.example:80/anna#photos",
    "https://dating.example./anna",
    "https://dating.example/anna/",
    "https://dating.example/anna//",
    "https://dating.example//anna",
    "https://dating.example/./anna",
    "https://dating.example/x/../anna",
    "https://dating.example/anna?",
    "https://dating.example/anna#",
    "https://dating.example/anna#top",
    "https://dating.example/%61nna",
    "https://dating.example/an%6Ea",
    "https://dating.example/anna?utm_source=mail&utm_medium=x&UTM_Campaign=y",
    "https://dating.example/anna?fbclid=IwAR0",
    "https://dating.example/anna?gclid=1&msclkid=2",
    "https://dating.example/anna/?igshid=abc&ref=home",
    "https://dating.example./anna?utm_source=mail&fbclid=x&ref=home#photos",
    "  dating.example/anna  ",
    "\thttps://www.dating.example/anna\n",
]


@pytest.mark.parametrize("url", SAME)
def test_variants_of_one_link_are_the_same(url: str) -> None:
    assert canonical(url) == "https://dating.example/anna"


def test_thirty_ways_of_copying_one_link_give_one_key() -> None:
    assert len(set(SAME)) >= 30
    assert len({canonical(url) for url in SAME}) == 1


def test_what_names_another_page_is_kept() -> None:
    assert canonical("https://a.example/p?id=2&b=1") == canonical("http://www.a.example/p/?b=1&id=2&utm_campaign=x")
    different = ["https://a.example/p?id=1", "https://a.example/p?id=2", "https://a.example/P?id=1"]
    different += ["https://a.example:8443/p?id=1", "https://b.example/p?id=1", "https://a.example/p%2Fq?id=1"]
    assert len({canonical(url) for url in different}) == len(different)


def test_names_in_other_scripts_are_the_same_as_their_ascii_form() -> None:
    assert canonical("https://münchen.example/ä") == canonical("http://xn--mnchen-3ya.example/%c3%a4")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/x",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://10.0.0.8/",
        "http://192.168.1.1/admin",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/",
        "http://localhost/",
        "http://LOCALHOST.:8080/",
        "http://x.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://intranet/",
    ],
)
def test_private_addresses_are_refused_in_every_form(url: str) -> None:
    with pytest.raises(BadInput, match="private address"):
        canonical(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "anna",
        "mailto:anna@dating.example",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://dating.example/x",
        "https:///x",
        "https://",
        "https://a..example/",
        "https://999.1.2.3.4/",
        "https://dating.example:99999/",
        "https://%31%32%37.0.0.1/",
        "https://[::1/",
        "https://-a.example/",
    ],
)
def test_what_is_no_web_link_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="not a web link"):
        canonical(url)


@pytest.mark.parametrize(
    "url", ["https://good.example\\@evil.example/", "https://a b.example/", "https://a.ex\tample/"]
)
def test_signs_that_readers_disagree_about_are_refused(url: str) -> None:
    with pytest.raises(BadInput, match="no web link has"):
        canonical(url)


def test_passwords_in_links_are_refused_and_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        canonical("https://anna:geheim@dating.example/")
    assert "geheim" not in caught.value.sentence


def test_a_public_address_without_a_name_is_fine() -> None:
    assert canonical("http://93.184.216.34/x") == canonical("https://0x5db8d822/x")
    assert canonical("http://[2606:2800:220:1:248:1893:25C8:1946]/") == ("https://[2606:2800:220:1:248:1893:25c8:1946]")


def test_a_link_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadInput, match="2000"):
        canonical("https://a.example/" + "x" * links.LONGEST)


def test_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up or a connection opened")

    for name in ("getaddrinfo", "gethostbyname", "create_connection", "socket"):
        monkeypatch.setattr(socket, name, refuse)
    assert canonical("https://www.dating.example/anna")


@given(
    st.sampled_from(["http://", "https://www.", "https://m.", ""]),
    st.sampled_from(["a.example", "www.b.example", "93.184.216.34", "xn--mnchen-3ya.example", "m.com"]),
    st.text(max_size=30),
)
def test_a_canonical_link_stays_as_it_is(scheme: str, host: str, rest: str) -> None:
    try:
        once = canonical(f"{scheme}{host}/{rest}")
    except BadInput:
        return
    assert canonical(once) == once

"""A browser without a screen: cookies, pages, forms. It can do what a person can do with the page, and no more."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPDefaultErrorHandler, Request, build_opener

from portal.errors import EffaceError

Upload = tuple[str, bytes]


class WrongPage(EffaceError):
    """The page is not the one a person would expect here."""

    code = "wrong-page"


@dataclass
class Form:
    """A form as the page shows it: what is filled in already, and which choices each field has."""

    action: str = ""
    method: str = "get"
    values: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)


@dataclass
class Page:
    """What came back."""

    status: int
    url: str
    body: bytes
    headers: HTTPMessage
    forms: list[Form] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    text: str = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


class Browser:
    """One person's browser on one site."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies), _KeepErrors())

    def get(self, path: str) -> Page:
        return self._open(Request(urljoin(self.address, path)))  # noqa: S310

    def submit(self, page: Page, fields: dict[str, str | list[str] | Upload] | None = None, action: str = "") -> Page:
        """Fill in and send the page's form: the one whose address holds `action`, else the one that has the fields."""
        fields = fields or {}
        form = _pick(page, fields, action)
        values: dict[str, list[str]] = {**form.values}
        uploads: dict[str, Upload] = {}
        for name, value in fields.items():
            if isinstance(value, tuple):
                uploads[name] = value
            else:
                values[name] = value if isinstance(value, list) else [value]
        url = urljoin(page.url, form.action)
        pairs = [(name, value) for name, many in values.items() for value in many]
        if form.method != "post":
            return self._open(Request(f"{url.partition('?')[0]}?{urlencode(pairs)}"))  # noqa: S310
        if form.files:
            return self._open(_multipart(url, pairs, uploads))
        return self._open(Request(url, urlencode(pairs).encode(), method="POST"))  # noqa: S310

    def follow(self, page: Page, words: str) -> Page:
        """Go where the first link with these words leads."""
        for href, text in page.links:
            if words.lower() in text.lower():
                return self.get(urljoin(page.url, href))
        raise WrongPage(f"{page.path} has no link {words!r}: {[text for _, text in page.links]}")

    def _open(self, request: Request) -> Page:
        with self._opener.open(request, timeout=60) as answer:
            return _read(answer.status, answer.url, answer.read(), answer.headers)


class _KeepErrors(HTTPDefaultErrorHandler):
    """A 422 is a page like any other: a person reads it."""

    def http_error_default(
        self, request: Request, answer: IO[bytes], code: int, message: str, headers: HTTPMessage
    ) -> HTTPError:
        return HTTPError(request.full_url, code, message, headers, answer)


def _pick(page: Page, fields: dict[str, str | list[str] | Upload], action: str) -> Form:
    for form in page.forms:
        known = {*form.values, *form.choices, *form.files, *(name for name, _ in form.buttons)}
        if action in form.action and set(fields) <= known:
            return form
    shown = [(form.action, sorted({*form.values, *form.choices, *form.files})) for form in page.forms]
    raise WrongPage(
        f"{page.path} ({page.status}) has no form {action!r} with {sorted(fields)}: {shown}\n{page.text[:800]}"
    )


def _multipart(url: str, pairs: list[tuple[str, str]], uploads: dict[str, Upload]) -> Request:
    mark = secrets.token_hex(16)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in pairs
    ]
    for name, (filename, data) in uploads.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n")
    body = b"".join(parts) + f"--{mark}--\r\n".encode()
    return Request(  # noqa: S310
        url, body, {"Content-Type": f"multipart/form-data; boundary={mark}"}, method="POST"
    )


def _read(status: int, url: str, body: bytes, headers: HTTPMessage) -> Page:
    page = Page(status, url, body, headers)
    if headers.get_content_type() == "text/html":
        reader = _Reader(page)
        reader.feed(body.decode())
        page.text = re.sub(r"\s+", " ", " ".join(reader.words)).strip()
    return page


class _Reader(HTMLParser):
    """Forms, links and words of a page."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.words: list[str] = []
        self._form: Form | None = None
        self._in_main, self._forms_of_main = False, 0
        self._select = self._area = self._link = ""
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            # What stands on every page, such as the choice of a language, comes after what this page is for.
            self.page.forms.insert(self._forms_of_main if self._in_main else len(self.page.forms), self._form)
            self._forms_of_main += self._in_main
        elif tag == "main":
            self._in_main = True
        elif tag in ("script", "style", "template"):
            self._quiet += 1
        elif tag == "a" and "href" in given:
            self._link = given["href"]
            self.page.links.append((self._link, given.get("aria-label", "")))
        elif tag == "img":
            self.page.images.append(given.get("src", ""))
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "textarea" and name:
            self._area = name
            form.values[name] = [""]
        elif tag == "select" and name:
            self._select = name
            form.choices.setdefault(name, [])
        elif tag == "option" and self._select:
            form.choices[self._select].append(value)
            if "selected" in given or self._select not in form.values:
                form.values[self._select] = [value]
        elif tag == "button" and name:
            form.buttons.append((name, value))
        elif tag == "input" and name:
            self._input(form, given.get("type", "text"), name, value, "checked" in given)

    def _input(self, form: Form, kind: str, name: str, value: str, checked: bool) -> None:
        if kind == "file":
            form.files.add(name)
        elif kind in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value)
            if checked:
                form.values.setdefault(name, []).append(value)
        elif kind == "submit":
            form.buttons.append((name, value))
        else:
            # Fields of one name are all sent, as browsers do.
            form.values.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "main":
            self._in_main = False
        elif tag in ("script", "style", "template"):
            self._quiet -= 1
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""
        elif tag == "a":
            self._link = ""

    def handle_data(self, data: str) -> None:
        if self._quiet:
            return
        if self._area and self._form is not None:
            self._form.values[self._area] = [self._form.values[self._area][0] + data]
            return
        self.words.append(data)
        if self._link:
            href, text = self.page.links[-1]
            self.page.links[-1] = (href, (text + " " + data).strip())


def expect(page: Page, path: str) -> None:
    """Raises WrongPage when a person did not get where they should be now."""
    if page.status != 200 or not page.path.startswith(path):
        raise WrongPage(f"At {page.path} ({page.status}) instead of {path}: {page.text[:600]}")

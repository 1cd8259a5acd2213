"""The own look of an installation: its colour as a sheet of style, its logo as a picture, the same for everybody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request, url_for

from portal import colours, look
from portal.config import Config
from portal.errors import NotFound
from portal.web.context import settings
from portal.web.policy import policy

blueprint = Blueprint("look", __name__)

FOREVER = "public, max-age=31536000, immutable"
DARKER = 0.25


@dataclass(frozen=True)
class OwnFile:
    """What is sent, and a mark of its content for its address."""

    data: bytes
    mark: str


def prepare(app: Flask, config: Config) -> None:
    """Make both files. Raises UnsafeConfig when the logo cannot be used."""
    logo = look.logo_of(config)
    sheet = sheet_of(colours.read(config.colour)).encode() if config.colour else None
    app.extensions["look"] = {"sheet": _file(sheet), "logo": _file(logo)}
    app.context_processor(_addresses)


def sheet_of(colour: colours.Colour) -> str:
    """The names of theme.css that an own colour changes. Not for print: paper stays black on white."""
    own, lighter = colours.written(colour), colours.written(colours.for_dark(colour))
    bar = (
        f"--ef-bar: {own}; --ef-bar-soft: #ffffff; --ef-bar-edge: {lighter}; --ef-bar-line: {lighter}; "
        f"--ef-bar-hover: {colours.written(colours.mixed(colour, colours.BLACK, DARKER))}; --ef-bar-mark: #ffffff;"
    )
    dark = f"--ef-brand: {lighter}; --ef-link: {lighter};"
    return (
        "@media screen {\n"
        f":root {{ --ef-brand: {own}; --ef-link: {own}; {bar} }}\n"
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }}\n'
        f':root[data-theme="dark"] {{ {dark} }}\n'
        "}\n"
    )


@blueprint.get("/look.css")
@policy("public")
def sheet() -> Response:
    return _sent("sheet", "text/css")


@blueprint.get("/logo.png")
@policy("public")
def logo() -> Response:
    return _sent("logo", "image/png")


def _sent(name: str, kind: str) -> Response:
    found: OwnFile | None = current_app.extensions["look"][name]
    if found is None:
        raise NotFound("There is no such file.")
    response = Response(found.data, mimetype=kind)
    response.headers["Cache-Control"] = FOREVER if request.args.get("v") == found.mark else "no-cache"
    return response


def _addresses() -> dict[str, Any]:
    """For all pages: where the own files are; empty where there are none."""
    files = current_app.extensions["look"]
    found = {name: url_for(f"look.{name}", v=files[name].mark) if files[name] else "" for name in ("sheet", "logo")}
    return {"own_sheet": found["sheet"], "own_logo": found["logo"], "own_colour": settings().colour}


def _file(data: bytes | None) -> OwnFile | None:
    return OwnFile(data, hashlib.sha256(data).hexdigest()[:12]) if data is not None else None

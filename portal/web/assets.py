"""Files of the package: sent packed, and kept by the browser until their content changes."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

from portal.web.policy import FILES

PACKED = {".css", ".js"}
FOREVER = "public, max-age=31536000, immutable"


def prepare(app: Flask) -> None:
    app.jinja_env.globals["asset"] = asset
    app.after_request(_pack)


def asset(filename: str, endpoint: str = "static") -> str:
    """Address of a file, with a mark of its content in it."""
    path = _path(endpoint, filename)
    return url_for(endpoint, filename=filename, v=_mark(path, path.stat().st_mtime_ns))


def _path(endpoint: str, filename: str) -> Path:
    holder = current_app.blueprints["bootstrap"] if endpoint == "bootstrap.static" else current_app
    assert holder.static_folder is not None
    return Path(holder.static_folder) / filename


@lru_cache(maxsize=64)
def _mark(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=64)
def _gzipped(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def _pack(response: Response) -> Response:
    # Only files are packed: in a page, what is secret beside what others can choose would leak by its length.
    if request.endpoint not in FILES or response.status_code != 200:
        return response
    response.headers["Cache-Control"] = FOREVER if "v" in request.args else "no-cache"
    path = _path(request.endpoint, (request.view_args or {})["filename"])
    if path.suffix in PACKED:
        response.headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings["gzip"]:
            response.direct_passthrough = False
            response.set_data(_gzipped(path, path.stat().st_mtime_ns))
            response.headers["Content-Encoding"] = "gzip"
    return response

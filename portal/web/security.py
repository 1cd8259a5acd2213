"""What every answer carries: the content policy and its nonce, and the other headers. Forms are checked here, too."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError

from portal.web.context import READING, settings
from portal.web.policy import FILES, OWN_FILES

PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "microphone",
        "payment",
        "usb",
    )
)


def prepare(app: Flask) -> None:
    app.before_request(_refuse_other_sites)
    CSRFProtect(app)
    app.after_request(_add_headers)
    app.jinja_env.globals["nonce"] = nonce


def nonce() -> str:
    """This answer's nonce: the page's own `script` and `style` elements carry it, and nothing else runs."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def content_policy(own_nonce: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'self' 'nonce-{own_nonce}'",
            f"script-src 'nonce-{own_nonce}'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _refuse_other_sites() -> None:
    # Browsers say where a request comes from and pages cannot forge it; old ones say nothing and rely on the token.
    origin = request.headers.get("Sec-Fetch-Site", "none")
    if request.method not in READING and origin not in {"none", "same-origin"}:
        raise CSRFError("sent from another site")


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = content_policy(nonce())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if settings().secure_cookies:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    if request.endpoint not in FILES | OWN_FILES or response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    return response

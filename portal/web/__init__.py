"""Flask's only door: one module per audience, and what guards them all."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.cases.clocks import deadlines
from portal.config import Config
from portal.db import Database
from portal.keys import keys_in
from portal.web import (
    assets,
    context,
    errors,
    gate,
    health,
    look,
    maintenance,
    notices,
    policy,
    security,
    sessions,
    speaking,
    staff,
    texts,
)
from portal.web.desk import (
    alarms,
    caseworker,
    clocks,
    decisions,
    desk_faces,
    desk_intake,
    destruction,
    ending,
    erasures,
    fees,
    groups,
    holds,
    inbox,
    kept_out,
    law,
    letter_texts,
    letters,
    mandates,
    notes,
    previews,
    reports,
)
from portal.web.operator import (
    admin,
    auditor,
    importing,
    lineage,
    orders,
    paths,
    people,
    recipients,
    scans,
    thresholds,
    watching,
)
from portal.web.person import (
    additions,
    agents,
    appeals,
    challenges,
    checking,
    choices,
    following,
    intake,
    lost_words,
    messages,
    missing,
    permission,
    photos,
    profiles,
    replies,
    signs,
    subject,
)
from portal.web.review import practice, reviewer

# The blueprints: for everybody and for whoever holds a case, and those for staff.
PUBLIC = (
    health,
    look,
    subject,
    speaking,
    intake,
    agents,
    photos,
    following,
    lost_words,
    permission,
    additions,
    messages,
    missing,
    appeals,
    challenges,
    checking,
    choices,
    profiles,
    signs,
    notices,
    gate,
)
INSIDE = (
    staff,
    admin,
    scans,
    people,
    law,
    lineage,
    importing,
    paths,
    thresholds,
    reviewer,
    practice,
    inbox,
    caseworker,
    mandates,
    desk_intake,
    desk_faces,
    alarms,
    decisions,
    clocks,
    fees,
    kept_out,
    letter_texts,
    letters,
    notes,
    destruction,
    ending,
    erasures,
    orders,
    holds,
    watching,
    recipients,
    groups,
    previews,
    replies,
    reports,
    auditor,
)
# What a form needs beside the picture in it.
FORM_SLACK = 64 * 1024


def create_app(config: Config) -> Flask:
    """The web application of one installation. Raises RuntimeError when a route has no policy, UnsafeConfig."""
    deadlines.check_place(config.holidays)
    app = Flask("portal.web", template_folder="pages", static_folder="static")
    app.request_class = context.InMemoryRequest
    app.config.update(_settings(config))
    app.extensions["database"] = Database(config)
    Bootstrap5(app)
    for part in (speaking, context, sessions, maintenance, policy, security, errors, assets, texts):
        part.prepare(app)
    look.prepare(app, config)
    _register(app)
    policy.check(app)
    if config.secure_cookies:
        # The server speaks plain HTTP, so an https address means that exactly one proxy stands in front of it.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return app


def _settings(config: Config) -> dict[str, object]:
    public_host = urlsplit(config.public_url).hostname
    return {
        "SECRET_KEY": keys_in(config.data).derived("web"),
        "MAX_CONTENT_LENGTH": config.upload_megabytes * 1024 * 1024 + FORM_SLACK,
        "TRUSTED_HOSTS": [name for name in (public_host, "localhost", "127.0.0.1", "[::1]") if name],
        "BOOTSTRAP_SERVE_LOCAL": True,
        "WTF_CSRF_TIME_LIMIT": int(sessions.PUBLIC_LIFE.total_seconds()),
        # Pages send no referrer at all; security.py looks at Sec-Fetch-Site instead.
        "WTF_CSRF_SSL_STRICT": False,
    }


def _register(app: Flask) -> None:
    for module in (*PUBLIC, *INSIDE):
        app.register_blueprint(module.blueprint)
    # No form of ours leads there, and no browser holds the token.
    app.extensions["csrf"].exempt(gate.blueprint)

"""Words and dates as people read them, for all pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, request

from portal import clock, languages
from portal.web.context import settings

THEMES = ("light", "dark", "device")
THEME_COOKIE = "efface-theme"


def prepare(app: Flask) -> None:
    app.add_template_filter(day)
    app.add_template_filter(moment)
    app.add_template_filter(counted)
    app.context_processor(_always_there)


def day(value: date | datetime | None) -> str:
    """`20 December 2026` in the language of the page; an instant is told in the installation's time zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = clock.local_date(value, settings().zone)
    return languages.day(value)


def moment(value: datetime | None) -> str:
    """`20 December 2026, 14:05` in the language of the page and the installation's time zone."""
    if value is None:
        return ""
    return languages.moment(value.astimezone(ZoneInfo(settings().zone)))


def counted(number: float, one: str, many: str | None = None) -> str:
    """`1 photograph`, `14 photographs`, `3 copies`: English, for pages of staff."""
    return f"{number:,.12g} {one if number == 1 else many or one + 's'}"


def theme() -> str:
    """Which look this browser asked for; `device` when it did not."""
    asked = request.cookies.get(THEME_COOKIE, "device")
    return asked if asked in THEMES else "device"


def _always_there() -> dict[str, Any]:
    config = settings()
    return {
        "organisation": config.organisation,
        "contact": config.contact,
        "helpers": config.helpers,
        "by_text": bool(config.text_url),
        "probe_days": config.probe_days,
        "theme": theme(),
    }

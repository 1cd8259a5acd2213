"""Dates and numbers as the language spoken now writes them, in digits 0-9 everywhere."""

from __future__ import annotations

from datetime import date, datetime

from babel import Locale
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import format_decimal

from portal.languages.speaking import current


def day(value: date) -> str:
    """`20 December 2026`: dates people cannot misread. An instant is given in its own time zone."""
    return format_date(value, "long", locale=current().locale)


def moment(value: datetime) -> str:
    """`20 December 2026, 14:05`, in the time zone of `value`."""
    locale = current().locale
    together = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return together.format(format_time(value, "short", tzinfo=value.tzinfo, locale=locale), day(value))


def number(value: float) -> str:
    """`1,234.5`"""
    return format_decimal(value, "#,##0.############", locale=current().locale)


def country(code: str) -> str:
    """The name of a country by its ISO 3166 code, such as DE; the code where it has no name in this language."""
    return str(Locale.parse(current().locale).territories.get(code, code))

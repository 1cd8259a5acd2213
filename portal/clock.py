"""The one place that tells the time, so that tests can turn it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def local_date(instant: datetime, zone: str) -> date:
    """The civil date of an instant in an IANA time zone: legal clocks count these, not instants."""
    return instant.astimezone(ZoneInfo(zone)).date()

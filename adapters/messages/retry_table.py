"""When what was not taken is tried again. The table is published: receivers may count on it.

Each wait counts from the attempt before it. After the last attempt of a message the next channel of the
recipient follows, and after the last channel the coordinator; a webhook becomes a dead letter.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

RETRY_TABLE = (
    timedelta(0),
    timedelta(seconds=25),
    timedelta(minutes=2, seconds=5),
    timedelta(minutes=8, seconds=45),
    timedelta(minutes=35),
    timedelta(hours=2, minutes=22),
    timedelta(hours=9, minutes=28),
    timedelta(hours=23, minutes=55),
)
# In a threatening situation the next channel follows after three attempts: half an hour may be too late.
URGENT_RETRY_TABLE = RETRY_TABLE[:3]
_LONGEST_REST = timedelta(days=1)


def wait_after(attempts: int, *, urgent: bool = False) -> timedelta | None:
    """Return how long to wait after so many attempts; None when the table is at its end."""
    table = URGENT_RETRY_TABLE if urgent else RETRY_TABLE
    return table[attempts] if attempts < len(table) else None


def asked_rest(header: str | None, now: datetime) -> timedelta:
    """Return how long a `Retry-After` asks to wait: seconds, or until a moment of HTTP; a day at most, else nothing."""
    asked = (header or "").strip()
    if asked.isascii() and asked.isdecimal():
        return min(timedelta(seconds=int(asked[:9])), _LONGEST_REST)
    try:
        until = parsedate_to_datetime(asked)
    except (ValueError, TypeError):
        return timedelta(0)
    if until.tzinfo is None:  # "-0000", or a zone that is left out: the time of HTTP is that of Greenwich
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), _LONGEST_REST)

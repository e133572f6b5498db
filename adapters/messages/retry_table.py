"""When what was not taken is tried again. The table is published: receivers may count on it.

Each wait counts from the attempt before it. After the last attempt of a message the next channel of the
recipient follows, and after the last channel the coordinator; a webhook becomes a dead letter.
"""

from __future__ import annotations

from datetime import timedelta

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


def wait_after(attempts: int, *, urgent: bool = False) -> timedelta | None:
    """Return how long to wait after so many attempts; None when the table is at its end."""
    table = URGENT_RETRY_TABLE if urgent else RETRY_TABLE
    return table[attempts] if attempts < len(table) else None

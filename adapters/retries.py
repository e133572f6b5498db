"""When something is tried again: the published table of Open Notificaties, counted from the first attempt."""

from __future__ import annotations

from datetime import datetime, timedelta

RETRIES = (
    timedelta(0),
    timedelta(seconds=25),
    timedelta(minutes=2, seconds=5),
    timedelta(minutes=8, seconds=45),
    timedelta(minutes=35),
    timedelta(hours=2, minutes=22),
    timedelta(hours=9, minutes=28),
    timedelta(hours=23, minutes=55),
)


def next_attempt(first: datetime, attempts: int) -> datetime | None:
    """Give when to try again after so many attempts; None when it has been enough."""
    return first + RETRIES[attempts] if attempts < len(RETRIES) else None

"""One way to read a date that somebody else wrote, for every way in: it is read as it stands, or not at all."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from milestones.calendar import day_in_amsterdam

if TYPE_CHECKING:
    from re import Match

_WRITTEN = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,12})?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_LEAP_SECOND = "60"


def civil_date(written: object) -> date | None:
    """Return the date in Europe/Amsterdam of a date (jjjj-mm-dd) or a moment as in RFC 3339; None for any other text.

    A moment may have any number of digits behind its seconds; one without a zone is local time.
    """
    if isinstance(written, datetime):
        return day_in_amsterdam(written) if written.tzinfo else written.date()
    if isinstance(written, date):
        return written
    found = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None:
        return None
    try:
        return _date_of(found)
    except (ValueError, OverflowError):
        return None


def _date_of(found: Match[str]) -> date:
    day = date.fromisoformat(found["day"])
    if found["time"] is None:
        return day
    second = "59" if found["second"] == _LEAP_SECOND else found["second"] or "00"
    zone = (found["zone"] or "").upper()
    moment = datetime.fromisoformat(f"{found['day']}T{found['time']}:{second}{zone}")
    return day_in_amsterdam(moment) if zone else day

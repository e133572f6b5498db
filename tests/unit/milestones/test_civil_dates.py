"""A date is read as it stands, in every spelling of RFC 3339, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.civil_dates import civil_date


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-10", date(2026, 11, 10)),
        ("2026-11-10T09:00:00Z", date(2026, 11, 10)),
        ("2026-11-10t09:00:00z", date(2026, 11, 10)),
        ("2026-11-10 09:00:00+01:00", date(2026, 11, 10)),
        ("2026-11-10T23:30:00Z", date(2026, 11, 11)),
        ("2026-07-10T22:30:00.111222333Z", date(2026, 7, 11)),
        ("2026-11-11T00:30:00+05:00", date(2026, 11, 10)),
        ("2026-12-31T23:59:60Z", date(2027, 1, 1)),
        ("2026-11-10T23:30:00", date(2026, 11, 10)),
        ("2026-11-10T23:30", date(2026, 11, 10)),
        ("2026-11-10T23:30:00-00:00", date(2026, 11, 11)),
        (" 2026-11-10 ", date(2026, 11, 10)),
    ],
)
def test_a_spelling_of_rfc_3339_is_read_as_a_day_in_amsterdam(written: str, day: date) -> None:
    """A date and a moment are read in every spelling, the day being that in Europe/Amsterdam."""
    assert civil_date(written) == day


@pytest.mark.parametrize(
    "written",
    [
        "10-11-2026",
        "11/10/2026",
        "20261110",
        "2026-W46-2",
        "2026-11-31",
        "2026-11",
        "2026-11-10T24:30:00Z",
        "2026-11-10T09:00:00 Europe/Amsterdam",
        "2026-11-10Z",
        "10 november 2026",
        "",
        "x",
        20261110,
        1_762_732_800,
        True,
        None,
        ["2026-11-10"],
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_written_in_another_way_is_not_guessed(written: object) -> None:
    """A text in another form, a number and a date that does not exist are no date."""
    assert civil_date(written) is None


@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_has_the_day_that_the_time_zone_database_gives(naive: datetime, minutes: int) -> None:
    """However a moment is written, its day is the one on the calendar in Amsterdam."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    day = moment.astimezone(ZoneInfo("Europe/Amsterdam")).date()
    assert civil_date(moment.isoformat()) == day
    assert civil_date(moment.astimezone(UTC).isoformat().replace("+00:00", "Z")) == day

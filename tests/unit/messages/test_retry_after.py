"""How long a receiver asks to be left alone, in every spelling of HTTP; what is none of these asks nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.messages.retry_table import asked_rest

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0120 ", 120),
        ("0", 0),
        ("Sat, 28 Nov 2026 10:05:00 GMT", 300),
        ("Saturday, 28-Nov-26 10:05:00 GMT", 300),  # the two older forms that RFC 9110 lets live
        ("Sat Nov 28 10:05:00 2026", 300),
        ("Sat, 28 Nov 2026 11:05:00 +0100", 300),
        ("Sat, 28 Nov 2026 10:05:00 -0000", 300),
        ("Sat, 28 Nov 2026 09:00:00 GMT", 0),
        ("Mon, 28 Nov 2033 10:05:00 GMT", 86_400),
        ("99999999999999999999", 86_400),
    ],
)
def test_a_rest_is_read_in_every_spelling(header: str, seconds: int) -> None:
    """Seconds or a moment, a day at most, and never into the past."""
    assert asked_rest(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "header", [None, "", "-5", "1.5", "soon", "²", "١٢٠", "2026-11-28T10:05:00Z", "99, 5"]
)
def test_what_cannot_be_read_asks_nothing(header: str | None) -> None:
    """The published table then says when the next attempt is."""
    assert asked_rest(header, NOW) == timedelta(0)

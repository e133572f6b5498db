"""Dates and sentences as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

_DAYS = ("ma", "di", "wo", "do", "vr", "za", "zo")
_MONTHS = (
    "januari", "februari", "maart", "april", "mei", "juni",
    "juli", "augustus", "september", "oktober", "november", "december",
)  # fmt: skip


def dutch_date(day: date) -> str:
    """Return a date such as "di 7 april 2026"."""
    return f"{_DAYS[day.weekday()]} {without_weekday(day)}"


def without_weekday(day: date) -> str:
    """Return a date such as "7 april 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

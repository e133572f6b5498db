"""Quarters and years, as a municipality counts them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from milestones.refusal import Refusal

_WRITTEN = re.compile(r"(?P<year>20\d{2})(?:-[KkQq](?P<quarter>[1-4]))?")
_MONTHS = 3


class PeriodError(Refusal, ValueError):
    """A text that is no quarter and no year: one Dutch sentence."""


@dataclass(frozen=True, slots=True)
class Period:
    """A quarter or a year, both days included."""

    name: str
    begin: date
    end: date

    @property
    def is_year(self) -> bool:
        """Whether it is a whole year."""
        return "-" not in self.name

    def before(self) -> Period:
        """Return the quarter or the year before this one."""
        day = self.begin - timedelta(days=1)
        return year_of(day) if self.is_year else quarter_of(day)


def quarter_of(day: date) -> Period:
    """Return the quarter in which a day lies, such as 2026-K4."""
    return _quarter(day.year, (day.month - 1) // _MONTHS + 1)


def year_of(day: date) -> Period:
    """Return the year in which a day lies."""
    return Period(str(day.year), date(day.year, 1, 1), date(day.year, 12, 31))


def period_from(written: str) -> Period:
    """Read a quarter (2026-K4) or a year (2026); another text is a PeriodError."""
    found = _WRITTEN.fullmatch(written.strip())
    if found is None:
        raise PeriodError(f"'{written}' is geen periode; schrijf een kwartaal (2026-K4) of een jaar (2026).")
    year = int(found["year"])
    return _quarter(year, int(found["quarter"])) if found["quarter"] else year_of(date(year, 1, 1))


def _quarter(year: int, number: int) -> Period:
    begin = date(year, _MONTHS * number - 2, 1)
    follows = date(year + number // 4, (_MONTHS * number) % 12 + 1, 1)
    return Period(f"{year}-K{number}", begin, follows - timedelta(days=1))

"""The one clock. Everything that asks for the time gets it from here, so a demo or a test can set it.

Moments are aware datetimes in Europe/Amsterdam; terms count in its civil dates (R15).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def later(moment: datetime, span: timedelta) -> datetime:
    """Return the moment a span later, in Amsterdam. Adding to a local time is an hour off when the clock changes."""
    return (moment.astimezone(UTC) + span).astimezone(AMSTERDAM)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return this moment, aware, in Europe/Amsterdam."""
        ...

    def today(self) -> date:
        """Return the civil date in Europe/Amsterdam."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return this moment."""
        return datetime.now(AMSTERDAM)

    def today(self) -> date:
        """Return today."""
        return self.now().date()


@dataclass(frozen=True)
class AcceleratedClock:
    """A clock for the demo: it showed `start` when the machine's clock showed `began`, and runs faster."""

    start: datetime
    began: datetime
    speed: float

    def now(self) -> datetime:
        """Return the virtual moment."""
        return later(self.start, (datetime.now(UTC) - self.began) * self.speed)

    def today(self) -> date:
        """Return the virtual date."""
        return self.now().date()


@dataclass
class SetClock:
    """A clock that stands still until somebody sets it; for tests."""

    moment: datetime

    def now(self) -> datetime:
        """Return the moment to which it was set."""
        return self.moment.astimezone(AMSTERDAM)

    def today(self) -> date:
        """Return the date to which it was set."""
        return self.now().date()

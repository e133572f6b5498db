"""The composition root: all parts of one process put together."""

from __future__ import annotations

import time
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from adapters.exchange.forgetting import forget_when_due
from adapters.messages.message_office import MessageOffice
from adapters.runtime.clock import AcceleratedClock, Clock, SystemClock
from adapters.runtime.settings import Settings, settings
from adapters.storage.database import SettingRow, create_engine, migrate, reading, writing
from adapters.storage.database_file import note_made, refuse_lost, refuse_network_disk
from adapters.storage.keys import check_keys

if TYPE_CHECKING:
    from sqlalchemy import Engine

_CLOCK = "klok"


class Office(MessageOffice):
    """What a worker, the API or a command needs to work on cases."""


def open_office(
    given: Settings | None = None, clock: Clock | None = None, *, any_keys: bool = False
) -> Office:
    """Open the case database of these settings, brought to the newest schema, and give the office.

    Keys that do not belong to the database are a SettingsError, unless `any_keys`; a database that was there and is
    gone or empty is a LostDatabaseError, and SQLite on a network disk a NetworkDiskError.
    """
    chosen = given or settings()
    if chosen.database_url is None:
        chosen.ensure_home()
    refuse_lost(chosen.database)
    refuse_network_disk(chosen.database)
    engine = create_engine(chosen.database, chosen.database_wait_seconds, chosen.database_schema)
    migrate(engine, chosen.database_schema)
    note_made(chosen.database)
    if not any_keys:
        check_keys(engine, chosen)
    return Office(chosen, engine, clock or _clock_of(engine), forget_when_due)


@cache
def office() -> Office:
    """Return the one office of this process."""
    return open_office()


def _clock_of(engine: Engine) -> Clock:
    """Return the clock of this database: that of the machine, unless a demo set another."""
    return SystemClock() if _read_clock(engine) is None else DemoClock(engine)


class DemoClock:
    """The clock that a demo set in its database; looked up again now and then, since the demo may change it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_at = 0.0
        self._clock: Clock = SystemClock()

    def now(self) -> datetime:
        """Return the demo's moment."""
        if time.monotonic() - self._read_at > 1:
            self._clock = _read_clock(self._engine) or SystemClock()
            self._read_at = time.monotonic()
        return self._clock.now()

    def today(self) -> date:
        """Return the demo's date."""
        return self.now().date()


def _read_clock(engine: Engine) -> AcceleratedClock | None:
    with reading(engine) as session:
        row = session.get(SettingRow, _CLOCK)
    if row is None:
        return None
    value: dict[str, Any] = row.value
    return AcceleratedClock(
        datetime.fromisoformat(value["start"]), datetime.fromisoformat(value["began"]), float(value["speed"])
    )


def set_clock(engine: Engine, clock: AcceleratedClock) -> None:
    """Set this database an accelerated clock."""
    value = {"start": clock.start.isoformat(), "began": clock.began.isoformat(), "speed": clock.speed}
    with writing(engine) as session:
        session.merge(SettingRow(name=_CLOCK, value=value))

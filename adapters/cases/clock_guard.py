"""A clock that jumped ends no term: firing waits until the clock is right again, or until a person confirms it.

The database remembers the latest moment that any machine saw. A clock further ahead of it than a whole outage lasts,
or behind it, may be wrong: a letter that went out early cannot be called back. Who confirmed a clock stays written.
"""

from __future__ import annotations

import socket
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlmodel import col, select

from adapters.runtime.actor import acting, shown_actor
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import SettingRow, reading, writing
from milestones.dutch import dutch_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine
    from sqlmodel import Session

    from adapters.runtime.clock import Clock

BEHIND = timedelta(hours=1)
"""How far a clock may be behind what was seen: machines differ a little."""
_SEEN = "klok_gezien"
_HELD = "klok_wacht:"
_CONFIRMED = "klok_bevestigd:"
_LOOK_SECONDS = 10.0
_NOTE_AFTER = timedelta(minutes=1)

log = structlog.get_logger("routekaart.clock")


@dataclass(frozen=True, slots=True)
class HeldClock:
    """A machine whose terms wait: what its clock says, and the latest moment that was seen before."""

    machine: str
    says: datetime
    seen: datetime

    @property
    def sentence(self) -> str:
        """What a person reads, with what there is to do."""
        return (
            f"De klok van {self.machine} wees {_shown(self.says)}, terwijl het hiervoor {_shown(self.seen)} was. "
            "Termijnen wachten. Zet de klok goed; klopt hij, of stond routekaart zo lang uit: routekaart klok --klopt."
        )


class ClockGuard:
    """Tells whether the clock of this machine may end terms."""

    def __init__(self, engine: Engine, clock: Clock, ahead: timedelta, machine: str | None = None) -> None:
        self._engine, self._clock, self._ahead = engine, clock, ahead
        self._machine = (machine or socket.gethostname())[:40]
        self._next_look = 0.0
        self._trusted = True

    def trusts(self) -> bool:
        """Whether terms may fire now. Looks in the database every ten seconds; a jump is seen at the next look."""
        if time.monotonic() >= self._next_look:
            self._trusted = self._look()
            self._next_look = time.monotonic() + _LOOK_SECONDS
        return self._trusted

    def confirm(self) -> datetime:
        """Take the clock of this machine for the right one from now on; give the moment that it says.

        Who did so is a row of its own, that no later one replaces.
        """
        now, actor = self._clock.now(), acting()
        who = shown_actor(str(actor.kind), actor.code, None if actor.way is None else str(actor.way))
        with writing(self._engine) as session:
            session.merge(SettingRow(name=_SEEN, value={"op": now.isoformat()}))
            says = {"op": now.isoformat(), "machine": self._machine, "door": who}
            session.add(SettingRow(name=f"{_CONFIRMED}{uuid.uuid4()}", value=says))
            for row in session.exec(select(SettingRow).where(col(SettingRow.name).startswith(_HELD))):
                session.delete(row)
        self._next_look = 0.0
        log.info("clock_confirmed", machine=self._machine, code=actor.code)
        return now

    def _look(self) -> bool:
        now = self._clock.now()
        with reading(self._engine) as session:
            seen = _seen(session)
            held = session.get(SettingRow, _HELD + self._machine) is not None
        fits = seen is None or -BEHIND <= now - seen <= self._ahead
        if held == fits or seen is None or now - seen > _NOTE_AFTER:
            self._note(now)
        return fits

    def _note(self, now: datetime) -> None:
        """Write down that this moment was seen, or that this clock is not believed."""
        with writing(self._engine) as session:
            seen = _seen(session)
            row = session.get(SettingRow, _HELD + self._machine)
            if seen is not None and not -BEHIND <= now - seen <= self._ahead:
                if row is None:
                    says = {"wijst": now.isoformat(), "gezien": seen.isoformat()}
                    session.add(SettingRow(name=_HELD + self._machine, value=says))
                    log.error("clock_not_believed", machine=self._machine, **says)
                return
            if row is not None:
                session.delete(row)
                log.warning("clock_right_again", machine=self._machine)
            if seen is None or now > seen:
                session.merge(SettingRow(name=_SEEN, value={"op": now.isoformat()}))


def confirmed_clocks(engine: Engine) -> list[dict[str, Any]]:
    """Return each time that somebody took a clock for right, in order: the moment, the machine, and who."""
    asked = select(SettingRow).where(col(SettingRow.name).startswith(_CONFIRMED))
    with reading(engine) as session:
        return sorted((row.value for row in session.exec(asked)), key=lambda value: str(value["op"]))


def held_clocks(engine: Engine) -> Iterator[HeldClock]:
    """Yield each machine whose terms wait for a person."""
    with reading(engine) as session:
        rows = session.exec(select(SettingRow).where(col(SettingRow.name).startswith(_HELD))).all()
    for row in rows:
        yield HeldClock(
            row.name.removeprefix(_HELD),
            datetime.fromisoformat(row.value["wijst"]),
            datetime.fromisoformat(row.value["gezien"]),
        )


def _seen(session: Session) -> datetime | None:
    row = session.get(SettingRow, _SEEN)
    return None if row is None else datetime.fromisoformat(row.value["op"])


def _shown(moment: datetime) -> str:
    here = moment.astimezone(AMSTERDAM)
    return f"{dutch_date(here)} {here:%H:%M} uur"

"""Cases with a past, for the pictures in the documentation, the browser tests and the benchmark.

The same number and day always give the same cases.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from adapters.cases.caseload import Caseload
from adapters.office import Office
from adapters.runtime.clock import AMSTERDAM, SetClock
from milestones.case import closed
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = ("mw-11", "mw-12", "mw-14", "mw-17", "mw-21")
GROUPS = ("jongere", "ondernemer", "gezin", "statushouder")


@dataclass(frozen=True)
class Step:
    """One event of a sample: after so many days, in which process, with which data."""

    after: int
    process: str
    event: str
    data: dict[str, Any]


def _way(dice: random.Random) -> Iterator[Step]:
    """Yield the events of one case, from the aanmelding on; where it stops today, is up to the calendar."""
    yield Step(0, "M3", "aanmelding_geregistreerd", {})
    threatened = dice.random() < 0.2
    yield Step(
        1,
        "M3",
        "bedreigend" if threatened else "niet_bedreigend",
        {"bedreiging": "gas"} if threatened else {},
    )
    yield Step(1 if threatened else 4, "M3", "afspraak_gemaakt", {})
    if dice.random() < 0.25:
        yield Step(2, "M3", "doelgroep_bepaald", {"doelgroep": dice.choice(GROUPS)})
    late = dice.random() < 0.2
    yield Step(1 if threatened and not late else (33 if late else 14), "M3", "eerste_gesprek_gevoerd", {})
    if dice.random() < 0.15:
        yield Step(0, "M4", "overdracht_aanvaard", {})
        yield Step(3, "M4", "ingetrokken", {"motivering": "m-1"})
        return
    yield Step(dice.choice((1, 2, 3, 9)), "M4", "overdracht_aanvaard", {})
    yield Step(1, "M4", "hulpvraag_vastgesteld", {})
    yield Step(1, "M4", "doorlooptijd_medegedeeld", {"weken": 8})
    yield Step(1, "M4", "vish_gemeld", {})
    yield Step(dice.choice((7, 12, 20)), "M4", "beeld_compleet", {})
    yield Step(2, "M6", "overdracht_aanvaard", {})
    yield Step(dice.choice((6, 10)), "M6", "plan_opgesteld", {"beslagvrije_voet": True})
    yield Step(3, "M6", "inwoner_akkoord", {})
    yield Step(3, "M6", "goedgekeurd", {})
    yield Step(dice.choice((2, 5, 20)), "M6", "bekendgemaakt", {})
    yield Step(2, "M7", "overdracht_aanvaard", {})


def fill(office: Office, number: int, municipality: str = "0518", prefix: str = "FZ-2026-P") -> list[str]:
    """Put cases with a past of up to half a year into an office; give their references."""
    today = office.clock.today()
    clock = SetClock(office.clock.now())
    past = Office(office.settings, office.engine, clock)
    caseload = Caseload(office.engine, past.casework)
    references = []
    for index in range(number):
        dice = random.Random(index)  # noqa: S311 - the same cases every time
        reference = f"{prefix}{index:05}"
        day = today - timedelta(days=dice.randrange(0, 170))
        _at(clock, day)
        past.casework.open("M3", municipality=municipality, reference=reference, on=day)
        references.append(reference)
        for step in _way(dice):
            day += timedelta(days=step.after)
            if day > today:
                break
            _at(clock, day)
            past.casework.fire_due(reference)
            try:
                past.casework.report(reference, step.event, process=step.process, data=step.data)
            except NotPossible:
                break
        _at(clock, today)
        past.casework.fire_due(reference)
        if dice.random() < 0.8:
            for process in past.casework.case(reference).case.processes:
                if not closed(process):
                    caseload.assign(reference, process.name, dice.choice(PEOPLE), "toegewezen")
    return references


def _at(clock: SetClock, day: date) -> None:
    clock.moment = datetime.combine(day, time(9), AMSTERDAM)

"""Every figure of the monitor against a second, naive count of the same cases, and what may be seen of it."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from naive_monitor import Counts, Diary, count, middle, nine_of_ten

from adapters.oversight.disclosure import LEAST, shown_counts, total_may_be_shown
from adapters.oversight.monitor import Monitor, read_monitor
from adapters.oversight.monitor_figures import (
    EXITS,
    FINISHED,
    IN_TIME,
    LATE_NOW,
    LEAD_TIME,
    RELAPSE,
    REQUESTS,
    SIGNALS,
    STARTED,
    STUCK,
    SUCCESS,
    VOLUMES,
    WAITING,
    figures_of,
)
from adapters.runtime.clock import AMSTERDAM
from milestones.policy import with_overrides
from milestones.process import NotPossible

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

THE_HAGUE, GRONINGEN = "0518", "0014"
FIRST_DAY = date(2026, 3, 9)
LAST_DAY = date(2026, 10, 30)
MEASURED_TO, WEEKS = date(2026, 10, 16), 26
FIVE_YEARS = timedelta(days=365 * 5 + 30)
STUCK_ON = ("systeem", "te-weinig-mensen", "anders")
DECIDED = (
    ("plan_opgesteld", {"beslagvrije_voet": True}),
    ("inwoner_akkoord", {}),
    ("goedgekeurd", {}),
    ("bekendgemaakt", {}),
)


class Town:
    """A municipality with cases that went all kinds of ways, the same for the same seed."""

    def __init__(self, office: Office, clock: SetClock, seed: int) -> None:
        self.office, self.clock, self.dice = office, clock, random.Random(seed)  # noqa: S311
        self.diary, self.references = Diary(office), list[str]()

    def set_day(self, day: date) -> None:
        """Let it be another day."""
        self.clock.moment = datetime.combine(day, time(9), AMSTERDAM)

    def opened(self, code: str, municipality: str = THE_HAGUE) -> str:
        """Open a case somewhere in the first twenty weeks."""
        self.set_day(FIRST_DAY + timedelta(days=self.dice.randrange(140)))
        reference = f"A-{len(self.references):03}"
        self.office.casework.open(code, municipality=municipality, reference=reference)
        self.references.append(reference)
        self.diary.look(reference)
        return reference

    def later(self, reference: str, process: str, *ways: tuple[tuple[int, ...], str, dict[str, Any]]) -> None:
        """Report events, each after one of some numbers of days; terms that fall due in between come first."""
        for days, event, data in ways:
            self.wait(reference, self.dice.choice(days))
            try:
                self.office.casework.report(reference, event, process=process, data=data)
            except NotPossible:
                return  # an earlier event went another way
            self.diary.look(reference)

    def wait(self, reference: str, days: int) -> None:
        """Let days go by, and look at the case every few of them."""
        until = self.clock.today() + timedelta(days=days)
        while self.clock.today() < until:
            self.set_day(min(until, self.clock.today() + timedelta(days=5)))
            if self.office.casework.is_due(reference):
                self.office.casework.fire_due(reference)
                self.diary.look(reference)

    def fill(self) -> None:
        """Let the cases of half a year go by."""
        for number in range(34):
            reference = self.opened("M3", GRONINGEN if number % 9 == 8 else THE_HAGUE)
            crisis = self.dice.random() < 0.4
            self.later(reference, "M3", ((0, 1), "aanmelding_geregistreerd", {}))
            for _ in range(self.dice.choice((0, 1, 2))):
                self.later(
                    reference, "M3", ((0, 1), "knelpunt_gemeld", {"knelpunt": self.dice.choice(STUCK_ON)})
                )
            if self.dice.random() < 0.35:
                self.later(reference, "M3", ((2, 9, 40), "ingetrokken", {"motivering": "m-1"}))
            elif crisis:
                self.later(reference, "M3", ((0, 2, 6), "bedreigend", {"bedreiging": "gas"}))
                self.later(reference, "M3", ((1, 3, 8), "eerste_gesprek_gevoerd", {}))
            else:
                self.later(reference, "M3", ((1,), "niet_bedreigend", {}))
                self.later(reference, "M3", ((6, 20, 33), "eerste_gesprek_gevoerd", {}))
            self.later(reference, "M4", ((1, 4, 11), "overdracht_aanvaard", {}))
            if self.dice.random() < 0.3:
                self.later(reference, "M4", ((5,), "ingetrokken", {"motivering": "m-1"}))
        for _ in range(14):
            reference = self.opened("M6")
            self.later(reference, "M6", *(((0, 2, 9), event, data) for event, data in DECIDED))
            self.wait(reference, self.dice.choice((10, 70)))
        for _ in range(14):
            reference = self.opened("M8")
            if self.dice.random() < 0.8:
                self.later(reference, "M8", ((3, 30), "signaal_ontvangen", {}))
                self.later(reference, "M8", ((2, 8), "hulp_nodig", {}))
        for reference in self.references:
            self.set_day(LAST_DAY)
            self.office.casework.fire_due(reference)
            self.diary.look(reference)

    def counts(self) -> Counts:
        """Count the municipality again, without the product's monitor."""
        views = [self.office.casework.case(reference) for reference in self.references]
        here = [view for view in views if view.municipality == THE_HAGUE]
        return count(self.diary, here, MEASURED_TO - timedelta(days=7 * WEEKS - 1), MEASURED_TO)

    def monitor(self) -> Monitor:
        """Return the product's monitor over the same period."""
        return read_monitor(self.office, THE_HAGUE, MEASURED_TO, WEEKS)


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_a_second_count_of_the_same_cases_agrees(office: Office, clock: SetClock, seed: int) -> None:
    """Each figure is that of a naive count where it may be shown, and a bound that holds where it may not."""
    town = Town(office, clock, seed)
    town.fill()
    counts, monitor = town.counts(), town.monitor()
    shares = {item.figure: counts.in_time.get(item.term, (0, 0)) for item in IN_TIME}
    shares |= {RELAPSE: counts.relapse}
    if total_may_be_shown(counts.waiting):
        shares |= {LATE_NOW: counts.late_now}
    if total_may_be_shown(counts.exits) and shown_counts(counts.exits).get("Afgerond"):
        shares |= {SUCCESS: (counts.exits["Afgerond"], counts.finished)}
    for figure, (part, whole) in shares.items():
        (cell,) = monitor.of(figure)
        assert cell.of == (str(whole) if whole >= LEAST else f"minder dan {LEAST}"), figure.name
        check_share(cell.value, cell.shown, part, whole)

    times = {cell.part: (cell.value, cell.of) for cell in monitor.of(LEAD_TIME)}
    assert {part.split()[0] for part in times} == set(counts.lead_times)
    for code, days in counts.lead_times.items():
        if len(days) < LEAST:
            wanted: tuple[Any, Any, str] = (None, None, f"minder dan {LEAST}")
        else:
            wanted = (middle(days), nine_of_ten(days), str(len(days)))
        assert times[f"{code} mediaan"] == (wanted[0], wanted[2])
        assert times[f"{code} 90e percentiel"] == (wanted[1], wanted[2])

    for figure, exact in ((WAITING, counts.waiting), (EXITS, counts.exits)):
        cells = {cell.part: cell.value for cell in monitor.of(figure)}
        assert set(cells) == set(exact)
        assert {part: exact[part] for part, value in cells.items() if value is not None} == {
            part: value for part, value in cells.items() if value is not None
        }

    assert {cell.part: cell.value for cell in monitor.of(STUCK)} == {
        name: number if number >= LEAST else None for name, number in counts.stuck.items()
    }
    volumes = {cell.part: cell.value for cell in monitor.of(VOLUMES)}
    wanted_volumes = {SIGNALS: counts.signals, REQUESTS: counts.requests, STARTED: counts.started}
    assert {name: volumes[name] for name in wanted_volumes} == {
        name: number if number >= LEAST else None for name, number in wanted_volumes.items()
    }
    assert volumes[FINISHED] == (counts.finished if total_may_be_shown(counts.exits) else None)

    # Nothing of this may be shown by accident: there is something to hide, and something to show.
    assert {cell.value is None for cell in monitor.cells} == {True, False}
    assert {"M3", "M6", "M8"} <= set(counts.lead_times)


def check_share(value: float | None, shown: str, part: int, whole: int) -> None:
    """A share is exact or a bound; a bound is true and fits more than one small number."""
    if value is not None:
        assert value == part / whole
        assert min(part, whole - part) >= LEAST
        return
    assert whole < LEAST or min(part, whole - part) < LEAST
    if bound := re.fullmatch(r"(meer|minder) dan (\d+)%", shown):
        more, limit = bound[1] == "meer", int(bound[2])
        fitting = [
            n for n in range(whole + 1) if (100 * n > limit * whole) == more and 100 * n != limit * whole
        ]
        assert part in fitting
        assert len(fitting) >= LEAST


def test_an_archive_term_ends_nothing_again(office: Office, clock: SetClock) -> None:
    """Years later the archive term of an ended case warns; the figures of its own time do not change by that."""
    town = Town(office, clock, 7)
    for _ in range(12):
        town.later(town.opened("M3"), "M3", ((4, 9), "ingetrokken", {"motivering": "m-1"}))
    town.set_day(LAST_DAY)
    before = [read_monitor(office, THE_HAGUE, LAST_DAY).of(figure) for figure in (LEAD_TIME, EXITS)]
    assert {cell.of for cell in before[0]} == {"12"}
    town.set_day(LAST_DAY + FIVE_YEARS)
    assert all(office.casework.fire_due(reference) for reference in town.references)
    assert [read_monitor(office, THE_HAGUE, LAST_DAY).of(figure) for figure in (LEAD_TIME, EXITS)] == before
    assert read_monitor(office, THE_HAGUE, LAST_DAY + FIVE_YEARS).of(LEAD_TIME) == ()


def test_what_is_reported_late_counts_on_its_own_day(office: Office, clock: SetClock) -> None:
    """An end that is reported months later has the lead time of the day on which it was."""
    town = Town(office, clock, 8)
    for _ in range(10):
        reference = town.opened("M3")
        town.set_day(LAST_DAY)
        opened_on = office.casework.case(reference).case.process("M3").opened_on
        day = opened_on + timedelta(days=1)
        office.casework.report(reference, "ingetrokken", process="M3", on=day, data={"motivering": "m-1"})
    cells = read_monitor(office, THE_HAGUE, LAST_DAY).of(LEAD_TIME)
    assert {(cell.of, (cell.value or 0) <= 1) for cell in cells} == {("10", True)}


def test_four_withdrawn_cases_are_four_cases(office: Office, clock: SetClock) -> None:
    """A case that ends in two processes at once is one case: four of them are too few to show."""
    town = Town(office, clock, 9)
    for _ in range(4):
        reference = town.opened("M3")
        for process, event in (
            ("M3", "aanmelding_geregistreerd"),
            ("M3", "niet_bedreigend"),
            ("M3", "eerste_gesprek_gevoerd"),
            ("M4", "hulpvraag_vastgesteld"),
            ("M4", "ingetrokken"),
        ):
            data = {"motivering": "m-1"} if event == "ingetrokken" else {}
            office.casework.report(reference, event, process=process, data=data)
        assert len(office.casework.case(reference).case.processes) == 3
    figures = read_monitor(office, THE_HAGUE, LAST_DAY)
    assert [(cell.part, cell.value, cell.shown) for cell in figures.of(EXITS)] == [
        ("Ingetrokken", None, "niet getoond")
    ]
    assert all(cell.value is None for cell in figures.cells)
    assert {cell.of for cell in figures.cells} <= {"", f"minder dan {LEAST}"}


def test_nine_at_each_of_two_desks_hides_how_many_there_are(office: Office, clock: SetClock) -> None:
    """Eighteen open cases over two hidden cells could only be nine and nine, so the eighteen is not shown either."""
    town = Town(office, clock, 10)
    for code in ("M3", "M6"):
        for _ in range(9):
            town.opened(code)
    figures = read_monitor(office, THE_HAGUE, LAST_DAY)
    assert [cell.value for cell in figures.of(WAITING)] == [None, None]
    assert [(cell.value, cell.shown, cell.of) for cell in figures.of(LATE_NOW)] == [
        (None, "niet getoond", "niet getoond")
    ]


def test_a_label_has_the_length_of_the_municipality(office: Office) -> None:
    """Where the verordening says six weeks, the monitor does not say eight."""
    rules = office.rules_for(THE_HAGUE)
    figures = figures_of(with_overrides(rules.policy, {"T03": {"weken": 6}}))
    assert figures["beschikking"].name == "Beschikking binnen 6 weken na het eerste gesprek"
    assert figures["overdracht"].name == "Overdracht binnen 5 werkdagen aanvaard"
    assert figures["norm-eerste-gesprek"].name == "Eerste gesprek binnen de eigen norm"
    normed = figures_of(with_overrides(rules.policy, {"T01": {"norm": {"weken": 3}}}))
    assert normed["norm-eerste-gesprek"].name == "Eerste gesprek binnen de eigen norm (3 weken)"
    assert normed["eerste-gesprek"].name == "Eerste gesprek binnen 4 weken"

"""Downtime, odd nights and wrong clocks: each rung once, in order, and late ones say so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select
from support.invariants import messages, violations

from adapters.messages.message_kinds import WARNING
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.storage.database import JournalRow, OutboxRow, reading
from milestones.process import NotPossible

if TYPE_CHECKING:
    from adapters.cases.casework import Casework
    from adapters.office import Office

pytestmark = pytest.mark.short("sqlite")


def _at(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=AMSTERDAM)


def _fired(casework: Casework, reference: str) -> list[tuple[str | None, date, int]]:
    """Return the rungs that fired: name, the day it was due, and how many days late it came."""
    rows = casework.case(reference).journal
    return [(row.rung, row.on, int(row.data.get("dagen_te_laat", 0))) for row in rows if row.rung is not None]


def _sweep(office: Office) -> int:
    return sum(office.casework.fire_due(reference) for reference in office.casework.cases_with_due_terms())


def test_after_days_of_downtime_missed_rungs_come_in_order_and_say_that_they_are_late(
    office: Office, clock: SetClock
) -> None:
    """Every missed rung fires once, in order; the journal has its day and the days that it was late."""
    reference = office.casework.open("M3", municipality="0518").reference
    clock.moment = _at(2026, 4, 2)
    _sweep(office)
    _sweep(office)
    assert _fired(office.casework, reference) == [
        ("-14d", date(2026, 3, 24), 9),
        ("-7d", date(2026, 3, 31), 2),
        ("-2wd", date(2026, 4, 1), 1),
    ]
    assert violations_but_effects(office) == []


def test_a_late_message_says_so(office: Office, clock: SetClock) -> None:
    """A warning that comes after its day names that day; one on its day does not."""
    office.casework.open("M3", municipality="0518")
    clock.moment = _at(2026, 3, 26)
    _sweep(office)
    clock.moment = _at(2026, 3, 31)
    _sweep(office)
    deliver_what_is_left_of(office)
    with reading(office.engine) as session:
        query = select(OutboxRow.id).where(OutboxRow.kind == WARNING).order_by(col(OutboxRow.created_at))
        ids = session.exec(query).all()
    texts = {item["id"]: item["tekst"] for item in messages(office.settings.messages_file)}
    late, on_time = (texts[id_] for id_ in ids)
    assert "later dan gepland: het hoorde bij" in late
    assert "24 maart 2026" in late
    assert "later dan gepland" not in on_time


def deliver_what_is_left_of(office: Office) -> None:
    """Plan and send every message, as a flow run does."""
    for effect in office.attention.open_effects(1):
        office.deliveries.plan(effect.id)
    for parcel in office.deliveries.due(1):
        office.deliveries.send(parcel)


@pytest.mark.parametrize(
    "night",
    [
        # The night of 29 March 2026 has no hour between two and three.
        (2026, 3, 29),
        # The night of 25 October 2026 has that hour twice.
        (2026, 10, 25),
        (2027, 1, 1),
        (2028, 2, 29),
    ],
)
def test_a_rung_fires_once_in_an_odd_night(
    office: Office, clock: SetClock, night: tuple[int, int, int]
) -> None:
    """Swept every ten minutes from the evening before to the evening after, a rung of that day fires once."""
    expected = date(*night)
    reference = _with_rung_on(office, clock, expected)
    midnight = _at(*night, 0)
    moment, end = (
        (midnight - timedelta(hours=2)).astimezone(UTC),
        (midnight + timedelta(hours=22)).astimezone(UTC),
    )
    fired_at: list[datetime] = []
    while moment < end:
        clock.moment = moment
        if office.casework.fire_due(reference):
            fired_at.append(moment.astimezone(AMSTERDAM))
        moment += timedelta(minutes=10)
    assert [item.replace(tzinfo=None) for item in fired_at] == [midnight.replace(tzinfo=None)]
    assert [item[1:] for item in _fired(office.casework, reference) if item[1] >= expected] == [(expected, 0)]
    assert violations_but_effects(office) == []


def _with_rung_on(office: Office, clock: SetClock, day: date) -> str:
    """Return a case with a rung on this day, opened so many days before it as that takes."""
    for days in range(1, 60):
        clock.moment = datetime.combine(day - timedelta(days=days), datetime.min.time(), AMSTERDAM)
        for code in ("M2", "M3"):
            reference = office.casework.open(code, municipality="0518").reference
            process = office.casework.case(reference).case.process(code)
            if any(rung.on == day for term in process.terms for rung in term.ladder):
                clock.moment = datetime.combine(day, datetime.min.time(), AMSTERDAM) - timedelta(hours=3)
                while _sweep(office):
                    pass
                return reference
    raise AssertionError("no term has a rung on this day")


def test_a_clock_that_is_set_back_an_hour_fires_nothing_twice(office: Office, clock: SetClock) -> None:
    """After midnight a rung fired; the clock goes back before midnight and on again: it stays at once."""
    reference = office.casework.open("M3", municipality="0518").reference
    clock.moment = _at(2026, 3, 24, 0, 30)
    assert _sweep(office) == 1
    clock.moment -= timedelta(hours=1)
    assert _sweep(office) == 0
    office.casework.report(reference, "aanmelding_geregistreerd", event_id="terug")
    with pytest.raises(NotPossible):
        office.casework.report(reference, "niet_bedreigend", on=date(2026, 3, 24))
    clock.moment += timedelta(hours=2)
    assert _sweep(office) == 0
    assert [rung for rung, _, _ in _fired(office.casework, reference)] == ["-14d"]
    assert violations_but_effects(office) == []


def test_an_event_in_the_hour_that_comes_twice_keeps_its_order(office: Office, clock: SetClock) -> None:
    """Two events in the doubled hour of 25 October stand in the journal in their order, an hour apart."""
    clock.moment = _at(2026, 10, 24, 12)
    reference = office.casework.open("M1", municipality="0518").reference
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # half past two, summer time
    for number in range(2):
        clock.moment = first + timedelta(hours=number)
        office.casework.report(reference, "informatie_gegeven", event_id=f"u{number}")
    rows = office.casework.case(reference).journal[1:]
    assert [row.at for row in rows] == [first, first + timedelta(hours=1)]
    assert {row.at.astimezone(AMSTERDAM).strftime("%H:%M") for row in rows} == {"02:30"}
    assert violations_but_effects(office) == []


def test_midnight_between_deciding_and_writing_gives_one_date(office: Office, clock: SetClock) -> None:
    """A clock that passes midnight during the transition leaves a journal that can be replayed."""

    class Passing(SetClock):
        """A clock on which every look is half a second later."""

        def now(self) -> datetime:
            self.moment += timedelta(milliseconds=500)
            return super().now()

    passing = Passing(_at(2026, 3, 9, 23, 59) + timedelta(seconds=57))
    office.casework.clock = passing
    references = [
        office.casework.open("M2", municipality="0518", on=date(2026, 2, 1)).reference for _ in range(6)
    ]
    for reference in references:
        office.casework.report(reference, "crisissignaal")
    with reading(office.engine) as session:
        dates = {row.at.astimezone(AMSTERDAM).date() for row in session.exec(select(JournalRow))}
    assert dates == {date(2026, 3, 9), date(2026, 3, 10)}
    assert violations_but_effects(office) == []


def test_a_term_suspended_and_resumed_on_the_day_of_its_warning_does_not_block_the_sweep(
    office: Office, clock: SetClock
) -> None:
    """A warning that is given again on the same day, after a suspension of no days, fires and is replayed."""
    reference = office.casework.open("M4", municipality="0518").reference
    office.casework.report(reference, "hulpvraag_vastgesteld")
    term = office.casework.case(reference).case.process("M4").running("T03")
    assert term is not None
    clock.moment = datetime.combine(term.ladder[0].on, datetime.min.time(), AMSTERDAM) + timedelta(hours=9)
    _sweep(office)
    office.casework.report(reference, "gegevens_ontbreken")
    office.casework.report(reference, "gegevens_ontvangen")
    _sweep(office)
    assert office.casework.cases_with_due_terms() == []
    assert violations_but_effects(office) == []


def violations_but_effects(office: Office) -> list[str]:
    """Return what is broken, apart from messages: no worker runs here."""
    return [line for line in violations(office) if "was not carried out" not in line]

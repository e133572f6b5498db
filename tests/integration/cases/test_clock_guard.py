"""A clock that jumps sends no letter: terms wait until it is right, or until a person says that it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from adapters.cases.clock_guard import ClockGuard, confirmed_clocks, held_clocks
from adapters.operations.integrity import broken_cases
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM, SetClock

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.cases.casework import Casework

NOW = datetime(2026, 3, 9, 10, tzinfo=AMSTERDAM)
WEEK = timedelta(days=7)


def _trusts(engine: Engine, moment: datetime, machine: str = "een") -> bool:
    """Tell whether a machine that starts at this moment may end terms."""
    return ClockGuard(engine, SetClock(moment), WEEK, machine).trusts()


@pytest.mark.parametrize(
    ("jump", "trusted"),
    [
        (timedelta(0), True),
        (timedelta(days=6), True),  # it stood still for less than the bound
        (timedelta(minutes=-50), True),  # two machines differ a little
        (timedelta(days=40), False),
        (timedelta(hours=-2), False),
    ],
)
def test_a_jump_beyond_the_bound_holds_the_terms(engine: Engine, jump: timedelta, *, trusted: bool) -> None:
    """An outage of some days is ordinary; forty days ahead, or two hours back, is not."""
    assert _trusts(engine, NOW)
    assert _trusts(engine, NOW + jump) is trusted
    assert len(list(held_clocks(engine))) == (not trusted)


def test_a_clock_that_is_put_right_needs_no_person(engine: Engine) -> None:
    """Once the machine says the right time again its terms go on, and nothing is told of it any more."""
    assert _trusts(engine, NOW)
    assert not _trusts(engine, NOW + timedelta(days=40))
    assert _trusts(engine, NOW + timedelta(minutes=5))
    assert not list(held_clocks(engine))


def test_one_wrong_machine_holds_no_other(engine: Engine) -> None:
    """A machine whose clock is forty days ahead waits; its neighbour goes on, and is believed."""
    assert _trusts(engine, NOW, "goed")
    assert not _trusts(engine, NOW + timedelta(days=40), "fout")
    assert _trusts(engine, NOW + timedelta(minutes=2), "goed")
    (held,) = held_clocks(engine)
    assert held.machine == "fout"
    assert "routekaart klok --klopt" in held.sentence


def test_a_person_confirms_a_clock_after_a_long_outage(engine: Engine) -> None:
    """After a month in which nothing ran, one command lets terms fire again."""
    assert _trusts(engine, NOW)
    later = NOW + timedelta(days=31)
    guard = ClockGuard(engine, SetClock(later), WEEK, "een")
    assert not guard.trusts()
    guard.confirm()
    assert guard.trusts()
    assert not list(held_clocks(engine))


def test_who_confirmed_a_clock_stays_written_down(engine: Engine) -> None:
    """Each confirmation is a row that names its actor; neither the next one nor a later moment replaces it."""
    clock = SetClock(NOW)
    guard = ClockGuard(engine, clock, WEEK, "een")
    for code in ("mw-1", "mw-2"):
        clock.moment += timedelta(days=31)
        with acts(Actor(ActorKind.OPERATOR, code, Way.COMMAND)), capture_logs() as logs:
            guard.confirm()
        assert [(line["event"], line["code"]) for line in logs] == [("clock_confirmed", code)]
    assert _trusts(engine, clock.moment + timedelta(hours=1))
    assert [(row["op"], row["machine"], row["door"]) for row in confirmed_clocks(engine)] == [
        (
            (NOW + timedelta(days=days)).isoformat(),
            "een",
            {"soort": "beheerder", "code": code, "weg": "opdracht"},
        )
        for days, code in ((31, "mw-1"), (62, "mw-2"))
    ]


def test_a_case_of_a_clock_that_was_ahead_goes_on_after_it_is_set_right(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The opening has its true date in the database, events are taken again, and the journal still leads there."""
    today = clock.today()
    clock.moment += timedelta(days=40)
    reference = casework.open("M3", municipality="0518").reference
    clock.moment -= timedelta(days=40)
    casework.report(
        reference, "opening_rechtgezet", process="M3", on=today, data={"reden": "klok stond verkeerd"}
    )
    casework.report(reference, "aanmelding_geregistreerd", on=today)
    assert casework.case(reference).case.process("M3").opened_on == today
    assert not list(broken_cases(engine, lambda _: casework.rules_for("0518")))

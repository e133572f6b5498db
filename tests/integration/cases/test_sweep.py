"""Firing the terms of many cases at once, and showing several changes of one case in one wake-up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from adapters.cases.attention import Attention
from adapters.cases.store import lock_case
from adapters.operations.integrity import broken_cases
from adapters.storage.database import JournalRow, reading, writing
from milestones.policy import Rules

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import SetClock


def _waiting_for_a_talk(casework: Casework, clock: SetClock, number: int) -> list[str]:
    """Open cases, each a day after the one before, and wait until the first warning of T01 of all is due."""
    references = []
    for _ in range(number):
        references.append(casework.open("M3", municipality="0518").reference)
        clock.moment += timedelta(days=1)
    clock.moment += timedelta(days=14)
    return references


def test_terms_of_many_cases_fire_together_in_order_each_once(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The oldest due day comes first, every journal stays whole, and a second round fires nothing."""
    references = _waiting_for_a_talk(casework, clock, 5)
    due = casework.cases_with_due_terms()
    assert due == references
    assert casework.fire_due_together(due) == 5
    assert casework.fire_due_together(due) == 0
    with reading(engine) as session:
        fired = session.exec(
            select(JournalRow.case_reference, JournalRow.on)
            .where(col(JournalRow.rung).is_not(None))
            .order_by(col(JournalRow.id))
        ).all()
    assert [reference for reference, _ in fired] == references
    assert [on for _, on in fired] == sorted(on for _, on in fired)
    assert not list(broken_cases(engine, lambda _: Rules(casework.rules_for("0518").calendar)))


def test_together_a_case_gets_the_same_journal_as_alone(casework: Casework, clock: SetClock) -> None:
    """Two rungs of one case that are due on the same day stand in the same order, with the same ids."""
    alone, together = _waiting_for_a_talk(casework, clock, 2)
    clock.moment += timedelta(days=20)
    fired = casework.fire_due(alone)
    assert casework.fire_due_together([together]) == fired
    assert fired > 1
    told = [
        [(row.event, row.rung, row.after) for row in casework.case(reference).journal]
        for reference in (alone, together)
    ]
    assert told[0] == told[1]


def test_a_case_that_somebody_is_changing_is_left_for_the_next_look(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The others fire, and nobody waits."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    busy, free = _waiting_for_a_talk(casework, clock, 2)
    with writing(engine) as session:
        lock_case(session, busy)
        assert casework.fire_due_together([busy, free]) == 1
    assert casework.cases_with_due_terms() == [busy]


def test_several_events_of_one_case_are_one_wake_up(casework: Casework, engine: Engine) -> None:
    """A process that changed three times is claimed once, and rests when the last change was shown."""
    attention = Attention(engine)
    reference = casework.open("M3", municipality="0518").reference
    for event in ("aanmelding_geregistreerd", "niet_bedreigend"):
        casework.report(reference, event)
    (held,) = attention.claim(10)
    for effect in attention.open_effects(held.process_id):
        with writing(engine) as session:
            kept = session.get_one(type(effect), effect.id)
            kept.done_at = kept.created_at
    attention.shown(held, casework.case(reference).case.process("M3").sequence)
    attention.release(held)
    assert attention.claim(10) == []

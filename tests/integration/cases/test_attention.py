"""Which process a worker gets, what it knows of it, and when the process rests."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select

from adapters.cases.attention import Attention
from adapters.runtime.counters import REGISTRY
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from adapters.office import Office


@pytest.fixture
def opened(office: Office) -> Callable[[str], int]:
    """Open a case of M3, and give the number of its process."""

    def made(reference: str) -> int:
        office.casework.open("M3", municipality="0518", reference=reference)
        return _row(office.engine, reference).id or 0

    return made


def _row(engine: Engine, reference: str) -> ProcessRow:
    with reading(engine) as session:
        return session.exec(select(ProcessRow).where(ProcessRow.case_reference == reference)).one()


def _all_sent(attention: Attention, process_id: int) -> None:
    with writing(attention.engine) as session:
        for row in session.exec(select(OutboxRow).where(OutboxRow.process_id == process_id)):
            row.done_at = row.created_at
            session.add(row)


def _rests(office: Office, reference: str) -> int:
    """Show a process whole, as a worker does, so that it asks for nothing; give its number."""
    attention = office.attention
    (held,) = [one for one in attention.claim(10) if one.case_reference == reference]
    _all_sent(attention, held.process_id)
    attention.shown(held, _row(office.engine, reference).sequence)
    return held.process_id


# --- taking ---------------------------------------------------------------------------------------------------


def test_what_is_claimed_is_what_asks(office: Office, opened: Callable[[str], int]) -> None:
    """A claim says whose process it is, which one, and that no run was made yet."""
    number = opened("A-1")
    (held,) = office.attention.claim(10)
    assert (held.process_id, held.case_reference, held.municipality) == (number, "A-1", "0518")
    assert (held.name, held.code, held.runs_made, held.flow_run_id) == ("M3", "M3", 0, None)


def test_the_oldest_are_claimed_first_and_no_more_than_asked(
    office: Office, opened: Callable[[str], int]
) -> None:
    """Who asks for two of three gets the first two; then the third."""
    numbers = [opened(f"A-{number}") for number in (1, 2, 3)]
    assert [one.process_id for one in office.attention.claim(2)] == numbers[:2]
    assert [one.process_id for one in office.attention.claim(2)] == numbers[2:]
    assert office.attention.claim(2) == []


def test_nobody_else_gets_what_is_claimed(office: Office, opened: Callable[[str], int]) -> None:
    """Another worker finds nothing, until it is given back."""
    opened("A-1")
    (held,) = office.attention.claim(1)
    other = Attention(office.engine)
    assert other.claim(1) == []
    office.attention.release(held)
    assert [one.case_reference for one in other.claim(1)] == ["A-1"]
    assert not office.attention.keep(held)


def test_what_rests_and_what_ended_is_not_claimed(office: Office, opened: Callable[[str], int]) -> None:
    """A process that is shown asks for nothing; one whose run has ended is not woken even when it asks."""
    number = opened("A-1")
    _rests(office, "A-1")
    assert office.attention.claim(10) == []
    office.attention.ask([number])
    assert [one.process_id for one in office.attention.claim(10)] == [number]
    opened("A-2")
    (held,) = office.attention.claim(10)
    _all_sent(office.attention, held.process_id)
    office.attention.shown(held, _row(office.engine, "A-2").sequence, finished=True)
    office.attention.ask([held.process_id])
    assert office.attention.claim(10) == []


def test_only_who_is_named_is_asked(office: Office, opened: Callable[[str], int]) -> None:
    """Asking attention for one process leaves the others at rest."""
    opened("A-1")
    other = opened("A-2")
    for held in office.attention.claim(10):
        _all_sent(office.attention, held.process_id)
        office.attention.shown(held, _row(office.engine, held.case_reference).sequence)
    office.attention.ask([other])
    assert [one.case_reference for one in office.attention.claim(10)] == ["A-2"]


# --- the flow run ---------------------------------------------------------------------------------------------


def test_a_link_is_of_one_process(office: Office, opened: Callable[[str], int]) -> None:
    """The run of one is not the run of the other, and is known by its case and name."""
    opened("A-1")
    opened("A-2")
    one, _ = office.attention.claim(2)
    run = uuid.uuid4()
    assert office.attention.link(one, run)
    assert office.attention.run_of("A-1", "M3") == run
    assert office.attention.run_of("A-2", "M3") is None
    assert office.attention.run_of("A-1", "M4") is None
    office.attention.release(one)
    (again,) = office.attention.claim(1)
    assert again.flow_run_id == run


def test_who_lost_the_lease_links_nothing(office: Office, opened: Callable[[str], int]) -> None:
    """A worker that was taken over names no run."""
    opened("A-1")
    (held,) = office.attention.claim(1)
    office.attention.release(held)
    assert not office.attention.link(held, uuid.uuid4())
    assert office.attention.run_of("A-1", "M3") is None


def test_a_run_that_is_gone_is_forgotten_for_its_own_process(
    office: Office, opened: Callable[[str], int]
) -> None:
    """The process asks again, with a run more to make; every other process keeps its own."""
    opened("A-1")
    opened("A-2")
    both = office.attention.claim(2)
    runs = {held.case_reference: uuid.uuid4() for held in both}
    for held in both:
        assert office.attention.link(held, runs[held.case_reference])
        _all_sent(office.attention, held.process_id)
        office.attention.shown(held, _row(office.engine, held.case_reference).sequence)
    gone, stays = (held.process_id for held in both)
    assert office.attention.unlink(gone, runs["A-1"])
    assert (office.attention.run_of("A-1", "M3"), office.attention.run_of("A-2", "M3")) == (None, runs["A-2"])
    assert [(one.process_id, one.runs_made) for one in office.attention.claim(10)] == [(gone, 1)]
    assert not office.attention.unlink(stays, runs["A-1"])  # it has another
    assert _row(office.engine, "A-2").runs_made == 0


def test_a_run_that_ended_with_its_process_is_no_run_that_is_gone(
    office: Office, opened: Callable[[str], int]
) -> None:
    """A process that is finished keeps its run."""
    number = opened("A-1")
    (held,) = office.attention.claim(1)
    run = uuid.uuid4()
    office.attention.link(held, run)
    _all_sent(office.attention, number)
    office.attention.shown(held, _row(office.engine, "A-1").sequence, finished=True)
    assert not office.attention.unlink(number, run)
    assert office.attention.run_of("A-1", "M3") == run


def test_a_case_that_is_not_here_is_not_known(office: Office, opened: Callable[[str], int]) -> None:
    """A process is known by its case and its name together."""
    opened("A-1")
    assert office.attention.knows("A-1", "M3")
    assert not office.attention.knows("A-1", "M4")
    assert not office.attention.knows("A-2", "M3")


def test_a_run_takes_over_the_claim_of_its_own_worker(office: Office, opened: Callable[[str], int]) -> None:
    """What was claimed to hand a run out goes over to the run; another worker does not get it."""
    opened("A-1")
    number = opened("A-2")
    _, held = office.attention.claim(2)
    run = uuid.uuid4()
    office.attention.link(held, run)
    assert Attention(office.engine).claim_run(run) is None
    assert office.attention.claim_run(uuid.uuid4()) is None
    taken = office.attention.claim_run(run)
    assert taken is not None
    assert (taken.process_id, taken.flow_run_id) == (number, run)
    assert office.attention.keep(taken)
    office.attention.release(held)  # it is not in its hands any more
    assert office.attention.keep(taken)


# --- what is shown --------------------------------------------------------------------------------------------


def test_what_changed_meanwhile_is_shown_again(office: Office, opened: Callable[[str], int]) -> None:
    """A worker that shows an older sequence leaves the process asking, and free."""
    number = opened("A-1")
    (held,) = office.attention.claim(1)
    _all_sent(office.attention, number)
    before = _row(office.engine, "A-1").sequence
    office.casework.report("A-1", "aanmelding_geregistreerd")
    _all_sent(office.attention, number)
    office.attention.shown(held, before)
    assert [one.process_id for one in Attention(office.engine).claim(1)] == [number]


def test_a_message_that_is_to_be_sent_keeps_its_process_asking(
    office: Office, opened: Callable[[str], int]
) -> None:
    """One of another process does not."""
    first, second = opened("A-1"), opened("A-2")
    held = {one.process_id: one for one in office.attention.claim(2)}
    _all_sent(office.attention, first)
    for number, reference in ((first, "A-1"), (second, "A-2")):
        office.attention.shown(held[number], _row(office.engine, reference).sequence)
    assert [one.process_id for one in office.attention.claim(10)] == [second]


def test_who_lost_the_lease_shows_nothing(office: Office, opened: Callable[[str], int]) -> None:
    """A worker that was taken over lets the process ask on, and does not end it."""
    number = opened("A-1")
    (late,) = office.attention.claim(1)
    office.attention.release(late)
    other = Attention(office.engine)
    (held,) = other.claim(1)
    _all_sent(other, number)
    office.attention.shown(late, _row(office.engine, "A-1").sequence, finished=True)
    row = _row(office.engine, "A-1")
    assert (row.attention, row.finished) == (True, False)
    assert other.keep(held)


def test_how_long_it_took_is_counted_once_when_it_rests(office: Office, opened: Callable[[str], int]) -> None:
    """The figure of changes that are shown grows by one, and by none while something is still to be sent."""

    def counted() -> float:
        samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
        (found,) = [one.value for one in samples if one.name.endswith("shown_after_seconds_count")]
        return float(found)

    number = opened("A-1")
    before = counted()
    (held,) = office.attention.claim(1)
    sequence = _row(office.engine, "A-1").sequence
    office.attention.shown(held, sequence)
    assert counted() == before
    (held,) = office.attention.claim(1)
    _all_sent(office.attention, number)
    office.attention.shown(held, sequence)
    assert counted() == before + 1
    assert _row(office.engine, "A-1").asked_at is None


# --- giving back ----------------------------------------------------------------------------------------------


def test_what_is_given_back_for_later_rests_so_long(office: Office, opened: Callable[[str], int]) -> None:
    """Nobody takes it up by himself; a person who answers its run does not wait."""
    opened("A-1")
    (held,) = office.attention.claim(1)
    run = uuid.uuid4()
    office.attention.link(held, run)
    office.attention.release(held, timedelta(minutes=1))
    assert office.attention.claim(1) == []
    assert Attention(office.engine).claim(1) == []
    taken = office.attention.claim_run(run)
    assert taken is not None
    assert taken.case_reference == "A-1"


# --- effects --------------------------------------------------------------------------------------------------


def test_effects_are_of_one_process_and_those_that_are_done_are_left_out(
    office: Office, opened: Callable[[str], int]
) -> None:
    """The oldest comes first."""
    first, second = opened("A-1"), opened("A-2")
    with writing(office.engine) as session:
        one = session.exec(select(OutboxRow).where(OutboxRow.process_id == first)).first()
        assert one is not None
        earlier = OutboxRow(**one.model_dump() | {"id": "0" * 8, "created_at": one.created_at - timedelta(1)})
        session.add(earlier)
    mine = office.attention.open_effects(first)
    assert {row.process_id for row in mine} == {first}
    assert mine[0].id == "0" * 8
    assert {row.process_id for row in office.attention.open_effects(second)} == {second}
    _all_sent(office.attention, first)
    assert list(office.attention.open_effects(first)) == []


def test_effects_are_left_over_where_the_process_ended(office: Office, opened: Callable[[str], int]) -> None:
    """Those of a process that goes on belong to its run; at most as many are given as were asked for."""
    number = opened("A-1")
    opened("A-2")
    assert list(office.attention.leftover_effects()) == []
    with writing(office.engine) as session:
        session.get_one(ProcessRow, number).finished = True
    left = office.attention.leftover_effects()
    assert {row.process_id for row in left} == {number}
    assert len(office.attention.leftover_effects(limit=1)) == min(1, len(left))
    _all_sent(office.attention, number)
    assert list(office.attention.leftover_effects()) == []
    with reading(office.engine) as session:
        assert session.exec(select(OutboxRow).where(col(OutboxRow.done_at).is_(None))).first() is not None

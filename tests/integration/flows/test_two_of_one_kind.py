"""A case with two processes of one kind: each is shown, ended and answered under its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from milestones.case import closed
from milestones.process import NotPossible

if TYPE_CHECKING:
    from support.prefect_here import AtWork


@pytest.fixture
def two(at_work: AtWork) -> AtWork:
    """Case A-1: its first M2 has ended and its second runs, before the run of either was made."""
    at_work.deploy("M2")
    work = at_work.office.casework
    work.open("M2", municipality="0518", reference="A-1")
    work.report("A-1", "onterecht", process="M2")
    assert closed(work.case("A-1").case.named("M2"))
    work.open("M2", municipality="0518", reference="A-1")
    return at_work


def test_the_run_of_the_ended_one_ends(two: AtWork) -> None:
    """The first M2 is shown as it ended, though a newer M2 runs, and nothing asks for attention any more."""
    two.work()
    first, second = two.run_of("A-1", "M2"), two.run_of("A-1", "M2#2")
    assert first.state is not None
    assert second.state is not None
    assert (first.state.type.value, second.state.type.value) == ("COMPLETED", "PAUSED")
    assert first.state.name != second.state.name
    assert two.work() == []


def test_an_answer_for_the_ended_one_is_not_for_the_newer(two: AtWork) -> None:
    """An event for "M2#1" is refused when that one ended; a bare "M2" is the one that runs."""
    work = two.office.casework
    with pytest.raises(NotPossible):
        work.report("A-1", "onterecht", process="M2#1")
    receipt = work.report("A-1", "onterecht", process="M2")
    assert receipt.process == "M2#2"

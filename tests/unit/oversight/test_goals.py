"""Goals beside figures, and what a year may say beside its quarters."""

from __future__ import annotations

import re
from datetime import date
from itertools import product
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.oversight.council_report import hidden_in_the_year
from adapters.oversight.disclosure import HIDDEN, LEAST
from adapters.oversight.goals import Verdict, goal_lines, unmeasurable
from adapters.oversight.monitor import Cell, Monitor
from adapters.oversight.monitor_figures import FIGURES, LATE_NOW, WAITING, Figure, figures_of
from milestones.policy import Policy, with_overrides
from milestones.policy_plans import FigureCode

DAY = date(2026, 1, 1)


def _monitor(*cells: Cell) -> Monitor:
    return Monitor("0518", DAY, DAY, cells, figures_of(Policy()))


@pytest.mark.parametrize(
    ("goal", "cell", "shown", "verdict"),
    [
        ({"cijfer": "beschikking", "minstens": 90}, (0.92, "92%"), "92%", Verdict.REACHED),
        ({"cijfer": "beschikking", "minstens": 95}, (0.92, "92%"), "92%", Verdict.MISSED),
        ({"cijfer": "beschikking", "minstens": 90}, (None, "meer dan 95%"), "meer dan 95%", Verdict.REACHED),
        ({"cijfer": "beschikking", "minstens": 98}, (None, "meer dan 95%"), "meer dan 95%", Verdict.UNKNOWN),
        ({"cijfer": "beschikking", "minstens": 98}, (None, HIDDEN), HIDDEN, Verdict.UNKNOWN),
        (
            {"cijfer": "geslaagd", "hoogstens": 20},
            (None, "minder dan 12%"),
            "minder dan 12%",
            Verdict.REACHED,
        ),
    ],
)
def test_a_goal_is_reached_missed_or_not_to_be_said(
    goal: dict[str, object], cell: tuple[float | None, str], shown: str, verdict: Verdict
) -> None:
    """A figure that is not shown says no more of a goal than its bound does."""
    policy = with_overrides(Policy(), {"doelen": [goal]})
    line = next(goal_lines(policy, _monitor(Cell(str(goal["cijfer"]), "alle zaken", *cell)), "kwartaal"))
    assert (line.shown, line.verdict) == (shown, verdict)


def test_drop_out_is_what_is_not_a_success() -> None:
    """The goal on uitval is measured as the rest of what was a success, with its bounds turned round."""
    policy = with_overrides(Policy(), {"doelen": [{"cijfer": "uitval", "hoogstens": 25}]})
    for cell, shown, verdict in (
        (Cell("geslaagd", "alle", 0.8, "80%"), "20%", Verdict.REACHED),
        (Cell("geslaagd", "alle", 0.6, "60%"), "40%", Verdict.MISSED),
        (Cell("geslaagd", "alle", None, "meer dan 70%"), "minder dan 30%", Verdict.UNKNOWN),
    ):
        line = next(goal_lines(policy, _monitor(cell), "kwartaal"))
        assert (line.shown, line.verdict) == (shown, verdict)


def test_a_goal_on_a_part_and_one_on_no_figure() -> None:
    """A goal on one theme is measured in points; a goal on what nobody counts says what may be counted."""
    goals = [
        {"cijfer": "groei", "onderdeel": "wonen", "minstens": 1},
        {"cijfer": "groei", "minstens": 2},
        {"cijfer": "geluk", "minstens": 8},
    ]
    policy = with_overrides(Policy(), {"doelen": goals})
    cells = (Cell("groei", "wonen", 1.5, "+1,5"), Cell("groei", "gezondheid", 0.5, "+0,5"))
    part, whole = goal_lines(policy, _monitor(*cells), "kwartaal")
    assert (part.verdict, part.wanted, part.unit) == (Verdict.REACHED, "ten minste 1", "punten")
    assert "kies een onderdeel" in whole.shown
    assert "'geluk' is geen cijfer" in unmeasurable(policy)[0]


@pytest.mark.parametrize("figure", FIGURES.values(), ids=lambda item: item.code)
def test_what_a_figure_counts_is_said_in_short_sentences(figure: Figure) -> None:
    """No sentence of a definition has more than eighteen words (B1), and an article does not end one."""
    sentences = re.split(r"(?<=[.?])\s+", figure.definition.replace("art. ", "art "))
    assert [sentence for sentence in sentences if len(sentence.split()) > 18] == []


def test_a_policy_file_knows_the_figures_of_the_monitor() -> None:
    """The codes that a file may name are those that are measured, no more and no fewer."""
    assert get_args(FigureCode) == tuple(FIGURES)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_a_year_gives_no_hidden_quarter_away(counts: list[int]) -> None:
    """Whoever subtracts the shown quarters from the year is left with more than one possibility for each."""

    def cell(number: int) -> Cell:
        shown = number >= LEAST
        return Cell("aantallen", "gestart", number if shown else None, str(number) if shown else HIDDEN)

    year, quarters = _monitor(cell(sum(counts))), [_monitor(cell(number)) for number in counts]
    if year.cells[0].value is None or hidden_in_the_year(year, quarters):
        return
    hidden = [number for number in counts if number < LEAST]
    rest = sum(hidden)
    ways = [way for way in product(range(LEAST), repeat=len(hidden)) if sum(way) == rest]
    assert not hidden or len(ways) > 1


@pytest.mark.parametrize(
    ("quarters", "hides"),
    [
        ((12, 14), False), ((12, 3), True), ((3, None), True), ((3, 7), False), ((10,), False), ((9, 9), True),
        ((9, 9, 9), True), ((9, 9, 8), False), ((9,), True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("whole", [False, True], ids=["a count", "the whole of a share"])
def test_a_year_hides_no_more_than_it_has_to(
    quarters: tuple[int | None, ...], hides: bool, whole: bool
) -> None:
    """It hides beside a quarter that is shown or has nothing, and where each must be as large as a small one can be."""

    def cell(number: int, least: int = LEAST) -> Cell:
        said = str(number) if number >= least else HIDDEN
        if whole:
            return Cell("beschikking", "alle", None, "x", said)
        return Cell("aantallen", "gestart", number if number >= least else None, said)

    year = _monitor(cell(sum(number or 0 for number in quarters), 0))
    shown = [_monitor(*([] if number is None else [cell(number)])) for number in quarters]
    every = {(one.figure, one.part) for one in year.cells}
    assert hidden_in_the_year(year, shown) == (every if hides else set())


@pytest.mark.parametrize("figure", [WAITING, LATE_NOW], ids=lambda figure: figure.code)
def test_what_a_year_says_of_today_is_never_hidden(figure: Figure) -> None:
    """How many wait or are late now is no figure of a quarter."""
    now, before = Cell(figure.code, "alle", 12, "12"), Cell(figure.code, "alle", None, HIDDEN)
    assert hidden_in_the_year(_monitor(now), [_monitor(before), _monitor(now)]) == frozenset()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_a_year_gives_no_hidden_whole_away(wholes: list[int]) -> None:
    """The number of cases under a share is hidden as the share itself is."""

    def cell(number: int) -> Cell:
        return Cell("beschikking", "alle zaken", None, "x", str(number) if number >= LEAST else HIDDEN)

    year, quarters = _monitor(cell(sum(wholes))), [_monitor(cell(number)) for number in wholes]
    small = [number for number in wholes if number < LEAST]
    if not small or sum(wholes) < LEAST or hidden_in_the_year(year, quarters):
        return
    ways = [way for way in product(range(LEAST), repeat=len(small)) if sum(way) == sum(small)]
    assert len(ways) > 1

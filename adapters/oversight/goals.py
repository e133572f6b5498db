"""The goals of a municipality beside its figures: is it on course, or is there too little to say so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.oversight.monitor import Cell
from adapters.oversight.monitor_figures import EXITS, FIGURES, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.oversight.monitor import Monitor
    from milestones.policy import Policy
    from milestones.policy_plans import Target

_BOUND = re.compile(r"(?P<side>meer|minder) dan (?P<percent>\d+)%")
_HUNDRED = 100


class Verdict(StrEnum):
    """What can be said of a goal."""

    REACHED = "gehaald"
    MISSED = "niet gehaald"
    UNKNOWN = "niet te zeggen"


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal beside what was measured."""

    target: Target
    name: str
    unit: str
    shown: str
    verdict: Verdict
    value: float | None

    @property
    def wanted(self) -> str:
        """The goal in words."""
        low, high = self.target.at_least, self.target.at_most
        words = [f"ten minste {dutch_number(low)}"] if low is not None else []
        words += [f"ten hoogste {dutch_number(high)}"] if high is not None else []
        return " en ".join(words)


def dutch_number(number: float) -> str:
    """Return a number as people read it, with no more decimals than it needs."""
    return f"{number:.1f}".replace(".", ",").removesuffix(",0")


def unmeasurable(policy: Policy) -> list[str]:
    """Return for each goal that names no figure of the monitor one Dutch sentence that says what is allowed."""
    known = ", ".join(FIGURES)
    return [
        f"Beleid: 'doelen': '{target.figure}' is geen cijfer van de monitor (wel: {known})."
        for target in policy.targets
        if target.figure not in FIGURES
    ]


def goal_lines(policy: Policy, monitor: Monitor, per: str) -> Iterator[GoalLine]:
    """Yield the goals of a quarter or of a year beside the figures of that period."""
    for target in policy.targets:
        if target.figure not in FIGURES or target.per != per:
            continue
        figure = monitor.figures[target.figure]
        name = figure.name if target.part is None else f"{figure.name}: {target.part}"
        if target.figure == EXITS.code and target.part is None:
            yield _line(target, "Uitval", "% niet geslaagd", _drop_out(monitor), turned=True)
            continue
        yield _line(target, name, figure.unit, _cell(monitor.of(figure), target.part))


def _cell(cells: Sequence[Cell], part: str | None) -> Cell | str:
    """Return the cell that a goal is about, or why there is none."""
    if part is None:
        if len(cells) == 1:
            return cells[0]
        return f"kies een onderdeel: {', '.join(cell.part for cell in cells)}" if cells else "geen zaken"
    there = ", ".join(cell.part for cell in cells)
    return next(
        (cell for cell in cells if cell.part == part), f"geen zaken; wel: {there}" if there else "geen zaken"
    )


def _drop_out(monitor: Monitor) -> Cell | str:
    """Return what is not a success; that says no more than the share that is one."""
    return _cell(monitor.of(SUCCESS), None)


def _line(target: Target, name: str, unit: str, found: Cell | str, *, turned: bool = False) -> GoalLine:
    if isinstance(found, str):
        return GoalLine(target, name, unit, found, Verdict.UNKNOWN, None)
    low, high = _bounds(found, percent=unit.startswith("%"))
    shown, value = found.shown, low if low == high else None
    if turned:
        low, high = _HUNDRED - high, _HUNDRED - low
        value = None if value is None else _HUNDRED - value
        shown = f"{value:.0f}%" if value is not None else _turned(shown)
    return GoalLine(target, name, unit, shown, _verdict(target, low, high), value)


def _bounds(cell: Cell, *, percent: bool) -> tuple[float, float]:
    """Return between which values a cell lies, as far as it may be told."""
    if cell.value is not None:
        value = cell.value * _HUNDRED if percent else cell.value
        return value, value
    bound = _BOUND.fullmatch(cell.shown)
    if bound is None:
        return float("-inf"), float("inf")
    number = float(bound["percent"])
    return (number, float(_HUNDRED)) if bound["side"] == "meer" else (0.0, number)


def _turned(shown: str) -> str:
    bound = _BOUND.fullmatch(shown)
    if bound is None:
        return shown
    side = "minder" if bound["side"] == "meer" else "meer"
    return f"{side} dan {_HUNDRED - int(bound['percent'])}%"


def _verdict(target: Target, low: float, high: float) -> Verdict:
    wanted_low = float("-inf") if target.at_least is None else target.at_least
    wanted_high = float("inf") if target.at_most is None else target.at_most
    if low >= wanted_low and high <= wanted_high:
        return Verdict.REACHED
    if high < wanted_low or low > wanted_high:
        return Verdict.MISSED
    return Verdict.UNKNOWN

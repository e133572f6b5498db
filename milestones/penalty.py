"""The dwangsom of Awb art. 4:17: from which day, until which day, how many days so far, and how much.

Tariff and bounds are data with the date of the text. All amounts are whole euros, for all applicants together
(4:17 lid 6: each of them has an equal part).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from milestones.references import Reference, cite
from milestones.snapshot import TermOutcome
from milestones.vocabulary import PENALTY_RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from milestones.snapshot import RunningTerm, Snapshot

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tariff:
    """So many days at so many euros a day, one step after the other."""

    steps: tuple[tuple[int, int], ...]
    reference: Reference

    def amount(self, days: int) -> int:
        """Return the euros that are owed over a number of days; days after the last step cost nothing more."""
        total = 0
        for length, euros in self.steps:
            total += min(days, length) * euros
            days = max(0, days - length)
        return total


TARIFF = Tariff(
    steps=((14, 23), (14, 35), (14, 45)),
    reference=cite(
        "Awb",
        "4:17",
        "2",
        "eerste veertien dagen € 23",
        "daaropvolgende veertien dagen € 35",
        "overige dagen € 45",
    ),
)


@dataclass(frozen=True, slots=True)
class Penalty:
    """A dwangsom as it stands on a day. `last_day` is the last day owed, or None while it runs."""

    process: str
    first_day: date
    last_day: date | None
    at_most_until: date
    days: int
    euros: int

    def as_json(self) -> dict[str, object]:
        """Return it in the words of the contract."""
        return {
            "mijlpaal": self.process,
            "eerste_dag": self.first_day.isoformat(),
            "laatste_dag": self.last_day.isoformat() if self.last_day else None,
            "uiterlijk_tot_en_met": self.at_most_until.isoformat(),
            "dagen": self.days,
            "bedrag_euro": self.euros,
            "tarief": TARIFF.reference.as_json(),
        }


def first_day_owed(term: RunningTerm) -> date:
    """Return the first day of a dwangsom: the one after the two weeks of T21."""
    return term.anchor + _ONE_DAY


def last_day_owed(term: RunningTerm) -> date | None:
    """Return the last day of a dwangsom that has ended; None while it runs."""
    if term.due is None or term.stopped is None:
        return None
    ended = term.ended_on if term.stopped is TermOutcome.CANCELLED else None
    return min(ended - _ONE_DAY, term.due) if ended else term.due


def penalties(process: Snapshot, today: date) -> Iterator[Penalty]:
    """Yield each dwangsom of a process as it stands on a day.

    The day on which the decision is announced is not owed, and today counts only when it is over. One that ended
    before its first day was over is none.
    """
    for term in process.terms:
        if term.term != PENALTY_RUNS or term.due is None:
            continue
        first = first_day_owed(term)
        last = last_day_owed(term) or (term.due if today > term.due else None)
        days = max(0, ((last or today - _ONE_DAY) - first).days + 1)
        if days or last is None:
            yield Penalty(process.name, first, last, term.due, days, TARIFF.amount(days))

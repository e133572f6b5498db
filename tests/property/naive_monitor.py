"""A second way to count the monitor, written to disagree with the product if one of the two is wrong.

It reads each case as a whole and counts in loops, asks the database nothing, and counts working days one by one. It
hides nothing: what may not be shown is the business of the test.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from naive_calendar import is_off

from milestones.case import closed
from milestones.definitions import definition_of
from milestones.roles import dutch_role
from milestones.terms import Kind

if TYPE_CHECKING:
    from adapters.cases.casework import CaseView
    from adapters.office import Office

DAY = timedelta(days=1)


@dataclass
class Diary:
    """What somebody noted who looked at every case after every step."""

    office: Office
    ended: dict[tuple[str, str], date] = field(default_factory=dict)

    def look(self, reference: str) -> None:
        """Note which processes have ended since the last look, by the last line of each in the journal."""
        view = self.office.casework.case(reference)
        for process in view.case.processes:
            key = (reference, process.name)
            if not closed(process):
                self.ended.pop(key, None)
            elif key not in self.ended:
                self.ended[key] = [row.on for row in view.journal if row.process == process.name][-1]


@dataclass
class Counts:
    """The figures of a period, as numbers."""

    in_time: dict[str, tuple[int, int]]  # term: met in time, all
    late_now: tuple[int, int]
    lead_times: dict[str, list[int]]
    waiting: dict[str, int]
    exits: dict[str, int]
    relapse: tuple[int, int]


def count(diary: Diary, views: list[CaseView], begin: date, end: date) -> Counts:
    """Count everything over the days from begin to end, both included."""
    today = diary.office.clock.today()
    met: dict[str, int] = defaultdict(int)
    all_of: dict[str, int] = defaultdict(int)
    lead: dict[str, list[int]] = defaultdict(list)
    waiting: dict[str, int] = defaultdict(int)
    exits: dict[str, int] = defaultdict(int)
    is_open, is_late = 0, 0
    in_aftercare: set[str] = set()
    relapsed: set[str] = set()
    for view in views:
        policy = diary.office.rules_for(view.municipality).policy
        for process in view.case.processes:
            ended = diary.ended.get((view.reference, process.name))
            for term in process.terms:
                if term.due is None or not begin <= term.due <= end:
                    continue
                if str(term.stopped) in {"vervallen", "vervangen"} and (
                    term.ended_on is None or term.ended_on <= term.due
                ):
                    continue
                all_of[term.term] += 1
                if str(term.stopped) == "gehaald" and term.ended_on is not None and term.ended_on <= term.due:
                    met[term.term] += 1
            if ended is None:
                is_open += 1
                duties = [t for t in process.terms if t.runs and policy.term(t.term).kind is Kind.DUTY]
                is_late += any(term.due is not None and term.due < today for term in duties)
                definition = definition_of(process)
                outside = definition.state(process.state).waits_on_partner
                role = dutch_role(policy.role(process.role(definition)))
                waiting["buiten de gemeente" if outside else role] += 1
            elif begin <= ended <= end:
                lead[process.code].append(working_days(process.opened_on, ended))
                if process.facts.get("uitstroomreden"):
                    exits[str(process.facts["uitstroomreden"])] += 1
            if process.code == "M8" and process.opened_on <= end and (ended is None or ended >= begin):
                in_aftercare.add(view.reference)
        for row in view.journal:
            if row.process.startswith("M8") and row.event == "signaal_ontvangen" and begin <= row.on <= end:
                relapsed.add(view.reference)
    return Counts(
        in_time={term: (met[term], number) for term, number in all_of.items()},
        late_now=(is_late, is_open),
        lead_times=dict(lead),
        waiting=dict(waiting),
        exits=dict(exits),
        relapse=(len(relapsed & in_aftercare), len(in_aftercare)),
    )


def working_days(begin: date, end: date) -> int:
    """Count the working days after the first day, up to and including the last."""
    number, day = 0, begin
    while day < end:
        day += DAY
        number += not is_off(day)
    return number


def middle(values: list[int]) -> float:
    """Give the middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def nine_of_ten(values: list[int]) -> int:
    """Give the smallest value that nine of ten values do not exceed."""
    return next(
        value for value in sorted(values) if 10 * sum(other <= value for other in values) >= 9 * len(values)
    )

"""The monitor of a municipality: each figure of `monitor_figures` over a period, with small cells hidden.

Figures leave this module only as cells that may be shown: artifact, CSV, API and command line all read those.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func
from sqlmodel import col, select

from adapters.oversight.disclosure import HIDDEN, LEAST, shown_counts, shown_share
from adapters.oversight.monitor_figures import (
    EXITS,
    FIGURES,
    IN_TIME,
    LATE_NOW,
    LEAD_TIME,
    QUALITY,
    RELAPSE,
    WAITING,
)
from adapters.oversight.quality_questions import QUESTIONS
from adapters.oversight.workload import read_workload, to_csv
from adapters.storage.database import JournalRow, ProcessRow, TimerRow, reading
from adapters.storage.oversight_tables import ReviewRow
from milestones.definitions import VERSIONS
from milestones.process import TermOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Subquery
    from sqlmodel import Session

    from adapters.office import Office
    from adapters.oversight.monitor_figures import Figure

WEEKS = 52
OUTSIDE = "buiten de gemeente"
_NOT_COUNTED = (str(TermOutcome.CANCELLED), str(TermOutcome.SUPERSEDED))
# A process ends in a final state, or by an event that makes its decision definitive.
_FINAL_STATES = sorted({state.code for item in VERSIONS for state in item.states if state.final})
_ENDING_EVENTS = sorted({row.event for item in VERSIONS for row in item.rows if row.ends})


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a figure: as a number where it may be shown, and as people read it."""

    figure: str
    part: str
    value: float | None
    shown: str
    of: str = ""  # over how many, where that may be shown


@dataclass(frozen=True)
class Monitor:
    """The figures of a municipality over a period, both days included."""

    municipality: str
    begin: date
    end: date
    cells: tuple[Cell, ...]

    def of(self, figure: Figure) -> tuple[Cell, ...]:
        """Give the cells of a figure."""
        return tuple(cell for cell in self.cells if cell.figure == figure.code)


def read_monitor(office: Office, municipality: str, end: date | None = None, weeks: int = WEEKS) -> Monitor:
    """Compute the monitor over the weeks up to and including a day: yesterday, unless another is given."""
    last = end or office.clock.today() - timedelta(days=1)
    begin = last - timedelta(days=7 * weeks - 1)
    with reading(office.engine) as session:
        period = _Period(session, office, municipality, begin, last)
        cells = [
            *period.in_time(),
            *_open_work(office, municipality),
            *period.lead_times(),
            *period.exits(),
            *period.relapse(),
            *period.quality(),
        ]
    order = list(FIGURES)
    return Monitor(municipality, begin, last, tuple(sorted(cells, key=lambda cell: order.index(cell.figure))))


def _open_work(office: Office, municipality: str) -> Iterator[Cell]:
    """Give what is open now: how much of it is late, and on whom it waits."""
    workload = read_workload(office, municipality)
    value, shown = shown_share(len(workload.late), len(workload.items))
    yield Cell(LATE_NOW.code, "alle mijlpalen", value, shown, _of(len(workload.items)))
    counts = Counter(OUTSIDE if item.waits_outside else item.role for item in workload.items)
    yield from _counts(WAITING, counts)


def _counts(figure: Figure, counts: dict[str, int] | Counter[str]) -> Iterator[Cell]:
    shown = shown_counts(counts)
    for name, count in sorted(shown.items(), key=lambda pair: (-(pair[1] or 0), pair[0])):
        yield Cell(figure.code, name, count, str(count) if count is not None else "niet getoond")


def _of(number: int) -> str:
    return str(number) if number >= LEAST else HIDDEN


@dataclass(frozen=True)
class _Period:
    """The figures that look back over a period."""

    session: Session
    office: Office
    municipality: str
    begin: date
    end: date

    def in_time(self) -> Iterator[Cell]:
        """Give for each term of the table which share was met on or before its last day."""
        rows = self.session.execute(
            select(col(TimerRow.term), col(TimerRow.stopped), col(TimerRow.ended_on), col(TimerRow.due))
            .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(
                col(ProcessRow.municipality) == self.municipality,
                col(TimerRow.term).in_([item.term for item in IN_TIME]),
                col(TimerRow.due).between(self.begin, self.end),
            )
        ).all()
        met: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for term, stopped, ended_on, due in rows:
            if stopped in _NOT_COUNTED and not (ended_on and ended_on > due):
                continue  # what lapsed after its last day was late all the same
            whole[term] += 1
            met[term] += stopped == str(TermOutcome.MET) and ended_on is not None and ended_on <= due
        for item in IN_TIME:
            value, shown = shown_share(met[item.term], whole[item.term])
            yield Cell(item.figure.code, "alle zaken", value, shown, _of(whole[item.term]))

    def _endings(self) -> Subquery:
        """Give the day on which each process came to the end where it stands now.

        After that its archive term still warns, and a dwangsom may be fixed: those lines end nothing.
        """
        row = JournalRow
        comes_to_an_end = and_(
            col(row.before).is_distinct_from(col(row.after)), col(row.after).in_(_FINAL_STATES)
        )
        return (
            select(
                col(row.case_reference).label("reference"),
                col(row.process).label("process"),
                col(row.after).label("after"),
                func.max(col(row.on)).label("on"),
            )
            .where(
                col(row.municipality) == self.municipality,
                comes_to_an_end | col(row.event).in_(_ENDING_EVENTS),
            )
            .group_by(col(row.case_reference), col(row.process), col(row.after))
            .subquery()
        )

    @cached_property
    def _closings(self) -> list[Any]:
        """Give each process that ended in the period, with the day on which it did."""
        ended = self._endings()
        return list(
            self.session.execute(
                select(col(ProcessRow.code), col(ProcessRow.opened_on), col(ProcessRow.facts), ended.c.on)
                .join(ended, _ends_where_it_stands(ended))
                .where(
                    col(ProcessRow.municipality) == self.municipality,
                    col(ProcessRow.closed).is_(True),
                    ended.c.on.between(self.begin, self.end),
                )
            ).all()
        )

    def lead_times(self) -> Iterator[Cell]:
        """Give median and 90th percentile of working days for each mijlpaal."""
        calendar = self.office.rules_for(self.municipality).calendar
        days: dict[str, list[int]] = defaultdict(list)
        for code, opened_on, _, ended_on in self._closings:
            days[code].append(calendar.working_days_between(opened_on, ended_on))
        for code, found in sorted(days.items()):
            few = len(found) < LEAST
            median = None if few else float(statistics.median(found))
            ninth = None if few else float(_percentile(found, 0.9))
            for name, value in (("mediaan", median), ("90e percentiel", ninth)):
                shown = HIDDEN if value is None else f"{value:.0f}"
                yield Cell(LEAD_TIME.code, f"{code} {name}", value, shown, _of(len(found)))

    def exits(self) -> Iterator[Cell]:
        """Give how many ended for each uitstroomreden."""
        reasons = Counter(
            str(facts["uitstroomreden"]) for _, _, facts, _ in self._closings if "uitstroomreden" in facts
        )
        yield from _counts(EXITS, reasons)

    def relapse(self) -> Iterator[Cell]:
        """Give the share of nazorg with a signal of terugval."""
        ended = self._endings()
        whole = set(
            self.session.execute(
                select(col(ProcessRow.case_reference))
                .join(ended, _ends_where_it_stands(ended), isouter=True)
                .where(
                    col(ProcessRow.municipality) == self.municipality,
                    col(ProcessRow.code) == "M8",
                    col(ProcessRow.opened_on) <= self.end,
                    col(ProcessRow.closed).is_(False) | (ended.c.on >= self.begin),
                )
            ).scalars()
        )
        relapsed = set(
            self.session.execute(
                select(col(JournalRow.case_reference))
                .where(
                    col(JournalRow.municipality) == self.municipality,
                    col(JournalRow.event) == "signaal_ontvangen",
                    col(JournalRow.process).like("M8%"),
                    col(JournalRow.on).between(self.begin, self.end),
                )
                .distinct()
            ).scalars()
        )
        value, shown = shown_share(len(relapsed & whole), len(whole))
        yield Cell(RELAPSE.code, "alle zaken in nazorg", value, shown, _of(len(whole)))

    def quality(self) -> Iterator[Cell]:
        """Give the mean score of each question of the quality sample."""
        reviews = self.session.execute(
            select(col(ReviewRow.scores)).where(
                col(ReviewRow.municipality) == self.municipality,
                col(ReviewRow.reviewed_on).between(self.begin, self.end),
            )
        ).scalars()
        scores: dict[str, list[int]] = defaultdict(list)
        for review in reviews:
            for code, score in review.items():
                scores[code].append(score)
        for question in QUESTIONS:
            given = scores[question.code]
            value = statistics.fmean(given) if len(given) >= LEAST else None
            shown = HIDDEN if value is None else f"{value:.1f}".replace(".", ",")
            yield Cell(QUALITY.code, question.label, value, shown, _of(len(given)))


def _ends_where_it_stands(ended: Subquery) -> ColumnElement[bool]:
    return and_(
        ended.c.reference == col(ProcessRow.case_reference),
        ended.c.process == col(ProcessRow.name),
        ended.c.after == col(ProcessRow.state),
    )


def _percentile(values: Iterable[int], part: float) -> int:
    """Give the smallest value that so large a part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


HEADS = ("cijfer", "onderdeel", "waarde", "eenheid", "over_aantal", "definitie")


def monitor_rows(monitor: Monitor) -> Iterator[dict[str, Any]]:
    """Give the monitor as rows, the same for CSV and for the API."""
    for cell in monitor.cells:
        figure = FIGURES[cell.figure]
        values = (figure.name, cell.part, cell.shown, figure.unit, cell.of, figure.definition)
        yield dict(zip(HEADS, values, strict=True))


def monitor_csv(monitor: Monitor) -> str:
    """Give the monitor as CSV; hidden cells are hidden here as well."""
    return to_csv(HEADS, monitor_rows(monitor))

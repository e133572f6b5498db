"""Figures of a period of which a case was destroyed: every report reads what was kept of it."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import delete

from adapters.oversight.basic_service import read_basic_service, scores_to_keep
from adapters.oversight.disclosure import LEAST
from adapters.oversight.monitor import cells_to_keep, read_monitor, read_period
from adapters.oversight.monitor_figures import LATE_NOW, WAITING
from adapters.oversight.periods import period_from
from adapters.oversight.quality_trend import read_trend, trend_to_keep
from adapters.storage.database import JournalRow, writing
from adapters.storage.destruction_tables import KeptFiguresRow
from adapters.storage.oversight_tables import ReviewRow
from milestones.event_fields import THEMES
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

QUARTER = period_from("2026-K1")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_kept_is_read_as_it_was(office: Office, clock: SetClock) -> None:
    """With journal and reviews gone the reports of the quarter say the same; what is open now is of now."""
    for number in range(11):
        reference = office.casework.open("M4", municipality="0518", reference=f"A-{number}").reference
        office.casework.report(reference, "hulpvraag_vastgesteld", process="M4")
        scores = {**dict.fromkeys(THEMES, 3), "meetinstrument": "zrm"}
        office.casework.report(reference, "meting_gedaan", process="M4", data=scores)
        with writing(office.engine) as session:
            session.add(_review(reference, clock.today()))
    clock.moment += timedelta(days=60)
    service = read_basic_service(office, "0518", QUARTER)
    trend = read_trend(office, "0518", QUARTER)
    monitor = read_period(office, "0518", QUARTER.begin, QUARTER.end)
    assert sum(line.value is not None for line in service.lines) + sum(
        line.of == "11" for line in service.lines
    )
    assert trend.reviewed == "11"
    with writing(office.engine) as session:
        session.execute(delete(JournalRow))
        session.execute(delete(ReviewRow))
        cells = [list(astuple(cell)) for cell in (*scores_to_keep(service), *trend_to_keep(trend))]
        cells += cells_to_keep(monitor)
        length = (QUARTER.end - QUARTER.begin).days + 1
        session.add(KeptFiguresRow(municipality="0518", end=QUARTER.end, weeks=length, cells=cells))
        session.add(KeptFiguresRow(municipality="0518", end=QUARTER.end, weeks=13, cells=cells))
    assert read_basic_service(office, "0518", QUARTER) == service
    assert read_trend(office, "0518", QUARTER) == trend
    assert read_period(office, "0518", QUARTER.begin, QUARTER.end) == monitor
    assert read_monitor(office, "0518", QUARTER.end, 13).cells == monitor.cells
    assert {(cell[0]) for cell in cells_to_keep(monitor)}.isdisjoint({LATE_NOW.code, WAITING.code})
    elsewhere = read_trend(office, "0599", QUARTER)
    assert (elsewhere.reviewed, elsewhere.bottlenecks) == ("minder dan 10", ())


def _review(reference: str, day: date) -> ReviewRow:
    scores = {question.code: 4 for question in QUESTIONS} | {"hulpvraag": 2}
    return ReviewRow(
        municipality="0518", week="2026-W11", case_reference=reference, process="M4", decided_on=day,
        reviewed_on=day, scores=scores,
    )  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_readers_agree_within_a_point(office: Office, clock: SetClock) -> None:
    """A second reading counts beside the first of the same week; two points apart on one question is no agreement."""
    with writing(office.engine) as session:
        for number in range(40):
            reference = office.casework.open(
                "M6", municipality="0518", reference=f"B-{number}", session=session
            ).reference
            first, second = _review(reference, clock.today()), _review(reference, clock.today())
            first.process, second.process = "M6", "M6~2"
            second.scores = first.scores | {"hulpvraag": 3 if number < 20 else 4}
            session.add_all([first, second])
    trend = read_trend(office, "0518", QUARTER)
    assert (trend.agreement, trend.reviewed) == ("50%", "40")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("cases", "said"), [(9, "minder dan 10"), (10, "10")])
def test_a_reading_counts_its_case_once(office: Office, clock: SetClock, cases: int, said: str) -> None:
    """Nine cases in which two colleagues found the same, twice, are nine: a small number, that is not shown."""
    with writing(office.engine) as session:
        for number in range(cases):
            reference = office.casework.open(
                "M6", municipality="0518", reference=f"C-{number}", session=session
            ).reference
            for process in ("M4", "M4~2", "M6", "M6~2"):
                row = _review(reference, clock.today())
                row.process = process
                session.add(row)
    trend = read_trend(office, "0518", QUARTER)
    assert (trend.bottlenecks, trend.reviewed) == ((("anders", said),), said)
    assert (trend.agreement == "minder dan 10") == (cases < LEAST)

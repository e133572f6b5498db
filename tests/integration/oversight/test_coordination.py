"""Caseloads, absences, requests to cancel, werkvoorraad, monitor and quality sample, on both databases."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select
from support.sample_cases import fill

from adapters.cases.caseload import Caseload, deputy_for
from adapters.operations.integrity import broken_cases
from adapters.oversight.monitor import monitor_csv, read_monitor
from adapters.oversight.monitor_figures import FIGURES, IN_TIME, LEAD_TIME, QUALITY
from adapters.oversight.quality import QualitySample, Week, choose, is_second
from adapters.oversight.workload import read_workload, workload_csv
from adapters.storage.database import JournalRow, reading
from flows.report_pages import monitor_page, overview_page, workload_page
from flows.tags import CANCEL_ASKED
from flows.views import REVIEW_TAG, VIEWS
from milestones.process import NotPossible
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

GRONINGEN = "0014"
THE_HAGUE = "0518"
SCORES = {question.code: 4 for question in QUESTIONS}


def opened(office: Office, reference: str, code: str = "M3", municipality: str = THE_HAGUE) -> str:
    """Open a case and give its reference."""
    return office.casework.open(code, municipality=municipality, reference=reference).reference


def caseload_of(office: Office) -> Caseload:
    """Return the caseloads of an office."""
    return Caseload(office.engine, office.casework)


def holders(office: Office) -> dict[str, str | None]:
    """Return who holds each open process."""
    return {item.reference: item.holder for item in read_workload(office, THE_HAGUE).items}


def test_the_front_page_counts_and_says_from_which_moment(office: Office, clock: SetClock) -> None:
    """What is open is counted, with the day and the time of counting: the counts do not move by themselves."""
    opened(office, "A-1")
    page = overview_page(
        [read_workload(office, THE_HAGUE)], {}, clock.now(), {CANCEL_ASKED: 0, REVIEW_TAG: 0}
    )
    assert "De stand van ma 9 maart 2026, 09:00 uur." in page
    (line,) = [line for line in page.splitlines() if "Alles wat open is" in line]
    assert line.rstrip(" |").endswith("1")
    assert all(view.name in page for view in VIEWS)


def test_the_front_page_lists_what_comes_first(office: Office, clock: SetClock) -> None:
    """A crisis is on top, then what ends first; it says what it waits for, who has it, and to whom it was offered."""
    for reference, days in (("A-8", 0), ("A-9", 60)):
        office.casework.open(
            "M3", municipality=THE_HAGUE, reference=reference, on=clock.today() - timedelta(days=days)
        )
        office.casework.report(reference, "aanmelding_geregistreerd", on=clock.today() - timedelta(days=days))
    opened(office, "A-1")
    for event in ("aanmelding_geregistreerd", "bedreigend"):
        office.casework.report("A-1", event)
    opened(office, "A-2")
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report("A-2", event)
    opened(office, "A-3")
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report("A-3", event)
    office.casework.report("A-3", "overdracht_teruggegeven", process="M4", data={"reden": "anders"})
    caseload_of(office).assign("A-9", "M3", "mw-17", "toegewezen")
    page = overview_page(
        [read_workload(office, THE_HAGUE)], {}, clock.now(), {CANCEL_ASKED: 0, REVIEW_TAG: 0}
    )
    lines = [line for line in page.splitlines() if "](zaak-a-" in line]
    assert "A-1" in lines[0]
    assert "**crisis**" in lines[0]
    assert "A-9" in lines[1]
    assert "**te laat**" in lines[1]
    assert "klantmanager mw-17" in lines[1]
    (offered,) = [line for line in lines if "A-2" in line and "M4" in line]
    assert "aangeboden aan" in offered
    (back,) = [line for line in lines if "A-3" in line and "M4" in line]
    assert "**teruggegeven**" in back


# --- who has what ---------------------------------------------------------------------------------------------


def test_a_whole_caseload_moves_and_stays_within_the_municipality(office: Office) -> None:
    """Every process of a person goes to a colleague, each by an event; those elsewhere stay."""
    caseload = caseload_of(office)
    for reference in ("A-1", "A-2", "A-3"):
        caseload.assign(opened(office, reference), "M3", "mw-17", "toegewezen")
    caseload.assign(opened(office, "B-1", municipality=GRONINGEN), "M3", "mw-17", "toegewezen")
    caseload.assign("A-3", "M3", "mw-20", "werkverdeling")
    moved = list(caseload.reassign("mw-17", "mw-18", THE_HAGUE, "uit dienst", "k"))
    assert [held.reference for held, refusal in moved if refusal is None] == ["A-1", "A-2"]
    assert holders(office) == {"A-1": "mw-18", "A-2": "mw-18", "A-3": "mw-20"}
    assert len(caseload.held_by("mw-17", GRONINGEN)) == 1
    with reading(office.engine) as session:
        rows = session.exec(select(JournalRow).where(JournalRow.event == "houder_gewijzigd")).all()
    assert len(rows) == 7
    assert list(broken_cases(office.engine, office.rules_named)) == []


def test_moving_a_caseload_twice_changes_nothing(office: Office) -> None:
    """A repeat with the same key is no second event."""
    caseload = caseload_of(office)
    caseload.assign(opened(office, "A-1"), "M3", "mw-17", "toegewezen")
    assert len(list(caseload.reassign("mw-17", "mw-18", THE_HAGUE, "afwezig", "k"))) == 1
    assert list(caseload.reassign("mw-17", "mw-18", THE_HAGUE, "afwezig", "k")) == []


def test_the_contact_person_of_the_guidance_holds_what_nobody_was_named_for(office: Office) -> None:
    """Where begeleiding has a fixed contact person, the other processes of the case are his too."""
    opened(office, "A-1", "M4")
    opened(office, "A-1", "BEGELEIDING")
    office.casework.report(
        "A-1", "contactpersoon_toegewezen", process="BEGELEIDING", data={"contactpersoon": "mw-21"}
    )
    assert {item.holder for item in read_workload(office, THE_HAGUE).items} == {"mw-21"}
    assert len(caseload_of(office).held_by("mw-21", THE_HAGUE)) == 2


@pytest.mark.parametrize("person", ["123456789", "J. Jansen", "", "x" * 41])
def test_who_is_no_code_is_refused(office: Office, person: str) -> None:
    """A number or a name is no code of a person, and nothing is written."""
    opened(office, "A-1")
    with pytest.raises(NotPossible):
        list(caseload_of(office).reassign("mw-17", person, THE_HAGUE, "afwezig", "k"))


def test_an_absence_names_the_deputy_who_is_there(office: Office, clock: SetClock) -> None:
    """The first deputy in line who is there himself stands in; a circle gives nobody."""
    caseload, today = caseload_of(office), clock.today()
    until = today + timedelta(days=4)
    caseload.declare_absence("mw-17", THE_HAGUE, today, until, "mw-18")
    caseload.declare_absence("mw-18", THE_HAGUE, today, until, "mw-19")
    assert deputy_for("mw-17", office.away(THE_HAGUE, today)) == "mw-19"
    assert deputy_for("mw-17", office.away(THE_HAGUE, until + timedelta(days=1))) is None
    caseload.declare_absence("mw-19", THE_HAGUE, today, until, "mw-17")
    assert deputy_for("mw-17", office.away(THE_HAGUE, today)) is None


def test_an_absence_that_is_over_is_refused(office: Office, clock: SetClock) -> None:
    """Dates in the wrong order or wholly in the past are no absence."""
    today = clock.today()
    for begin, end in ((today, today - timedelta(days=1)), (date(2026, 1, 1), date(2026, 1, 5))):
        with pytest.raises(NotPossible):
            caseload_of(office).declare_absence("mw-17", THE_HAGUE, begin, end, None)


# --- a request to cancel --------------------------------------------------------------------------------------


# --- the werkvoorraad -----------------------------------------------------------------------------------------


def test_the_werkvoorraad_knows_late_this_week_and_without_owner(office: Office, clock: SetClock) -> None:
    """Four weeks after a hulpvraag the case is due this week, and late the day after its last day."""
    opened(office, "A-1")
    clock.moment += timedelta(weeks=4)
    work = read_workload(office, THE_HAGUE)
    assert [item.due for item in work.this_week] == [date(2026, 4, 7)]
    assert [item.reference for item in work.unowned] == ["A-1"]
    assert work.late == ()
    clock.moment += timedelta(days=2)
    assert [item.reference for item in read_workload(office, THE_HAGUE).late] == ["A-1"]


def test_the_csv_has_a_row_for_each_open_process(office: Office) -> None:
    """The CSV holds everything that is open, with yes and no in words."""
    fill(office, 8)
    work = read_workload(office, THE_HAGUE)
    rows = list(csv.DictReader(io.StringIO(workload_csv(work)), delimiter=";"))
    assert len(rows) == len(work.items) > 0
    assert {row["crisis"] for row in rows} <= {"ja", "nee"}
    assert work.municipality in workload_page(work)


# --- the monitor ----------------------------------------------------------------------------------------------


def test_small_numbers_are_nowhere_in_the_monitor(office: Office) -> None:
    """With a handful of cases no figure is shown: not on the page, and not in the CSV."""
    fill(office, 4)
    monitor = read_monitor(office, THE_HAGUE)
    assert all(cell.value is None for cell in monitor.cells)
    assert "data:image" not in monitor_page(monitor)
    assert not any(
        row["waarde"].isdigit() for row in csv.DictReader(io.StringIO(monitor_csv(monitor)), delimiter=";")
    )


def test_the_share_in_time_counts_terms_by_their_last_day(office: Office, clock: SetClock) -> None:
    """Of forty terms that ended in the period, thirty met in time are 75%."""
    for number in range(40):
        reference = opened(office, f"A-{number}")
        if number < 30:
            for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
                office.casework.report(reference, event, process="M3")
    clock.moment += timedelta(weeks=6)
    (cell,) = read_monitor(office, THE_HAGUE).of(IN_TIME[0].figure)
    assert (cell.value, cell.shown, cell.of) == (0.75, "75%", "40")


def test_a_lead_time_counts_working_days(office: Office, clock: SetClock) -> None:
    """Ten mijlpalen from Monday to Friday took four working days."""
    references = [opened(office, f"A-{number}") for number in range(10)]
    clock.moment += timedelta(days=4)
    for reference in references:
        office.casework.report(reference, "ingetrokken", process="M3", data={"motivering": "m-1"})
    clock.moment += timedelta(days=1)
    cells = {cell.part: cell.value for cell in read_monitor(office, THE_HAGUE).of(LEAD_TIME)}
    assert cells == {"M3 mediaan": 4.0, "M3 90e percentiel": 4.0}


def test_every_figure_has_a_definition_and_a_cell(office: Office) -> None:
    """The page explains each figure, also when there is nothing to count yet."""
    page = monitor_page(read_monitor(office, THE_HAGUE))
    assert all(figure.definition in page for figure in FIGURES.values())


# --- the quality sample ---------------------------------------------------------------------------------------


def test_the_same_week_gives_the_same_sample() -> None:
    """Seed, size and order do not depend on the order of the cases; another week gives another sample."""
    cases = [(f"A-{number}", "M6") for number in range(80)]
    assert choose(cases, THE_HAGUE, "2026-W11") == choose(cases[::-1], THE_HAGUE, "2026-W11")
    assert choose(cases, THE_HAGUE, "2026-W11") != choose(cases, THE_HAGUE, "2026-W12")
    assert len(choose(cases, THE_HAGUE, "2026-W11")) == 8
    assert len(choose(cases[:2], THE_HAGUE, "2026-W11")) == 2


def decided(office: Office, reference: str) -> None:
    """Open a case in M6 and bring it to its beschikking."""
    opened(office, reference, "M6")
    for event, data in (
        ("plan_opgesteld", {"beslagvrije_voet": True}),
        ("inwoner_akkoord", {}),
        ("goedgekeurd", {}),
        ("bekendgemaakt", {}),
    ):
        office.casework.report(reference, event, process="M6", data=data)


def test_scores_reach_the_monitor(office: Office, clock: SetClock) -> None:
    """Twelve reviews of four weeks make a mean for each question."""
    sample = QualitySample(office.engine, clock)
    for week in range(4):
        for number in range(5):
            decided(office, f"A-{week}-{number}")
        for review in sample.draw(THE_HAGUE, Week(clock.today())):
            sample.record(review.id or 0, SCORES)
        clock.moment += timedelta(weeks=1)
    assert all(is_second(review) for review in sample.waiting(THE_HAGUE))
    cells = read_monitor(office, THE_HAGUE).of(QUALITY)
    assert {(cell.value, cell.of) for cell in cells} == {(4.0, "12")}


def test_a_sample_is_drawn_and_scored_once(office: Office, clock: SetClock) -> None:
    """Drawing again gives the same cases, later decisions included; other scores for the same case are refused."""
    decided(office, "A-1")
    sample, week = QualitySample(office.engine, clock), Week(clock.today())
    (drawn,) = sample.draw(THE_HAGUE, week)
    decided(office, "A-2")
    assert [row.id for row in sample.draw(THE_HAGUE, week)] == [drawn.id]
    sample.record(drawn.id or 0, SCORES)
    sample.record(drawn.id or 0, SCORES)
    for other in (SCORES | {"plan": 1}, {"plan": 5}, SCORES | {"plan": 9}):
        with pytest.raises(NotPossible):
            sample.record(drawn.id or 0, other)

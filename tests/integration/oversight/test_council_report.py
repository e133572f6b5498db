"""The report for a council: goals, figures and definitions, without anybody in it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.oversight.council_report import council_report, read_council_figures
from adapters.oversight.document import as_html, as_markdown
from adapters.oversight.monitor import read_period
from adapters.oversight.monitor_figures import GROWTH, SIGNAL_RESULTS
from adapters.oversight.periods import quarter_of
from milestones.event_fields import THEMES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from adapters.office import Office
    from adapters.oversight.monitor import Cell
    from adapters.oversight.periods import Period
    from adapters.runtime.clock import SetClock

    Command = Callable[..., subprocess.CompletedProcess[str]]

GOALS = """\
[[doelen]]
cijfer = "groei"
onderdeel = "wonen"
minstens = 1.5

[[doelen]]
cijfer = "geluk"
minstens = 8
per = "jaar"
"""


def _measure(office: Office, clock: SetClock, number: int) -> list[str]:
    """Let so many cases be measured twice: at the intake, and after ninety days two points higher."""
    begin, references = clock.moment, []
    for _ in range(number):
        clock.moment = begin
        reference = office.casework.open("M4", municipality="0518").reference
        office.casework.report(reference, "hulpvraag_vastgesteld", process="M4")
        office.casework.report(
            reference,
            "meting_gedaan",
            process="M4",
            data={**dict.fromkeys(THEMES, 3), "meetinstrument": "zrm"},
        )
        clock.moment = begin + timedelta(days=90)
        office.casework.report(
            reference,
            "meting_gedaan",
            process="BEGELEIDING",
            data={**dict.fromkeys(THEMES, 5), "meetinstrument": "zrm"},
        )
        references.append(reference)
    return references


def test_growth_is_a_mean_over_cases_that_were_measured_twice(office: Office, clock: SetClock) -> None:
    """Ten cases rose two points; nine say nothing; one measurement is no growth."""
    _measure(office, clock, 9)
    period = quarter_of(clock.today())
    assert {cell.shown for cell in _growth(office, period.begin, period.end)} == {"minder dan 10"}
    clock.moment -= timedelta(days=90)
    _measure(office, clock, 1)
    office.casework.report(office.casework.open("M4", municipality="0518").reference, "hulpvraag_vastgesteld")
    cells = _growth(office, period.begin, period.end)
    assert [(cell.shown, cell.of) for cell in cells] == [("+2,0", "10")] * len(THEMES)
    assert {cell.value for cell in _growth(office, *_earlier(period))} == {None}


def _earlier(period: Period) -> tuple[date, date]:
    return period.before().begin, period.before().end


def _growth(office: Office, begin: date, end: date) -> list[Cell]:
    return [cell for cell in read_period(office, "0518", begin, end).cells if cell.figure == GROWTH.code]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_signals_are_counted_by_what_came_of_them(office: Office, clock: SetClock) -> None:
    """Each case with a vroegsignaal that ended counts once, by the eindresultaat of DDAS."""
    for _ in range(11):
        reference = office.casework.open("M2", municipality="0518").reference
        office.casework.report(reference, "bekend_bij_shv", process="M2")
    period = quarter_of(clock.today())
    cells = read_period(office, "0518", period.begin, period.end).cells
    assert [(cell.part, cell.value) for cell in cells if cell.figure == SIGNAL_RESULTS.code] == [
        ("Inwoner al bekend bij schuldhulpverlening", 11)
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_report_explains_each_figure_and_names_nobody(office: Office, clock: SetClock) -> None:
    """Every figure has its definition behind it; no case is named, also not in the picture."""
    references = _measure(office, clock, 10)
    figures = read_council_figures(office, "0518", quarter_of(clock.today()))
    report = council_report(figures)
    page = as_html("Verslag", report)
    for written in (as_markdown(report), page):
        assert "cliëntenraad" in written
        assert "scores die kwaliteitstoetsers in de periode gaven" in written
        assert not any(reference in written for reference in references)
    assert "wonen: +2,0" in page


def test_the_command_writes_files_and_says_what_cannot_be_measured(
    tmp_path: Path, routekaart: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goals come from the policy of the municipality; what cannot be said yet is said to be so."""
    (tmp_path / "beleid").mkdir()
    (tmp_path / "beleid" / "0518.toml").write_text(GOALS.partition("\n\n")[0], encoding="utf-8")
    monkeypatch.setenv("ROUTEKAART_POLICY_FOLDER", str(tmp_path / "beleid"))
    asked = ("raadsrapport", "--gemeente", "0518", "--periode", "2026-K1")
    answer = json.loads(routekaart(*asked, "--json").stdout)
    assert [(goal["onderdeel"], goal["oordeel"]) for goal in answer["doelen"]] == [
        ("wonen", "niet te zeggen")
    ]
    routekaart(*asked, "--naar", str(tmp_path))
    assert (tmp_path / "raadsrapport-0518-2026-K1.html").read_text(encoding="utf-8").startswith("<!doctype")
    assert routekaart(*asked, "--naar", str(tmp_path / "weg"), check=False).returncode == 2

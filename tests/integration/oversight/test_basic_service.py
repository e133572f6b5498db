"""The basisdienstverlening on one page: what was chosen, and the score of a quarter."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.oversight.basic_service import basic_service_report, read_basic_service
from adapters.oversight.document import as_markdown
from adapters.oversight.periods import period_from, quarter_of, year_of
from milestones.event_fields import THEMES as SCORED

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

    Command = Callable[..., subprocess.CompletedProcess[str]]

CHOICES = """\
[elementen]
5 = { aan = true, vanaf = "2026-07-01", vinkje = "alle inwoners krijgen een meting" }
13 = { aan = false, laag = "toekomst", naam = "een naam uit de lijst" }
"""


def test_the_score_of_a_quarter_is_counted_by_case(office: Office, clock: SetClock) -> None:
    """Of twenty-two cases with a hulpvraag twelve were measured: 55%; a case of another quarter does not count.

    Ten is the first number that is shown.
    """
    casework = office.casework
    for number in range(22):
        reference = casework.open("M4", municipality="0518").reference
        casework.report(reference, "hulpvraag_vastgesteld", process="M4")
        if number < 12:
            casework.report(
                reference,
                "meting_gedaan",
                process="M4",
                data={**dict.fromkeys(SCORED, 3), "meetinstrument": "zrm"},
            )
    clock.moment += timedelta(days=100)
    casework.report(casework.open("M4", municipality="0518").reference, "hulpvraag_vastgesteld")
    service = read_basic_service(office, "0518", quarter_of(date(2026, 3, 9)))
    line = service.lines[4]
    assert (line.shown, line.of) == ("55%", "22")
    assert service.lines[0].shown == "minder dan 10"
    for place, number in (("0599", 10), ("0344", 9)):
        for _ in range(number):
            casework.report(casework.open("M4", municipality=place).reference, "hulpvraag_vastgesteld")
    now = quarter_of(clock.today())
    assert [read_basic_service(office, place, now).lines[4].of for place in ("0599", "0344")] == [
        "10",
        "minder dan 10",
    ]
    assert "niet geverifieerd" in as_markdown(basic_service_report(service))


def test_what_a_municipality_chose_is_on_the_page(
    tmp_path: Path, routekaart: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layer, date, criterion and the name that the municipality read come from its policy; a verified name stays."""
    (tmp_path / "beleid").mkdir()
    (tmp_path / "beleid" / "0518.toml").write_text(CHOICES, encoding="utf-8")
    monkeypatch.setenv("ROUTEKAART_POLICY_FOLDER", str(tmp_path / "beleid"))
    answer = json.loads(
        routekaart("basisdienstverlening", "--gemeente", "0518", "--periode", "2026-K1", "--json").stdout
    )
    fifth, thirteenth = answer["elementen"][4], answer["elementen"][12]
    assert (fifth["aan"], fifth["vanaf"], fifth["vinkje"]) == (
        True,
        "2026-07-01",
        "alle inwoners krijgen een meting",
    )
    assert (thirteenth["naam"], thirteenth["naam_geverifieerd"], thirteenth["laag"]) == (
        "een naam uit de lijst",
        False,
        "toekomst",
    )
    page = routekaart("basisdienstverlening", "--gemeente", "0518").stdout
    assert "alle inwoners krijgen een meting" in page
    refused = routekaart("basisdienstverlening", "--periode", "herfst", check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "2026-K4" in refused.stderr


def test_quarters_and_years() -> None:
    """The last quarter ends with the year, and the one before the first is of the year before."""
    last = period_from("2026-K4")
    assert (last.begin, last.end) == (date(2026, 10, 1), date(2026, 12, 31))
    assert period_from("2026-K1").before() == period_from("2025-K4")
    assert year_of(date(2026, 5, 1)).before().name == "2025"

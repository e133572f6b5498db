"""The scores of the meetinstrument over a whole case."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.cases.growth import growth_of
from adapters.cases.presentation import case_as_json
from milestones.event_fields import THEMES

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_growth_is_seen_for_each_theme(office: Office, clock: SetClock) -> None:
    """Intake and evaluations each keep their nine scores, wherever they are filled in."""
    casework = office.casework
    reference = casework.open("M4", municipality="0518").reference
    casework.report(reference, "hulpvraag_vastgesteld")
    casework.report(
        reference, "meting_gedaan", process="M4", data={**dict.fromkeys(THEMES, 3), "meetinstrument": "zrm"}
    )
    casework.open("M7", municipality="0518", reference=reference)
    for process, score in (("M7", 4), ("BEGELEIDING", 7)):
        clock.moment += timedelta(days=90)
        scores = dict.fromkeys(THEMES, score) | {"schulden": 2, "meetinstrument": "zrm"}
        casework.report(reference, "evaluatie_gedaan", process=process, data=scores)
    view = casework.case(reference)
    growth = {item.theme: item for item in growth_of(view.journal)}
    assert [score for _, score in growth["wonen"].scores] == [3, 4, 7]
    assert (growth["wonen"].difference, growth["schulden"].difference) == (4, -1)
    shown = case_as_json(view, clock.today(), office.rules_for("0518"))
    assert {row["thema"]: row["groei"] for row in shown["groei"]}["schulden"] == -1
    assert "groei" not in case_as_json(view, clock.today(), office.rules_for("0518"), journal=False)

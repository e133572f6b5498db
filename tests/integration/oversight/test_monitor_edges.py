"""What counts on the last day, and in which gemeente."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.oversight.monitor import met_in_time, read_monitor
from adapters.oversight.monitor_figures import RELAPSE
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import reading

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(("days_late", "in_time"), [(0, True), (1, False)])
def test_the_last_day_is_in_time(office: Office, clock: SetClock, days_late: int, in_time: bool) -> None:
    """What ends on the last day of its term was in time; a day later it was not."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    office.casework.report("A-1", "aanmelding_geregistreerd")
    office.casework.report("A-1", "niet_bedreigend")
    (term,) = (one for one in office.casework.case("A-1").case.process("M3").terms if one.term == "T01")
    clock.moment = datetime.combine(term.due + timedelta(days=days_late), time(9), AMSTERDAM)
    office.casework.report("A-1", "eerste_gesprek_gevoerd")
    with reading(office.engine) as session:
        met = met_in_time(session, "0518", ["T01"], term.due, term.due)
    assert met == {("T01", "A-1"): in_time}


def test_a_relapse_counts_where_it_was(office: Office, clock: SetClock) -> None:
    """Half of the nazorg of one gemeente had a signal; all of another had, which moves nothing here."""
    for number in range(40):
        for place, told in (("0518", number % 2), ("0599", 1)):
            reference = f"A-{place}-{number}"
            office.casework.open("M8", municipality=place, reference=reference)
            if told:
                office.casework.report(reference, "signaal_ontvangen")
    today = clock.today()
    (cell,) = [cell for cell in read_monitor(office, "0518", today, 1).cells if cell.figure == RELAPSE.code]
    assert cell.value == 0.5

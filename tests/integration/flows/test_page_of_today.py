"""What Prefect shows of a case is that of today on every day, though it is written only when something happens."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import ProcessRow, writing
from flows.case_page import case_page, page_mark
from flows.display import show
from flows.window import circumstances
from milestones.case import closed
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

CASES = Path(__file__).parents[2] / "cases"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Window:
    """What a worker would have written of a case up to now: a page when its mark changed, a run that was woken."""

    def __init__(self, office: Office, reference: str) -> None:
        self.office, self.reference = office, reference
        self.mark = self.page = ""
        self.said: dict[str, str] = {}

    def _now(self) -> Iterator[tuple[str, bool, str]]:
        """Yield each open process, whether it asks to be shown, and what its run says when it is shown now."""
        view = self.office.casework.case(self.reference)
        today, policy = self.office.clock.today(), self.office.rules_for(view.municipality).policy
        for process in view.case.processes:
            row = view.rows[process.name]
            if not closed(process):
                around = circumstances(self.office, view, process, row.id or 0)
                shown = show(self.reference, view.municipality, process, today, policy, around)
                yield process.name, row.attention, f"{shown.state}. {shown.message}"

    def look(self) -> None:
        """Write what asks for it, and see that nothing that stands there is of another day."""
        view = self.office.casework.case(self.reference)
        policy, today = self.office.rules_for(view.municipality).policy, self.office.clock.today()
        now = list(self._now())
        if page_mark(view, policy) != self.mark and any(row.attention for row in view.rows.values()):
            self.mark, self.page = page_mark(view, policy), case_page(view, policy, today)
        self.said |= {name: said for name, asks, said in now if asks}
        with writing(self.office.engine) as session:
            session.execute(update(ProcessRow).values(attention=False))
        assert self.page == case_page(view, policy, today), today
        assert {name: self.said[name] for name, _, _ in now} == {name: said for name, _, said in now}, today


@pytest.mark.parametrize("name", ["A-te-laat", "bezwaar-dwangsom", "stilte-intake"])
def test_no_page_or_run_is_of_another_day(office: Office, clock: SetClock, name: str) -> None:
    """On each day of a case, just after midnight and after what happened, page and runs say what is true that day."""
    steps = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))["stappen"]
    days = [datetime.fromisoformat(step.get("op") or step["tot"]).date() for step in steps]
    reference, window = "", None
    day = days[0]
    while day <= days[-1]:
        clock.moment = datetime.combine(day, time(0, 1), AMSTERDAM)
        if window is not None:
            office.casework.fire_due(reference)
            window.look()
        for step in (step for step, on in zip(steps, days, strict=True) if on == day and "op" in step):
            _do(office, reference, step, day)
            reference = reference or "A-1"
            window = window or Window(office, reference)
            window.look()
        day += timedelta(days=1)


def _do(office: Office, reference: str, step: dict[str, Any], day: date) -> None:
    data = step.get("gegevens") or {}
    place: Any = {"municipality": "0518", "reference": reference or "A-1"}
    if step.get("open"):
        office.casework.open(step["mijlpaal"], on=day, data=data, **place)
        return
    with suppress(NotPossible):  # a case file may hold what is refused
        office.casework.report(
            reference, step["gebeurtenis"], process=step.get("mijlpaal"), on=day, data=data
        )

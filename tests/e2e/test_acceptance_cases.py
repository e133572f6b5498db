"""The acceptance cases A-E and the side roads, walked through Prefect itself on a clock that the test sets."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select
from support.stack import Stack, wait_until

from adapters.cases.presentation import case_as_json
from adapters.office import Office, open_office, set_clock
from adapters.operations.integrity import broken_cases
from adapters.runtime.clock import AMSTERDAM, AcceleratedClock
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, create_engine, migrate, reading
from milestones.case import closed
from milestones.definitions import definition_of
from milestones.policy import Rules
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

pytestmark = pytest.mark.prefect

CASES = [
    json.loads(path.read_text()) | {"bestand": path.stem}
    for path in sorted((Path(__file__).parents[1] / "cases").glob("*.json"))
]
# The cases of domain 9 themselves, and one in which a process that has ended opens again; the other side roads
# need no second engine.
_CHOSEN = {"A", "B", "C", "D", "E", "bezwaar-verschoonbaar"}
THROUGH_PREFECT = [case for case in CASES if case["bestand"] in _CHOSEN]
MUNICIPALITY = "0518"


def _set_day(engine: Engine, day: date) -> None:
    moment = datetime.combine(day, time(9), AMSTERDAM)
    set_clock(engine, AcceleratedClock(moment, datetime.now(UTC), speed=0))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Office]]:
    """A running stack in which all cases have walked to the end of their files, in the order of the dates."""
    stack = Stack(tmp_path_factory.mktemp("cases") / "home")
    stack.home.mkdir()
    engine = create_engine(f"sqlite:///{stack.home / 'zaken.db'}")
    migrate(engine)
    steps = [
        (step.get("op", step.get("tot"))[:10], number, case["bestand"], step)
        for case in THROUGH_PREFECT
        for number, step in enumerate(case["stappen"])
    ]
    _set_day(engine, date.fromisoformat(min(steps, key=lambda item: item[0])[0]))
    office = open_office(Settings(home=stack.home))
    stack.start()
    try:
        today = ""
        for written, _, name, step in sorted(steps, key=lambda item: item[:2]):
            if written != today:
                _set_day(engine, date.fromisoformat(written))
                today = written
            # The worker's sweep fires what is due on its own; a step waits until it has.
            wait_until(lambda: not _due(office), 30, lambda: "the worker fires no terms")
            if "tot" not in step:
                _report(office, f"ZAAK-{name}", date.fromisoformat(written), step)
        wait_until(
            lambda: not _restless(engine), 120, lambda: f"not at rest: {_restless(engine)}\n{stack.logs()}"
        )
        yield stack, office
    finally:
        assert stack.stop() == 0


def _due(office: Office) -> list[str]:
    office.clock = open_office(office.settings).clock
    return office.casework.__class__(office.engine, office.clock, office.rules_for).cases_with_due_terms()


def _restless(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.exec(select(ProcessRow.name).where(col(ProcessRow.attention).is_(True))))


def _report(office: Office, reference: str, day: date, step: dict[str, Any]) -> None:
    casework = office.casework.__class__(office.engine, open_office(office.settings).clock, office.rules_for)
    data = step.get("gegevens", {})
    try:
        if step.get("open"):
            casework.open(step["mijlpaal"], municipality=MUNICIPALITY, reference=reference, on=day, data=data)
        else:
            casework.report(reference, step["gebeurtenis"], process=step.get("mijlpaal"), on=day, data=data)
    except NotPossible:
        return  # what a case file expects to be refused
    for process in casework.case(reference).case.processes:
        if process.state == "OVERDRACHT_AANGEBODEN":
            casework.report(reference, "overdracht_aanvaard", process=process.name, on=day)


@pytest.mark.parametrize("case", THROUGH_PREFECT, ids=lambda case: case["bestand"])
def test_a_case_has_every_date_that_its_file_states(
    walked: tuple[Stack, Office], case: dict[str, Any]
) -> None:
    """States and dates in the database are those of the case file, and none of the wrong answers is there."""
    _, office = walked
    view = office.casework.case(f"ZAAK-{case['bestand']}")
    last = date.fromisoformat(max(step.get("op", step.get("tot"))[:10] for step in case["stappen"]))
    rules: Rules = office.rules_for(MUNICIPALITY)
    shown = case_as_json(view, last, rules)
    wanted = case["verwacht"]
    for process, state in wanted.get("toestanden", {}).items():
        assert shown["toestanden"].get(process) == state
    for term in wanted.get("termijnen", []):
        told = {key: value for key, value in term.items() if not key.startswith("_")}
        dates = {key: value for key, value in told.items() if key not in {"uitkomst", "geeindigd_op"}}
        assert any(dates.items() <= row.items() for row in shown["termijnen"]), (term, shown["termijnen"])
    for term in wanted.get("geen_termijnen", []):
        told = {key: value for key, value in term.items() if not key.startswith("_")}
        assert not any(told.items() <= row.items() for row in shown["termijnen"]), term


@pytest.mark.parametrize("case", THROUGH_PREFECT, ids=lambda case: case["bestand"])
def test_prefect_shows_every_process_of_a_case(walked: tuple[Stack, Office], case: dict[str, Any]) -> None:
    """Each process has one flow run, in the state that the journal says: parked, or completed when it ended."""
    stack, office = walked
    view = office.casework.case(f"ZAAK-{case['bestand']}")
    for process in view.case.processes:
        run = stack.prefect("GET", f"/flow_runs/{view.rows[process.name].flow_run_id}")
        assert run["name"].startswith(f"ZAAK-{case['bestand']} · ")
        assert run["state_name"] == definition_of(process).state(process.state).waits_for
        assert run["state_type"] == ("COMPLETED" if closed(process) else "PAUSED")


def test_the_journals_replay_to_the_cases(walked: tuple[Stack, Office]) -> None:
    """After all that, chain and replay are right, and every message was carried out."""
    _, office = walked
    assert list(broken_cases(office.engine, office.rules_named)) == []
    with reading(office.engine) as session:
        assert session.execute(text("SELECT count(*) FROM outbox WHERE done_at IS NULL")).scalar_one() == 0

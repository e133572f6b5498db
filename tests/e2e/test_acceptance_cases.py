"""The acceptance cases A-E and the side roads, walked through Prefect itself on a clock that the test sets."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prefect.client.schemas.objects import StateType
from sqlalchemy import text
from support.prefect_here import AtWork, at_work_in, prefect_here

from adapters.cases.presentation import case_as_json
from adapters.operations.integrity import broken_cases
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import reading
from flows.effects import deliver_what_is_left
from flows.processes import FLOWS
from milestones.case import closed
from milestones.definitions import definition_of
from milestones.policy import Rules
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_url")]

CASES = [
    json.loads(path.read_text()) | {"bestand": path.stem}
    for path in sorted((Path(__file__).parents[1] / "cases").glob("*.json"))
]
# The cases of domain 9 themselves, and one in which a process that has ended opens again; the other side roads
# need no second engine. The ordinary suite walks two of them, `-m long` all.
_CHOSEN = {"A", "B", "C", "D", "E", "bezwaar-verschoonbaar"}
_SHORT = {"A", "bezwaar-verschoonbaar"}
THROUGH_PREFECT = [
    pytest.param(case, id=case["bestand"], marks=() if case["bestand"] in _SHORT else pytest.mark.long)
    for case in CASES
    if case["bestand"] in _CHOSEN
]
MUNICIPALITY = "0518"


def _reference(name: str) -> str:
    """Return how the case of a file is called: a number with its initials."""
    return "ZAAK-1-" + "".join(part[0] for part in name.split("-"))


@pytest.fixture(scope="module")
def walked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[AtWork]:
    """An office in which the cases that are tried now walked to the end of their files, in the order of the dates."""
    here = (item for item in request.session.items if item.path == request.path and hasattr(item, "callspec"))
    cases = {item.callspec.id: item.callspec.params["case"] for item in here}
    steps = [
        (step.get("op", step.get("tot"))[:10], number, case["bestand"], step)
        for case in cases.values()
        for number, step in enumerate(case["stappen"])
    ]
    home = tmp_path_factory.mktemp("cases")
    with (
        prefect_here(lambda: tmp_path_factory.mktemp("prefect")),
        at_work_in(home, migrated_file) as at_work,
    ):
        at_work.deploy(*FLOWS)
        for written, _, name, step in sorted(steps, key=lambda item: item[:2]):
            day = date.fromisoformat(written)
            at_work.set_time(datetime.combine(day, time(9), AMSTERDAM))
            while at_work.office.casework.cases_with_due_terms():
                at_work.queue.fire_terms()
            at_work.work()
            if "tot" not in step:
                _report(at_work.office, _reference(name), day, step)
                at_work.work()
        deliver_what_is_left(at_work.office)
        yield at_work


def _report(office: Office, reference: str, day: date, step: dict[str, Any]) -> None:
    casework, data = office.casework, step.get("gegevens", {})
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


@pytest.mark.parametrize("case", THROUGH_PREFECT)
def test_a_case_has_every_date_that_its_file_states(walked: AtWork, case: dict[str, Any]) -> None:
    """States and dates in the database are those of the case file, and none of the wrong answers is there."""
    office = walked.office
    view = office.casework.case(_reference(case["bestand"]))
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


@pytest.mark.parametrize("case", THROUGH_PREFECT)
def test_prefect_shows_every_process_of_a_case(walked: AtWork, case: dict[str, Any]) -> None:
    """Each process has one flow run, in the state that the journal says: parked, or completed when it ended."""
    view = walked.office.casework.case(_reference(case["bestand"]))
    for process in view.case.processes:
        run = walked.run_of(view.reference, process.name)
        assert run.name.startswith(f"{_reference(case['bestand'])} · ")
        assert run.state_name == definition_of(process).state(process.state).waits_for
        assert run.state_type is (StateType.COMPLETED if closed(process) else StateType.PAUSED)


def test_the_journals_replay_to_the_cases(walked: AtWork) -> None:
    """After all that, chain and replay are right, and every message was carried out."""
    office = walked.office
    assert list(broken_cases(office.engine, office.rules_named)) == []
    with reading(office.engine) as session:
        assert session.execute(text("SELECT count(*) FROM outbox WHERE done_at IS NULL")).scalar_one() == 0

"""One case under two policies: the second run is what the simulator gives for that policy."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.case_file import read_case_file
from milestones.case import Case, apply, process_for, start
from milestones.policy import Policy, Rules, with_overrides
from milestones.process import Event
from milestones.rerun import Effect, JournalInput, both_ways, compare, count_case, touched_by
from milestones.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from milestones.case import Step

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.json"))
BEFORE = Policy(accept_by_hand=False)
CHANGES: dict[str, dict[str, object]] = {
    "a term": {"T03": {"weken": 4}},
    "a norm": {"T01": {"norm": {"weken": 2}}},
    "a number": {"contactpogingen": 2},
    "a role": {"rollen": {"quality_reviewer": "coordinator"}},
}


def _taker(step: Mapping[str, Any], day: date) -> Callable[[Case, Rules], tuple[Case, tuple[Step, ...]]]:
    data = step.get("gegevens", {})

    def take(case: Case, rules: Rules) -> tuple[Case, tuple[Step, ...]]:
        if step.get("open"):
            return start(case, step["mijlpaal"], day, day, rules, data)
        name = step.get("mijlpaal") or process_for(case, step["gebeurtenis"])
        return apply(case, name, Event(step["gebeurtenis"], day, data), day, rules)

    return take


def _inputs(steps: list[dict[str, Any]]) -> list[JournalInput]:
    found = []
    for step in steps:
        if "tot" not in step:
            day = date.fromisoformat(step["op"][:10])
            found.append(JournalInput(day, step.get("gebeurtenis", "geopend"), _taker(step, day)))
    return found


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_run_that_forks_is_the_run_of_the_simulator(path: Path, change: dict[str, object]) -> None:
    """What `simuleer` gives for the old and for the new policy is what the two runs give, case by case."""
    given = json.loads(path.read_text("utf-8"))
    last = date.fromisoformat((given["stappen"][-1].get("tot") or given["stappen"][-1]["op"])[:10])
    before = with_overrides(BEFORE, given.get("beleid", {}))
    after = with_overrides(before, change)
    calendar = dutch_calendar()
    runs = both_ways(
        _inputs(given["stappen"]), compare(Rules(calendar, before), Rules(calendar, after)), last
    )
    for run, policy in zip(runs, (before, after), strict=True):
        simulation = Simulation(calendar, Rules(calendar, policy))
        for step in read_case_file(given).steps:
            simulation.step(step)
            if simulation.refused:
                break
        if not simulation.refused:
            simulation.fire_until(last)
            assert run.stuck_on is None
            assert run.case == simulation.case
        else:
            assert run.stuck_on is not None


def test_what_moves_is_counted_by_term_and_by_day() -> None:
    """A beschikking after five weeks is late under four weeks and not under eight; a running term moves."""
    steps = [
        {"op": "2026-03-02", "mijlpaal": "M3", "open": True},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "aanmelding_geregistreerd"},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "niet_bedreigend"},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "afspraak_gemaakt"},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "eerste_gesprek_gevoerd"},
    ]
    calendar = dutch_calendar()
    before = Rules(calendar, BEFORE)
    after = Rules(calendar, with_overrides(BEFORE, {"T03": {"weken": 4}}))
    effect = Effect()
    today = date(2026, 4, 8)
    count_case(effect, _inputs(steps), compare(before, after), begin=date(2025, 4, 8), today=today)
    assert (effect.cases, effect.open_cases) == (1, 1)
    decision = effect.terms["T03"]
    assert (decision.counted, decision.moved, decision.late_before, decision.late_after) == (1, 1, 0, 1)
    assert dict(effect.running) == {("T03", date(2026, 4, 27), date(2026, 3, 30)): 1}
    assert effect.terms["T01"].moved == 0
    assert sum(effect.work_after.values()) > sum(effect.work_before.values())


def test_a_step_that_the_new_policy_refuses_is_named() -> None:
    """Who may stay away twice comes once more; where once is enough, the case is closed by then."""
    told = (
        "aanmelding_geregistreerd",
        "niet_bedreigend",
        "afspraak_gemaakt",
        "niet_verschenen",
        "afspraak_gemaakt",
    )
    steps = [{"op": "2026-03-02", "mijlpaal": "M3", "open": True}] + [
        {
            "op": "2026-03-02",
            "mijlpaal": "M3",
            "gebeurtenis": event,
            "gegevens": {"alle_kanalen_geprobeerd": True, "motivering": "m-1"}
            if event == "niet_verschenen"
            else {},
        }
        for event in told
    ]
    calendar = dutch_calendar()
    after = with_overrides(BEFORE, {"niet_verschenen": 1})
    effect = Effect()
    count_case(
        effect, _inputs(steps), compare(Rules(calendar, BEFORE), Rules(calendar, after)),
        begin=date(2026, 1, 1), today=date(2026, 3, 10),
    )  # fmt: skip
    assert (effect.cases, effect.not_replayed) == (1, 0)
    assert dict(effect.other_way) == {"afspraak_gemaakt": 1}


def test_a_name_touches_nothing() -> None:
    """Another name for a mijlpaal moves nothing, so nothing runs twice."""
    touched = touched_by(BEFORE, with_overrides(BEFORE, {"namen": {"M6": "Plan"}}))
    assert (touched.terms, touched.fields) == (frozenset(), frozenset())


def test_a_case_that_never_asks_for_the_changed_number_runs_once() -> None:
    """Where nobody stayed away, how often one may is never read: the second run is the first."""
    steps = [
        {"op": "2026-03-02", "mijlpaal": "M3", "open": True},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "aanmelding_geregistreerd"},
        {"op": "2026-03-02", "mijlpaal": "M3", "gebeurtenis": "niet_bedreigend"},
    ]
    stays_away = {
        "op": "2026-03-03",
        "mijlpaal": "M3",
        "gebeurtenis": "niet_verschenen",
        "gegevens": {"alle_kanalen_geprobeerd": True},
    }
    before = Rules(dutch_calendar(), BEFORE)
    rules = compare(before, replace(before, policy=with_overrides(BEFORE, {"niet_verschenen": 2})))
    now, then = both_ways(_inputs(steps), rules, date(2026, 3, 10))
    assert now is then
    made = {"op": "2026-03-03", "mijlpaal": "M3", "gebeurtenis": "afspraak_gemaakt"}
    now, then = both_ways(_inputs([*steps, made, stays_away]), rules, date(2026, 3, 10))
    assert now is not then

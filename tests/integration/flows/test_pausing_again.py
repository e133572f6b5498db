"""A pause that follows a pause, by the rules of the server of Prefect: whoever pressed a button is not passed over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from prefect.server import models, schemas
from prefect.server.database import provide_database_interface
from prefect.server.database.dependencies import (
    temporary_database_config,
    temporary_orm_config,
    temporary_query_components,
)
from prefect.server.orchestration.dependencies import ORCHESTRATION_DEPENDENCIES, provide_flow_policy
from prefect.server.schemas.states import (
    Cancelled,
    Completed,
    Pending,
    Running,
    Scheduled,
    State,
    StateDetails,
    StateType,
)
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings
from support.stack import give_prefect_database

from flows.prefect_seam.pausing_again import let_a_pause_follow_a_pause

if TYPE_CHECKING:
    from pathlib import Path


def paused(key: str, after: str | None = None, *, leaves_its_worker: bool = True) -> State:
    """Return a pause with a key of its own, and of the one that it follows."""
    details = StateDetails(pause_reschedule=leaves_its_worker, pause_key=key, cache_key=after)
    return State(type=StateType.PAUSED, name=f"Wacht {key}", state_details=details)


async def _set(states: list[State], *, ours: bool) -> tuple[str, str, int]:
    """Set states one after the other; return what the last one met, where the run is, and how often it ran."""
    db = provide_database_interface()
    async with db.session_context(begin_transaction=True, with_for_update=True) as session:
        flow = await models.flows.create_flow(session, schemas.core.Flow(name="M3"))
        deployment = await models.deployments.create_deployment(
            session, schemas.core.Deployment(name="routekaart", flow_id=flow.id)
        )
        assert deployment is not None
        run = await models.flow_runs.create_flow_run(
            session, schemas.core.FlowRun(flow_id=flow.id, deployment_id=deployment.id)
        )
    policy = await provide_flow_policy()
    assert (policy.__name__ == "_OurPolicy") is ours
    for state in states:
        async with db.session_context(begin_transaction=True, with_for_update=True) as session:
            answer = await models.flow_runs.set_flow_run_state(session, run.id, state, flow_policy=policy)
    async with db.session_context() as session:
        now: Any = await models.flow_runs.read_flow_run(session, run.id)
        return str(answer.status.value), now.state.name, now.run_count


@pytest.fixture
def set_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what sets states on a run of a new database, by our rules or by Prefect's own."""
    give_prefect_database(tmp_path)
    monkeypatch.setitem(ORCHESTRATION_DEPENDENCIES, "flow_policy_provider", None)  # put back afterwards

    def set_states(*states: State, ours: bool = True) -> tuple[str, str, int]:
        if ours:
            let_a_pause_follow_a_pause()
        file = tmp_path / "prefect" / "prefect.db"
        address = {PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{file}"}
        with (
            temporary_settings(address),
            temporary_database_config(None),  # a process remembers the database that it used before
            temporary_query_components(None),
            temporary_orm_config(None),
        ):
            return asyncio.run(_set(list(states), ours=ours))

    return set_states


def test_a_run_that_waits_takes_another_pause(set_states: Any) -> None:
    """It is shown under the new name at once, and nobody says that it ran."""
    assert set_states(Running(), paused("a"), paused("b", "a")) == ("ACCEPT", "Wacht b", 1)


def test_prefects_own_rules_want_it_to_run_first(set_states: Any) -> None:
    """Without our rule the server refuses; this test fails when it no longer has to be there."""
    assert set_states(Running(), paused("a"), paused("b", "a"), ours=False) == ("REJECT", "Wacht a", 1)


def test_who_pressed_resume_meanwhile_is_not_passed_over(set_states: Any) -> None:
    """The run goes to a worker, which reads the answer."""
    resumed = Scheduled(name="Resuming")
    assert set_states(Running(), paused("a"), resumed, paused("b", "a")) == ("REJECT", "Resuming", 1)


@pytest.mark.parametrize("others", [[], [Pending()]], ids=["alone", "beside other workers"])
def test_a_run_that_somebody_resumed_takes_a_pause(set_states: Any, others: list[State]) -> None:
    """A worker that names where it has the run shows what follows from the answer, and nobody says that it ran."""
    resumed = [Scheduled(name="Resuming"), *others]
    after = str(resumed[-1].id)
    assert set_states(Running(), paused("a"), *resumed, paused("b", after)) == ("ACCEPT", "Wacht b", 1)


def test_a_run_that_another_worker_took_is_left_to_it(set_states: Any) -> None:
    """Who found the run before that one shows nothing."""
    found = Scheduled(name="Resuming")
    assert set_states(Running(), paused("a"), found, Pending(), paused("b", str(found.id))) == (
        "REJECT",
        "Pending",
        1,
    )


@pytest.mark.parametrize("ended", [Cancelled(), Completed()])
def test_a_run_that_ended_meanwhile_stays_ended(set_states: Any, ended: State) -> None:
    """Cancel is never undone by a change of the case."""
    assert set_states(Running(), paused("a"), ended, paused("b", "a")) == ("ABORT", ended.name, 1)


def test_a_pause_that_was_sent_twice_stands_once(set_states: Any) -> None:
    """The second is refused with the pause that stands."""
    assert set_states(Running(), paused("a"), paused("b", "a"), paused("b", "a")) == ("REJECT", "Wacht b", 1)


def test_an_older_pause_never_comes_back(set_states: Any) -> None:
    """A request that was under way for long changes nothing."""
    assert set_states(Running(), paused("a"), paused("b", "a"), paused("a", "b")) == ("REJECT", "Wacht b", 1)


def test_a_run_that_keeps_its_worker_has_prefects_own_rules(set_states: Any) -> None:
    """A flow of somebody else that pauses in its process runs before it pauses again."""
    first, second = paused("a", leaves_its_worker=False), paused("b", "a", leaves_its_worker=False)
    assert set_states(Running(), first, second) == ("REJECT", "Wacht a", 1)


@pytest.mark.parametrize("after", [None, "another"])
def test_a_pause_follows_only_the_one_that_it_names(set_states: Any, after: str | None) -> None:
    """A worker that lost the run to another shows nothing older than what that one shows."""
    assert set_states(Running(), paused("a"), paused("b", after)) == ("REJECT", "Wacht a", 1)

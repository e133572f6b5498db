"""Whatever happens to a flow run in Prefect, its process is shown again and no case ends."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from support.invariants import violations

from adapters.cases.cancellations import Decision, cancellation_asked, decide_cancellation, open_cancellations
from adapters.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.workshop import PrefectServer, Workshop

pytestmark = pytest.mark.prefect

WAITS = "Wacht op registratie aanmelding"
DAMAGE = ("cancel", "delete", "fail", "crash", "complete", "running", "pending", "rename", "nothing")


def _damage(server: PrefectServer, how: str, run_id: str) -> None:
    """Do to a run what people, dead workers and accidents do."""
    states = {
        "cancel": ("CANCELLED", "Cancelled"),
        "fail": ("FAILED", "Failed"),
        "crash": ("CRASHED", "Crashed"),
        "complete": ("COMPLETED", "Completed"),
        "running": ("RUNNING", "Running"),
        "pending": ("PENDING", "Pending"),
        "rename": ("PAUSED", "Wacht op iets anders"),
    }
    if how == "delete":
        server.call("DELETE", f"/flow_runs/{run_id}")
    elif how in states:
        kind, name = states[how]
        state = {"type": kind, "name": name}
        server.call("POST", f"/flow_runs/{run_id}/set_state", state=state, force=True)


def _open(shop: Workshop, names: tuple[str, ...]) -> dict[str, str]:
    """Open a case under each name and wait until its run is parked; give the runs."""
    for name in names:
        shop.office.casework.open("M3", municipality="0518", reference=f"ZWERF-{shop.home.name}-{name[:5]}")
    return {name: shop.wait_for_state(f"ZWERF-{shop.home.name}-{name[:5]}", WAITS)["id"] for name in names}


@pytest.mark.short
def test_the_worker_mends_what_people_do_to_runs(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """Cancelled, deleted, failed, crashed, completed or renamed in the UI: the run is right again, by itself."""
    shop = workshop()
    shop.start()
    # Runs left RUNNING or PENDING are mended after a minute: they have a test of their own.
    names = tuple(name for name in DAMAGE if name not in ("running", "pending"))
    before = _open(shop, names)
    for name, run_id in before.items():
        _damage(server, name, run_id)

    def healed() -> bool:
        rows = [shop.office.casework.case(f"ZWERF-{shop.home.name}-{name[:5]}").rows["M3"] for name in names]
        runs = server.runs([row.flow_run_id for row in rows if row.flow_run_id])
        return violations(shop.office, runs=runs) == [] and not any(row.attention for row in rows)

    shop.wait(healed)
    after = {name: shop.run_id(f"ZWERF-{shop.home.name}-{name[:5]}") for name in names}
    assert {name for name in names if after[name] != before[name]} == {"cancel", "delete", "complete"}
    (asked,) = open_cancellations(shop.office.engine)
    assert (asked.case_reference, asked.flow_run_id) == (f"ZWERF-{shop.home.name}-cance", before["cancel"])
    assert decide_cancellation(shop.office.engine, asked.process_id, Decision.REFUSED) == 1
    assert not cancellation_asked(shop.office.engine, asked.process_id)


def test_the_worker_takes_up_what_was_left_running_or_pending(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """A run that says it runs, and that no worker has in hand, is right again within minutes, by itself."""
    shop = workshop()
    shop.start()
    for name, run_id in _open(shop, ("running", "pending")).items():
        _damage(server, name, run_id)
    for name in ("running", "pending"):
        shop.wait_for_state(f"ZWERF-{shop.home.name}-{name[:5]}", WAITS, seconds=180)


def test_the_command_mends_every_open_process(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """Without a worker, `routekaart herstel` names each damaged run; a worker then shows all of them again."""
    shop = workshop(ROUTEKAART_RECONCILE_SECONDS="3000")
    shop.start()
    before = _open(shop, DAMAGE)
    shop.kill()
    for name, run_id in before.items():
        _damage(server, name, run_id)
    _grow_old(server, [before["running"], before["pending"]])
    done = shop.command("herstel")
    lines = [line for line in done.splitlines() if line.startswith("ZWERF")]
    assert len(lines) == len(DAMAGE) - 1, done
    assert f"{len(DAMAGE)} open processen bekeken" in done
    shop.start()
    for name in DAMAGE:
        shop.wait_for_state(f"ZWERF-{shop.home.name}-{name[:5]}", WAITS)
    assert "0 hersteld" in shop.command("herstel")


def _grow_old(server: PrefectServer, run_ids: list[str]) -> None:
    """Make it look as if these runs got their state ten minutes ago."""
    engine = create_engine(f"sqlite:///{server.folder}/prefect/prefect.db", connect_args={"timeout": 30})
    with engine.begin() as connection:
        for run_id in run_ids:
            connection.execute(
                text(
                    "UPDATE flow_run_state SET timestamp = datetime('now', '-10 minutes') || '.000000' "
                    "WHERE id = (SELECT state_id FROM flow_run WHERE id = :run)"
                ),
                {"run": run_id},
            )
    engine.dispose()


@pytest.mark.parametrize("how", [pytest.param("emptied", marks=pytest.mark.short), "removed"])
def test_a_lost_prefect_database_is_filled_again(
    workshop: Callable[..., Workshop], server: PrefectServer, how: str
) -> None:
    """Prefect knows nothing any more: deployments and runs come back while the worker lives on."""
    shop = workshop()
    shop.start()
    names = ("een", "twee")
    before = set(_open(shop, names).values())
    if how == "emptied":
        for kind in ("work_pools", "flows"):  # their deployments and runs go with them
            for item in server.call("POST", f"/{kind}/filter"):
                server.call("DELETE", f"/{kind}/{item['name' if kind == 'work_pools' else 'id']}")
    else:
        server.kill()
        shutil.rmtree(server.folder / "prefect")  # its password lies beside it
        server.start()

    def back() -> bool:
        rows = [shop.office.casework.case(f"ZWERF-{shop.home.name}-{name[:5]}").rows["M3"] for name in names]
        runs = server.runs([row.flow_run_id for row in rows if row.flow_run_id])
        return before.isdisjoint(runs) and violations(shop.office, runs=runs) == []

    shop.wait(back, 120)
    assert open_cancellations(shop.office.engine) == []


def test_a_second_run_of_a_process_goes_away(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """Somebody starts the deployment by hand for a process that has a run: the second one ends at once."""
    shop = workshop()
    shop.start()
    (run_id,) = _open(shop, ("een",)).values()
    deployment = server.run(run_id)["deployment_id"]
    parameters = {"zaak": f"ZWERF-{shop.home.name}-een", "proces": "M3"}
    second = server.call("POST", f"/deployments/{deployment}/create_flow_run", parameters=parameters)
    shop.wait(lambda: server.run(second["id"])["state_name"] == "Vervangen")
    assert server.run(run_id)["state_name"] == WAITS


def test_a_finished_process_is_left_alone(workshop: Callable[..., Workshop], server: PrefectServer) -> None:
    """A process that closed keeps its completed run, and nothing is made anew for it."""
    shop = workshop()
    shop.start()
    (run_id,) = _open(shop, ("een",)).values()
    reference = f"ZWERF-{shop.home.name}-een"
    shop.office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    shop.wait_for_state(reference, "Afgesloten")
    with writing(shop.office.engine) as session:
        session.execute(text("UPDATE processes SET attention = 1"))
    assert shop.office.attention.unlink(1, UUID(run_id)) is False
    assert "0 open processen bekeken" in shop.command("herstel")
    assert shop.run_id(reference) == run_id


def test_a_run_of_a_case_that_is_not_here_says_so_and_ends(
    workshop: Callable[..., Workshop], server: PrefectServer
) -> None:
    """As after an older copy of the case database: the run names what is the matter and holds no worker."""
    shop = workshop()
    shop.start()
    _open(shop, ("hier",))
    run = server.run(shop.run_id(f"ZWERF-{shop.home.name}-hier") or "")
    made = server.call(
        "POST",
        f"/deployments/{run['deployment_id']}/create_flow_run",
        parameters={"zaak": f"WEG-{shop.home.name}", "proces": "M3"},
        state={"type": "SCHEDULED"},
    )
    shop.wait(lambda: server.run(made["id"])["state_name"] == "Hoort niet bij deze database")
    assert "horen niet bij elkaar" in server.run(made["id"])["state"]["message"]

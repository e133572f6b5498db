"""A vroegsignaal walks to the intake, with the real server, worker and database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support.stack import Stack, wait_until

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.prefect

FIXTURES = Path(__file__).parents[1] / "fixtures"
DELIVERY = FIXTURES / "een_vroegsignaal.json"
PUBLISHED = Path(__file__).parents[3] / "shared/data/ddas-vroegsignalering-v0.9/enkelvoudigVoorbeeld.json"


def _references(imported: str) -> list[str]:
    return [line.split()[-1] for line in imported.splitlines() if " FZ-" in line]


def _import(stack: Stack) -> str:
    """Import a delivery of one signal and give the case."""
    file = PUBLISHED if PUBLISHED.exists() else DELIVERY
    return _references(stack.run("importeer", "vroegsignalen", str(file)).stdout)[0]


def test_a_signal_walks_to_the_intake_by_form_and_command(stack: Stack) -> None:
    """M2 is answered in the Resume form, M3 over the command line, and M4 ends in INTAKE."""
    reference = _import(stack)
    run = stack.wait_for_state(f"{reference} · M2", "Wacht op matchen van het signaal")
    assert "T10" in run["state"]["message"]
    assert "niet geverifieerd" in run["state"]["message"]
    for label, state in (
        ("Signaal gematcht tot een vroegsignaalzaak", "Wacht op toewijzen"),
        ("Toegewezen aan een vroegsignaleerder", "Wacht op eerste contactpoging"),
    ):
        stack.answer(run, gebeurtenis=label)
        run = stack.wait_for_state(f"{reference} · M2", state)
    stack.answer(run, gebeurtenis="Contactpoging gedaan", soort="Telefoon", dagdeel="Ochtend", bereikt="nee")
    run = stack.wait_for_state(f"{reference} · M2", "Wacht op contact met de inwoner")
    stack.answer(run, gebeurtenis="Inwoner bereikt", soort="Huisbezoek")
    run = stack.wait_for_state(f"{reference} · M2", "Wacht op keuze van de inwoner")
    stack.answer(run, gebeurtenis="Inwoner wil hulp")
    assert stack.wait_for_state(f"{reference} · M2", "Overgedragen")["state_type"] == "COMPLETED"

    run = stack.wait_for_state(f"{reference} · M3", "Wacht op aanvaarden overdracht")
    assert "wacht-op-overdracht" in run["tags"]
    messages = (stack.home / "berichten.jsonl").read_text().splitlines()
    told = [
        item
        for item in map(json.loads, messages)
        if reference in item["titel"] and item["rol"] == "case_worker"
    ]
    assert "overdracht" in told[0]["titel"]

    stack.answer(run, gebeurtenis="Ik aanvaard de overdracht")
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    stack.run("meld", reference, "aanmelding_geregistreerd", "--mijlpaal", "M3")
    stack.wait_for_state(f"{reference} · M3", "Wacht op crisischeck")
    stack.run("meld", reference, "bedreigend", "--gegevens", '{"bedreiging": "gas"}')
    run = stack.wait_for_state(f"{reference} · M3", "Spoed: wacht op afspraak")
    assert "T02" in run["state"]["message"]
    assert "Wgs art. 4 lid 2" in run["state"]["message"]
    assert "crisis" in run["tags"]
    stack.report(reference, "afspraak_gemaakt")
    stack.report(reference, "eerste_gesprek_gevoerd")
    run = stack.wait_for_state(f"{reference} · M4", "Wacht op aanvaarden overdracht")
    stack.answer(run, gebeurtenis="Ik aanvaard de overdracht")
    run = stack.wait_for_state(f"{reference} · M4", "Wacht op vaststellen hulpvraag")
    stack.answer(run, gebeurtenis="Hulpvraag vastgesteld")
    stack.wait_for_state(f"{reference} · M4", "Wacht op volledig beeld")

    case = stack.case(reference)
    assert case["toestanden"]["M4"] == "INTAKE"
    outcomes = {item["id"]: item["uitkomst"] for item in case["termijnen"] if item["mijlpaal"] == "M3"}
    assert outcomes["T01"] == "vervangen"
    assert outcomes["T02"] == "gehaald"


def test_importing_twice_changes_nothing(stack: Stack) -> None:
    """A second import of the same file opens no case and adds no journal row."""
    reference = _import(stack)
    before = stack.case(reference)["journaal"]
    again = stack.run("importeer", "vroegsignalen", str(PUBLISHED if PUBLISHED.exists() else DELIVERY)).stdout
    assert _references(again)[0] == reference
    assert "0 geopend" in again
    assert stack.case(reference)["journaal"] == before


def test_a_wrong_answer_is_explained_and_the_form_comes_back(stack: Stack) -> None:
    """A date in the future is refused in the run's log; the process stays where it was."""
    reference = stack.open("M3")
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    stack.answer(run, gebeurtenis="Aanmelding geregistreerd", op="2999-01-01")

    def explained() -> list[str]:
        logs = stack.prefect("POST", "/logs/filter", logs={"flow_run_id": {"any_": [run["id"]]}})
        return [line["message"] for line in logs if "ligt in de toekomst" in line["message"]]

    assert wait_until(explained, 30, lambda: "no explanation in the log")
    run = stack.wait_for_state(f"{reference} · M3", "Niet overgenomen · Wacht op registratie aanmelding")
    assert run["state_type"] == "PAUSED"
    assert stack.case(reference)["toestanden"]["M3"] == "NIEUW"


def test_resuming_without_an_answer_leaves_the_case_where_it_is(stack: Stack) -> None:
    """A state change to SCHEDULED without an answer wakes the run, which parks again in the same state."""
    reference = stack.open("M1")
    run = stack.wait_for_state(f"{reference} · M1", "Wacht op eerste vraag")
    state = {"type": "SCHEDULED", "name": "Resuming"}
    stack.prefect("POST", f"/flow_runs/{run['id']}/set_state", state=state)

    def parked_again() -> Any:
        now = stack.run_of(f"{reference} · M1")
        return now and now["state_type"] == "PAUSED" and now["state_id"] != run["state_id"]

    wait_until(parked_again, 30, lambda: "the run did not park again")
    assert stack.case(reference)["toestanden"]["M1"] == "NIEUW"


def test_the_worker_is_an_ordinary_online_worker(stack: Stack) -> None:
    """Prefect lists one worker of the pool `routekaart`, and it is ONLINE."""
    workers = stack.prefect("POST", "/work_pools/routekaart/workers/filter")
    assert [worker["status"] for worker in workers] == ["ONLINE"]


def test_at_rest_the_whole_stays_under_a_gigabyte(stack: Stack) -> None:
    """All processes together take less than 1 GB, the worker less than 300 MB."""
    assert stack.process is not None
    parent = psutil.Process(stack.process.pid)
    sizes = [process.memory_info().rss for process in [parent, *parent.children(recursive=True)]]
    assert sum(sizes) < 1_000_000_000
    assert psutil.Process(stack.pid_of("worker")).memory_info().rss < 300_000_000


def test_servers_listen_on_loopback_only(stack: Stack) -> None:
    """No process of ours listens on an address that another machine can reach."""
    assert stack.process is not None
    parent = psutil.Process(stack.process.pid)
    addresses = {
        connection.laddr.ip
        for process in parent.children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_kill_everything_half_way_and_start_again(stack: Stack) -> None:
    """After SIGKILL of server and worker a new start finds the case where it was, and it walks on."""
    reference = stack.open("M3")
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    run_id = (stack.run_of(f"{reference} · M3") or {})["id"]
    stack.kill()
    try:
        # An event that comes while everything is down is safe in the case database.
        stack.run("meld", reference, "aanmelding_geregistreerd")
    finally:
        stack.start()
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op crisischeck")
    assert run["id"] == run_id
    stack.answer(run, gebeurtenis="Er is geen bedreigende situatie")
    stack.wait_for_state(f"{reference} · M3", "Wacht op afspraak")
    # The supervisor starts a killed server and a killed worker again by itself.
    psutil.Process(stack.pid_of("worker")).kill()
    psutil.Process(stack.pid_of("prefect")).kill()
    stack.report(reference, "afspraak_gemaakt")
    stack.wait_for_state_after_restart(f"{reference} · M3", "Wacht op eerste gesprek")
    assert [line["gebeurtenis"] for line in stack.case(reference)["journaal"]] == [
        "geopend",
        "aanmelding_geregistreerd",
        "niet_bedreigend",
        "afspraak_gemaakt",
    ]

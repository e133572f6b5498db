"""Rights at the door, with the real Prefect behind it: what somebody of one gemeente sees and may do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.doors import forwarding

from adapters.runtime.staff import StaffBook, StaffMember, StaffRole
from deployments.door.door import Door
from deployments.door.doorkeeper import Doorkeeper
from deployments.door.sessions import Session, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.stack import Stack

pytestmark = pytest.mark.prefect

PLACES = ("0518", "0363")


class Person:
    """Somebody who is in, with a door of his own before the server of the stack."""

    def __init__(self, stack: Stack, folder: Path, member: StaffMember) -> None:
        base = f"http://127.0.0.1:{stack.prefect_port}"

        prefect = forwarding(base)

        async def place(reference: str) -> str | None:
            return reference.rpartition("-")[2] if reference.startswith("RECHT-") else None

        sessions = Sessions(stack.credential, folder)
        self.cookie = sessions.cookie(Session(member.code)).decode().partition(";")[0]
        self.door = Door(
            prefect,
            stack.credential,
            sessions,
            lambda _: member,
            Doorkeeper(prefect, stack.credential, place, "0518"),
        )

    def asks(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask as the UI does."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.door)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                headers = {"Cookie": self.cookie, "Origin": "http://127.0.0.1"}
                return await client.request(method, f"/api{path}", json=body, headers=headers)

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def runs(stack: Stack) -> dict[str, str]:
    """Return a run in each of two gemeenten."""
    for place in PLACES:
        stack.open("M3", reference=f"RECHT-{place}", municipality=place)
    return {
        place: stack.wait_for_state(f"RECHT-{place} · M3", "Wacht op registratie aanmelding")["id"]
        for place in PLACES
    }


@pytest.fixture
def person(stack: Stack, tmp_path: Path) -> Callable[[str, str], Person]:
    """Return somebody with one role in one gemeente."""

    def made(role: str, place: str) -> Person:
        roles = {place: frozenset({StaffRole(role)})}
        return Person(stack, tmp_path, StaffBook({}).with_roles("mw-5", roles))

    return made


def test_somebody_of_one_gemeente_sees_only_its_runs(
    runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """Lists, counts, pages of lists and single runs are those of the own gemeente, as Prefect itself finds them."""
    own, every = person("coördinator", "0363"), person("coördinator", "*")
    found = own.asks("POST", "/flow_runs/filter", limit=200).json()
    assert {run["id"] for run in found} == {runs["0363"]}
    assert own.asks("POST", "/flow_runs/count").json() == 1
    assert own.asks("POST", "/flow_runs/paginate").json()["count"] == 1
    assert every.asks("POST", "/flow_runs/count").json() > 1
    assert own.asks("GET", f"/flow_runs/{runs['0363']}").status_code == 200
    refused = own.asks("GET", f"/flow_runs/{runs['0518']}")
    assert refused.status_code == 403
    assert refused.json()["exception_message"].startswith("Deze gegevens zijn van een andere gemeente")
    keys = {item["flow_run_id"] for item in own.asks("POST", "/artifacts/filter", limit=200).json()}
    assert keys <= {runs["0363"]}


def test_a_lezer_looks_and_does_not_answer(
    stack: Stack, runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """The form is refused with a sentence and the case stays where it is; a klantmanager's answer counts."""
    path = f"/flow_runs/{runs['0363']}/resume"
    answer = {"gebeurtenis": "Aanmelding geregistreerd"}
    refused = person("lezer", "0363").asks("POST", path, run_input=answer)
    assert refused.status_code == 403
    assert "behandelen" in refused.json()["detail"]
    assert person("klantmanager", "0518").asks("POST", path, run_input=answer).status_code == 403
    assert len(stack.case("RECHT-0363")["journaal"]) == 1
    given = person("klantmanager", "0363").asks("POST", path, run_input=answer)
    assert given.json()["status"] == "ACCEPT"
    stack.wait_for_state("RECHT-0363 · M3", "Wacht op crisischeck")
    assert stack.case("RECHT-0363")["journaal"][-1]["door"]["code"] == "mw-5"


def test_somebody_of_one_gemeente_has_a_front_page_of_his_own(
    stack: Stack, runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """Asked for by its key, as the UIs do, it is that of his gemeente and leads to no other; the others are refused."""
    stack.run_action("overzicht")
    own, every = person("klantmanager", "0363"), person("coördinator", "*")
    asked = {"artifacts": {"key": {"any_": ["overzicht"]}}, "sort": "CREATED_DESC"}
    for path in ("/artifacts/filter", "/artifacts/latest/filter"):
        keys = {item["key"] for item in own.asks("POST", path, **asked).json()}
        assert keys == {"overzicht-0363"}
        assert {item["key"] for item in every.asks("POST", path, **asked).json()} == {"overzicht"}
    page = own.asks("GET", "/artifacts/overzicht/latest").json()
    assert page["key"] == "overzicht-0363"
    assert page["description"].startswith("# Overzicht van gemeente 0363")
    assert "werkvoorraad-0518" not in page["description"]
    assert "werkvoorraad-0518" in every.asks("GET", "/artifacts/overzicht/latest").json()["description"]
    (shown,) = own.asks("POST", "/artifacts/filter", **asked).json()[:1]
    assert own.asks("GET", f"/artifacts/{shown['id']}").status_code == 200
    for key in ("overzicht-0518", "werkvoorraad-0518", "monitor-0518"):
        assert own.asks("GET", f"/artifacts/{key}/latest").status_code == 403
    wide = {"artifacts": {"operator": "or_", "key": {"any_": ["overzicht"]}}}
    found = own.asks("POST", "/artifacts/filter", **wide).json()
    assert all(item["flow_run_id"] == runs["0363"] for item in found)


def test_a_reference_that_ends_as_a_gemeente_opens_no_page(
    stack: Stack, person: Callable[[str, str], Person]
) -> None:
    """The page of a case belongs to the gemeente of the case, whatever its reference looks like."""
    stack.run("open", "--mijlpaal", "M3", "--zaak", "LEK-0363", "--gemeente", "0518")
    stack.wait_for_state("LEK-0363 · M3", "Wacht op registratie aanmelding")
    path = "/artifacts/zaak-lek-0363/latest"
    assert person("lezer", "0518").asks("GET", path).status_code == 200
    assert person("lezer", "0363").asks("GET", path).status_code == 403
    asked = {"artifacts": {"key": {"any_": ["zaak-lek-0363"]}}}
    assert person("lezer", "0363").asks("POST", "/artifacts/filter", **asked).json() == []


def test_a_case_that_is_packed_in_a_form_is_seen_at_the_door(
    stack: Stack, runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """Prefect unpacks JSON in the values of a form; the door does so first, and nothing of another gemeente moves."""
    action = stack.prefect(
        "POST", "/deployments/filter", deployments={"name": {"any_": ["gebeurtenis-melden"]}}
    )
    start = f"/deployments/{action[0]['id']}/create_flow_run"
    before = len(stack.case("RECHT-0518")["journaal"])
    values = {"gebeurtenis": "Aanmelding geregistreerd", "zaak": "RECHT-0518"}
    packed = {name: {"__prefect_kind": "json", "value": json.dumps(value)} for name, value in values.items()}
    for parameters in (packed, {"__prefect_kind": "json", "value": json.dumps(values)}):
        refused = person("klantmanager", "0363").asks("POST", start, parameters=parameters)
        assert refused.status_code == 403
        assert "andere gemeente" in refused.json()["detail"]
    made = person("klantmanager", "0518").asks("POST", start, parameters=packed).json()
    assert made["parameters"] == values
    assert stack.ended(made)["state_name"] == "Gedaan"
    said = person("klantmanager", "0518").asks("GET", f"/flow_runs/{made['id']}")
    assert said.json()["state_name"] == "Gedaan"  # who starts an action sees what came of it
    assert person("klantmanager", "0363").asks("GET", f"/flow_runs/{made['id']}").status_code == 403
    assert stack.case("RECHT-0518")["journaal"][before]["door"]["code"] == "mw-5"


def test_no_filter_tells_of_a_run_of_another_gemeente(
    stack: Stack, runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """Flows and deployments are found by their runs too: those of another gemeente find nothing."""
    name = stack.prefect("GET", f"/flow_runs/{runs['0518']}")["name"]
    asked = {"flow_runs": {"name": {"any_": [name]}}}
    for path in ("/flows/count", "/deployments/count"):
        assert person("lezer", "0518").asks("POST", path, **asked).json() == 1
        assert person("lezer", "0363").asks("POST", path, **asked).json() == 0
    every = person("lezer", "0363").asks("POST", "/deployments/count").json()
    assert every == stack.prefect("POST", "/deployments/count")


def test_a_beheerder_of_one_gemeente_leaves_the_runs_of_another(
    stack: Stack, runs: dict[str, str], person: Callable[[str, str], Person]
) -> None:
    """He deletes nothing of another gemeente, and changes nothing that all of them share."""
    who = person("beheerder", "0363")
    assert who.asks("DELETE", f"/flow_runs/{runs['0518']}").status_code == 403
    assert who.asks("PATCH", f"/flow_runs/{runs['0518']}", tags=["gemeente:0363"]).status_code == 403
    assert who.asks("POST", "/flow_runs/bulk_delete", flow_runs={}).status_code == 403
    assert who.asks("POST", "/block_documents/filter").status_code == 403
    assert stack.prefect("GET", f"/flow_runs/{runs['0518']}")["id"] == runs["0518"]

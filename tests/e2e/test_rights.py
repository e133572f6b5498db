"""Rights at the door, with the real Prefect behind it: what somebody of one gemeente sees and may do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

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

        async def prefect(scope: Any, receive: Any, send: Any) -> None:
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            query = scope["query_string"].decode()
            async with httpx.AsyncClient(base_url=base) as client:
                headers = [item for item in scope["headers"] if item[0] not in (b"host", b"origin")]
                given = await client.request(
                    scope["method"],
                    scope["path"] + ("?" + query if query else ""),
                    content=body,
                    headers=headers,
                )
            await send({"type": "http.response.start", "status": given.status_code, "headers": []})
            await send({"type": "http.response.body", "body": given.content})

        async def place(reference: str) -> str | None:
            return reference.rpartition("-")[2] if reference.startswith("RECHT-") else None

        sessions = Sessions(stack.credential, folder)
        self.cookie = sessions.cookie(Session(member.code), secure=False).decode().partition(";")[0]
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
        stack.run("open", "--mijlpaal", "M3", "--zaak", f"RECHT-{place}", "--gemeente", place)
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

"""No other site makes the browser of somebody who is in change something: each changing route is tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from support.doors import CREDENTIAL, ask, make_door, shown, staff_file

from deployments.door.door import OWN_PAGES, Door
from deployments.door.doorkeeper import Doorkeeper
from deployments.door.own_routes import own_routes
from deployments.door.prefect_routes import API, prefect_routes
from deployments.door.sessions import Session

if TYPE_CHECKING:
    from pathlib import Path

ID = "00000000-0000-0000-0000-000000000001"
CHANGING = sorted(
    {
        (route.method, API + re.sub(r"\{\w+\}", ID, route.path))
        for route in prefect_routes()
        if route.method not in ("GET", "HEAD")
    }
)
OWN_CHANGING = sorted(
    re.sub(r"\{\w+\}", "1", route.path)
    for route in own_routes()
    if route.method == "POST" and route.path.startswith(OWN_PAGES)
)
ELSEWHERE: list[dict[str, str]] = [
    {"origin": "https://kwaad.example"},
    {"origin": "http://127.0.0.1:4201"},
    {"origin": "null"},
    {"origin": "", "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]
STAFF = '[mensen.mw-99]\n"*" = ["beheerder"]\n'


@pytest.fixture
def reached() -> list[str]:
    """What came through the door."""
    return []


@pytest.fixture
def door(tmp_path: Path, reached: list[str]) -> Door:
    """A door for a beheerder, who may do everything."""

    async def behind(scope: Any, _receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def nowhere(_: str) -> None:
        """Know no case."""

    staff = staff_file(tmp_path, STAFF)
    made = make_door(tmp_path, staff)
    return Door(
        behind, CREDENTIAL, made.sessions, made.staff, Doorkeeper(behind, CREDENTIAL, nowhere), pages=behind
    )


@pytest.fixture
def inside(door: Door) -> dict[str, str]:
    """The cookie of the beheerder."""
    said = door.sessions.cookie(Session("mw-99")).decode().partition(";")[0]
    name, _, value = said.partition("=")
    return shown({name: value})


@pytest.mark.parametrize("said", ELSEWHERE[:3])
def test_no_changing_route_of_prefect_is_reached_from_another_site(
    door: Door, inside: dict[str, str], reached: list[str], said: dict[str, str]
) -> None:
    """A form or a script elsewhere that carries the session is refused at every route, and nothing gets through."""
    headers = inside | {"sec-fetch-mode": "cors", "accept": "application/json"} | said
    answers = {
        (method, path): ask(door, method, path, headers=headers, content=b"{}") for method, path in CHANGING
    }
    assert {answer.status_code for answer in answers.values()} == {403}
    assert reached == []
    assert len(answers) > 100


@pytest.mark.parametrize("said", ELSEWHERE)
def test_no_page_of_ours_is_changed_from_another_site(
    door: Door, inside: dict[str, str], reached: list[str], said: dict[str, str]
) -> None:
    """Each form of ours in the table, each other way to change, and logging out, are refused as well."""
    assert len(OWN_CHANGING) > 10
    for path in (*OWN_CHANGING, *OWN_PAGES, "/uit"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            headers = inside | {"sec-fetch-mode": "navigate"} | said
            assert ask(door, method, path, headers=headers).status_code == 403, path
    assert reached == []
    assert ask(door, "GET", "/v2/runs", headers=inside).status_code == 200


def test_the_same_requests_of_a_page_of_ours_get_through(
    door: Door, inside: dict[str, str], reached: list[str]
) -> None:
    """So that the tests above fail for the site, and not for the request."""
    headers = inside | {"sec-fetch-mode": "cors", "sec-fetch-site": "same-origin"}
    assert ask(door, "POST", f"{API}/flow_runs/count", headers=headers, json={}).status_code == 200
    for path in OWN_CHANGING:
        assert ask(door, "POST", path, headers=headers).status_code == 200, path
    assert reached == [f"{API}/flow_runs/count", *OWN_CHANGING]

"""A proxy that logs people in: believed with its secret, and with nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from support.doors import ask, ask_with, cookies_of, make_door, shown, staff_file

from deployments.door.sessions import Session
from deployments.door.trusted_proxy import TrustedProxy

if TYPE_CHECKING:
    from pathlib import Path

    from deployments.door.door import Door

SECRET = "geheim" * 6
STAFF = """
[mensen.mw-17]
"0518" = ["klantmanager"]
[aanmelden]
code = "X-Medewerker"
groepen = "X-Groepen"
gemeenten = "X-Gemeenten"
[rollen_van_groepen.coordinatoren]
gemeenten = ["coördinator"]
"""
FROM_PROXY = {"x-routekaart-geheim": SECRET}


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """A door behind a proxy."""
    staff = staff_file(tmp_path, STAFF)
    return make_door(tmp_path, staff, proxy=TrustedProxy(SECRET, staff.book, lambda: b"k" * 32))


def test_the_proxy_says_who_somebody_is(door: Door) -> None:
    """Each request is that of the person whom the proxy names; no cookie is made, and the secret goes no further."""
    answer = ask(door, "GET", "/v2/runs", headers=FROM_PROXY | {"x-medewerker": "mw-17"})
    assert answer.text.startswith("binnen")
    assert SECRET not in answer.text
    assert "set-cookie" not in answer.headers
    assert ask(door, "GET", "/v2/runs", headers=FROM_PROXY | {"x-medewerker": "mw-99"}).status_code == 403


def test_groups_and_gemeenten_of_the_proxy_give_roles(door: Door) -> None:
    """The same file as for a login service says which role comes with which group."""
    said = FROM_PROXY | {
        "x-medewerker": "mw-5",
        "x-groepen": "iets, coordinatoren",
        "x-gemeenten": "0363,0518",
    }
    session = door.proxy.session([(k.encode(), v.encode()) for k, v in said.items()])  # type: ignore[union-attr]
    assert (session.code, session.groups, session.places) == ("mw-5", ("coordinatoren",), ("0363", "0518"))
    assert ask(door, "GET", "/v2/runs", headers=said).status_code == 200


@pytest.mark.parametrize(
    "secret",
    [{}, {"x-routekaart-geheim": ""}, {"x-routekaart-geheim": SECRET[:-1]}, {"x_routekaart_geheim": SECRET}],
)
def test_without_the_secret_the_headers_say_nothing(door: Door, secret: dict[str, str]) -> None:
    """Whoever reaches the server past the proxy is nobody, whatever he says of himself; nothing he typed is logged."""
    with capture_logs() as said:
        answer = ask(door, "GET", "/v2/runs", headers=secret | {"x-medewerker": "mw-17"})
        changed = ask(
            door, "POST", "/api/flow_runs/count", json={}, headers=secret | {"x-medewerker": "mw-17"}
        )
    assert (answer.status_code, changed.status_code) == (401, 401)
    assert "mw-17" not in str(said)
    assert SECRET[:-1] not in str(said)


def test_a_secret_that_is_given_twice_is_none(door: Door) -> None:
    """A proxy that adds its header beside that of a visitor does not replace it, so that it proves nothing."""
    twice = [
        ("x-routekaart-geheim", "geraden"),
        ("x-routekaart-geheim", SECRET),
        ("x-medewerker", "mw-17"),
    ]
    assert ask_with(door, "GET", "/v2/runs", headers=twice).status_code == 401


def test_a_name_that_is_given_twice_is_refused(door: Door) -> None:
    """Else a visitor could put his own name beside the one that the proxy gives."""
    for name in ("x-medewerker", "x-groepen"):
        given = [*FROM_PROXY.items(), ("x-medewerker", "mw-17"), (name, "mw-99")]
        given += [("x-groepen", "coordinatoren")] if name == "x-groepen" else []
        assert ask_with(door, "GET", "/v2/runs", headers=given).status_code == 403


@pytest.mark.parametrize("name", ["", "Jan Jansen", "jan@example.nl", "x" * 99])
def test_who_has_no_code_stays_outside(door: Door, name: str) -> None:
    """A name or an address is no code; neither the page nor the log repeats it."""
    with capture_logs() as said:
        answer = ask(door, "GET", "/v2/runs", headers=FROM_PROXY | {"x-medewerker": name})
    assert answer.status_code == 403
    assert not name or name not in str(said) + answer.text


def test_a_change_must_come_from_a_page_of_ours(door: Door) -> None:
    """The cookie is that of the proxy, so that the door still asks which page sent a form."""
    said = FROM_PROXY | {"x-medewerker": "mw-17", "origin": "https://kwaad.example"}
    assert ask(door, "POST", "/api/flow_runs/count", json={}, headers=said).status_code == 403


def test_a_link_still_lets_the_beheerder_in(door: Door) -> None:
    """Who uses the machine comes in past the proxy, with a link that works once; logging out says where to go."""
    inside = shown(cookies_of(ask(door, "GET", door.sessions.link(Session("mw-17")))))
    assert ask(door, "GET", "/v2/runs", headers=inside).status_code == 200
    assert "organisatie" in ask(door, "POST", "/uit", headers=FROM_PROXY | {"x-medewerker": "mw-17"}).text
    assert ask(door, "GET", "/v2/runs").status_code == 401

"""The table of our own routes: complete, and kept for each role of a person and each right of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from adapters.api.app import create_api, create_pages
from adapters.api.person import as_person
from adapters.exchange.clients import new_client
from adapters.runtime.staff import Right, StaffBook, StaffMember, StaffRole
from adapters.storage.database import writing
from adapters.storage.exchange_tables import PostbakRow
from deployments.door.door import OWN_PAGES
from deployments.door.own_routes import may_open, own_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapters.office import Office

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PEOPLE = [route for route in own_routes() if route.path.startswith(OWN_PAGES)]
CLIENTS = [route for route in own_routes() if route.path.startswith(("/v1", "/metrics"))]
OWN_KEY = {"sleutel", "iedereen"}
EVENT, OPENING = "aanmelding_geregistreerd", "open:M3"
BODIES: dict[str, Any] = {
    "/v1/zaken": {"mijlpaal": "M3"},
    "/v1/zaken/{reference}/gebeurtenissen": {"gebeurtenis": EVENT},
    "/v1/zaken/{reference}/verwijzingen": {"verwijzing": "Z-2026-1"},
    "/v1/ddas/gegevens": {"aanleverperiodeStartdatum": "2026-01-01", "aanleverperiodeEinddatum": "2026-12-31"},
    "/v1/notificaties": {
        "kanaal": "zaken", "hoofdObject": "https://zaken.example/1", "resource": "zaak",
        "resourceUrl": "https://zaken.example/1", "actie": "create", "aanmaakdatum": "2026-03-09T08:00:00Z",
    },
    "/v1/cloudevents": {"specversion": "1.0", "type": "nl.x", "source": "/x", "id": "1"},
}  # fmt: skip


def routes_of(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield each method and path."""
    for route in routes:
        inner = getattr(route, "original_router", route)
        if methods := getattr(route, "methods", None):
            yield from ((method, route.path) for method in methods - {"HEAD"})
        elif inner is not route:
            yield from routes_of(inner.routes)


def member(role: StaffRole) -> StaffMember:
    """Return somebody with one role in one gemeente."""
    return StaffBook({}).with_roles("mw-1", {"0518": frozenset({role})})


def filled(path: str, reference: str) -> str:
    """Return a path about this case."""
    names = {"reference": reference, "process": "M3", "event": EVENT, "code": "M3", "municipality": "0518"}
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{number}", "1").replace("{naam}", "a")


@pytest.fixture
def reference(office: Office) -> str:
    """Return a case."""
    return office.casework.open("M3", municipality="0518").reference


@SQLITE
def test_each_route_of_ours_stands_in_the_table(office: Office) -> None:
    """A route that is added or taken away is seen here first; the door refuses a page that is not in it."""
    app = create_api(office)
    assert {(route.method, route.path) for route in own_routes()} == set(routes_of(app.state.routes))
    operator = member(StaffRole.OPERATOR)
    assert {(route.method, route.path) for route in PEOPLE} == set(routes_of(create_pages(office).routes))
    assert not may_open(operator, "GET", "/zaak/x/nieuw")
    assert not may_open(operator, "DELETE", "/mijn")


@SQLITE
@pytest.mark.parametrize("role", list(StaffRole))
def test_each_role_reaches_the_pages_that_the_table_says(
    office: Office, reference: str, role: StaffRole
) -> None:
    """Door and page agree: who has the right gets an answer of the page, who lacks it changes nothing there."""
    who = member(role)
    page = TestClient(
        as_person(create_pages(office), who),
        follow_redirects=False,
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    for route in PEOPLE:
        path = filled(route.path, reference)
        rights = {right for right in Right if right in route.rights}
        assert rights, route.path
        allowed = any(who.may(right, "0518") for right in rights)
        assert may_open(who, route.method, path) is allowed, route.path
        if allowed and not (route.method == "POST" and "melden" in route.path):
            answer = page.request(route.method, path, **({"data": {}} if route.method == "POST" else {}))
            assert answer.status_code not in (401, 403), route.path
    before = len(office.casework.case(reference).journal)
    answer = page.post(f"/zaak/{reference}/melden/M3/{EVENT}")
    acted = len(office.casework.case(reference).journal) > before
    assert acted is who.may(Right.ACT, "0518")
    assert acted or answer.status_code == 403


def _message(office: Office) -> int:
    """Put a message in the postbak and return its number."""
    with writing(office.engine) as session:
        row = PostbakRow(
            municipality="0518",
            message_hash="h",
            kind="nl.x",
            source="client:a",
            reason="geen regel",
            received_at=office.clock.now(),
        )
        session.add(row)
        session.flush()
        return row.id or 0


@SQLITE
def test_a_lezer_puts_no_message_aside(office: Office) -> None:
    """Looking at the postbak is no right to empty it."""
    number = _message(office)
    for role, status in ((StaffRole.READER, 403), (StaffRole.CASE_WORKER, 200)):
        page = TestClient(as_person(create_pages(office), member(role)))
        form = {"keuze": "verwerpen"}
        answer = page.post(f"/postbak/{number}", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == status


@SQLITE
def test_each_client_reaches_what_the_table_says(office: Office, reference: str) -> None:
    """Of each pair of a route and one right, only the right of the table gets past; without a key nobody does."""
    meant = {"gebeurtenis": EVENT, "open:mijlpaal": OPENING}
    rights = {meant.get(word, word) for route in CLIENTS for word in route.rights} - OWN_KEY - {"client"}
    api = TestClient(create_api(office))
    for number, right in enumerate(sorted(rights)):
        key = {"X-API-Key": new_client(office, f"c-{number}", ("0518",), (right,)).api_key}
        for route in CLIENTS:
            if set(route.rights) & OWN_KEY:
                continue
            body = {"json": BODIES.get(route.path, {})} if route.method == "POST" else {}
            if route.path == "/v1/cloudevents":
                body = {"json": body["json"], "headers": {"Content-Type": "application/cloudevents+json"}}
            more = body.pop("headers", {})
            path = filled(route.path, reference)
            assert api.request(route.method, path, **body, headers=more).status_code == 401, path
            given = api.request(route.method, path, **body, headers=key | more)
            allowed = "client" in route.rights or right in {meant.get(word, word) for word in route.rights}
            assert (given.status_code != 403) is allowed, (right, route.method, path, given.text)

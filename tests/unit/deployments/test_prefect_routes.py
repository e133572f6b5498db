"""The table of Prefect's routes: complete, and kept by the guard for each role."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from adapters.runtime.credential import Credential
from adapters.runtime.staff import Right, StaffBook, StaffMember, StaffRole
from deployments.door.bodies import read_body, unpacked, whole_body
from deployments.door.doorkeeper import (
    Doorkeeper,
    ForbiddenError,
    front_page,
    judged_labels,
    rights_to_report,
    rights_to_start,
    runs_named,
    with_municipalities,
)
from deployments.door.prefect_routes import SOCKETS, Reach, prefect_routes, route_of
from deployments.planned import planned

RUN = "11111111-1111-1111-1111-111111111111"
REVIEW = "22222222-2222-2222-2222-222222222222"


def member(role: str, place: str = "*") -> StaffMember:
    """Return somebody with one role."""
    return StaffBook({}).with_roles("mw-1", {place: frozenset({StaffRole(role)})})


async def answers(scope: Any, receive: Any, send: Any) -> None:
    """Answer as Prefect does for a run of gemeente 0518, for its kwaliteitstoets, and for one deployment."""
    path = scope["path"]
    tags = ["gemeente:0518", *(["kwaliteitstoets"] if REVIEW in path else [])]
    found = {"tags": tags, "name": "gebeurtenis-melden", "flow_run_id": RUN, "key": "zaak-1"}
    await send({"type": "http.response.start", "status": 200 if path.startswith("/api/") else 404})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


async def nowhere(reference: str) -> str | None:
    """Know the cases of one gemeente."""
    return "0518" if reference == "ZAAK-0518" else None


KEEPER = Doorkeeper(answers, Credential("a:" + "b" * 40), nowhere, "0518")


def asks(who: StaffMember, method: str, path: str, body: object = None) -> dict[str, Any] | None:
    """Return the body as it reaches Prefect; ForbiddenError when it does not."""
    scope = {"method": method, "path": path, "headers": [], "query_string": b""}
    _, receive = asyncio.run(KEEPER.passed(scope, whole_body(json.dumps(body or {}).encode()), who))
    return asyncio.run(read_body(receive))[1]


# What a person may send to a route that looks at what he sends.
BODIES: dict[Reach, dict[str, Any]] = {
    Reach.SET_STATE: {"state": {"type": "CANCELLED"}},
    Reach.START: {"parameters": {"gebeurtenis": "Tweede beoordeling"}},
    Reach.ANSWER: {"run_input": {"gebeurtenis": "Tweede beoordeling"}},
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """What Prefect says of its own routes."""
    from prefect.server.api.server import create_app  # noqa: PLC0415 - it reads settings on import

    app = create_app(final=True, webserver_only=True)
    api: Any = next(route.app for route in app.routes if getattr(route, "path", "") == "/api")
    said: dict[str, Any] = api.openapi()
    return said


def test_each_route_of_prefect_stands_in_the_table(described: dict[str, Any]) -> None:
    """A route that Prefect adds or takes away is seen here first."""
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert {(route.method, route.path) for route in prefect_routes()} == found


def named_in(schema: Any, components: dict[str, Any], seen: set[str]) -> set[str]:
    """Return the names of all that a description refers to."""
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            named_in(components[name], components, seen)
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        named_in(part, components, seen)
    return seen


def test_no_question_looks_for_runs_of_another_gemeente(described: dict[str, Any]) -> None:
    """Wherever Prefect lets somebody look by runs, also for flows and deployments, the own gemeente is added."""
    components = described["components"]["schemas"]
    looking = [
        route
        for route in prefect_routes()
        if named_in(described["paths"][route.path][route.method.lower()], components, set())
        & {"FlowRunFilter", "TaskRunFilter"}
    ]
    assert len(looking) > 20
    asked = {"flow_runs": {"name": {"any_": ["ZAAK-0518"]}}}
    for route in looking:
        if route.rights == (Right.LOOK,):
            for found in (asked, {"task_runs": {"name": {"any_": ["x"]}}}):
                passed = asks(member("lezer", "0363"), "POST", "/api" + route.path, found)
                assert (passed or {})["flow_runs"]["tags"]["all_"] == ["gemeente:0363"], route.path
        else:
            with pytest.raises(ForbiddenError):
                asks(member("beheerder", "0363"), "POST", "/api" + route.path, asked)


def test_who_asks_for_no_runs_sees_every_deployment() -> None:
    """Deployments and flows are of all gemeenten: only a question by their runs is narrowed."""
    for path in ("/api/deployments/filter", "/api/flows/count"):
        asked = {"limit": 10, "flow_runs": None}
        assert asks(member("lezer", "0363"), "POST", path, asked) == asked


def test_a_fixed_word_goes_before_a_name() -> None:
    """`/flow_runs/count` is not a run that is called `count`."""
    for route in prefect_routes():
        found = route_of(route.method, "/api" + route.path.replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0].path == route.path
    assert route_of("GET", "/api/nieuw") is None


@pytest.mark.parametrize("role", list(StaffRole))
def test_each_role_reaches_what_the_table_says(role: StaffRole) -> None:
    """Whoever lacks the right of a route is refused with a sentence; who has it is not."""
    who = member(role)
    for route in prefect_routes():
        path = "/api" + route.path.replace("{id}", RUN).replace("{", "").replace("}", "")
        allowed = any(who.may(right) for right in route.rights)
        body = BODIES.get(route.reach, {})
        if allowed:
            asks(who, route.method, path, body)
        else:
            with pytest.raises(ForbiddenError, match=r"\.$"):
                asks(who, route.method, path, body)


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.OPERATOR])
def test_only_a_beheerder_changes_what_prefect_is_made_of(role: StaffRole) -> None:
    """Deployments, work pools, blocks, variables, automations and settings; and nobody else deletes a run."""
    kept = ("deployments", "work_pools", "work_queues", "block_", "variables", "automations", "admin")
    for route in prefect_routes():
        changing = route.method in ("PUT", "PATCH", "DELETE") or "bulk_delete" in route.path
        if changing and (
            route.path.startswith(tuple(f"/{word}" for word in kept)) or route.method == "DELETE"
        ):
            assert route.rights in ((), (Right.MANAGE,)), route.path
            assert not any(member(role).may(right) for right in route.rights)


def test_a_beheerder_of_one_gemeente_manages_what_is_of_his_gemeente_alone() -> None:
    """What all gemeenten share, and the runs and pages of another, are out of his reach."""
    own, other, every = (member("beheerder", place) for place in ("0518", "0363", "*"))
    for route in prefect_routes():
        path = "/api" + route.path.replace("{id}", RUN).replace("{", "").replace("}", "")
        if route.rights != (Right.MANAGE,):
            continue
        asks(every, route.method, path)
        with pytest.raises(ForbiddenError):
            asks(other, route.method, path)
        if route.reach in (Reach.ONE_RUN, Reach.PAGE):
            asks(own, route.method, path)
        else:
            with pytest.raises(ForbiddenError, match="elke gemeente"):
                asks(own, route.method, path)
    mixed = StaffBook({}).with_roles(
        "mw-1",
        {"0363": frozenset({StaffRole.OPERATOR}), "0518": frozenset({StaffRole.CASE_WORKER})},
    )
    with pytest.raises(ForbiddenError, match="beheerder"):
        asks(mixed, "POST", f"/api/flow_runs/{RUN}/set_state", {"state": {"type": "COMPLETED"}})
    with pytest.raises(ForbiddenError, match="beheren"):
        asks(mixed, "DELETE", f"/api/flow_runs/{RUN}")


CASE = "ZAAK-0518"
PACKED: dict[str, Any] = {
    "json": {"__prefect_kind": "json", "value": f'"{CASE}"'},
    "none": {"__prefect_kind": "none", "value": CASE},
    "twice": {"__prefect_kind": "none", "value": {"__prefect_kind": "json", "value": f'"{CASE}"'}},
}


@pytest.mark.parametrize("way", PACKED)
def test_what_prefect_would_unpack_is_unpacked_at_the_door(way: str) -> None:
    """A case that is packed in JSON is the same case: of another gemeente it is out of reach."""
    start = f"/api/deployments/{RUN}/create_flow_run"
    given = {"parameters": {"zaak": PACKED[way], "gegevens": {"x": [{"__prefect_kind": "json"}, 1]}}}
    with pytest.raises(ForbiddenError, match="andere gemeente"):
        asks(member("klantmanager", "0363"), "POST", start, given)
    whole = {
        "parameters": {"__prefect_kind": "json", "value": json.dumps({"zaak": CASE, "gemeente": "0363"})}
    }
    with pytest.raises(ForbiddenError, match="andere gemeente"):
        asks(member("klantmanager", "0363"), "POST", start, whole)
    passed = asks(member("klantmanager", "0518"), "POST", start, given)
    assert passed == {"parameters": {"zaak": CASE, "gegevens": {"x": [1]}}, "tags": ["gemeente:0518"]}
    answer = {"run_input": {"gebeurtenis": PACKED[way]}}
    passed = asks(member("klantmanager", "0518"), "POST", f"/api/flow_runs/{RUN}/resume", answer)
    assert passed == {"run_input": {"gebeurtenis": CASE}}


@pytest.mark.parametrize(
    "packed",
    [
        {"__prefect_kind": "jinja", "template": CASE},
        {"__prefect_kind": "workspace_variable", "variable_name": "x"},
        {"__prefect_kind": "workspace_variable"},
        {"__prefect_kind": None},
        {"__prefect_kind": "nieuw", "value": CASE},
        {"__prefect_kind": "json", "value": "{"},
        {"__prefect_kind": "json", "value": '{"__prefect_kind": "jinja", "template": "x"}'},
        {"x": [{"__prefect_kind": "jinja", "template": CASE}]},
    ],
)
def test_what_only_prefect_can_unpack_is_refused(packed: dict[str, Any]) -> None:
    """A template or a variable becomes something that nobody looked at."""
    for path, name in (
        ("deployments/{}/create_flow_run", "parameters"),
        ("flow_runs/{}/resume", "run_input"),
    ):
        with pytest.raises(ForbiddenError, match="gewone waarden"):
            asks(member("beheerder"), "POST", f"/api/{path.format(RUN)}", {name: {"zaak": packed}})


def test_what_the_door_unpacks_is_what_prefect_would_read() -> None:
    """Prefect's own reader makes the same of what a form packs."""
    from prefect.utilities.schema_tools.hydration import hydrate  # noqa: PLC0415 - as the rest of Prefect

    for packed in (
        *PACKED.values(),
        {"a": {"__prefect_kind": "json"}, "b": {"__prefect_kind": "json", "value": 1}},
    ):
        assert unpacked({"x": packed}) == hydrate({"x": packed})
    assert unpacked({"__prefect_kind": "json"}) == hydrate({"__prefect_kind": "json"}) == {}


def test_code_routes_are_closed() -> None:
    """Nobody of the people makes a deployment, and a started run has only parameters and a name."""
    for method, path in (("POST", "/api/deployments/"), ("POST", "/api/flow_runs/"), ("POST", "/api/flows/")):
        with pytest.raises(ForbiddenError):
            asks(member("beheerder"), method, path)
    start = f"/api/deployments/{RUN}/create_flow_run"
    with pytest.raises(ForbiddenError, match="hoe de code draait"):
        asks(member("beheerder"), "POST", start, {"job_variables": {"command": "id"}})
    given = {
        "parameters": {"zaak": "x"},
        "work_queue_name": "anders",
        "state": {"type": "RUNNING"},
        "tags": ["x"],
    }
    passed = asks(member("klantmanager"), "POST", start, given)
    assert passed == {"parameters": {"zaak": "x"}, "tags": ["gemeente:0518"]}
    state = {
        "type": "CANCELLING",
        "name": "Cancelling",
        "data": {"type": "pickle"},
        "state_details": {"x": 1},
    }
    passed = asks(
        member("klantmanager"), "POST", f"/api/flow_runs/{RUN}/set_state", {"state": state, "force": True}
    )
    assert passed == {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
    with pytest.raises(ForbiddenError, match="beheerder"):
        asks(
            member("klantmanager"),
            "POST",
            f"/api/flow_runs/{RUN}/set_state",
            {"state": {"type": "COMPLETED"}},
        )


@pytest.mark.parametrize(
    ("role", "label", "passes"),
    [
        ("lezer", "Tweede beoordeling", False),
        ("kwaliteitstoetser", "Tweede beoordeling", True),
        ("kwaliteitstoetser", "Plan goedgekeurd", True),
        ("kwaliteitstoetser", "Plan opgesteld", False),
        ("kwaliteitstoetser", "bestaat niet", False),
        ("klantmanager", "Plan opgesteld", True),
    ],
)
def test_who_judges_answers_what_he_judges(role: str, label: str, *, passes: bool) -> None:
    """In the form of a run and with the action; anything else is for who works on cases."""
    who, here = member(role, "0518"), {"zaak": "ZAAK-0518", "gebeurtenis": label}
    for path, body in (
        (f"/api/flow_runs/{RUN}/resume", {"run_input": {"gebeurtenis": label}}),
        (f"/api/deployments/{RUN}/create_flow_run", {"parameters": here}),
    ):
        if passes:
            passed = asks(who, "POST", path, body) or {}
            assert {name: passed[name] for name in body} == body
        else:
            with pytest.raises(ForbiddenError, match="behandelen"):
                asks(who, "POST", path, body)
        with pytest.raises(ForbiddenError, match=r"andere gemeente|ontbreekt"):
            asks(member(role, "0363"), "POST", path, body)


@pytest.mark.parametrize(
    ("role", "passes"), [("kwaliteitstoetser", True), ("klantmanager", True), ("lezer", False)]
)
def test_who_judges_answers_a_kwaliteitstoets(role: str, *, passes: bool) -> None:
    """Its form has scores and no event; of another gemeente it is out of reach."""
    path, body = f"/api/flow_runs/{REVIEW}/resume", {"run_input": {"hulpvraag": "4"}}
    if passes:
        assert asks(member(role, "0518"), "POST", path, body) == body
    else:
        with pytest.raises(ForbiddenError, match="beoordelen"):
            asks(member(role, "0518"), "POST", path, body)
    with pytest.raises(ForbiddenError):
        asks(member(role, "0363"), "POST", path, body)


def test_what_one_who_judges_may_report_is_what_the_pages_let_him() -> None:
    """The labels come from the definitions; a form without a label is for who works on cases."""
    assert {"Tweede beoordeling", "Plan goedgekeurd", "Bezwaar gegrond"} <= judged_labels()
    for nothing in (None, "", [], 3):
        assert rights_to_report(nothing) == (Right.ACT,)


def test_who_has_several_gemeenten_reads_the_front_page_of_each() -> None:
    """The newest of each, below each other; other pages, and one gemeente alone, stay as they are."""
    who = StaffBook({}).with_roles("mw-5", dict.fromkeys(("0518", "0363"), frozenset({StaffRole.READER})))
    asked = asks(who, "GET", "/api/artifacts/overzicht/latest")
    assert asked == {"artifacts": {"key": {"any_": ["overzicht-0363", "overzicht-0518"]}}}
    pages = [
        {"id": number, "key": key, "created": created, "description": words}
        for number, key, created, words in (
            (1, "overzicht-0518", "2026-03-09T08", "# 0518 oud"),
            (2, "overzicht-0518", "2026-03-09T09", "# 0518"),
            (3, "overzicht-0363", "2026-03-09T10", "# 0363"),
            (4, "monitor-0518", "2026-03-09T10", "# cijfers"),
        )
    ]
    one = {"id": 3, "key": "overzicht", "created": "2026-03-09T10", "description": "# 0363\n\n# 0518"}
    made, listed = (
        front_page(f"/api/artifacts/{path}", who) for path in ("overzicht/latest", "latest/filter")
    )
    assert made is not None
    assert listed is not None
    assert made(pages) == one
    assert listed(pages) == [one, pages[3]]
    assert listed(pages[:2]) == pages[:2]
    assert made([]) is None
    assert front_page("/api/artifacts/count", who) is None
    assert front_page("/api/artifacts/overzicht/latest", member("lezer")) is None


def test_an_action_happens_in_the_gemeente_of_its_case() -> None:
    """The case decides, then the gemeente of the form, then our own; a form cannot say otherwise."""
    start = f"/api/deployments/{RUN}/create_flow_run"
    other = member("klantmanager", "0363")
    for parameters in ({"zaak": "ZAAK-0518", "gemeente": "0363"}, {}, {"gemeente": "0518"}):
        with pytest.raises(ForbiddenError, match="andere gemeente"):
            asks(other, "POST", start, {"parameters": parameters})
    assert asks(other, "POST", start, {"parameters": {"gemeente": "0363"}})
    assert asks(member("klantmanager", "0518"), "POST", start, {"parameters": {"zaak": "ZAAK-0518"}})


def test_each_deployment_asks_a_right() -> None:
    """A name that is no deployment of ours any more would leave its right with nobody."""
    names = {item.name for item in planned()}
    special = {name for name in names if rights_to_start(name, {}) != (Right.ACT,)}
    assert special >= {"caseload-overdragen", "bewaartermijnen", "kwaliteitstoets", "monitor"}


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ({}, {"all_": ["gemeente:0518"], "any_": None}),
        (
            {"flow_runs": {"tags": {"any_": ["open"], "all_": ["x"]}}},
            {"all_": ["x", "gemeente:0518"], "any_": ["open"]},
        ),
    ],
)
def test_lists_and_counts_find_only_the_own_gemeente(given: dict[str, Any], tags: dict[str, Any]) -> None:
    """The tag of the gemeente stands beside whatever the UI asks."""
    assert with_municipalities(given, member("lezer", "0518"))["flow_runs"]["tags"] == tags


@pytest.mark.parametrize(
    "given",
    [
        {"flow_runs": {"operator": "or_"}},
        {"flow_runs": {"tags": {"operator": "or_"}}},
        {"flow_runs": {"tags": {"is_null_": True}}},
        {"flow_runs": {"tags": "x"}},
    ],
)
def test_a_filter_that_would_widen_is_refused(given: dict[str, Any]) -> None:
    """With `or_` the gemeente would no longer count."""
    with pytest.raises(ForbiddenError):
        with_municipalities(given, member("lezer", "0518"))


def test_a_run_of_another_gemeente_is_not_there() -> None:
    """Single runs, their logs, events, pages and state are looked up first."""
    other = member("coördinator", "0363")
    resource = {"filter": {"any_resource": {"id": [f"prefect.flow-run.{RUN}"]}}}
    for method, path, body in (
        ("GET", f"/api/flow_runs/{RUN}", {}),
        ("POST", f"/api/flow_runs/{RUN}/resume", {}),
        ("POST", f"/api/flow_runs/{RUN}/set_state", {"state": {"type": "CANCELLED"}}),
        ("POST", "/api/logs/filter", {"logs": {"flow_run_id": {"any_": [RUN]}}}),
        ("POST", "/api/logs/filter", {}),
        ("POST", "/api/events/filter", resource),
        ("POST", "/api/events/filter", {"filter": {"any_resource": {"id": ["prefect.worker.x"]}}}),
        ("GET", f"/api/artifacts/{RUN}", {}),
        ("GET", f"/api/task_runs/{RUN}", {}),
    ):
        with pytest.raises(ForbiddenError):
            asks(other, method, path, body)
        if body != {} or method == "GET":
            own = member("coördinator", "0518")
            if "worker" not in json.dumps(body):
                asks(own, method, path, body)


def test_a_stream_shows_only_own_runs() -> None:
    """The filter of a web socket is held to the same."""
    asyncio.run(KEEPER.check_socket("/api/events/out", {}, member("lezer")))
    for path in SOCKETS:
        with pytest.raises(ForbiddenError):
            asyncio.run(KEEPER.check_socket(path, {"type": "filter"}, member("lezer", "0518")))
    given = {"filter": {"flow_run_id": {"any_": [RUN]}}}
    asyncio.run(KEEPER.check_socket("/api/logs/out", given, member("lezer", "0518")))
    with pytest.raises(ForbiddenError):
        asyncio.run(KEEPER.check_socket("/api/logs/out", given, member("lezer", "0363")))
    assert runs_named(Reach.LOGS, {"logs": {"operator": "or_", "flow_run_id": {"any_": [RUN]}}}) == []

"""The door before Prefect: who gets in, and the attacks that once worked, made against the real server."""

from __future__ import annotations

import http.server
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.signal_deliveries import valid_bsn
from support.stack import free_port, wait_until

from deployments.door.named_cases import NAMES_SOMEBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from support.stack import Stack

pytestmark = [pytest.mark.prefect, pytest.mark.browser]

UIS = ("artifacts/key/overzicht", "dashboard", "runs", "v2/dashboard", "v2/runs")


def base(stack: Stack) -> str:
    """Return the address of the server of a stack."""
    return f"http://127.0.0.1:{stack.prefect_port}"


def name(stack: Stack) -> str:
    """Return the name of the cookie of a stack: a browser has one jar for all ports of a machine."""
    return f"routekaart_sessie_{stack.prefect_port}"


def opened(stack: Stack) -> int:
    """Count the cases."""
    with stack.office().engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM cases").scalar() or 0)


def open_a_case(stack: Stack) -> tuple[str, dict[str, Any]]:
    """Return the address and the body with which the attacks open a case."""
    found = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": ["aanmelding"]}})[0]
    return f"{base(stack)}/api/deployments/{found['id']}/create_flow_run", {"parameters": {"zaak": "BRAAK-1"}}


# --- whoever is not in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v2/",
        "api/admin/settings",
        "api/version",
        "api/docs",
        "openapi.json",
        "docs",
        "ui-settings",
        "metrics",
    ],
)
def test_a_local_user_without_password_sees_nothing(stack: Stack, path: str) -> None:
    """Every address but the two for health answers 401 to who shows nothing."""
    assert httpx.get(f"{base(stack)}/{path}").status_code == 401


def test_a_local_user_without_password_changes_nothing(stack: Stack) -> None:
    """Opening a case through Prefect's API asks for the credential: none, a wrong one and an empty one get nowhere."""
    url, body = open_a_case(stack)
    before = opened(stack)
    for wrong in (
        {},
        {"Authorization": "Basic Og=="},
        {"Authorization": "Basic cm91dGVrYWFydDpmb3V0"},
        {"Cookie": "routekaart_sessie_4200=x.y.z"},
    ):
        assert httpx.post(url, json=body, headers=wrong).status_code == 401
    assert httpx.get(f"{base(stack)}/api/health").status_code == 200
    time.sleep(3)
    assert opened(stack) == before


def test_a_machine_comes_in_as_prefect_knows_it(stack: Stack) -> None:
    """Prefect's own header opens the API, whatever name the machine uses for the server."""
    shown = {"Authorization": stack.credential.header.decode(), "Host": "proxy:4200"}
    assert httpx.get(f"{base(stack)}/api/version", headers=shown).status_code == 200


# --- one-time links ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inside(stack: Stack) -> Iterator[httpx.Client]:
    """Yield a client that is in, as a browser is."""
    with httpx.Client(base_url=base(stack)) as client:
        assert client.get(stack.run("ui").stdout.strip()).status_code == 303
        yield client


def test_a_link_lets_in_once(stack: Stack) -> None:
    """The second who opens a link stays outside; a changed link lets nobody in."""
    link = stack.run("ui").stdout.strip()
    assert httpx.get(link + "x").status_code == 403
    first = httpx.get(link)
    cookie = first.headers["set-cookie"]
    assert first.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert httpx.get(link).status_code == 403


def test_the_cookie_is_signed_and_new_each_time(stack: Stack) -> None:
    """A cookie that somebody brings along or changes is not taken over: no fixation, no forging."""
    link = stack.run("ui").stdout.strip()
    given = httpx.get(link, headers={"Cookie": f"{name(stack)}=van-mij"}).headers["set-cookie"]
    value = given.partition("=")[2].partition(";")[0]
    assert value != "van-mij"
    for wrong in (value[:-2] + "AA", value.replace(".", "", 1), "van-mij", ""):
        answer = httpx.get(f"{base(stack)}/api/version", headers={"Cookie": f"{name(stack)}={wrong}"})
        assert answer.status_code == 401


# --- other sites -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["kwaad.example", "127.0.0.1.kwaad.example:4200", "", "a@127.0.0.1.nip.example"]
)
def test_another_name_for_this_machine_is_refused(inside: httpx.Client, host: str) -> None:
    """With DNS rebinding a web page gets its own name to this server; the door does not know that name."""
    assert inside.get("/api/version", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://kwaad.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_change_must_come_from_a_page_of_ours(
    stack: Stack, inside: httpx.Client, headers: dict[str, str]
) -> None:
    """A form or a script of another site that carries somebody's session changes nothing."""
    url, body = open_a_case(stack)
    assert inside.post(url, json=body, headers=headers).status_code == 403
    gone = inside.delete("/api/block_documents/00000000-0000-0000-0000-000000000000", headers=headers)
    assert gone.status_code == 403
    own = {"Origin": base(stack), "Sec-Fetch-Site": "same-origin"}
    assert inside.post("/api/flow_runs/count", json={}, headers=own).status_code == 200


def test_no_other_site_may_read(stack: Stack, inside: httpx.Client) -> None:
    """CORS names our own address alone."""
    answer = inside.get("/api/version", headers={"Origin": base(stack)})
    assert answer.headers.get("access-control-allow-origin") in (None, base(stack))
    shown = {"Authorization": stack.credential.header.decode()}
    answer = httpx.options(
        f"{base(stack)}/api/version",
        headers=shown | {"Origin": "https://kwaad.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in answer.headers


class _Evil(http.server.BaseHTTPRequestHandler):
    """A page of somebody else on this machine."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>kwaad</title>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Yield the address of a page of somebody else on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), _Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_a_web_page_in_the_same_browser_gets_nowhere(stack: Stack, page: Page, elsewhere: str) -> None:
    """A page of another port, in the browser of somebody who is in: it reads nothing, opens no case and no socket."""
    stack.let_in(page)
    url, body = open_a_case(stack)
    before = opened(stack)
    page.goto(elsewhere)
    tried = page.evaluate(
        """async ([url, base, body]) => {
            const form = new FormData();
            const says = async (work) => { try { return await work() } catch (error) { return "refused" } };
            const socket = new Promise((done) => {
                const made = new WebSocket(base.replace("http", "ws") + "/api/events/out", ["prefect"]);
                made.onopen = () => { made.send(JSON.stringify({type: "auth"})) };
                made.onmessage = () => done("open");
                made.onclose = made.onerror = () => done("refused");
            });
            return [
                await says(async () => (await fetch(base + "/api/version", {credentials: "include"})).status),
                await says(async () => (await fetch(base + "/api/block_documents/filter",
                    {method: "POST", credentials: "include", body: "{}"})).status),
                await says(async () => { await fetch(url, {method: "POST", mode: "no-cors", credentials: "include",
                    body: JSON.stringify(body)}); return "refused" }),
                await socket,
            ];
        }""",
        [url, base(stack), body],
    )
    assert tried == ["refused"] * 4
    time.sleep(3)
    assert opened(stack) == before


# --- the UIs -----------------------------------------------------------------------------------------------------


def test_both_uis_work_and_no_request_leaves(stack: Stack, page: Page) -> None:
    """Through the door both UIs show their pages, and the browser asks nobody else for anything."""
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status in (401, 403) else None)
    stack.let_in(page)
    for path in UIS:
        page.goto(f"{base(stack)}/{path}")
        page.get_by_text("Runs").first.wait_for()
        page.wait_for_load_state("networkidle")
    away = {url for url in asked if not url.startswith((base(stack), "data:", "blob:"))}
    assert away == set()
    assert failed == []


def test_a_socket_of_the_ui_opens(stack: Stack, page: Page) -> None:
    """A web socket of a page of ours is let in with the session alone."""
    stack.let_in(page)
    said = page.evaluate(
        """(address) => new Promise((done) => {
            const made = new WebSocket(address, ["prefect"]);
            made.onopen = () => made.send(JSON.stringify({type: "auth", token: null}));
            made.onmessage = (message) => done(JSON.parse(message.data).type);
            made.onclose = made.onerror = () => done("refused");
        })""",
        f"{base(stack).replace('http', 'ws')}/api/events/out",
    )
    assert said == "auth_success"


def test_a_link_on_another_site_leads_in(stack: Stack, page: Page, elsewhere: str) -> None:
    """Who is in and clicks a link in a mail gets the page, though his browser first leaves his cookie out."""
    stack.let_in(page)
    page.goto(elsewhere.replace("127.0.0.1", "localhost"))
    page.set_content(f"<a href='{base(stack)}/runs'>naar de runs</a>")
    page.get_by_role("link").click()
    page.get_by_text("Runs").first.wait_for()


# --- code of somebody else ---------------------------------------------------------------------------------------


def test_a_foreign_entry_point_fails_with_a_sentence(stack: Stack, tmp_path: Any) -> None:
    """A deployment with code of somebody else is not run by our worker: its run fails at once and says why."""
    proof = tmp_path / "gelezen"
    code = tmp_path / "inbraak.py"
    code.write_text(
        f"from prefect import flow\nopen({str(proof)!r}, 'w').write('x')\n@flow\ndef inbraak():\n    pass\n"
    )
    flow = stack.prefect("POST", "/flows/", name="inbraak")
    for number, given in enumerate(
        (
            {"entrypoint": f"{code}:inbraak"},
            {"entrypoint": "inbraak.py:inbraak", "path": str(tmp_path)},
            {"entrypoint": "os:system"},
            {"entrypoint": "flows.worker:RoutekaartWorker"},
            {
                "entrypoint": "",
                "pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": f"touch {proof}"}}],
            },
        )
    ):
        named = {"name": f"inbraak-{number}", "flow_id": flow["id"], "work_pool_name": "routekaart"}
        made = stack.prefect_json("POST", "/deployments/", named | given)
        run = stack.prefect("POST", f"/deployments/{made['id']}/create_flow_run", name=f"inbraak-{number}")
        ended = wait_until(
            lambda run=run: (
                (now := stack.prefect("GET", f"/flow_runs/{run['id']}"))["state_type"] == "FAILED" and now
            ),
            60,
            stack.logs,
        )
        assert "routekaart deploy" in ended["state"]["message"]
        stack.prefect("DELETE", f"/deployments/{made['id']}")
    assert not proof.exists()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (f"mw-{valid_bsn('9087654')}", NAMES_SOMEBODY),
        ("Jansen", "Dit is geen nummer van een zaak"),
        ("Z-0612345678", NAMES_SOMEBODY),
    ],
)
def test_a_run_that_names_somebody_is_not_made(
    stack: Stack, inside: httpx.Client, named: str, said: str
) -> None:
    """A person reads why in Dutch, a machine is refused as well, and Prefect keeps nothing of it."""
    address, _ = open_a_case(stack)
    before = stack.prefect("POST", "/flow_runs/count")
    asked = {"parameters": {"zaak": named}}
    person = inside.post(address, json=asked, headers={"Origin": base(stack)})
    machine = httpx.post(
        address, json=asked, headers={"Authorization": stack.credential.header.decode()}, timeout=30
    )
    assert person.status_code in (403, 409, 422)
    assert machine.status_code in (409, 422)
    assert said in person.json()["detail"]
    assert named not in person.text
    assert stack.prefect("POST", "/flow_runs/count") == before


# --- who did it, in the journal ----------------------------------------------------------------------------------


def names(stack: Stack, reference: str) -> dict[str, Any]:
    """Return who did what in a case."""
    return {line["gebeurtenis"]: line["door"] for line in stack.case(reference)["journaal"]}


def test_who_answers_a_form_stands_in_the_journal(stack: Stack, inside: httpx.Client) -> None:
    """The answer of a form, an action and a command each name their actor and their way in."""
    own = {"Origin": base(stack)}
    action = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": ["zaak-openen"]}})[0]
    asked = {
        "parameters": {"mijlpaal": "M3 In contact", "zaak": "DOOR-1"},
        "labels": {"routekaart.door": "vals"},
    }
    made = inside.post(f"/api/deployments/{action['id']}/create_flow_run", json=asked, headers=own)
    assert made.status_code == 201
    assert stack.ended(made.json())["state_name"] == "Gedaan"
    run = stack.wait_for_state("DOOR-1 · M3", "Wacht op registratie aanmelding")
    answer = {"gebeurtenis": "Aanmelding geregistreerd"}

    def accepted() -> bool:
        given = inside.post(f"/api/flow_runs/{run['id']}/resume", json={"run_input": answer}, headers=own)
        return bool(given.json().get("status") == "ACCEPT")

    wait_until(accepted, 30, stack.logs)
    stack.wait_for_state("DOOR-1 · M3", "Wacht op crisischeck")
    stack.run("meld", "DOOR-1", "niet_bedreigend", "--door", "mw-88")
    found = names(stack, "DOOR-1")
    code = found["geopend"]["code"]
    assert code.startswith("gebruiker-")
    assert found["geopend"] == {"soort": "medewerker", "code": code, "weg": "actie"}
    assert found["aanmelding_geregistreerd"] == {"soort": "medewerker", "code": code, "weg": "formulier"}
    assert found["niet_bedreigend"] == {"soort": "medewerker", "code": "mw-88", "weg": "opdracht"}

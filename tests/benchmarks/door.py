"""How long a page of Prefect's UI takes through the door, beside the same page without it, in one process.

    python tests/benchmarks/door.py [rounds]

One application of Prefect listens at two ports: at one behind the door, for somebody of one gemeente who is logged in,
at the other bare. A page is what the UI asks for it: the document, its largest script and its questions to the API.
Both are asked in turn, and the medians are compared.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HOME = Path(tempfile.mkdtemp(prefix="routekaart-bench-"))
AUTH = "routekaart:" + "b" * 40
os.environ.update(
    {
        "PREFECT_HOME": str(HOME / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": AUTH,
        "PREFECT_API_AUTH_STRING": AUTH,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "true",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "ROUTEKAART_HOME": str(HOME),
        "ROUTEKAART_LOG_LEVEL": "error",
    }
)

import httpx  # noqa: E402 - Prefect reads its settings on import
import structlog  # noqa: E402
import uvicorn  # noqa: E402
from measuring import Line, free_port, report  # noqa: E402
from prefect.server.api.server import create_app  # noqa: E402

from adapters.runtime.settings import Settings  # noqa: E402
from deployments.door.sessions import Session  # noqa: E402
from deployments.prefect_server import the_door  # noqa: E402

MOST = 1.1
PLACE = "0518"
RUNS = 60
DOCUMENT = "/v2/runs"


def both(bare: Any, door: Any, port: int) -> Any:
    """Return an application that has the door at one port and none at the other."""

    async def either(scope: Any, receive: Any, send: Any) -> None:
        behind = scope["type"] == "lifespan" or scope["server"][1] != port
        await (bare if behind else door)(scope, receive, send)

    return either


async def prepare(client: httpx.AsyncClient) -> dict[str, str]:
    """Make a flow with runs of a gemeente; the id of one run, and of its flow."""
    flow = (await client.post("/api/flows/", json={"name": "M3"})).json()["id"]
    run = ""
    for number in range(RUNS):
        asked = {
            "flow_id": flow,
            "name": f"{number}",
            "tags": [f"gemeente:{PLACE}"],
            "state": {"type": "PAUSED"},
        }
        run = (await client.post("/api/flow_runs/", json=asked)).json()["id"]
    return {"run": run, "flow": flow}


def pages(ids: dict[str, str], script: str) -> dict[str, list[tuple[str, str, Any]]]:
    """Return what the UI asks for each page."""
    about = {"flow_runs": {"operator": "and_", "id": {"any_": [ids["run"]]}}}
    document = [("GET", DOCUMENT, None), ("GET", script, None), ("GET", "/ui-settings", None)]
    listed = {"limit": 50, "sort": "START_TIME_DESC", "flow_runs": {"operator": "and_"}}
    return {
        "list of runs": [
            *document,
            ("POST", "/api/flow_runs/paginate", listed),
            ("POST", "/api/flow_runs/count", {"flow_runs": {}}),
            ("POST", "/api/flows/filter", {"flows": {"id": {"any_": [ids["flow"]]}}}),
            ("POST", "/api/task_runs/count", {}),
        ],
        "one run": [
            *document,
            ("GET", f"/api/flow_runs/{ids['run']}", None),
            ("GET", f"/api/flow_runs/{ids['run']}/graph-v2", None),
            ("POST", "/api/logs/filter", {"logs": {"flow_run_id": {"any_": [ids["run"]]}}}),
            ("POST", "/api/task_runs/count", about),
            ("POST", "/api/artifacts/filter", about),
        ],
    }


def listening(port: int) -> socket.socket:
    """Return a socket that sends at once, as one that uvicorn opens by itself: else both ways wait 40 ms a request."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


async def walk(client: httpx.AsyncClient, asked: list[tuple[str, str, Any]]) -> float:
    """Ask a page; the seconds it took."""
    began = time.perf_counter()
    for method, path, body in asked:
        kind = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"} if path == DOCUMENT else {}
        answer = await client.request(method, path, json=body, headers=kind)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
    return time.perf_counter() - began


async def measure(rounds: int) -> list[Line]:
    """Serve both, ask in turn, and compare."""
    staff = HOME / "medewerkers.toml"
    staff.write_text(f'[mensen.mw-17]\n"{PLACE}" = ["klantmanager"]\n', encoding="utf-8")
    guarded, open_port = free_port(), free_port()
    app = create_app(final=True, webserver_only=True)
    chosen = Settings(home=HOME, staff_file=staff, ui_url=f"http://127.0.0.1:{guarded}")
    door = the_door(chosen, app, guarded)
    config = uvicorn.Config(both(app, door, guarded), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    sockets = [listening(port) for port in (guarded, open_port)]
    serving = asyncio.create_task(server.serve(sockets=sockets))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.1)
    machine = {"Authorization": door.credential.header.decode()}
    origin = f"http://127.0.0.1:{guarded}"
    cookie = door.sessions.cookie(Session("mw-17")).decode().partition(";")[0]
    person = {"Cookie": cookie, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{open_port}", headers=machine, timeout=60) as bare,
        httpx.AsyncClient(base_url=origin, headers=person, timeout=60) as through,
    ):
        ids = await prepare(bare)
        found = re.search(
            r'src="(/v2/assets/[^"]+\.js)"', (await bare.get(DOCUMENT, headers={"Accept": "text/html"})).text
        )
        lines = []
        for name, asked in pages(ids, found[1] if found else "/v2/").items():
            took: dict[str, list[float]] = {"bare": [], "door": []}
            for number in range(rounds + 5):
                for way, client in (("bare", bare), ("door", through)):
                    seconds = await walk(client, asked)
                    if number >= 5:
                        took[way].append(seconds)
            ratio = statistics.median(took["door"]) / statistics.median(took["bare"])
            median = statistics.median(took["door"]) * 1000
            lines.append(
                Line("door", name, median, "ms", "without the door", ratio, f"<= {MOST}", ratio <= MOST)
            )
            print(f"{name}: {ratio:.3f}")
    server.should_exit = True
    await serving
    return lines


def main() -> None:
    """Measure and report."""
    import logging  # noqa: PLC0415

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    report(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100)))


if __name__ == "__main__":
    main()

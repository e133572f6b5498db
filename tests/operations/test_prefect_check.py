"""What `routekaart controleer` says about Prefect."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
from support.stack import free_port
from support.workshop import PrefectServer

from adapters.office import open_office
from adapters.runtime.settings import Settings
from deployments import prefect_check, prefect_server
from deployments.prefect_check import prefect_problems, stranger_problems

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office

UI = "PREFECT_SERVER_UI_STATIC_DIRECTORY"


def test_an_embedded_server_need_not_run(tmp_path: Path) -> None:
    """Commands work without Prefect, so an embedded server that is not there is no problem."""
    assert list(prefect_problems(Settings(home=tmp_path, prefect_port=free_port()))) == []


def test_a_server_that_was_named_has_to_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who names a server of his own hears that it does not answer."""
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    (problem,) = prefect_problems(Settings(home=tmp_path))
    assert "antwoordt niet" in problem


@pytest.mark.parametrize("named", [True, False])
def test_a_server_that_is_slow_is_said_to_be_slow_and_not_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    """On a busy machine nobody is told to start what runs; who asked for its own server hears it too."""
    monkeypatch.setattr(prefect_check, "_PATIENCE", httpx.Timeout(0.2, connect=60))
    with socket.create_server(("127.0.0.1", 0)) as busy:  # the system takes the connection, nobody answers
        port = busy.getsockname()[1]
        if named:
            monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
        settings = Settings(home=tmp_path, prefect_port=4200 if named else port)
        (problem,) = prefect_problems(settings)
        office = open_office(settings)
        assert problem.startswith(*stranger_problems(office))
        office.engine.dispose()
    assert f"(http://127.0.0.1:{port}/api) draait en antwoordt te langzaam" in problem
    assert "antwoordt niet" not in problem


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "Zet PREFECT_API_AUTH_STRING"), (503, "geeft een fout (503)"), (200, "geen Prefect-server")],
)
def test_what_a_server_answers_is_told_apart(tmp_path: Path, status: int, sentence: str) -> None:
    """A password that it asks for, a fault of its own, and a program of another kind."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        (problem,) = prefect_problems(Settings(home=tmp_path, prefect_port=other.server_port))
        other.shutdown()
    assert sentence in problem


@pytest.mark.prefect
@pytest.mark.long
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_the_service_of_expired_pauses_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: str
) -> None:
    """A server on which that service is on is named, with the setting that switches it off."""
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED", enabled)
    server = PrefectServer(tmp_path / "prefect")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", server.environment["PREFECT_API_AUTH_STRING"])
    server.start()
    try:
        found = list(prefect_problems(Settings(home=tmp_path, prefect_port=server.port)))
    finally:
        server.kill()
    assert len(found) == (enabled == "true")
    assert all("PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED" in line for line in found)


@pytest.mark.parametrize("may_write", [True, False])
def test_the_pages_of_prefect_go_where_the_user_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_write: bool
) -> None:
    """In an installation that is not ours to write the pages stand in the home; what somebody set stays."""
    monkeypatch.setattr(prefect_server, "_may_write", lambda _: may_write)
    monkeypatch.delenv(UI, raising=False)
    assert prefect_server.place_of_ui(tmp_path) == (None if may_write else tmp_path / "prefect" / "ui")
    monkeypatch.setenv(UI, "/eigen")
    assert prefect_server.place_of_ui(tmp_path) is None


@pytest.mark.prefect
def test_a_server_that_runs_is_asked_for_its_pages_and_for_strange_runs(
    server: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`controleer` asks for the page of a server that runs, and finds it; runs of another database are counted."""
    server.wait_until_it_answers()
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", server.environment["PREFECT_API_AUTH_STRING"])
    settings = Settings(home=tmp_path / "home", prefect_port=server.port)
    assert [line for line in prefect_problems(settings) if "pagina" in line] == []
    monkeypatch.setattr("deployments.prefect_check.timedelta", lambda **_: -timedelta(minutes=1))
    office = open_office(settings)
    before = _strangers(office)
    flow = server.call("POST", "/flows/", name="van-een-ander")
    made = server.call(
        "POST",
        "/flow_runs/",
        flow_id=flow["id"],
        parameters={"zaak": "WEG", "proces": "M3"},
        state={"type": "PAUSED", "name": "Wacht"},
    )
    assert _strangers(office) == before + 1
    server.call("DELETE", f"/flow_runs/{made['id']}")
    office.engine.dispose()


def _strangers(office: Office) -> int:
    """Return how many flow runs belong to no process, as `controleer` says."""
    problems = "".join(stranger_problems(office))
    found = re.search(r"(\d+) flow runs in Prefect horen bij geen proces", problems)
    return int(found[1]) if found else 0

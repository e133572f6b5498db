"""The example of a client in the documentation does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from adapters.api import create_api
from adapters.exchange.clients import first_key_file

if TYPE_CHECKING:
    from adapters.office import Office

EXAMPLE = Path(__file__).parents[1] / "examples" / "client.py"


def test_the_example_opens_a_case_and_reports_an_event(office: Office) -> None:
    """The twenty lines open a case, report an event, and print what is possible now."""
    server = uvicorn.Server(uvicorn.Config(create_api(office), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    environment = os.environ | {
        "ROUTEKAART_API": f"http://127.0.0.1:{port}",
        "ROUTEKAART_API_KEY": first_key_file(office).read_text(),
    }
    done = subprocess.run(
        [sys.executable, EXAMPLE], env=environment, capture_output=True, text=True, check=False
    )
    server.should_exit = True
    thread.join(20)
    assert done.returncode == 0, done.stderr
    assert "{'M3': 'CRISISCHECK'} nu kan: ['bedreigend'" in done.stdout


def test_the_documentation_shows_this_example() -> None:
    """The page for integrators holds the example as it is in its file."""
    page = (Path(__file__).parents[2] / "docs" / "integration" / "README.md").read_text(encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8").strip() in page

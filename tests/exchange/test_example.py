"""The example of a client in the documentation does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from support.peers import serving

from adapters.exchange.clients import first_key_file

if TYPE_CHECKING:
    from adapters.office import Office

EXAMPLE = Path(__file__).parents[1] / "examples" / "client.py"


def test_the_example_opens_a_case_and_reports_an_event(office: Office) -> None:
    """The twenty lines open a case, report an event, and print what is possible now."""
    with serving(office) as address:
        environment = os.environ | {
            "ROUTEKAART_API": address,
            "ROUTEKAART_API_KEY": first_key_file(office).read_text(),
        }
        done = subprocess.run(
            [sys.executable, EXAMPLE], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "{'M3': 'CRISISCHECK'} nu kan: ['bedreigend'" in done.stdout


def test_the_documentation_shows_this_example() -> None:
    """The page for integrators holds the example as it is in its file."""
    page = (Path(__file__).parents[2] / "docs" / "integration" / "README.md").read_text(encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8").strip() in page

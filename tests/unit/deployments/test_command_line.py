"""The command line is light: what a command does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"prefect", "sqlalchemy", "sqlmodel", "alembic", "fastapi", "httpx", "rich", "holidays", "flows"}


@pytest.mark.parametrize("arguments", [None, ["--help"], ["client", "--help"], ["bestaat-niet"]])
def test_help_loads_neither_a_database_nor_prefect(arguments: list[str] | None) -> None:
    """Importing the command line, asking for help, and a wrong word load nothing heavy."""
    run = "" if arguments is None else f"deployments.cli.run({arguments})"
    code = f"import sys, deployments.cli\n{run}\nsys.exit(' '.join({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.split()) & HEAVY
    assert loaded == set()
    assert "Traceback" not in done.stderr

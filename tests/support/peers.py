"""The programs of others that call us, or that we call: the real libraries, against the real API on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from adapters.api import create_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office


@contextmanager
def serving(office: Office, port: int = 0) -> Iterator[str]:
    """Serve the API on this machine, on a free port or this one; give its address."""
    with serving_app(create_api(office), port) as base:
        yield base


@contextmanager
def serving_app(app: Any, port: int = 0) -> Iterator[str]:
    """Serve an application of ASGI on this machine, on a free port or this one; give its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def npm_packages(folder: Path, *packages: str) -> Path:
    """Install packages of npm in a folder; skip where there is no npm, or where they cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    quiet = ("--no-audit", "--no-fund", "--silent", "--fetch-retries=0")
    command = ["npm", "install", *quiet, "--prefix", folder, *packages]
    if not _succeeds(command):
        pytest.skip(f"npm cannot install {', '.join(packages)}")
    return folder


def _succeeds(command: list[Any]) -> bool:
    """Whether a command that asks the network ends well; one that waits for minutes does not."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=240
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def virtual_environment(folder: Path, *packages: str) -> Path:
    """Make an environment of its own for packages that do not fit ours; give its Python, or skip."""
    python = folder / "bin" / "python"
    command: list[Any] = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    if shutil.which("uv") is not None:
        command = ["uv", "pip", "install", "-q", "--python", python, *packages]
    if not _succeeds([sys.executable, "-m", "venv", folder]) or not _succeeds(command):
        pytest.skip(f"no environment with {', '.join(packages)} can be made here")
    return python


def run_node(folder: Path, script: str, **given: str) -> Any:
    """Run a script of JavaScript with the packages of a folder; give the JSON that it prints."""
    path = folder / "script.mjs"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["node", path], env=os.environ | given, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

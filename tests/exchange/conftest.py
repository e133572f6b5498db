"""A real office on a database of its own, the API on it, and a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from support.api import NOW, caller
from support.other_systems import Receiver
from support.stack import home_with_keys
from support.terminal import Terminal

from adapters.office import Office, open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Return settings that a test may change with `model_copy`."""
    return Settings(home=home_with_keys(tmp_path), database_url=database_url, municipality="0518")


@pytest.fixture
def clock() -> SetClock:
    """Return the clock of the office."""
    return SetClock(NOW)


@pytest.fixture
def office(settings: Settings, clock: SetClock) -> Iterator[Office]:
    """Yield an office with an empty database."""
    made = open_office(settings, clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def api(office: Office) -> TestClient:
    """Return the API as its first client calls it."""
    return caller(office)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a running receiver."""
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def terminal(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal on the office of the test."""
    monkeypatch.setattr("adapters.office.office", lambda: office)

    def command(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.run(list(words))
        return code, "".join(capsys.readouterr())

    return command

"""A real office on a database of its own, the API on it, and a clock that stands still."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from stack import home_with_keys
from starlette.testclient import TestClient

from adapters.api import create_api
from adapters.exchange.clients import first_key_file
from adapters.office import Office, open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 9, 9, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))


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


def caller(office: Office, key: str | None = None, **options: Any) -> TestClient:
    """Return the API on an office, with the key of the first client or another one."""
    app = create_api(office)
    chosen = key or first_key_file(office).read_text()
    return TestClient(app, headers={"X-API-Key": chosen}, **options)


def whole(described: dict[str, Any]) -> dict[str, Any]:
    """Return a description with every path in full, because not every operation has the address of the others."""
    (server,) = described["servers"]
    paths = {
        path
        if any("servers" in operation for operation in methods.values())
        else f"{server['url']}{path}": methods
        for path, methods in described["paths"].items()
    }
    return {**described, "paths": paths, "servers": [{"url": "/"}]}

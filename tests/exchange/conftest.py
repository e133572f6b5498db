"""A real office on a database of its own, the API on it, and a clock that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from support.api import NOW, caller
from support.stack import home_with_keys

from adapters.office import Office, open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings

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

"""The worker as Prefect makes it by its type: found through the entry point, with the case database as its source."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.base import BaseWorker

from adapters.office import office
from adapters.runtime.settings import settings
from flows.case_queue import CaseQueue
from flows.worker import RoutekaartWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings that name a home of its own, and a Prefect that nobody asks anything."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path))
    settings.cache_clear()
    office.cache_clear()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield tmp_path
    office().engine.dispose()
    settings.cache_clear()
    office.cache_clear()


def test_prefect_finds_the_worker_by_its_type() -> None:
    """`prefect worker start` loads the module of the entry point, and looks its type up."""
    package = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    import_module(package["entry-points"]["prefect.collections"]["routekaart"])
    assert BaseWorker.get_worker_class_from_type("routekaart") is RoutekaartWorker


def test_a_worker_that_was_given_no_source_listens_to_the_case_database(home: Path) -> None:
    """Its port shows what that database says of itself."""
    worker = RoutekaartWorker("routekaart", "proef")
    assert isinstance(worker._wake_source, CaseQueue)
    assert (home / "zaken.db").exists()
    assert "routekaart_open_processes" in {family.name for family in worker.own_figures().collect()}

"""One Prefect server and one nursery for all tests that break things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.workshop import Nursery, PrefectServer, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server that stays up."""
    made = PrefectServer(tmp_path_factory.mktemp("server") / "prefect")
    made.start(wait=False)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def nursery(server: PrefectServer) -> Iterator[Nursery]:
    """A nursery of workers on that server."""
    made = Nursery(server)  # imports while the server starts
    server.wait_until_it_answers()
    yield made
    made.close()


@pytest.fixture
def workshop(server: PrefectServer, nursery: Nursery, tmp_path: Path) -> Iterator[Callable[..., Workshop]]:
    """Make workshops that are ended after the test."""
    made: list[Workshop] = []

    def make(**extra: str) -> Workshop:
        made.append(Workshop(server, nursery, tmp_path / f"werk{len(made)}", extra))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Breaking things on purpose takes minutes: these tests run with `python -m pytest -m "long or short"`.

    The ordinary suite runs those with the mark `short`, or `short("sqlite")`: on that database only.
    """
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        short = item.get_closest_marker("short")
        parameters = getattr(item, "callspec", None)
        known = parameters.params if parameters else {}
        database = known.get("database_url") or known.get("database")
        if short is None or (short.args and database and database not in short.args):
            item.add_marker(pytest.mark.long)

"""What breaks things on purpose runs on one Prefect server and one nursery (`tests/conftest.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest


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

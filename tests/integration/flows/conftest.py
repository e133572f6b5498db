"""What tests of flows share: a Prefect server in their own process, and a worker's work by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.prefect_here import AtWork, at_work_in, prefect_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Prefect's server in this process."""
    with prefect_here(lambda: tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture
def at_work(prefect_url: str, migrated_file: Path, tmp_path: Path) -> Iterator[AtWork]:
    """An office of its own at that server, with a clock that stands still."""
    assert prefect_url
    with at_work_in(tmp_path, migrated_file) as made:
        yield made

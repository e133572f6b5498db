"""What tests of flows share: a worker's work by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.prefect_here import AtWork, at_work_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def at_work(prefect_url: str, migrated_file: Path, tmp_path: Path) -> Iterator[AtWork]:
    """An office of its own at that server, with a clock that stands still."""
    assert prefect_url
    with at_work_in(tmp_path, migrated_file) as made:
        yield made

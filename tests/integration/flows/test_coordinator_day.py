"""What coordinators see in Prefect is what was approved: `python tests/renew.py` writes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.coordinator_day import APPROVED, SCENES, recipients_in, shown
from support.prefect_here import at_work_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", SCENES)
def test_runs_forms_logs_and_pages_are_as_approved(
    name: str, prefect_url: str, migrated_file: Path, tmp_path: Path
) -> None:
    """Every word of every run, form, log and page, while cases are opened, answered, refused, cancelled and closed."""
    assert prefect_url
    with recipients_in(tmp_path), at_work_in(tmp_path, migrated_file) as at_work:
        found = shown(name, at_work)
    assert found == (APPROVED / f"{name}.txt").read_text(encoding="utf-8")

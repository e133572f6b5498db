"""Reports for people read as somebody approved them: each figure, word and bar in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.reports import FOLDER, every_report

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = sorted(file.name for file in FOLDER.iterdir())


@pytest.fixture(scope="module")
def reports() -> Mapping[str, str]:
    """Return every report by its name."""
    return dict(every_report())


def test_every_report_was_approved(reports: Mapping[str, str]) -> None:
    """None is new, and no file is left of one that is gone."""
    assert sorted(reports) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_report_reads_as_it_was_approved(reports: Mapping[str, str], name: str) -> None:
    """The same figures give the same file; `python tests/renew.py` writes it anew, and a person reads what changed."""
    assert reports[name] == (FOLDER / name).read_bytes().decode()

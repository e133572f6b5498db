"""Reports for people read as somebody approved them: each figure, word and bar in its place."""

from __future__ import annotations

import pytest
from support.reports import FOLDER, every_report

REPORTS = dict(every_report())


def test_every_approved_report_is_made() -> None:
    """No file is left of a report that is gone."""
    assert {file.name for file in FOLDER.iterdir()} == {*REPORTS}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_it_was_approved(name: str) -> None:
    """The same figures give the same file; `python tests/renew.py` writes it anew, and a person reads what changed."""
    written = dict(every_report())[name]
    assert written == (FOLDER / name).read_bytes().decode()

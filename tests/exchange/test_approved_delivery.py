"""What is delivered as DDAS of cases that went all kinds of ways, as somebody approved it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.delivered import APPROVED, delivered

if TYPE_CHECKING:
    from pathlib import Path


def test_each_case_is_delivered_as_it_was_approved(tmp_path: Path, migrated_file: Path) -> None:
    """`python tests/renew.py` writes the approved delivery anew, and a person reads what changed."""
    assert delivered(tmp_path, migrated_file) == APPROVED.read_text(encoding="utf-8")

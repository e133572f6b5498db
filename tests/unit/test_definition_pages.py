"""The page of each definition."""

from __future__ import annotations

import pytest

from deployments.write_definitions import FOLDER, page
from milestones.definitions import DEFINITIONS


@pytest.mark.parametrize("code", DEFINITIONS)
def test_the_page_of_a_definition_is_current(code: str) -> None:
    """The page in the repository is what the definition gives; else run `python -m deployments.write_definitions`."""
    assert (FOLDER / f"{code}.md").read_text(encoding="utf-8") == page(code)


@pytest.mark.parametrize("code", ["M6", "M7", "M8"])
def test_an_unverified_name_is_shown_as_such(code: str) -> None:
    """The names of M6 to M8 carry their reservation."""
    assert "niet geverifieerd" in page(code)

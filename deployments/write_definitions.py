"""Write the page of each definition and of all terms: `python tests/renew.py`.

A test says when that is due.
"""

from __future__ import annotations

from pathlib import Path

from flows.show_definition import as_mermaid, as_table
from flows.show_processing import as_dpia
from flows.show_terms import as_page
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy

FOLDER = Path(__file__).parents[1] / "docs" / "definitions"
TERMS_PAGE = "TERMIJNEN"
DPIA_PAGE = "VERWERKINGEN"


def definition_page(code: str) -> str:
    """Return the page of a definition: its tables and its picture."""
    definition = DEFINITIONS[code]
    return f"{as_table(definition)}\n\n```mermaid\n{as_mermaid(definition)}\n```\n"


def pages() -> dict[str, str]:
    """Return every page by its name: those of the definitions, that of all terms, and the help for a DPIA."""
    return {code: definition_page(code) for code in DEFINITIONS} | {
        TERMS_PAGE: as_page(),
        DPIA_PAGE: as_dpia(Policy()),
    }


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in pages().items():
        (FOLDER / f"{name}.md").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()

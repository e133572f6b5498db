"""Write the page of each definition: `python -m deployments.write_definitions`. A test says when that is due."""

from __future__ import annotations

from pathlib import Path

from flows.show_definition import as_mermaid, as_table
from milestones.definitions import DEFINITIONS

FOLDER = Path(__file__).parents[1] / "docs" / "definitions"


def page(code: str) -> str:
    """Give the page of a definition: its tables and its picture."""
    definition = DEFINITIONS[code]
    return f"{as_table(definition)}\n\n```mermaid\n{as_mermaid(definition)}\n```\n"


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for code in DEFINITIONS:
        (FOLDER / f"{code}.md").write_text(page(code), encoding="utf-8")


if __name__ == "__main__":
    write()

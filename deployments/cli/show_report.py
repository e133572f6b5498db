"""A report on the terminal, and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.cli.console import BadInput, say, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.oversight.document import Block


def print_report(blocks: Sequence[Block]) -> None:
    """Print a report: its tables as tables, its charts as bars of text."""
    from rich.markup import escape
    from rich.table import Table

    from adapters.oversight.charts import text_bar
    from adapters.oversight.document import Chart, Grid, Heading, Points, Words

    for block in blocks:
        match block:
            case Heading(words, _):
                say(f"\n{words}\n{'-' * len(words)}")
            case Words(words):
                say(words.replace("**", ""))
            case Points(lines):
                for line in lines:
                    say(f"- {line.replace('**', '')}")
            case Grid(heads, rows):
                _show_grid(heads, rows)
            case Chart(rows, most):
                highest = most or max((value for _, value, _ in rows), default=0)
                bars = Table.grid(padding=(0, 1))
                for label, value, written in rows:
                    bars.add_row(escape(label), text_bar(value, highest), escape(written))
                terminal().print(bars)


def _show_grid(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    grid = Table(*heads, box=None)
    for row in rows:
        grid.add_row(*(escape(str(value).replace("**", "")) for value in row))
    if rows:
        terminal().print(grid)


def write_files(blocks: Sequence[Block], title: str, folder: Path, name: str) -> list[str]:
    """Write a report as Markdown and as HTML into a folder that exists; give the names of the files."""
    from adapters.oversight.document import as_html, as_markdown

    if not folder.is_dir():
        raise BadInput(f"De map {folder} bestaat niet.")
    files = {f"{name}.md": as_markdown(blocks), f"{name}.html": as_html(title, blocks)}
    for file, content in files.items():
        try:
            (folder / file).write_text(content, encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{file} is niet te schrijven ({error.strerror}).") from None
    return list(files)

"""Small pieces of Markdown, for reports and for pages that both Prefect UIs show the same."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from milestones.dutch import dutch_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date


def cell(value: object) -> str:
    """Return a value as it can stand in a table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; nothing at all for no rows."""
    lines = [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *lines])


def bullets(lines: Iterable[str]) -> str:
    """Return a list; nothing at all for no lines."""
    return "\n".join(f"- {line}" for line in lines)


def short_date(day: date) -> str:
    """Return a date for a narrow column, such as "di 7 apr 2026"."""
    weekday, number, month, year = dutch_date(day).split()
    return f"{weekday} {number} {'mrt' if month == 'maart' else month[:3]} {year}"


def picture(svg: str, alternative: str) -> str:
    """Return an SVG as an image inside the text, with words for who cannot see it."""
    encoded = base64.b64encode(svg.encode()).decode()
    words = alternative.replace("[", "(").replace("]", ")").replace("\n", " ")
    return f"![{words}](data:image/svg+xml;base64,{encoded})"


def text(*parts: str) -> str:
    """Join parts with an empty line between them; empty parts are left out, and HTML is never more than its letters."""
    return "\n\n".join(part for part in parts if part).replace("<", "&lt;") + "\n"

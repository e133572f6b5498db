"""Bars as SVG and as text. Readable on a dark and on a light page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 980
INK = "#1b1b1b"
_FONT = "font-family='Arial,Helvetica,sans-serif'"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bars(rows: Sequence[tuple[str, float, str]], most: float | None = None) -> str:
    """Return a bar for each (label, value, value as text)."""
    top, step, left, room = 10, 30, 330, 520
    highest = most or max((value for _, value, _ in rows), default=1) or 1
    parts = []
    for number, (label, value, written) in enumerate(rows):
        y = top + number * step
        width = max(2, round(room * min(value, highest) / highest)) if value else 0
        parts.append(
            f"<text x='{left - 10}' y='{y + 16}' text-anchor='end' font-size='13' fill='{INK}'>{escape(label)}</text>"
            f"<rect x='{left}' y='{y + 2}' width='{width}' height='20' rx='3' fill='#154273'/>"
            f"<text x='{left + width + 8}' y='{y + 16}' font-size='13' fill='{INK}'>{escape(written)}</text>"
        )
    height = top + len(rows) * step + 8
    return svg_page(height, "".join(parts))


def text_bar(value: float, most: float, width: int = 24) -> str:
    """Return a bar of at most `width` characters, in eighths of one."""
    eighths = round(8 * width * min(value, most) / most) if most > 0 else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def svg_page(height: int, body: str) -> str:
    """Return an SVG of our width on a white sheet."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' "
        f"{_FONT}><rect width='{WIDTH}' height='{height}' rx='8' fill='#ffffff'/>{body}</svg>"
    )

"""Pictures as SVG: the route of a case, and bars for the monitor. Readable on a dark and on a light page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 980
_FONT = "font-family='Arial,Helvetica,sans-serif'"
_INK = "#1b1b1b"


class Stage(StrEnum):
    """Where a case is with one part of the route."""

    DONE = "klaar"
    RUNNING = "loopt"
    OFFERED = "overdracht"
    TO_COME = "nog niet"
    SKIPPED = "overgeslagen"


# Fill, border and text. Each also differs in its line or its mark, for who cannot see colours.
_COLOURS = {
    Stage.DONE: ("#d5e8d4", "#39703a", _INK),
    Stage.RUNNING: ("#154273", "#0b2748", "#ffffff"),
    Stage.OFFERED: ("#ffe3b8", "#b45f06", _INK),
    Stage.TO_COME: ("#ffffff", "#8a8a8a", "#5a5a5a"),
    Stage.SKIPPED: ("#ececec", "#b5b5b5", "#6b6b6b"),
}
_MARKS = {Stage.DONE: "✓ ", Stage.RUNNING: "▶ ", Stage.OFFERED: "⇢ ", Stage.TO_COME: "", Stage.SKIPPED: "– "}


@dataclass(frozen=True, slots=True)
class Stop:
    """One part of the route in the picture."""

    code: str
    name: str
    stage: Stage


def route(stops: Sequence[Stop], beside: Sequence[Stop]) -> str:
    """Return the route as a row of stops, with what runs beside it below."""
    box, gap, top = 106, 14, 14
    parts = []
    for number, stop in enumerate(stops):
        left = 14 + number * (box + gap)
        if number:
            line = "" if stop.stage not in (Stage.TO_COME, Stage.SKIPPED) else " stroke-dasharray='3 3'"
            parts.append(
                f"<path d='M{left - gap} {top + 28}h{gap}' stroke='#6b6b6b' stroke-width='2'{line}/>"
            )
        parts.append(_box(left, top, box, 56, stop))
    height = top + 56 + 14
    for number, stop in enumerate(beside):
        parts.append(_box(14 + number * 3 * (box + gap), height, 3 * box + 2 * gap, 34, stop, one_line=True))
    height += (34 + 14) if beside else 0
    legend = []
    for number, stage in enumerate(Stage):
        fill, border, _ = _COLOURS[stage]
        left = 14 + number * 150
        legend.append(
            f"<rect x='{left}' y='{height}' width='14' height='14' rx='3' fill='{fill}' stroke='{border}'/>"
            f"<text x='{left + 20}' y='{height + 12}' font-size='13' fill='{_INK}'>{_MARKS[stage]}{stage}</text>"
        )
    return _page(height + 28, "".join(parts + legend))


def _box(left: int, top: int, width: int, height: int, stop: Stop, *, one_line: bool = False) -> str:
    fill, border, ink = _COLOURS[stop.stage]
    dash = " stroke-dasharray='5 3'" if stop.stage is Stage.OFFERED else ""
    middle = left + width // 2
    head = f"{_MARKS[stop.stage]}{stop.code}" if not one_line else f"{_MARKS[stop.stage]}{stop.name}"
    rest = (
        ""
        if one_line
        else f"<text x='{middle}' y='{top + 43}' text-anchor='middle' font-size='12' fill='{ink}'>"
        f"{escape(stop.name)}</text>"
    )
    return (
        f"<rect x='{left}' y='{top}' width='{width}' height='{height}' rx='7' fill='{fill}' stroke='{border}' "
        f"stroke-width='{3 if stop.stage is Stage.RUNNING else 1.5}'{dash}/>"
        f"<text x='{middle}' y='{top + (22 if one_line else 23)}' text-anchor='middle' font-size='15' "
        f"font-weight='bold' fill='{ink}'>{escape(head)}</text>{rest}"
    )


def bars(rows: Sequence[tuple[str, float, str]], most: float | None = None, goal: float | None = None) -> str:
    """Return a bar for each (label, value, value as text); `goal` draws a line."""
    top, step, left, room = 10, 30, 330, 520
    highest = most or max((value for _, value, _ in rows), default=1) or 1
    parts = []
    for number, (label, value, written) in enumerate(rows):
        y = top + number * step
        width = max(2, round(room * min(value, highest) / highest)) if value else 0
        parts.append(
            f"<text x='{left - 10}' y='{y + 16}' text-anchor='end' font-size='13' fill='{_INK}'>{escape(label)}</text>"
            f"<rect x='{left}' y='{y + 2}' width='{width}' height='20' rx='3' fill='#154273'/>"
            f"<text x='{left + width + 8}' y='{y + 16}' font-size='13' fill='{_INK}'>{escape(written)}</text>"
        )
    height = top + len(rows) * step + 8
    if goal is not None:
        x = left + round(room * goal / highest)
        parts.append(
            f"<path d='M{x} 4V{height - 4}' stroke='#e17000' stroke-width='2' stroke-dasharray='4 3'/>"
        )
    return _page(height, "".join(parts))


def _page(height: int, body: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}' "
        f"{_FONT}><rect width='{WIDTH}' height='{height}' rx='8' fill='#ffffff'/>{body}</svg>"
    )

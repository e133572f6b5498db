"""The route of a case as a picture. Readable on a dark and on a light page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from adapters.oversight.charts import INK, svg_page

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stage(StrEnum):
    """Where a case is with one part of the route."""

    DONE = "klaar"
    RUNNING = "loopt"
    OFFERED = "overdracht"
    TO_COME = "nog niet"
    SKIPPED = "overgeslagen"


# Fill, border and text. Each also differs in its line or its mark, for who cannot see colours.
_COLOURS = {
    Stage.DONE: ("#d5e8d4", "#39703a", INK),
    Stage.RUNNING: ("#154273", "#0b2748", "#ffffff"),
    Stage.OFFERED: ("#ffe3b8", "#b45f06", INK),
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
            f"<text x='{left + 20}' y='{height + 12}' font-size='13' fill='{INK}'>{_MARKS[stage]}{stage}</text>"
        )
    return svg_page(height + 28, "".join(parts + legend))


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

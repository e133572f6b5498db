"""A message as it goes out: in text, in HTML for mail, short for a telephone, and as a line of a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_LABEL = re.compile(r"^([A-ZÀ-Ý][^:.?!]{1,40}[:?])(\s.*|)$")
_STYLE = (
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;color:#1b1b1f;background:#ffffff;"
    "margin:0 auto;padding:16px;max-width:36rem;overflow-wrap:anywhere;word-break:break-word"
)


@dataclass(frozen=True, slots=True)
class Point:
    """What a message says of its case in one line of a list."""

    reference: str
    what: str
    day: date | None
    until: str
    link: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A message that is ready to be sent. The id is for machines: a receiver can drop a repeat by it."""

    id: str
    title: str
    body: str
    link: str = ""
    point: Point | None = None
    municipality: str = ""

    @property
    def html(self) -> str:
        """The text as HTML, with links that are links; without a script, a picture, or anything from elsewhere."""
        lines = "".join(
            f'<p style="margin:0 0 12px">{_marked(line)}</p>' for line in self.body.splitlines() if line
        )
        heading = f'<h1 style="font-size:20px;line-height:1.25;margin:0 0 16px">{escape(self.title)}</h1>'
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        return (
            f'<!doctype html><html lang="nl"><head>{head}<title>{escape(self.title)}</title></head>'
            f'<body style="margin:0"><div style="{_STYLE}">{heading}{lines}</div></body></html>'
        )

    def short(self, most: int) -> str:
        """Return what fits on a small screen: the title and where to go, or as much of it as fits."""
        whole = f"{self.title}. {self.link}" if self.link else self.title
        return whole if len(whole) <= most else self.title[:most]

    def shortened(self, most: int) -> Written:
        """Return this message with the short text for its own."""
        return replace(self, title="", body=self.short(most))


def _marked(line: str) -> str:
    """Return a line in HTML: a label in bold, an address as a link."""
    label = _LABEL.match(line)
    begin, rest = (f"<strong>{escape(label[1])}</strong>", label[2]) if label else ("", line)
    parts, last = [], 0
    for found in _LINK.finditer(rest):
        address = escape(found[0])
        parts += [
            escape(rest[last : found.start()]),
            f'<a href="{address}" style="color:#0b4f8a">{address}</a>',
        ]
        last = found.end()
    return begin + "".join(parts) + escape(rest[last:])


def as_list(points: Iterable[Point]) -> str:
    """Return one line for each case, what is urgent first, then what ends first; a case once, with all of it."""
    cases: dict[str, list[Point]] = {}
    for point in points:
        cases.setdefault(point.reference, []).append(point)
    return "\n".join(_line(reference, found) for reference, found in sorted(cases.items(), key=_urgency))


def _urgency(case: tuple[str, list[Point]]) -> tuple[bool, date, str]:
    reference, points = case
    days = [point.day for point in points if point.day is not None]
    return not any(point.urgent for point in points), min(days, default=date.max), reference


def _line(reference: str, points: Sequence[Point]) -> str:
    first = min(points, key=lambda point: point.day or date.max)
    what = "; ".join(dict.fromkeys(point.what for point in points))
    # A link with which somebody accepts belongs to him alone, so it goes before the page of the case.
    links = sorted(
        dict.fromkeys(point.link for point in points if point.link), key=lambda link: "/zaak/" in link
    )
    until = f" Tot wanneer: {first.until}." if first.until else ""
    haste = "SPOED. " if any(point.urgent for point in points) else ""
    return f"- Zaak {reference}: {haste}{what}.{until} {links[0] if links else ''}".rstrip()

"""A report as blocks, written as Markdown or as an HTML page of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from adapters.oversight.charts import bars
from adapters.oversight.markdown import bullets, cell, picture, table, text


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first, second or third level."""

    words: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph. **Bold** is the only mark in it."""

    words: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list of lines; nothing for no lines."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; nothing for no rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of (label, value, value as text), with what they say in words; nothing for no rows."""

    rows: Sequence[tuple[str, float, str]]
    most: float | None = None

    @property
    def said(self) -> str:
        """What the picture shows, for who cannot see it."""
        return "; ".join(f"{label}: {written}" for label, _, written in self.rows)


Block = Heading | Words | Points | Grid | Chart


def as_markdown(blocks: Sequence[Block]) -> str:
    """Return the report as Markdown, its pictures inside."""
    return text(*map(_markdown, blocks))


def _markdown(block: Block) -> str:
    match block:
        case Heading(words, level):
            return f"{'#' * level} {cell(words)}"
        case Words(words):
            return words
        case Points(lines):
            return bullets(lines)
        case Grid(heads, rows):
            return table(heads, rows)
        case Chart():
            return picture(bars(block.rows, most=block.most), block.said) if block.rows else ""


def as_fragment(blocks: Sequence[Block]) -> str:
    """Return the report as HTML without a page around it, for a page of ours. Every word is escaped."""
    return "\n".join(filter(None, map(_html, blocks)))


def _html(block: Block) -> str:
    match block:
        case Heading(words, level):
            return f"<h{level}>{escape(words)}</h{level}>"
        case Words(words):
            return f"<p>{_marked(words)}</p>"
        case Points(lines):
            items = "".join(f"<li>{_marked(line)}</li>" for line in lines)
            return f"<ul>{items}</ul>" if items else ""
        case Grid(heads, rows):
            top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
            body = "".join(
                "<tr>" + "".join(_html_cell(*pair) for pair in zip(heads, row, strict=True)) + "</tr>"
                for row in rows
            )
            return (
                f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
                if body
                else ""
            )
        case Chart():
            if not block.rows:
                return ""
            drawn = bars(block.rows, most=block.most).replace("<svg ", "<svg role='img' class='chart' ", 1)
            return drawn.replace("><rect", f"><title>{escape(block.said)}</title><rect", 1)


def _html_cell(head: str, value: object) -> str:
    """Return a cell that carries the name of its column, which a page on a phone shows beside it."""
    return f'<td data-label="{escape(head)}">{_marked(str(value))}</td>'


def _marked(words: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(words))


def as_html(title: str, blocks: Sequence[Block]) -> str:
    """Return the report as one HTML file that needs nothing else: to mail, to print, to publish."""
    return (
        '<!doctype html>\n<html lang="nl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        f"{as_fragment(blocks)}\n</main></body></html>\n"
    )


_STYLE = (
    "body{font:1.0625rem/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff;margin:0}"
    "main{max-width:62rem;margin:0 auto;padding:2rem 1rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;border-top:1px solid #6b6b76}"
    ".table{overflow-x:auto}.chart{max-width:100%;height:auto}h2{margin-top:2rem}"
)

"""The monitor as a page: each figure as a picture and a table, and as a file for a spreadsheet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup
from openpyxl import Workbook

from adapters.api.page_parts import html_page, notice, refusal_on_page
from adapters.api.places import choose_place, file_answer, sees_place, unknown_place
from adapters.api.visitor import TheVisitor, VisitorRoute
from adapters.oversight.basic_service import basic_service_json, basic_service_report, read_basic_service
from adapters.oversight.council_report import council_json, council_report, read_council_figures
from adapters.oversight.document import as_fragment, as_html, as_markdown
from adapters.oversight.monitor import monitor_csv, monitor_rows, read_monitor
from adapters.oversight.periods import PeriodError, period_from, quarter_of
from adapters.oversight.workload import plain_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.office import Office
    from adapters.oversight.document import Block
    from adapters.oversight.monitor import Monitor
    from adapters.oversight.periods import Period

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TITLE = "Monitor"


def monitor_router(office: Office) -> APIRouter:
    """Return the routes of the monitor."""
    router = APIRouter(
        prefix="/monitor",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def begin(visitor: TheVisitor) -> Response:
        return choose_place(office, visitor, _TITLE, "/monitor", lambda place: _look(office, place))

    @router.get("/{municipality}")
    def look(municipality: str, visitor: TheVisitor) -> Response:
        return (
            _look(office, municipality)
            if sees_place(office, visitor, municipality)
            else unknown_place(_TITLE)
        )

    @router.get("/{municipality}/bestand")
    def download(municipality: str, visitor: TheVisitor, soort: str = "csv") -> Response:
        if not sees_place(office, visitor, municipality):
            return unknown_place(_TITLE)
        figures = read_monitor(office, municipality)
        name = f"monitor-{municipality}-{figures.end}"
        if soort == "xlsx":
            return file_answer(_sheet(figures), _XLSX, f"{name}.xlsx")
        # The mark at the start tells spreadsheets that this is UTF-8.
        return file_answer(
            ("\ufeff" + monitor_csv(figures)).encode(), "text/csv; charset=utf-8", f"{name}.csv"
        )

    @router.get("/{municipality}/{part}")
    def read(
        municipality: str, part: str, visitor: TheVisitor, periode: str = "", soort: str = ""
    ) -> Response:
        if not sees_place(office, visitor, municipality) or part not in _REPORTS:
            return unknown_place(_TITLE)
        return _report(office, municipality, part, periode, soort)

    return router


def _council(office: Office, municipality: str, period: Period) -> tuple[Sequence[Block], object]:
    figures = read_council_figures(office, municipality, period)
    return council_report(figures), council_json(figures)


def _basic_service(office: Office, municipality: str, period: Period) -> tuple[Sequence[Block], object]:
    service = read_basic_service(office, municipality, period)
    return basic_service_report(service), basic_service_json(service)


_REPORTS = {
    "raad": ("Verslag voor de raad", _council),
    "basisdienstverlening": ("Basisdienstverlening", _basic_service),
}


def _report(office: Office, municipality: str, part: str, written: str, kind: str) -> Response:
    """Return a report over a quarter or a year as a page, or as a file to keep: Markdown, HTML or JSON."""
    try:
        period = period_from(written) if written else quarter_of(office.clock.today())
    except PeriodError as refusal:
        return notice("Deze periode bestaat niet", [refusal_on_page(refusal)], 400)
    title, read = _REPORTS[part]
    blocks, plain = read(office, municipality, period)
    name = f"{part}-{municipality}-{period.name}"
    if kind == "json":
        return JSONResponse(plain, headers={"Cache-Control": "no-store"})
    if kind == "md":
        return file_answer(as_markdown(blocks).encode(), "text/markdown; charset=utf-8", f"{name}.md")
    if kind == "html":
        return file_answer(as_html(title, blocks).encode(), "text/html; charset=utf-8", f"{name}.html")
    return html_page(
        "council.html", 200, title=f"{title} {municipality}", here="/monitor", municipality=municipality,
        period=period, before=period.before(),
        content=Markup(as_fragment(blocks)),  # noqa: S704 - every word in it is escaped
    )  # fmt: skip


def _look(office: Office, municipality: str) -> HTMLResponse:
    figures = read_monitor(office, municipality)
    parts = []
    for figure in figures.figures.values():
        cells = figures.of(figure)
        most = max((cell.value for cell in cells if cell.value is not None), default=0) or 1
        if cells:
            parts.append((figure, [(cell, round(100 * (cell.value or 0) / most)) for cell in cells]))
    return html_page(
        "monitor.html", 200, title=f"Monitor {municipality}", here="/monitor", municipality=municipality,
        begin=figures.begin, end=figures.end, parts=parts,
    )  # fmt: skip


def _sheet(figures: Monitor) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Monitor")
    for number, row in enumerate(monitor_rows(figures)):
        if number == 0:
            sheet.append(list(row))
        sheet.append([plain_cell(value) for value in row.values()])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()

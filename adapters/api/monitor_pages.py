"""The monitor as a page: each figure as a picture and a table, and as a file for a spreadsheet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from openpyxl import Workbook

from adapters.api.page_parts import html_page, notice
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute
from adapters.oversight.monitor import monitor_csv, monitor_rows, read_monitor
from adapters.oversight.workload import municipalities, plain_cell

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.oversight.monitor import Monitor

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def monitor_router(office: Office) -> APIRouter:
    """Return the routes of the monitor."""
    router = APIRouter(
        prefix="/monitor",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def choose(visitor: TheVisitor) -> Response:
        places = [place for place in municipalities(office) if visitor.sees(place)]
        if len(places) == 1:
            return _look(office, places[0])
        return html_page("places.html", 200, title="Monitor", here="/monitor", places=places)

    @router.get("/{municipality}")
    def look(municipality: str, visitor: TheVisitor) -> Response:
        return _look(office, municipality) if _sees(office, visitor, municipality) else _unknown()

    @router.get("/{municipality}/bestand")
    def download(municipality: str, visitor: TheVisitor, soort: str = "csv") -> Response:
        if not _sees(office, visitor, municipality):
            return _unknown()
        figures = read_monitor(office, municipality)
        name = f"monitor-{municipality}-{figures.end}"
        if soort == "xlsx":
            return _file(_sheet(figures), _XLSX, f"{name}.xlsx")
        # The mark at the start tells spreadsheets that this is UTF-8.
        return _file(("\ufeff" + monitor_csv(figures)).encode(), "text/csv; charset=utf-8", f"{name}.csv")

    return router


def _sees(office: Office, visitor: Visitor, municipality: str) -> bool:
    return visitor.sees(municipality) and municipality in municipalities(office)


def _unknown() -> HTMLResponse:
    return notice("Deze gemeente is er niet", ["Kies een gemeente bij Monitor."], 404)


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


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)

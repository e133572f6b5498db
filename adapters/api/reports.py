"""The werkvoorraad and the monitor of a municipality, as JSON or as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from adapters.api.answer import answer
from adapters.api.auth import check_may
from adapters.api.context import GuardedRoute, TheCaller, TheOffice
from adapters.api.csv_answers import CSV, Format, csv_answer, wants_csv
from adapters.api.models import LookPage, MonitorReport, WorkloadPage
from adapters.api.paging import PageNumber, PageSize, page_of
from adapters.api.problems import Problem
from adapters.cases.looks import look_as_json
from adapters.oversight.monitor import WEEKS_COUNTED, monitor_csv, monitor_rows, read_monitor
from adapters.oversight.workload import read_workload, rows_of, workload_csv

if TYPE_CHECKING:
    from adapters.exchange.clients import Caller
    from adapters.office import Office

router = APIRouter(route_class=GuardedRoute, tags=["rapporten"])

_Municipality = Annotated[
    str | None,
    Query(alias="gemeentecode", pattern=r"^[0-9]{4}$", description="Anders de gemeente van deze client."),
]


@router.get("/v1/werkvoorraad", response_model=WorkloadPage, responses=CSV)
def read_work(
    request: Request,
    caller: TheCaller,
    office: TheOffice,
    gemeentecode: _Municipality = None,
    formaat: Format = None,
    page: PageNumber = 1,
    size: PageSize = 1000,
) -> Response:
    """Lees wie wat heeft, wat deze week eindigt, wat te laat is, en wat geen eigenaar heeft."""
    work = read_workload(office, _municipality(caller, office, gemeentecode))
    if wants_csv(request, formaat):
        office.looks.note_all([(item.reference, work.municipality) for item in work.items], "werkvoorraad")
        return csv_answer(workload_csv(work), f"werkvoorraad-{work.municipality}-{work.on}.csv")
    rows = list(rows_of(work))
    shown = rows[(page - 1) * size : page * size]
    office.looks.note_all([(row["zaak"], work.municipality) for row in shown], "werkvoorraad")
    return answer(
        WorkloadPage,
        {
            "gemeentecode": work.municipality,
            "op": work.on.isoformat(),
            "aantallen": {
                "open": len(work.items),
                "te_laat": len(work.late),
                "deze_week": len(work.this_week),
                "zonder_eigenaar": len(work.unowned),
                "crisis": len(work.threatened),
                "wacht_op_overdracht": len(work.offered),
            },
            **page_of(request, len(rows), page, size),
            "results": shown,
        },
    )


@router.get("/v1/monitor", response_model=MonitorReport, responses=CSV)
def read_figures(
    request: Request,
    caller: TheCaller,
    office: TheOffice,
    gemeentecode: _Municipality = None,
    formaat: Format = None,
    weken: Annotated[int, Query(ge=1, le=260, description="Tot en met gisteren.")] = WEEKS_COUNTED,
) -> Response:
    """Lees de cijfers van een gemeente, elk met zijn definitie; kleine aantallen worden niet getoond."""
    figures = read_monitor(office, _municipality(caller, office, gemeentecode), weeks=weken)
    if wants_csv(request, formaat):
        return csv_answer(monitor_csv(figures), f"monitor-{figures.municipality}-{figures.end}.csv")
    return answer(
        MonitorReport,
        {
            "gemeentecode": figures.municipality,
            "van": figures.begin.isoformat(),
            "tot_en_met": figures.end.isoformat(),
            "cijfers": list(monitor_rows(figures)),
        },
    )


@router.get("/v1/inzagelog", response_model=LookPage)
def read_looks(
    request: Request,
    caller: TheCaller,
    office: TheOffice,
    zaak: Annotated[str | None, Query(max_length=60, description="Wie keek in deze zaak.")] = None,
    medewerker: Annotated[str | None, Query(max_length=60, description="Wat bekeek deze medewerker.")] = None,
    page: PageNumber = 1,
    size: PageSize = 500,
) -> Response:
    """Lees wie wanneer in een zaak keek, of wat een medewerker bekeek; de laatste eerst."""
    check_may(caller, "inzage")
    places = None if "*" in caller.municipalities else caller.municipalities
    rows, number = office.looks.found(zaak, medewerker, places, (page - 1) * size, size)
    return answer(
        LookPage, {**page_of(request, number, page, size), "results": [look_as_json(row) for row in rows]}
    )


def _municipality(caller: Caller, office: Office, asked: str | None) -> str:
    """Return the municipality that is meant; a Problem 403 when this client may not read of it."""
    check_may(caller, "lezen")
    meant = asked or caller.only_municipality or office.settings.municipality
    if not caller.sees(meant):
        raise Problem(403, "Deze client mag niet lezen van deze gemeente.")
    return meant

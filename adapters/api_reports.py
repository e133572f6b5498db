"""Reports over the API: the werkvoorraad and the monitor, as JSON or as CSV; and messages from automations."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from adapters.monitor import WEEKS, monitor_csv, monitor_rows, read_monitor
from adapters.operator_messages import DEAD_LETTER, FAILED_RUN, LATE_WORKER, operator_key, tell_coordinator
from adapters.workload import read_workload, rows_of, workload_csv

if TYPE_CHECKING:
    from fastapi.params import Depends

    from adapters.office import Office

Municipality = Annotated[str | None, Query(alias="gemeentecode", pattern=r"^\d{4}$")]
Format = Annotated[Literal["json", "csv"], Query()]
_MOST_ROWS = 1_000


class OperatorMessage(BaseModel):
    """What an automation of Prefect has to say."""

    model_config = ConfigDict(extra="forbid")

    soort: Literal[FAILED_RUN, LATE_WORKER, DEAD_LETTER]  # type: ignore[valid-type]
    onderwerp: Annotated[str, Field(max_length=200)]
    id: Annotated[str, Field(max_length=60)]


def reports_router(office: Office, guarded: Sequence[Depends]) -> APIRouter:
    """Give the routes. `guarded` is what a caller has to pass; messages of automations have a key of their own."""
    router = APIRouter()
    key = operator_key(office.settings).encode()

    @router.get("/v1/werkvoorraad", dependencies=guarded)
    def workload(
        gemeente: Municipality = None,
        formaat: Format = "json",
        vanaf: Annotated[int, Query(ge=0)] = 0,
        aantal: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _MOST_ROWS,
    ) -> Response:
        """Wie heeft wat, wat eindigt deze week, wat is te laat, en wat heeft geen eigenaar."""
        work = read_workload(office, gemeente or office.settings.municipality)
        if formaat == "csv":
            return _csv(workload_csv(work), f"werkvoorraad-{work.municipality}-{work.on}.csv")
        body: dict[str, Any] = {
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
            "zaken": list(rows_of(work))[vanaf : vanaf + aantal],
        }
        return JSONResponse(body)

    @router.get("/v1/monitor", dependencies=guarded)
    def monitor(
        gemeente: Municipality = None,
        formaat: Format = "json",
        weken: Annotated[int, Query(ge=1, le=260)] = WEEKS,
    ) -> Response:
        """De cijfers van een gemeente, elk met zijn definitie; kleine aantallen worden niet getoond."""
        figures = read_monitor(office, gemeente or office.settings.municipality, weeks=weken)
        if formaat == "csv":
            return _csv(monitor_csv(figures), f"monitor-{figures.municipality}-{figures.end}.csv")
        body = {
            "gemeentecode": figures.municipality,
            "van": figures.begin.isoformat(),
            "tot_en_met": figures.end.isoformat(),
            "cijfers": list(monitor_rows(figures)),
        }
        return JSONResponse(body)

    @router.post("/v1/beheermeldingen", status_code=202)
    def operator_message(new: OperatorMessage, authorization: Annotated[str, Header()] = "") -> Response:
        """Neem een melding van een automation van Prefect aan en vertel haar aan de coördinator."""
        if not hmac.compare_digest(authorization.removeprefix("Bearer ").encode(), key):
            problem = {"type": "about:blank", "title": "Geen toegang", "status": 401}
            return JSONResponse(problem, 401, media_type="application/problem+json")
        tell_coordinator(office, new.soort, new.onderwerp, new.id)
        return JSONResponse({"status": "aangenomen"}, 202)

    return router


def _csv(content: str, name: str) -> Response:
    # The mark at the start tells spreadsheets that this is UTF-8.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + content, media_type="text/csv; charset=utf-8", headers=headers)

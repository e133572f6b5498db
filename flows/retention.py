"""The daily round of retention: remove what has had its time, and list the cases that may be destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import flow, get_client
from prefect.logging import get_run_logger

from adapters.office import office
from adapters.operations.access_requests import warn
from adapters.operations.destruction import destroyable
from adapters.operations.retention import forget
from adapters.oversight.markdown import short_date, table, text
from flows.destruction import destroy_approved
from flows.report_pages import DESTRUCTION_LIST
from flows.reports import publish
from milestones.counting import so_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.operations.destruction import Destroyable

_MOST_LINES = 200


@flow(name="Bewaartermijnen", flow_run_name="Bewaartermijnen", persist_result=False)
def bewaartermijnen() -> str:
    """Ruim op wat zijn tijd heeft gehad, vernietig wat is goedgekeurd, en maak de vernietigingslijst."""
    here = office()
    rows = forget(here)
    warn(here)
    done = destroy_approved(here, get_client(sync_client=True))
    if not done.allowed:
        get_run_logger().warning(
            "Wat is goedgekeurd, blijft: voer als eigenaar `routekaart vernietiging uitvoeren` uit."
        )
    gone = done.cases
    listed = destroyable(here)
    waiting = so_many(len(listed), "zaak")
    publish(DESTRUCTION_LIST, destruction_page(listed), f"{waiting}.")
    line = f"Opgeruimd: {so_many(rows, 'regel')} en {so_many(gone, 'zaak')}. Op de vernietigingslijst: {waiting}."
    get_run_logger().info(line)
    return line


def destruction_page(cases: Sequence[Destroyable]) -> str:
    """Return the list of cases that may be destroyed as Markdown."""
    rows = [
        (
            case.reference,
            case.municipality,
            case.term,
            short_date(case.over_on),
            "ja" if case.approved_by else "nee",
        )
        for case in cases[:_MOST_LINES]
    ]
    left = len(cases) - len(rows)
    return text(
        "# Vernietigingslijst",
        "Van deze zaken is alles afgesloten, is de bewaartermijn van de Selectielijst voorbij, en zegt niemand dat zij "
        "moeten blijven. Zij blijven staan tot iemand goedkeurt dat zij weg mogen: op de pagina `/vernietiging` of met "
        "`routekaart vernietiging goedkeuren`. Wat is goedgekeurd, wordt de volgende nacht vernietigd.",
        table(("zaak", "gemeente", "termijn", "voorbij op", "goedgekeurd"), rows)
        or "Er staat nu niets op de lijst.",
        f"En nog {so_many(left, 'zaak')}." if left > 0 else "",
    )

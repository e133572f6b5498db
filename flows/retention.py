"""The daily round of retention: remove what has had its time, and list the cases that may be destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect import flow
from prefect.logging import get_run_logger

from adapters.office import office
from adapters.operations.retention import destroyable, forget
from adapters.oversight.markdown import short_date, table, text
from flows.reports import publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.operations.retention import Destroyable

DESTRUCTION_LIST = "vernietigingslijst"
MOST_LINES = 200


@flow(name="Bewaartermijnen", flow_run_name="Bewaartermijnen", persist_result=False)
def bewaartermijnen() -> str:
    """Ruim op wat zijn tijd heeft gehad, en zet op de vernietigingslijst welke zaken weg mogen. Wat open is, blijft."""
    here = office()
    kept = forget(here)
    publish(DESTRUCTION_LIST, destruction_page(destroyable(here)), f"{kept.destroyable} zaken.")
    line = f"Opgeruimd: {kept.rows} regels en {kept.cases} zaken. Op de vernietigingslijst: {kept.destroyable} zaken."
    get_run_logger().info(line)
    return line


def destruction_page(cases: Sequence[Destroyable]) -> str:
    """Return the list of cases that may be destroyed as Markdown."""
    rows = [
        (case.reference, case.municipality, case.term, short_date(case.over_on))
        for case in cases[:MOST_LINES]
    ]
    left = len(cases) - len(rows)
    return text(
        "# Vernietigingslijst",
        "Van deze zaken is alles afgesloten en is de bewaartermijn van de Selectielijst voorbij. Zij blijven staan tot "
        "de gemeente besluit dat zij weg mogen (`ROUTEKAART_REMOVE_CASES_AFTER_TERM`).",
        table(("zaak", "gemeente", "termijn", "voorbij op"), rows) or "Er staat nu niets op de lijst.",
        f"En nog {left} zaken." if left > 0 else "",
    )

"""Events that our flows give to Prefect, so that an automation can react. A view, never a record."""

from __future__ import annotations

from prefect.events import emit_event

UNDELIVERED_EVENT = "routekaart.bericht.niet-bezorgd"


def undelivered(message_id: str, reference: str, role: str) -> None:
    """Say that a message reached nobody. Holds an id, a reference and a role, and no address."""
    emit_event(
        event=UNDELIVERED_EVENT,
        resource={
            "prefect.resource.id": f"routekaart.bericht.{message_id}",
            "prefect.resource.name": f"Bericht over zaak {reference}",
            "routekaart.zaak": reference,
            "routekaart.rol": role,
        },
    )

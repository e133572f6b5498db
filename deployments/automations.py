"""Automations as code: a message to the coordinator when the machinery itself needs a person.

Made once and then left alone, so that people can change, pause or extend them in the UI. None of them carries a
legal deadline: Prefect's events are a view that may lose some (decision 4); terms are rows in our own database.

The message goes through Prefect's server to our API, and from there to the people with the role of coordinator. It
needs no worker, since it may be about the worker.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from adapters.messages.operator_messages import DEAD_LETTER, FAILED_RUN, LATE_WORKER, operator_key
from deployments.environment import OWN
from flows.notable_events import UNDELIVERED_EVENT

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from adapters.runtime.settings import Settings

BLOCK = "routekaart-beheer"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One automation: on which events, about what, and what it says."""

    name: str
    description: str
    events: tuple[str, ...]
    resource: str
    kind: str
    subject: str
    pool_only: bool = False
    again_after: timedelta = timedelta(0)


ALARMS: tuple[Alarm, ...] = (
    Alarm(
        "routekaart: run mislukt",
        "Bericht aan de coördinator als een run mislukt. De zaak zelf staat veilig in de zakendatabase.",
        ("prefect.flow-run.Failed", "prefect.flow-run.Crashed"),
        "prefect.flow-run.*",
        FAILED_RUN,
        "{{ flow_run.name }}",
        pool_only=True,
    ),
    Alarm(
        "routekaart: worker te laat",
        "Bericht aan de coördinator als er geen worker meer is die zaken bijwerkt.",
        ("prefect.work-pool.not-ready",),
        "prefect.work-pool.*",
        LATE_WORKER,
        "{{ work_pool.name }}",
        again_after=timedelta(minutes=15),
    ),
    Alarm(
        "routekaart: bericht niet bezorgd",
        "Bericht aan de coördinator als een bericht over geen enkel kanaal aankomt. Hooguit één per uur.",
        (UNDELIVERED_EVENT,),
        "routekaart.bericht.*",
        DEAD_LETTER,
        "{{ event.resource.id }}",
        again_after=timedelta(hours=1),
    ),
)


def deploy_automations(client: SyncPrefectClient, settings: Settings, pool: str) -> list[str]:
    """Make each automation that is not there; give the names of those that were made."""
    block = _webhook(client, settings)
    made = []
    for alarm in ALARMS:
        if client.read_automations_by_name(alarm.name):
            continue
        client.create_automation(automation(alarm, block, pool))
        made.append(alarm.name)
    return made


def automation(alarm: Alarm, block: UUID, pool: str) -> AutomationCore:
    """Return an automation as Prefect keeps it."""
    related = {"prefect.resource.role": "work-pool", "prefect.resource.name": pool} if alarm.pool_only else {}
    payload = {"soort": alarm.kind, "onderwerp": alarm.subject, "id": "{{ event.id }}"}
    return AutomationCore(
        name=alarm.name,
        description=alarm.description,
        trigger=EventTrigger(
            expect=set(alarm.events),
            match=ResourceSpecification({"prefect.resource.id": alarm.resource}),
            match_related=ResourceSpecification(related),
            posture=Posture.Reactive,
            threshold=1,
            within=alarm.again_after,
        ),
        actions=[CallWebhook(block_document_id=block, payload=json.dumps(payload))],
    )


def _webhook(client: SyncPrefectClient, settings: Settings) -> UUID:
    """Return the block with the address of our API; one that is there stays as it is."""
    try:
        return client.read_block_document_by_name(BLOCK, Webhook.get_block_type_slug()).id
    except ObjectNotFound:
        url = f"{OWN}:{settings.api_port}/v1/beheermeldingen"
        # Prefect sends the payload as plain text unless told otherwise.
        headers = SecretDict(
            {"Authorization": f"Bearer {operator_key(settings)}", "Content-Type": "application/json"}
        )
        made: Any = Webhook(method="POST", url=SecretStr(url), headers=headers)
        return UUID(str(made.save(BLOCK, _sync=True)))

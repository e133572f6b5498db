"""Deployments for coordinators: reports on a schedule, actions with a form, and the quality sample."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule

from flows.actions import ACTIONS
from flows.old_pages import oude_paginas_opruimen
from flows.parameter_forms import parameter_form
from flows.quality import kwaliteitssteekproef, kwaliteitstoets
from flows.reports import ACTION_TAG, labels_van_de_dag, monitor, overzicht, werkvoorraad
from flows.retention import bewaartermijnen

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

TIMEZONE = "Europe/Amsterdam"
REPORT_TAG = "rapport"


@dataclass(frozen=True, slots=True)
class Regular:
    """A flow that Prefect starts at set times; the times can be changed in the UI and then stay as they are."""

    flow: Flow[..., Any]
    cron: str | None = None


# Labels first, so that the lists are right when the day begins; the front page during working hours.
REGULAR: Mapping[str, Regular] = MappingProxyType(
    {
        "labels-van-de-dag": Regular(labels_van_de_dag, "5 0 * * *"),
        "werkvoorraad": Regular(werkvoorraad, "30 6 * * *"),
        "overzicht": Regular(overzicht, "45 6-18 * * 1-5"),
        "monitor": Regular(monitor, "0 7 * * 1"),
        "kwaliteitssteekproef": Regular(kwaliteitssteekproef, "15 7 * * 1"),
        "kwaliteitstoets": Regular(kwaliteitstoets),
        "oude-paginas-opruimen": Regular(oude_paginas_opruimen, "20 3 * * *"),
        "bewaartermijnen": Regular(bewaartermijnen, "50 3 * * *"),
    }
)


def deploy_coordination(client: SyncPrefectClient, pool: str) -> list[str]:
    """Make or update these deployments; give their names. Times that somebody changed stay as they are."""
    known = {item.name: _as_they_are(item) for item in client.read_deployments()}
    made = []
    for name, item in REGULAR.items():
        times = known[name] if name in known else _at(item.cron)
        made.append(_deploy(client, pool, name, item.flow, times, REPORT_TAG))
    return made + [_deploy(client, pool, name, item, [], ACTION_TAG) for name, item in ACTIONS.items()]


def _deploy(
    client: SyncPrefectClient,
    pool: str,
    name: str,
    flow: Flow[..., Any],
    times: list[DeploymentScheduleCreate],
    tag: str,
) -> str:
    client.create_deployment(
        flow_id=client.create_flow(flow),
        name=name,
        description=inspect.getdoc(flow.fn),
        work_pool_name=pool,
        work_queue_name="default",
        entrypoint=f"{flow.fn.__module__}:{flow.fn.__name__}",
        parameter_openapi_schema=parameter_form(flow.fn),
        enforce_parameter_schema=True,
        tags=[tag],
        schedules=times,
    )
    return f"{flow.name}/{name}"


def _at(cron: str | None) -> list[DeploymentScheduleCreate]:
    if cron is None:
        return []
    return [DeploymentScheduleCreate(schedule=CronSchedule(cron=cron, timezone=TIMEZONE), active=True)]


def _as_they_are(deployment: DeploymentResponse) -> list[DeploymentScheduleCreate]:
    # A deployment that is made again loses the times that are not named.
    return [
        DeploymentScheduleCreate(schedule=item.schedule, active=item.active) for item in deployment.schedules
    ]

"""Put the work pool and the deployments into Prefect; doing it again brings them up to date."""

from __future__ import annotations

import inspect

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.utilities.callables import parameter_schema

from adapters.settings import settings
from deployments.automations import deploy_automations
from deployments.deploy_coordination import deploy_coordination
from deployments.show_definition import as_table
from deployments.views import deploy_views
from flows.case_queue import DEPLOYMENT
from flows.intake import INTAKE_FLOWS, form_of
from flows.processes import FLOWS
from flows.worker import RoutekaartWorker
from milestones.definitions import DEFINITIONS

POOL = "routekaart"


def deploy() -> list[str]:
    """Make the work pool, a deployment for each process, and what coordinators need; give the deployments."""
    client: SyncPrefectClient = get_client(sync_client=True)
    with client:
        _make_pool(client)
        made = [_deploy_process(client, code) for code in FLOWS]
        made += [_deploy_intake(client, name) for name in INTAKE_FLOWS]
        made += deploy_coordination(client, POOL)
        deploy_automations(client, settings(), POOL)
        deploy_views(client)
        return made


def _make_pool(client: SyncPrefectClient) -> None:
    pool = WorkPoolCreate(
        name=POOL,
        type=RoutekaartWorker.type,
        description="De processen van de routekaart. Een worker voert ze uit in zijn eigen proces.",
        base_job_template=RoutekaartWorker.get_default_base_job_template(),
    )
    try:
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return


def _deploy_process(client: SyncPrefectClient, code: str) -> str:
    flow = FLOWS[code]
    schema = parameter_schema(flow.fn)
    client.create_deployment(
        flow_id=client.create_flow(flow),
        name=DEPLOYMENT,
        version=flow.version,
        description=f"{inspect.getdoc(flow.fn)}\n\n{as_table(DEFINITIONS[code])}",
        work_pool_name=POOL,
        work_queue_name="default",
        entrypoint=f"flows.processes:{flow.fn.__name__}",
        parameter_openapi_schema=schema.model_dump_for_openapi(),
        enforce_parameter_schema=True,
        tags=[code, *DEFINITIONS[code].route_names],
    )
    return f"{flow.name}/{DEPLOYMENT}"


def _deploy_intake(client: SyncPrefectClient, name: str) -> str:
    """Deploy a flow that a person, a system or an automation runs to open a case or report an event."""
    flow = INTAKE_FLOWS[name]
    client.create_deployment(
        flow_id=client.create_flow(flow),
        name=DEPLOYMENT,
        description=inspect.getdoc(flow.fn),
        work_pool_name=POOL,
        work_queue_name="default",
        entrypoint=f"flows.intake:{name}",
        parameter_openapi_schema=form_of(flow),
        enforce_parameter_schema=True,
        tags=["aanleveren"],
    )
    return f"{flow.name}/{DEPLOYMENT}"

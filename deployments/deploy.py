"""Put the work pool and the deployments into Prefect; doing it again brings them up to date."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists

from adapters.messages.recipients_file import RecipientsFile
from adapters.runtime.policies import DEFAULT, policy_files, read_policy
from deployments.automations import deploy_automations
from deployments.planned import POOL, QUEUE, TIMEZONE, Planned, planned
from deployments.saved_filters import deploy_views
from flows.forms import OLDER_REFERENCE, reference_in
from flows.worker import RoutekaartWorker
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prefect.client.schemas.responses import DeploymentResponse

    from adapters.office import Office
    from milestones.policy import Policy

__all__ = ["POOL", "deploy"]


class _Given(NamedTuple):
    """What the forms of an office let somebody choose or fill in."""

    people: Sequence[str]
    policies: Sequence[Policy]
    reference: str


def deploy(office: Office) -> list[str]:
    """Make the work pool, the deployments, and what coordinators need; give the deployments.

    Their forms take the codes of the policies in force and of those in the folder, and the references of all cases.

    Times that somebody changed in the UI stay as they are; `prefect deploy` puts back those of prefect.yaml.
    """
    client: SyncPrefectClient = get_client(sync_client=True)
    settings = office.settings
    book = RecipientsFile(settings.recipients_file).book()
    reference = reference_in(settings.reference_pattern)
    given = _Given(
        sorted(book.people) if book.configured else [],
        [DEFAULT, *office.policy_book.all_in_force().values(), *_policies_in(settings.policy_folder)],
        reference if office.casework.references_match(reference) else OLDER_REFERENCE,
    )
    with client:
        _make_pool(client)
        known = {item.name: item for item in client.read_deployments()}
        made = [_deploy(client, item, known.get(item.name), given) for item in planned()]
        deploy_automations(client, settings, POOL)
        deploy_views(client)
        return made


def _policies_in(folder: Path | None) -> Iterator[Policy]:
    for municipality in policy_files(folder):
        with suppress(PolicyError):  # `controleer` names it
            yield read_policy(folder, municipality)[0]


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
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=pool.base_job_template))


def _deploy(
    client: SyncPrefectClient,
    item: Planned,
    known: DeploymentResponse | None,
    given: _Given,
) -> str:
    client.create_deployment(
        flow_id=client.create_flow(item.flow),
        name=item.name,
        version=item.flow.version,
        description=item.flow.description,
        work_pool_name=POOL,
        work_queue_name=QUEUE,
        entrypoint=item.entrypoint,
        # Prefect would keep what it has no name for; `prefect deploy` cannot say that it must not.
        parameter_openapi_schema=item.whole_form(given.people, given.policies, given.reference)
        | {"additionalProperties": False},
        enforce_parameter_schema=True,
        tags=list(item.tags),
        schedules=_times(item, known),
    )
    return item.full_name


def _times(item: Planned, known: DeploymentResponse | None) -> list[DeploymentScheduleCreate]:
    """Return when Prefect starts it: as it is now, since a deployment that is made again loses what is not named."""
    if item.cron is None:
        return []
    if known is not None:
        return [DeploymentScheduleCreate(schedule=one.schedule, active=one.active) for one in known.schedules]
    return [DeploymentScheduleCreate(schedule=CronSchedule(cron=item.cron, timezone=TIMEZONE), active=True)]

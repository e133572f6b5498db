"""Bound what Prefect keeps of open cases: earlier versions of pages, old forms, and the task runs of old messages.

A case page has a version for each change, a run a form for each state that it was in and a task run for each message.
Journal and deliveries keep all of it; what Prefect keeps is a view. Prefect itself removes what belongs to a run that
has ended; a run that is open for years would keep everything.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterStartTime,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelled
from sqlmodel import col, select

from adapters.office import Office, office
from adapters.oversight.workload import municipalities
from adapters.storage.database import CaseRow, JournalRow, ProcessRow, reading
from flows.case_page import page_key
from flows.case_queue import DEPLOYMENT
from flows.forms import STAND
from flows.prefect_seam.parameter_forms import with_form
from flows.prefect_seam.parking import FORM_PREFIX
from flows.report_pages import DESTRUCTION_LIST, OVERVIEW, monitor_key, overview_key, workload_key
from flows.views import ACTION_TAG
from milestones.counting import so_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import State

# A day and a night longer than the time between two rounds; what a missed round left comes with the next change.
LOOK_BACK = timedelta(days=2)
# A run that is waking up may have stored a form that its state does not name yet.
SAFE_AGE = timedelta(hours=1)
UNANSWERED_AFTER = timedelta(days=1)  # an action that nobody fills in any more
_PAGE = 100
_BATCH = 500


@with_form
@flow(name="Oude pagina's opruimen", flow_run_name="Oude pagina's opruimen", persist_result=False)
def oude_paginas_opruimen() -> str:
    """Ruim oude versies van pagina's, oude formulieren en taken van oude berichten op. Het journaal houdt alles."""
    here, client = office(), get_client(sync_client=True)
    pages = forms = 0
    before = datetime.now(UTC) - SAFE_AGE
    for key in report_keys(here):
        pages += forget_versions(client, key, here.settings.page_versions)
    for reference, runs in _changed(here):
        pages += forget_versions(client, page_key(reference), here.settings.page_versions)
        forms += sum(forget_forms(client, run, before) for run in runs)
    end_unanswered(client, datetime.now(UTC) - UNANSWERED_AFTER)
    tasks = forget_tasks(client, datetime.now(UTC) - timedelta(days=here.settings.keep_run_history_days))
    line = (
        f"Opgeruimd: {so_many(pages, 'oude versie van een pagina')}, {so_many(forms, 'oud formulier')} en "
        f"{so_many(tasks, 'oude taak')}."
    )
    get_run_logger().info(line)
    return line


def forget_versions(client: SyncPrefectClient, key: str, kept: int) -> int:
    """Remove all but the newest versions of a page; give how many."""
    removed = 0
    while True:
        old = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            sort=ArtifactSort.CREATED_DESC,
            limit=_PAGE,
            offset=kept,
        )
        for version in old:
            if version.id is not None:
                client.delete_artifact(version.id)
        removed += len(old)
        if len(old) < _PAGE:
            return removed


def forget_forms(client: SyncPrefectClient, flow_run_id: UUID, before: datetime) -> int:
    """Remove the forms of a parked run that were made before a moment and are no longer asked; give how many.

    Only a form that carries the number of the last change is surely never shown again.
    """
    try:
        run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:
        return 0
    if run.state is None or not run.state.is_paused():
        return 0  # it is at work, and may be about to show any of them
    asked = set((run.state.state_details.run_input_keyset or {}).values())
    removed = 0
    for stored in client.filter_flow_run_input(flow_run_id, FORM_PREFIX, _PAGE, asked):
        schema = stored.decoded_value
        old = stored.created is not None and stored.created < before
        if old and isinstance(schema, dict) and STAND in schema.get("properties", {}):
            client.delete_flow_run_input(flow_run_id, stored.key)
            removed += 1
    return removed


def forget_tasks(client: SyncPrefectClient, before: datetime) -> int:
    """Remove the task runs of our processes that started before a moment; give how many.

    Each says how a message was sent, as the row of its delivery does. Those of a run that ended go with it.
    """
    removed = 0
    while True:
        old = client.read_task_runs(
            task_run_filter=TaskRunFilter(start_time=TaskRunFilterStartTime(before_=before)),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[DEPLOYMENT])),
            limit=_PAGE,
        )
        for one in old:
            with suppress(ObjectNotFound):  # its run was removed at this moment
                client.delete_task_run(one.id)
        removed += len(old)
        if len(old) < _PAGE:
            return removed


def end_unanswered(client: SyncPrefectClient, before: datetime) -> int:
    """End the actions that wait for the rest of their form since before a moment; return how many."""
    waiting = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            tags=FlowRunFilterTags(all_=[ACTION_TAG]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])),
        ),
        limit=_PAGE,
    )
    old = [run for run in waiting if run.state is not None and run.state.timestamp < before]
    for run in old:
        state: State[Any] = Cancelled(
            name="Niet ingevuld", message="Niemand vulde dit aan. Er is niets veranderd."
        )
        client.set_flow_run_state(run.id, state, force=True)
    return len(old)


def report_keys(here: Office) -> Iterator[str]:
    """Yield the keys of the pages that name many cases."""
    yield from (OVERVIEW, DESTRUCTION_LIST)
    for municipality in municipalities(here):
        yield overview_key(municipality)
        yield workload_key(municipality)
        yield monitor_key(municipality)


def _changed(here: Office) -> Iterator[tuple[str, list[UUID]]]:
    """Yield each case that changed lately and has a past, with the runs of its open processes."""
    since = here.clock.now() - LOOK_BACK
    # A step of a case makes at most two versions of its page: at a hand-off two processes write it.
    has_past = col(CaseRow.steps) * 2 > here.settings.page_versions
    with reading(here.engine) as session:
        references = session.exec(
            select(CaseRow.reference)
            .join(JournalRow, col(JournalRow.case_reference) == col(CaseRow.reference))
            .where(has_past, col(JournalRow.at) >= since)
            .distinct()
        ).all()
    for begin in range(0, len(references), _BATCH):
        batch = references[begin : begin + _BATCH]
        with reading(here.engine) as session:
            rows = session.exec(
                select(ProcessRow.case_reference, ProcessRow.flow_run_id).where(
                    col(ProcessRow.case_reference).in_(batch),
                    col(ProcessRow.closed).is_(False),
                    col(ProcessRow.flow_run_id).is_not(None),
                )
            ).all()
        runs: dict[str, list[UUID]] = {}
        for reference, run in rows:
            runs.setdefault(reference, []).append(UUID(run))
        for reference in batch:
            yield reference, runs.get(reference, [])

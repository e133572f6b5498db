"""Bring what a flow run shows up to date: its name, its tags, and the page of its case. Only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import structlog
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate

from adapters.cases.cancellations import cancellation_asked
from adapters.cases.caseload import deputy_for, holder_of
from adapters.cases.shown import ShownPage, ShownRuns, Shows
from flows.case_page import case_page, page_key, page_mark
from flows.display import Circumstances
from flows.page_writing import create_page, update_page
from milestones.case import closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from adapters.cases.casework import CaseView
    from adapters.office import Office
    from flows.display import Shown
    from milestones.policy import Policy
    from milestones.process import Snapshot

log = structlog.get_logger("routekaart.window")


def circumstances(office: Office, view: CaseView, process: Snapshot, process_id: int) -> Circumstances:
    """Return what is known of a process besides itself: who has it, who stands in, a request to cancel."""
    contact = holder_of(view.case, process)
    away = office.away(view.municipality, office.clock.today())
    asked = cancellation_asked(office.engine, process_id)
    others = tuple(
        item.name for item in view.case.processes if item.name != process.name and not closed(item)
    )
    return Circumstances(contact, deputy_for(contact, away), asked, others)


def bring_up_to_date(
    office: Office,
    run: FlowRun,
    process_id: int,
    shown: Shown,
    view: CaseView,
    policy: Policy,
    pages: Mapping[int, ShownPage],
    refused: str = "",
) -> Shows | None:
    """Write tags and page where they changed: at most two requests, none when nothing changed.

    Give what is to be remembered of that, if anything. `pages` are those that each process of the case wrote last.

    `refused` says why an answer was not taken up; the page tells it until the next change.

    Every run makes a page once, so that it is found there; after that the newest page of a case, which has one key,
    is written over by one of its processes. A page that could not be written is written at the next change; the
    case itself does not wait for it.
    """
    client = get_client(sync_client=True)
    tags_changed = set(run.tags) != set(shown.tags) or run.name != shown.name
    if tags_changed:
        client.update_flow_run(run.id, name=shown.name, tags=list(shown.tags))
    mark = page_mark(view, policy, refused)
    mine = pages[process_id]
    now = ShownPage(mark, mine.id)
    if mine.mark != mark and (not mine.mark or all(mark != page.mark for page in pages.values())):
        newest = next((page.id for page in pages.values() if page.id), "") if mine.mark else ""
        own_page = office.settings.own_page(f"/zaak/{view.reference}")
        content = ArtifactUpdate(
            # Prefect shows the description at the address of the key, which people can keep.
            description=case_page(view, policy, office.clock.today(), refused, own_page),
            data=f"{shown.state}. {shown.message}",
        )
        try:
            if not newest or not _written_over(client, newest, content):
                made = _made(client, run, view.reference, content)
                ShownRuns(office.engine).no_longer_newest(
                    [number for number in pages if number != process_id]
                )
                now = ShownPage(mark, made)
        except httpx.HTTPError as error:
            log.warning("case_page_not_written", case=view.reference, error=type(error).__name__)
            now = ShownPage()
    return Shows(shown.tags, now) if tags_changed or now != mine else None


def _written_over(client: SyncPrefectClient, page_id: str, content: ArtifactUpdate) -> bool:
    """Write over a page; False when it is gone."""
    try:
        update_page(client, UUID(page_id), content)
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            return False
        raise
    return True


def _made(client: SyncPrefectClient, run: FlowRun, reference: str, content: ArtifactUpdate) -> str:
    page = ArtifactCreate(
        key=page_key(reference),
        type="markdown",
        description=content.description,
        data=content.data,
        flow_run_id=run.id,
    )
    return str(create_page(client, page))

"""Destroy what was approved, in Prefect as well: runs with states, inputs and task runs, pages, logs, events."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from adapters.operations.chain_heads import hide_destroyed
from adapters.operations.destruction import approved, may_destroy, remove_case, sweep_free_space
from adapters.runtime.files import drop_lines
from flows.case_page import page_key
from flows.old_pages import forget_versions, report_keys
from flows.prefect_seam.leftovers import forget_leftovers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

    from adapters.office import Office
    from adapters.operations.destruction import Gone

_PAGE = 200
_SETTLED_SECONDS = 5.0  # by then the server has written the events of what was just removed


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What a round destroyed: how many cases, and whether Prefect's events and logs went at once."""

    cases: int
    events_gone: bool = True
    allowed: bool = True  # the role in the database may remove rows of the journal


def destroy_approved(here: Office, client: SyncPrefectClient) -> Destroyed:
    """Destroy every approved case: in Prefect first, then in the database, so that a crash in between is done again."""
    due = approved(here)
    if not due:
        hide_destroyed(here)  # in case the last round did not come that far
        return Destroyed(0)
    if not may_destroy(here.engine):
        return Destroyed(0, allowed=False)
    gone: list[Gone] = []
    runs: list[str] = []
    for case in due:
        runs += forget_in_prefect(client, case)
        if remove_case(here, case.reference):
            gone.append(case)
    references = [case.reference for case in gone]
    names = whole_words(references)
    _forget_reports(here, client, names)
    drop_lines(here.settings.messages_file, lambda line: names.search(line) is not None)
    time.sleep(_SETTLED_SECONDS)
    reached = forget_leftovers(references, runs)
    hide_destroyed(here)
    sweep_free_space(here.engine)
    return Destroyed(len(gone), reached)


def forget_in_prefect(client: SyncPrefectClient, case: Gone) -> list[str]:
    """Remove what Prefect's API can remove of a case; give the ids of its runs."""
    runs = {*case.flow_runs, *(str(run.id) for run in _named(client, case.reference))}
    for run in runs:
        with suppress(ObjectNotFound):
            client.delete_flow_run(UUID(run))
    forget_versions(client, page_key(case.reference), 0)
    return sorted(runs)


def whole_words(references: Sequence[str]) -> re.Pattern[str]:
    """Return what finds these references in a text, and no longer one that begins or ends with them."""
    return re.compile(
        rf"(?<![\w-])(?<!\w\.)(?:{'|'.join(map(re.escape, references)) or '(?!)'})(?![\w-]|\.\w)"
    )


def _forget_reports(here: Office, client: SyncPrefectClient, names: re.Pattern[str]) -> None:
    """Remove the versions of werkvoorraad and lists that name one of these cases; the next round makes new ones."""
    for key in report_keys(here):
        versions = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), limit=_PAGE
        )
        for version in versions:
            if version.id is not None and names.search(f"{version.description} {version.data}"):
                with suppress(ObjectNotFound):
                    client.delete_artifact(version.id)


def _named(client: SyncPrefectClient, reference: str) -> list[FlowRun]:
    """Return every run that is about a case: those of its processes, and actions that name it."""
    found: list[FlowRun] = []
    while True:
        page: Sequence[FlowRun] = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=reference)),
            sort=FlowRunSort.ID_DESC,
            limit=_PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < _PAGE:
            # Another case may have a longer reference that begins with this one.
            return [run for run in found if _is_about(run, reference)]


def _is_about(run: FlowRun, reference: str) -> bool:
    named = str(run.parameters.get("zaak", "")).strip()
    return named == reference or reference in run.name.split()

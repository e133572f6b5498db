"""The front page and the werkvoorraad of each gemeente, written anew soon after a change and when a day begins.

A day has one version of each page, which is kept up to date; the versions of earlier days stay as its history.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from sqlalchemy import func
from sqlmodel import col, select

from adapters.cases.cancellations import open_cancellations
from adapters.cases.clock_guard import held_clocks
from adapters.oversight.workload import municipalities, read_workload
from adapters.storage.database import JournalRow, reading
from adapters.storage.exchange_tables import PostbakRow
from adapters.storage.oversight_tables import AbsenceRow, ReviewRow
from flows.page_writing import create_page, update_page
from flows.report_pages import OVERVIEW, workload_key, workload_page
from flows.reports import front_pages

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import ArtifactCollection

    from adapters.office import Office

LOOK_SECONDS = 15.0
REST = 15  # so many times as long as writing took: with many cases that is the most that it may cost
LONGEST_REST = 30.0  # seconds: with the next look and the time of writing a page is of the last minute
_STATE = "stand"


class FreshPages:
    """Writes the pages again when something changed since they were written."""

    def __init__(self, office: Office, client: SyncPrefectClient) -> None:
        self._office, self._client = office, client
        self._written = ""
        self._rests_until = 0.0

    def look(self) -> bool:
        """Write them if they are not of now; give whether it did. Another worker may have been first."""
        began = time.monotonic()
        if began < self._rests_until or (state := state_of(self._office)) == self._written:
            return False
        written = self._write(state)
        self._written = state
        now = time.monotonic()
        self._rests_until = now + min(REST * (now - began), LONGEST_REST)
        return written

    def _write(self, state: str) -> bool:
        work = [read_workload(self._office, code) for code in municipalities(self._office)]
        pages = front_pages(self._office, self._client, work)
        pages |= {workload_key(one.municipality): workload_page(one) for one in work}
        found = self._client.read_latest_artifacts(
            artifact_filter=ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=list(pages))),
            limit=200,
        )
        known = {item.key: item for item in found}
        if _stored(known.get(OVERVIEW)) == state:
            return False
        for key, page in reversed(pages.items()):  # the front page last: it says that all are written
            self._keep(key, page, state, known.get(key))
        return True

    def _keep(self, key: str, page: str, state: str, latest: ArtifactCollection | None) -> None:
        if latest is not None and _day(_stored(latest)) == _day(state):
            change = ArtifactUpdate(description=page, metadata_={_STATE: state})
            update_page(self._client, latest.latest_id, change)
            return
        made = ArtifactCreate(
            key=key, type="markdown", description=page, data="Stand van de dag.", metadata_={_STATE: state}
        )
        create_page(self._client, made)


def state_of(office: Office) -> str:
    """Return what the pages hang on, as short as it can be asked: the day, and the last of what changes them."""
    with reading(office.engine) as session:
        last = [
            session.exec(select(func.max(col(row.id)))).one() for row in (JournalRow, AbsenceRow, PostbakRow)
        ]
        waiting = [
            session.exec(select(func.count()).select_from(row).where(is_open)).one()
            for row, is_open in (
                (PostbakRow, col(PostbakRow.closed_at).is_(None)),
                (ReviewRow, col(ReviewRow.reviewed_on).is_(None)),
            )
        ]
    counts = (*last, *waiting, len(open_cancellations(office.engine)), len([*held_clocks(office.engine)]))
    return f"{office.clock.today()} {'/'.join(str(number or 0) for number in counts)}"


def _stored(latest: ArtifactCollection | None) -> str:
    return str((latest.metadata_ or {}).get(_STATE, "")) if latest is not None else ""


def _day(state: str) -> str:
    return state.partition(" ")[0]

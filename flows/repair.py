"""Mend what Prefect shows wrongly: the journal says what is open, and every open process has one live run.

Somebody cancels, deletes or fails a run in the UI; a worker dies and leaves one RUNNING; Prefect's database is
lost whole. None of that ends a case. The worker looks around every minute, in a way that stays cheap with
thousands of open processes; `routekaart herstel` looks at every one.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled
from sqlmodel import col, select

from adapters.cases.cancellations import ask_cancellation
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.plain_values import from_json
from adapters.storage.database import ProcessRow, reading
from adapters.storage.releases import of_this_release
from flows.display import states_at_rest
from flows.tags import REPLACED
from milestones.process import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

    from adapters.office import Office

LIVE = (StateType.PAUSED, StateType.SCHEDULED, StateType.RUNNING, StateType.PENDING)
PAGE = 200
PAGES_AT_A_TIME = 25  # 5,000 processes in one look around; with more it takes more looks
_LEFT_BEHIND_AFTER = timedelta(seconds=60)
FIRST_LOOK_BACK = timedelta(days=1)
OVERLAP = timedelta(minutes=2)  # clocks of server and worker differ, and states arrive late

log = structlog.get_logger("routekaart.repair")


class Finding(StrEnum):
    """What was wrong with the run of a process; the text is for people."""

    NO_RUN = "had nog geen flow run"
    DELETED = "de flow run was verwijderd"
    CANCELLED = "de flow run was geannuleerd: een coördinator beslist daarover"
    ENDED = "de flow run was beëindigd terwijl het proces nog loopt"
    FAILED = "de flow run was mislukt"
    LEFT_BEHIND = "de flow run was achtergelaten door een worker"
    OTHER_STATE = "de flow run toonde een andere toestand"


_MADE_ANEW = {Finding.DELETED, Finding.CANCELLED, Finding.ENDED}


@dataclass(frozen=True, slots=True)
class Mended:
    """One process whose run was not right."""

    case_reference: str
    process: str
    finding: Finding


class Repair:
    """Compare open processes with their flow runs, and ask attention for those that differ."""

    def __init__(self, office: Office, client: SyncPrefectClient) -> None:
        self._office = office
        self._client = client
        self._ended_since = datetime.now(UTC) - FIRST_LOOK_BACK
        self._next_page_after = 0

    # --- one process ----------------------------------------------------------------------------------------

    def replace(self, process_id: int, flow_run_id: UUID, reference: str = "") -> None:
        """Let a new run be made for one that is gone; when somebody cancelled it, remember that he asked."""
        try:
            run: FlowRun | None = self._client.read_flow_run(flow_run_id)
        except ObjectNotFound:
            run = None
        if run is not None and _somebody_cancelled(run):
            ask_cancellation(self._office.engine, process_id, flow_run_id)
        if run is not None:  # its successor is in the views now
            with suppress(ObjectNotFound):
                self._say_where_it_goes_on(run, reference)
        if self._office.attention.unlink(process_id, flow_run_id):
            reach(Checkpoint.RUN_REPLACED, reference)

    def _say_where_it_goes_on(self, run: FlowRun, reference: str) -> None:
        """Let a run that is replaced say so: in its tags, in its state, and in its log, which is what people read."""
        where = self._office.settings.own_page(f"/zaak/{reference}")
        said = f"Deze run telt niet meer. Zaak {reference} gaat verder in een nieuwe run: {where}"
        self._client.update_flow_run(run.id, tags=[REPLACED])
        state: State[Any] = Cancelled(name=_SUCCEEDED, message=said)
        self._client.set_flow_run_state(run.id, state, force=True)
        line = LogCreate(
            name="prefect.flow_runs",
            level=logging.WARNING,
            message=said,
            timestamp=datetime.now(UTC),
            flow_run_id=run.id,
        )
        self._client.create_logs([line])

    # --- all of them ----------------------------------------------------------------------------------------

    def look_around(self) -> list[Mended]:
        """Find what went wrong lately: runs that ended or were left, and runs that are gone."""
        mended = [*self._recently_ended(), *self._left_behind(), *self._gone()]
        for item in mended:
            log.warning(
                "run_mended",
                case=item.case_reference,
                process=item.process,
                finding=item.finding.name.lower(),
            )
        return mended

    def look_at_everything(self) -> tuple[int, list[Mended]]:
        """Look at the run of every open process; give how many there are, and which were not right."""
        looked, mended, after = 0, list[Mended](), 0
        while rows := self._open_processes(after):
            looked += len(rows)
            after = rows[-1].id or 0
            mended += self._compare(rows)
        return looked, mended

    def end_strangers(self) -> int:
        """End the live runs that show no process of ours, as after a restore; give how many.

        Only for a Prefect that serves this case database alone.
        """
        strangers = self.strangers()
        for run_id in strangers:
            state: State[Any] = Cancelled(
                name="Vervallen", message="Deze run hoort bij geen proces in het journaal."
            )
            self._client.set_flow_run_state(run_id, state, force=True)
            log.warning("stranger_ended", flow_run=str(run_id))
        return len(strangers)

    def strangers(self) -> list[UUID]:
        """Return the live runs that show no process of ours; one that is being made is not linked yet."""
        live = self._live_runs()  # before ours, so that none that is linked meanwhile looks strange
        with reading(self._office.engine) as session:
            known = set(session.exec(select(ProcessRow.flow_run_id)))
        before = datetime.now(UTC) - _LEFT_BEHIND_AFTER
        return [
            run.id
            for run in live
            if {"zaak", "proces"} <= set(run.parameters)
            and str(run.id) not in known
            and (run.created or before) < before
        ]

    def _live_runs(self) -> list[FlowRun]:
        """Return every live run; read before anything changes, so that no page shifts."""
        found: list[FlowRun] = []
        while True:
            page = self._client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=_state_of(*LIVE)),
                sort=FlowRunSort.ID_DESC,
                limit=PAGE,
                offset=len(found),
            )
            found += page
            if len(page) < PAGE:
                return found

    def _recently_ended(self) -> list[Mended]:
        """Look at the runs that were cancelled or failed since the last time; that is a handful at most."""
        began = datetime.now(UTC)
        found = self._client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=_state_of(StateType.CANCELLED, StateType.FAILED, StateType.CRASHED),
                end_time=FlowRunFilterEndTime(after_=self._ended_since),
            ),
            sort=FlowRunSort.END_TIME_DESC,
            limit=PAGE,
        )
        mended = self._compare(self._processes_of(found), found)
        self._ended_since = began - OVERLAP
        return mended

    def _left_behind(self) -> list[Mended]:
        """Look at the runs that are going on, as many as workers have threads, and at answers that nobody took up.

        A run that lost its work pool is in no queue: no worker hears of its Resume.
        """
        going_on = _state_of(StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
        answered = FlowRunFilterState(name=FlowRunFilterStateName(any_=[_ANSWERED]))
        found = {
            run.id: run
            for state in (going_on, answered)
            for run in self._client.read_flow_runs(flow_run_filter=FlowRunFilter(state=state), limit=PAGE)
        }.values()
        return self._compare(self._processes_of(list(found)), found)

    def _gone(self) -> list[Mended]:
        """Count the live runs of some pages of processes; only a page that lacks one is read."""
        mended: list[Mended] = []
        for _ in range(PAGES_AT_A_TIME):
            rows = self._open_processes(self._next_page_after)
            self._next_page_after = (rows[-1].id or 0) if len(rows) == PAGE else 0
            resting = [row for row in rows if not row.attention]
            mended += [
                Mended(row.case_reference, row.name, Finding.NO_RUN) for row in self._without_run(resting)
            ]
            linked = [row for row in resting if row.flow_run_id]
            if linked and self._count_right(linked) != len(linked):
                mended += self._compare(linked)
            if self._next_page_after == 0:
                break
        return mended

    def _count_right(self, rows: Sequence[ProcessRow]) -> int:
        """Count in one request how many of these have a live run, in a state that one of them has."""
        return self._client.count_flow_runs(
            flow_run_filter=FlowRunFilter(
                id=FlowRunFilterId(any_=[UUID(row.flow_run_id) for row in rows if row.flow_run_id]),
                state=FlowRunFilterState(
                    type=FlowRunFilterStateType(any_=list(LIVE)),
                    name=FlowRunFilterStateName(
                        any_=[*{name for row in rows for name in names_at_rest(row)}, *_PASSING]
                    ),
                ),
            )
        )

    # --- comparing ------------------------------------------------------------------------------------------

    def _compare(self, rows: Sequence[ProcessRow], runs: Iterable[FlowRun] | None = None) -> list[Mended]:
        """Compare processes with their runs, read here when they were not given, and mend what differs."""
        if not rows:
            return []
        if runs is None:
            ids = [UUID(row.flow_run_id) for row in rows if row.flow_run_id]
            runs = self._client.read_flow_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids)), limit=PAGE
            )
            rows = self._still_so(rows)  # a process may have ended, or got another run, while we asked
        by_id = {str(run.id): run for run in runs}
        mended = [Mended(row.case_reference, row.name, Finding.NO_RUN) for row in self._without_run(rows)]
        again: list[int] = []
        for row in rows:
            if row.flow_run_id is None:
                continue
            finding = self._judge(row, by_id.get(row.flow_run_id))
            if finding is None:
                continue
            mended.append(Mended(row.case_reference, row.name, finding))
            if finding in _MADE_ANEW:
                self.replace(row.id or 0, UUID(row.flow_run_id), row.case_reference)
            else:
                again.append(row.id or 0)
        if again:
            self._office.attention.ask(again)
        return mended

    def _judge(self, row: ProcessRow, run: FlowRun | None) -> Finding | None:  # noqa: PLR0911 - a table
        """Tell what is wrong with the run of an open process; None when it is right."""
        if run is None or run.state is None:
            return Finding.DELETED
        old = run.state.timestamp < datetime.now(UTC) - _LEFT_BEHIND_AFTER
        match run.state_type:
            case StateType.CANCELLED:
                return Finding.CANCELLED if _somebody_cancelled(run) else Finding.ENDED
            case StateType.CANCELLING:  # the worker that runs it completes the cancellation
                return Finding.CANCELLED if old else None
            case StateType.COMPLETED:  # with attention a worker may be about to note that the process ended
                return None if row.attention else Finding.ENDED
            case StateType.FAILED | StateType.CRASHED:
                return None if row.attention else Finding.FAILED
            case StateType.RUNNING | StateType.PENDING | StateType.SCHEDULED:
                return Finding.LEFT_BEHIND if old and not row.attention else None
            case StateType.PAUSED:
                resting = not row.attention and run.state.name not in names_at_rest(row)
                return Finding.OTHER_STATE if resting else None
            case _:
                return None

    def _without_run(self, rows: Sequence[ProcessRow]) -> list[ProcessRow]:
        """Ask attention for the processes without a run; give those that did not ask for it themselves."""
        missing = [row for row in rows if row.flow_run_id is None and not row.attention]
        if missing:
            self._office.attention.ask([row.id or 0 for row in missing])
        return missing

    # --- reading our own database ---------------------------------------------------------------------------

    def _open_processes(self, after: int) -> Sequence[ProcessRow]:
        with reading(self._office.engine) as session:
            return session.exec(
                select(ProcessRow)
                .where(col(ProcessRow.finished).is_(False), col(ProcessRow.id) > after, of_this_release())
                .order_by(col(ProcessRow.id))
                .limit(PAGE)
            ).all()

    def _still_so(self, rows: Sequence[ProcessRow]) -> Sequence[ProcessRow]:
        """Read processes again; those that ended or have another run are left out."""
        runs = {row.id: row.flow_run_id for row in rows}
        with reading(self._office.engine) as session:
            found = session.exec(
                select(ProcessRow)
                .where(col(ProcessRow.id).in_(runs), col(ProcessRow.finished).is_(False))
                .order_by(col(ProcessRow.id))
            ).all()
        return [row for row in found if row.flow_run_id == runs[row.id]]

    def _processes_of(self, runs: Sequence[FlowRun]) -> Sequence[ProcessRow]:
        """Return the open processes that these runs show; a run that was replaced shows none."""
        if not runs:
            return []
        with reading(self._office.engine) as session:
            return session.exec(
                select(ProcessRow).where(
                    col(ProcessRow.flow_run_id).in_([str(run.id) for run in runs]),
                    col(ProcessRow.finished).is_(False),
                    of_this_release(),
                )
            ).all()


def names_at_rest(row: ProcessRow) -> tuple[str, str]:
    """Return the names of the states in which the run of a process may rest."""
    facts = from_json(row.facts)
    return states_at_rest(Snapshot(row.code, row.version, row.state, row.opened_on, facts=facts))


_ANSWERED = "Resuming"
_SUCCEEDED = "Vervangen"
# Names of the states between two parkings: a person answered, or a worker has it in hand.
_PASSING = (_ANSWERED, "Running", "Scheduled", "Pending", "Late")


def _somebody_cancelled(run: FlowRun) -> bool:
    """Whether somebody cancelled a run, and not we, when another took its place."""
    return run.state_type in (StateType.CANCELLED, StateType.CANCELLING) and run.state_name != _SUCCEEDED


def counted(mended: Iterable[Mended]) -> Counter[Finding]:
    """Return how often each finding was made."""
    return Counter(item.finding for item in mended)


def _state_of(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))

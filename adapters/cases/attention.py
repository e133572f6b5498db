"""Which processes need their flow run woken, and who has them: the bridge between the case database and Prefect.

A process asks for attention when something changed that its flow run does not show yet. A worker holds it
under a lease that it renews while it lives; when the worker dies, the lease runs out and another takes over.

Each claim has a lease of its own, a fencing token: whatever a holder does to a process counts only while
its lease stands. A worker that was stopped for a minute and comes back finds its leases gone and lets go.
The transactions of `adapters.cases.casework` stay right without any of this.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, or_, update
from sqlmodel import col, select

from adapters.runtime.counters import SHOWN_AFTER_SECONDS
from adapters.runtime.worker_identity import identity, is_dead
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.releases import of_this_release
from adapters.storage.storage_trouble import waits_out_trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A process that a worker holds: its flow run is to be made when there is none yet, else to be woken."""

    process_id: int
    case_reference: str
    municipality: str
    name: str
    code: str
    runs_made: int
    flow_run_id: uuid.UUID | None
    lease: str = ""


class Attention:
    """Claim processes for one worker, and give them back."""

    def __init__(self, engine: Engine, owner: str | None = None, lease: timedelta = LEASE) -> None:
        self.engine = engine
        self.owner = owner or f"{identity()}:{uuid.uuid4().hex[:6]}"
        self.lease = lease
        self._numbers = itertools.count(1)
        self._held: dict[str, int] = {}
        self._renewed: dict[str, float] = {}
        self._lock = threading.Lock()

    # --- taking ---------------------------------------------------------------------------------------------

    def claim(self, limit: int) -> list[Waiting]:
        """Claim up to `limit` processes that ask for attention and that nobody has."""
        with reading(self.engine) as session:
            candidates = session.exec(
                select(ProcessRow.id)
                .where(
                    col(ProcessRow.attention).is_(True),
                    col(ProcessRow.finished).is_(False),
                    _free(datetime.now(UTC)),
                    of_this_release(),
                )
                .order_by(col(ProcessRow.id))
                .limit(limit)
            ).all()
        if not candidates:
            return []
        with writing(self.engine) as session:
            now = datetime.now(UTC)  # after the wait for the lock: a lease must not be old when it begins
            began = _clock()
            claimed = [
                found
                for process_id in candidates
                if (found := self._take(session, process_id or 0, now, _free(now))) is not None
            ]
        self._remember(began, *claimed)
        return claimed

    @waits_out_trouble
    def claim_run(self, flow_run_id: uuid.UUID) -> Waiting | None:
        """Claim the process of a flow run that is about to run here; None when another worker has it.

        A claim that this worker made to hand the run out goes over to the run itself. The worker runs each
        flow run once at a time, so this never takes a process from a run that is going on.
        """
        with writing(self.engine) as session:
            row = session.exec(select(ProcessRow).where(ProcessRow.flow_run_id == str(flow_run_id))).first()
            if row is None:
                return None
            now, began = datetime.now(UTC), _clock()
            mine = col(ProcessRow.leased_by).startswith(f"{self.owner}:", autoescape=True)
            # A process at rest after a failure has a date and no holder: a person who answers does not wait.
            free = or_(_free(now), mine, col(ProcessRow.leased_by).is_(None))
            if row.leased_by is not None and is_dead(row.leased_by):
                free = or_(free, col(ProcessRow.leased_by) == row.leased_by)
            held = self._take(session, row.id or 0, now, free)
        if held is not None:
            self._remember(began, held)
        return held

    def _take(
        self, session: Session, process_id: int, now: datetime, condition: ColumnElement[bool]
    ) -> Waiting | None:
        lease = f"{self.owner}:{next(self._numbers)}"
        # The sequence that the run will show is read after this, so a later change asks for attention again.
        result = session.execute(
            update(ProcessRow)
            .where(col(ProcessRow.id) == process_id, condition)
            .values(leased_by=lease, leased_until=now + self.lease, attention=True)
        )
        if not result.rowcount:  # type: ignore[attr-defined]
            return None
        row = session.get_one(ProcessRow, process_id, populate_existing=True)
        return _waiting(row, lease)

    # --- holding --------------------------------------------------------------------------------------------

    @waits_out_trouble
    def keep(self, held: Waiting) -> bool:
        """Make sure of the lease of one process; False when it was lost, and then nothing may be done to it.

        A lease that began or was renewed a moment ago cannot have run out, so the database is not asked. The clock
        goes on while this process is stopped.
        """
        if _clock() - self._renewed.get(held.lease, -math.inf) < self.lease.total_seconds() / 6:
            return True
        began = _clock()
        with writing(self.engine) as session:
            kept = self._renew(session, held.process_id, held.lease)
        if kept:
            self._renewed[held.lease] = began
        else:
            self._forget(held.lease)
        return kept

    def renew(self) -> None:
        """Renew every lease that this worker holds; one that was lost is forgotten."""
        with self._lock:
            leases = list(self._held.items())
        if not leases:
            return
        began = _clock()
        with writing(self.engine) as session:
            lost = [lease for lease, process_id in leases if not self._renew(session, process_id, lease)]
        for lease in lost:
            self._forget(lease)
        with self._lock:
            self._renewed.update((lease, began) for lease, _ in leases if lease in self._renewed)

    def _renew(self, session: Session, process_id: int, lease: str) -> bool:
        # Also when it ran out: nobody took the process meanwhile, else the lease would be another.
        result = session.execute(
            update(ProcessRow)
            .where(col(ProcessRow.id) == process_id, col(ProcessRow.leased_by) == lease)
            .values(leased_until=datetime.now(UTC) + self.lease)
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]

    def _remember(self, began: float, *claimed: Waiting) -> None:
        with self._lock:
            for held in claimed:
                # One process, one lease: a claim that went over to its run is renewed no more.
                for lease in [old for old, number in self._held.items() if number == held.process_id]:
                    del self._held[lease]
                    self._renewed.pop(lease, None)
                self._held[held.lease] = held.process_id
                self._renewed[held.lease] = began

    def _forget(self, lease: str) -> None:
        with self._lock:
            self._held.pop(lease, None)
            self._renewed.pop(lease, None)

    # --- what the flow run shows ----------------------------------------------------------------------------

    @waits_out_trouble
    def link(self, held: Waiting, flow_run_id: uuid.UUID) -> bool:
        """Remember which flow run shows a process; False when the lease was lost."""
        with writing(self.engine) as session:
            result = session.execute(
                update(ProcessRow)
                .where(col(ProcessRow.id) == held.process_id, col(ProcessRow.leased_by) == held.lease)
                .values(flow_run_id=str(flow_run_id))
            )
            return bool(result.rowcount)  # type: ignore[attr-defined]

    @waits_out_trouble
    def unlink(self, process_id: int, flow_run_id: uuid.UUID) -> bool:
        """Forget a flow run that is gone: a new one is made. False when the process has another run already."""
        with writing(self.engine) as session:
            result = session.execute(
                update(ProcessRow)
                .where(
                    col(ProcessRow.id) == process_id,
                    col(ProcessRow.flow_run_id) == str(flow_run_id),
                    # A run that ended with its process ended well.
                    col(ProcessRow.finished).is_(False),
                )
                .values(flow_run_id=None, runs_made=ProcessRow.runs_made + 1, attention=True)
            )
            return bool(result.rowcount)  # type: ignore[attr-defined]

    def ask(self, process_ids: Sequence[int]) -> None:
        """Let these processes be shown again, as they stand."""
        with writing(self.engine) as session:
            session.execute(
                update(ProcessRow).where(col(ProcessRow.id).in_(process_ids)).values(attention=True)
            )

    def run_of(self, reference: str, name: str) -> uuid.UUID | None:
        """Return the flow run that shows a process; None when there is none."""
        with reading(self.engine) as session:
            found = session.exec(
                select(ProcessRow.flow_run_id).where(
                    ProcessRow.case_reference == reference, ProcessRow.name == name
                )
            ).first()
        return uuid.UUID(found) if found else None

    @waits_out_trouble
    def shown(self, held: Waiting, sequence: int, *, finished: bool = False) -> None:
        """Note that the flow run shows this sequence; the process rests unless it changed meanwhile.

        With `finished` the flow run has ended and is not woken again.
        """
        open_effects = (
            select(OutboxRow.id)
            .where(col(OutboxRow.process_id) == col(ProcessRow.id), col(OutboxRow.done_at).is_(None))
            .exists()
        )
        with writing(self.engine) as session:
            # First wait for a transition that is being written, so that the question below sees its messages.
            row = session.get(ProcessRow, held.process_id, with_for_update=True)
            asked_at = row.asked_at if row is not None else None
            result = session.execute(
                update(ProcessRow)
                .where(
                    col(ProcessRow.id) == held.process_id,
                    col(ProcessRow.leased_by) == held.lease,
                    col(ProcessRow.sequence) == sequence,
                    ~open_effects,
                )
                .values(attention=False, asked_at=None, finished=finished)
            )
        if asked_at is not None and result.rowcount:  # type: ignore[attr-defined]
            SHOWN_AFTER_SECONDS.observe((datetime.now(UTC) - asked_at).total_seconds())

    # --- giving back ----------------------------------------------------------------------------------------

    @waits_out_trouble
    def release(self, held: Waiting, after: timedelta = timedelta(0)) -> None:
        """Hand a process back; with `after`, nobody takes it up by himself before that time."""
        self._forget(held.lease)
        until = datetime.now(UTC) + after if after else None
        with writing(self.engine) as session:
            session.execute(
                update(ProcessRow)
                .where(col(ProcessRow.id) == held.process_id, col(ProcessRow.leased_by) == held.lease)
                .values(leased_by=None, leased_until=until)
            )

    def release_all(self) -> int:
        """Hand back everything that this worker holds, because it stops; return how many."""
        with self._lock:
            held = list(self._held.items())
            self._held.clear()
            self._renewed.clear()
        with writing(self.engine) as session:
            for lease, process_id in held:
                session.execute(
                    update(ProcessRow)
                    .where(col(ProcessRow.id) == process_id, col(ProcessRow.leased_by) == lease)
                    .values(leased_by=None, leased_until=None)
                )
        return len(held)

    def release_dead(self) -> int:
        """Take back the leases of workers on this machine that were killed; give how many."""
        with reading(self.engine) as session:
            holders = session.exec(
                select(ProcessRow.leased_by).where(col(ProcessRow.leased_by).is_not(None)).distinct()
            ).all()
        dead = [holder for holder in holders if holder is not None and is_dead(holder)]
        if dead:
            with writing(self.engine) as session:
                session.execute(
                    update(ProcessRow)
                    .where(col(ProcessRow.leased_by).in_(dead))
                    .values(leased_by=None, leased_until=None)
                )
        return len(dead)

    # --- effects --------------------------------------------------------------------------------------------

    def open_effects(self, process_id: int) -> Sequence[OutboxRow]:
        """Return the effects of a process that were not carried out yet, the oldest first."""
        with reading(self.engine) as session:
            return session.exec(
                select(OutboxRow)
                .where(OutboxRow.process_id == process_id, col(OutboxRow.done_at).is_(None))
                .order_by(col(OutboxRow.created_at), col(OutboxRow.id))
            ).all()

    def leftover_effects(self, limit: int = 50) -> Sequence[OutboxRow]:
        """Return effects of processes whose flow run has ended: those of terms that outlive a process."""
        with reading(self.engine) as session:
            return session.exec(
                select(OutboxRow)
                .join(ProcessRow, col(OutboxRow.process_id) == col(ProcessRow.id))
                .where(col(OutboxRow.done_at).is_(None), col(ProcessRow.finished).is_(True))
                .order_by(col(OutboxRow.created_at))
                .limit(limit)
            ).all()


def _clock() -> float:
    """Return seconds that go on while this process is stopped, and where the system tells, while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(col(ProcessRow.leased_until).is_(None), col(ProcessRow.leased_until) < now)


def _waiting(row: ProcessRow, lease: str) -> Waiting:
    return Waiting(
        row.id or 0,
        row.case_reference,
        row.municipality,
        row.name,
        row.code,
        row.runs_made,
        uuid.UUID(row.flow_run_id) if row.flow_run_id else None,
        lease,
    )

"""Which processes need their flow run woken, and who has them: the bridge between the case database and Prefect.

A process asks for attention when something changed that its flow run does not show yet. A worker holds it under a
lease (`adapters.storage.leases`). The transactions of `adapters.cases.casework` stay right without any of this.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, update
from sqlmodel import col, select

from adapters.cases.shown import Shows, remember
from adapters.runtime.counters import SHOWN_AFTER_SECONDS
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.leases import Lease, Leases, now, process_leases
from adapters.storage.releases import of_this_release
from adapters.storage.storage_trouble import waits_out_trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session


_EFFECTS = select(OutboxRow).where(
    col(OutboxRow.process_id) == bindparam("process"), col(OutboxRow.done_at).is_(None)
)


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
    lease: Lease


class Attention:
    """Claim processes for one worker, and give them back."""

    def __init__(self, engine: Engine, leases: Leases | None = None) -> None:
        self.engine = engine
        self.leases = leases or process_leases(engine)

    # --- taking ---------------------------------------------------------------------------------------------

    def claim(self, limit: int) -> list[Waiting]:
        """Claim up to `limit` processes that ask for attention and that nobody has."""
        with reading(self.engine) as session:
            candidates = session.exec(
                select(ProcessRow.id)
                .where(
                    col(ProcessRow.attention).is_(True),
                    col(ProcessRow.finished).is_(False),
                    self.leases.free(),
                    of_this_release(),
                )
                .order_by(col(ProcessRow.id))
                .limit(limit)
            ).all()
        if not candidates:
            return []
        with writing(self.engine) as session:
            began = now()  # after the wait for the lock: a lease must not be old when it begins
            claimed = [
                found
                for process_id in candidates
                if (found := self._take(session, process_id or 0, self.leases.free())) is not None
            ]
        self.leases.remember(began, *(held.lease for held in claimed))
        return claimed

    @waits_out_trouble
    def claim_run(self, flow_run_id: uuid.UUID) -> Waiting | None:
        """Claim the process of a flow run that is about to run here; None when another worker has it.

        A claim that this worker made to hand the run out goes over to the run itself. The worker runs each
        flow run once at a time, so this never takes a process from a run that is going on. A process at rest after
        a failure has a date and no holder: a person who answers does not wait.
        """
        with writing(self.engine) as session:
            row = session.exec(select(ProcessRow).where(ProcessRow.flow_run_id == str(flow_run_id))).first()
            if row is None:
                return None
            began = now()
            held = self._take(session, row.id or 0, self.leases.takeable(row.leased_by))
        if held is not None:
            self.leases.remember(began, held.lease)
        return held

    def _take(self, session: Session, process_id: int, condition: ColumnElement[bool]) -> Waiting | None:
        # The sequence that the run will show is read after this, so a later change asks for attention again.
        lease = self.leases.take(session, process_id, condition, attention=True)
        if lease is None:
            return None
        row = session.get_one(ProcessRow, process_id, populate_existing=True)
        return _waiting(row, lease)

    # --- holding --------------------------------------------------------------------------------------------

    @waits_out_trouble
    def keep(self, held: Waiting) -> bool:
        """Make sure of the lease of one process; False when it was lost, and then nothing may be done to it."""
        return self.leases.keep(held.lease)

    # --- what the flow run shows ----------------------------------------------------------------------------

    @waits_out_trouble
    def link(self, held: Waiting, flow_run_id: uuid.UUID) -> bool:
        """Remember which flow run shows a process; False when the lease was lost."""
        with writing(self.engine) as session:
            result = session.execute(
                update(ProcessRow).where(self.leases.has(held.lease)).values(flow_run_id=str(flow_run_id))
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

    def knows(self, reference: str, name: str) -> bool:
        """Whether this process is in the case database at all."""
        query = select(ProcessRow.id).where(ProcessRow.case_reference == reference, ProcessRow.name == name)
        with reading(self.engine) as session:
            return session.exec(query).first() is not None

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
    def shown(
        self, held: Waiting, sequence: int, shows: Shows | None = None, *, finished: bool = False
    ) -> None:
        """Note that the flow run shows this sequence, and hand the process back: it rests, unless it changed meanwhile.

        `shows` is what else the run shows now. With `finished` the flow run has ended and is not woken again.
        """
        with writing(self.engine) as session:
            # First wait for a transition that is being written, so that the question below sees its messages.
            row = session.get(ProcessRow, held.process_id, with_for_update=True)
            if row is None:  # destroyed meanwhile
                return
            asked_at = row.asked_at
            open_effect = session.exec(_EFFECTS, params={"process": held.process_id}).first()
            rests = row.sequence == sequence and open_effect is None
            # One change of the row: PostgreSQL checks its case, and so waits for who holds that, at a second one.
            done: dict[str, Any] = (
                {"attention": False, "asked_at": None, "finished": finished} if rests else {}
            )
            mine = self.leases.let_go(session, held.lease, **done)
            if mine and shows is not None:
                remember(session, held.process_id, shows)
        self.leases.forget(held.lease)
        if mine and rests and asked_at is not None:
            SHOWN_AFTER_SECONDS.observe((datetime.now(UTC) - asked_at).total_seconds())

    # --- giving back ----------------------------------------------------------------------------------------

    def release(self, held: Waiting, after: timedelta = timedelta(0)) -> None:
        """Hand a process back; with `after`, nobody takes it up by himself before that time.

        What was handed back before, was lost, or went over to a flow run is not in the hands of who asks.
        """
        if self.leases.holds(held.lease):
            waits_out_trouble(self.leases.release)(held.lease, after)

    # --- effects --------------------------------------------------------------------------------------------

    def open_effects(self, process_id: int) -> Sequence[OutboxRow]:
        """Return the effects of a process that were not carried out yet, the oldest first."""
        with reading(self.engine) as session:
            in_order = _EFFECTS.order_by(col(OutboxRow.created_at), col(OutboxRow.id))
            return session.exec(in_order, params={"process": process_id}).all()

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


def _waiting(row: ProcessRow, lease: Lease) -> Waiting:
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

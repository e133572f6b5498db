"""What must hold after anything: whatever was killed, stopped, lost or set back."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlmodel import col, select

from adapters.messages.delivery_planning import TO_FILE
from adapters.operations.integrity import broken_cases
from adapters.storage.database import JournalRow, OutboxRow, ProcessRow, TimerRow, reading
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from flows.display import show
from milestones.process import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from adapters.office import Office


@dataclass(frozen=True)
class Accepted:
    """An event that somebody was told had been stored."""

    reference: str
    event_id: str


def violations(
    office: Office, accepted: Iterable[Accepted] = (), runs: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Return one sentence for each invariant that is broken; `runs` are the flow runs by id, as Prefect shows them."""
    return [
        *_accepted_once(office.engine, accepted),
        *_rungs_once(office.engine),
        *_effects_done(office),
        *broken_cases(office.engine, office.rules_named),
        *(_shown_right(office, runs) if runs is not None else []),
    ]


def _accepted_once(engine: Engine, accepted: Iterable[Accepted]) -> list[str]:
    """Every accepted event is in the journal exactly once."""
    with reading(engine) as session:
        known = Counter(
            tuple(row) for row in session.execute(select(JournalRow.case_reference, JournalRow.event_id))
        )
    return [
        f"{item.reference}: event {item.event_id} is {known[item.reference, item.event_id]} times in the journal"
        for item in accepted
        if known[item.reference, item.event_id] != 1
    ]


def _rungs_once(engine: Engine) -> list[str]:
    """Every rung of a term fired once, and what fired is what the term remembers."""
    with reading(engine) as session:
        fired = Counter(
            tuple(row)
            for row in session.execute(
                select(
                    JournalRow.case_reference,
                    JournalRow.process,
                    JournalRow.term,
                    JournalRow.rung,
                    JournalRow.on,
                ).where(col(JournalRow.rung).is_not(None))
            )
        )
    return [f"{key}: fired {number} times" for key, number in fired.items() if number != 1]


def _effects_done(office: Office) -> list[str]:
    """Every outbox row was carried out at least once, and a receiver sees the same id at every repeat."""
    with reading(office.engine) as session:
        rows = session.exec(select(OutboxRow)).all()
        deliveries = session.exec(select(DeliveryRow)).all()
    broken = [
        f"{row.case_reference}: effect {row.id} was not carried out" for row in rows if row.done_at is None
    ]
    broken += [
        f"{row.case_reference}: delivery {row.id} still waits, and was not carried out"
        for row in deliveries
        if row.state == DeliveryState.WAITING
    ]
    sent = Counter(item["id"] for item in messages(office.settings.messages_file))
    known = {row.id for row in rows}
    broken += [
        f"effect {row.outbox_id} was noted as delivered and not sent"
        for row in deliveries
        if row.state == DeliveryState.DELIVERED and row.channel == TO_FILE and not sent[row.outbox_id]
    ]
    return broken + [f"message {id_} belongs to no effect" for id_ in sent if id_ not in known]


def _shown_right(office: Office, runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The flow run of every process shows the state that the journal has."""
    broken: list[str] = []
    with reading(office.engine) as session:
        rows = session.exec(select(ProcessRow)).all()
    for row in rows:
        process = Snapshot(row.code, row.version, row.state, row.opened_on, facts=row.facts)
        policy = office.rules_for(row.municipality).policy
        expected = show(row.case_reference, row.municipality, process, office.clock.today(), policy).state
        run = runs.get(row.flow_run_id or "")
        shown = (run["state_type"], run["state_name"]) if run else ("NONE", "")
        kind = "COMPLETED" if row.closed else "PAUSED"
        if shown != (kind, expected):
            broken.append(f"{row.case_reference} {row.name}: shows {shown}, not {(kind, expected)}")
    return broken


def messages(file: Path) -> list[dict[str, Any]]:
    """Return the messages that were sent to the file; a last line that a kill cut off does not count."""
    if not file.exists():
        return []
    found: list[dict[str, Any]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def end_of(office: Office, reference: str) -> dict[str, Any]:
    """Return all that counts of a case, without what differs between two cases with the same history."""
    view = office.casework.case(reference)
    ids = {row.id: row.name for row in view.rows.values()}
    with reading(office.engine) as session:
        timers = session.exec(select(TimerRow).where(col(TimerRow.process_id).in_(list(ids)))).all()
        effects = session.exec(select(OutboxRow).where(OutboxRow.case_reference == reference)).all()
        deliveries = session.exec(select(DeliveryRow).where(DeliveryRow.case_reference == reference)).all()
    return {
        "states": {row.name: (row.state, row.closed, row.finished) for row in view.rows.values()},
        "timers": sorted(
            (
                ids[timer.process_id],
                timer.key,
                str(timer.due),
                timer.fired,
                str(timer.stopped),
                str(timer.next_on),
            )
            for timer in timers
        ),
        "messages": sorted(
            (row.process, row.kind, row.role, str(row.term), row.done_at is not None) for row in effects
        ),
        "deliveries": sorted((row.process, row.kind, row.role, row.channel, row.state) for row in deliveries),
        "journal": [
            (row.process, row.event, str(row.on), row.before, row.after, row.rung, row.derived)
            for row in view.journal
        ],
    }

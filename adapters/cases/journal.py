"""The journal of a case: each row chained by hash to the one before it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm.attributes import set_committed_value

from adapters.runtime.actor import Actor, ActorKind, acting
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.plain_values import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from adapters.storage.database import CaseRow, JournalRow
    from milestones.case import Step


def journal_of(
    case_row: CaseRow,
    steps: Sequence[Step],
    at: datetime,
    policy: str,
    event_id: str | None,
    actor: Actor | None = None,
) -> list[dict[str, Any]]:
    """Return the journal rows of steps, and let the case row go on from the last of them.

    The id of the event stands with the first step that is not derived. Who writes these rows writes the
    `steps` and the `chain` of the case as well.
    """
    rows: list[dict[str, Any]] = []
    number, chain = case_row.steps, case_row.chain
    actor, day = actor or acting(), at.astimezone(AMSTERDAM).date()
    for step in steps:
        number += 1
        if step.rung is not None and not step.derived:
            actor = Actor(ActorKind.TERM, (step.term or step.event).split("#")[0])
        row = {
            "case_reference": case_row.reference,
            "municipality": case_row.municipality,
            "number": number,
            "event_id": None if step.derived else event_id,
            "process": step.process,
            "version": step.version,
            "policy": policy,
            "event": step.event,
            "on_date": step.on,
            "at": at,
            "before": step.before,
            "after": step.after,
            "data": to_json(step.data),
            "term": step.term,
            "rung": step.rung,
            "derived": step.derived,
            "actor_kind": str(actor.kind),
            "actor_code": actor.code,
            "actor_way": None if actor.way is None else str(actor.way),
            "day": day,
            "previous": chain,
        }
        if not step.derived:
            event_id = None
        row["hash"] = chain = _hash(row, step.on, at)
        rows.append(row)
    set_committed_value(case_row, "steps", number)
    set_committed_value(case_row, "chain", chain)
    return rows


_HASHED = (
    "case_reference", "municipality", "number", "event_id", "process", "version", "policy", "event", "before",
    "after", "data", "term", "rung", "derived", "previous",
)  # fmt: skip

_ACTOR = ("actor_kind", "actor_code", "actor_way")


# Made once: `json.dumps` makes an encoder for each call that has options.
_written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def journal_hash(row: JournalRow) -> str:
    """Return the hash of a journal row over all that it says and the hash of the row before it."""
    return _hash({name: getattr(row, name) for name in (*_HASHED, *_ACTOR, "day")}, row.on, row.at)


def day_written(row: JournalRow) -> date:
    """Return the civil day on which a row was written, whatever the data of time zones say of its moment now."""
    return row.day or row.at.astimezone(AMSTERDAM).date()


def _hash(values: Mapping[str, Any], on: date, at: datetime) -> str:
    content = {name: values[name] for name in _HASHED}
    if any(values[name] is not None for name in _ACTOR):  # rows from before there were actors keep their hash
        content["door"] = [values[name] for name in _ACTOR]
    if values["day"] is not None:  # and so do rows from before their day was kept
        content["dag"] = values["day"].isoformat()
    content["on"] = on.isoformat()
    content["at"] = at.timestamp()
    return hashlib.sha256(_written(content).encode()).hexdigest()

"""What made a message: the line of the journal from which it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.cases.case_writing import effect_id
from adapters.runtime.actor import ActorKind
from adapters.storage.database import JournalRow
from milestones.definitions import kept_definition
from milestones.four_eyes import SECOND_OPINION

if TYPE_CHECKING:
    from datetime import date

    from sqlmodel import Session

    from adapters.storage.database import OutboxRow

_MOST_MESSAGES = 40  # of one line of the journal
_OURS = {
    "geopend": "De zaak is geopend",
    "overgedragen": "De zaak is overgedragen",
    "houder_gewijzigd": "De zaak heeft een andere medewerker",
    **{name: spec.label for name, spec in SECOND_OPINION.items()},
}


@dataclass(frozen=True, slots=True)
class Cause:
    """The event of which a message tells, in words, with its day and who or what reported it."""

    event: str
    label: str
    on: date
    by: str


def cause_of(session: Session, effect: OutboxRow) -> Cause | None:
    """Return the line of the journal that made an effect, in words."""
    row = line_of(session, effect)
    if row is None:
        return None
    return Cause(row.event, label_of(row.process, row.version, row.event), row.on, _by(row))


def _by(row: JournalRow) -> str:
    """Return who reported something: a person by his code, and what no person did by what did it."""
    kind, code = row.actor_kind, row.actor_code
    if kind == ActorKind.TERM:
        return "niemand, het ging vanzelf"
    if kind == ActorKind.SYSTEM:
        return f"een ander systeem ({code})" if code else "een ander systeem"
    if kind == ActorKind.OPERATOR:
        return f"de beheerder ({code})" if code else "de beheerder"
    return code or "onbekend"


def line_of(session: Session, effect: OutboxRow) -> JournalRow | None:
    """Return the line of the journal that made an effect, by the id that the effect got from it."""
    rows = session.exec(
        select(JournalRow)
        .where(
            JournalRow.case_reference == effect.case_reference,
            JournalRow.process == effect.process,
            JournalRow.at == effect.created_at,
        )
        .order_by(col(JournalRow.number))
    ).all()
    for row in rows:
        ids = (effect_id(effect.case_reference, row.number, index) for index in range(_MOST_MESSAGES))
        if effect.id in ids:
            return row
    return None


def label_of(process: str, version: int, event: str) -> str:
    """Return an event in words, as its process calls it; a step of a ladder has none and gives nothing."""
    if event in _OURS:
        return _OURS[event]
    definition = kept_definition(process.partition("#")[0], version)
    return definition.event(event).label if definition.knows(event) else ""

"""The hand-offs of a case: from whom to where, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.runtime.actor import ActorKind
from milestones.definition import OFFERED
from milestones.vocabulary import HANDOFF_TERM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from adapters.storage.database import JournalRow
    from milestones.case import Case

_ANSWERS = {"overdracht_aanvaard": "aanvaard op", "overdracht_teruggegeven": "teruggegeven op"}


@dataclass(frozen=True, slots=True)
class Handoff:
    """One hand-off: `how` it stands, since or until which day, and the code of who answered."""

    sender: str
    receiver: str
    offered_on: date
    how: str
    day: date | None = None
    by: str | None = None


def handoffs(case: Case, journal: Sequence[JournalRow]) -> Iterator[Handoff]:
    """Yield the hand-offs of a case, each as it stands now."""
    answered: dict[str, JournalRow] = {}
    for row in journal:
        if row.event == "overdracht_teruggegeven" or (
            row.before == OFFERED and row.event == "overdracht_aanvaard"
        ):
            answered[row.process] = row
        elif row.event == "overdracht_aangeboden":
            answered.pop(row.process, None)
    for process in case.processes:
        sender = process.facts.get("overdracht_van")
        if not isinstance(sender, str):
            continue
        answer, waiting = answered.get(process.name), process.running(HANDOFF_TERM)
        found = (sender, process.name, process.opened_on)
        if answer is not None:
            by = answer.actor_code if answer.actor_kind == ActorKind.PERSON else None
            yield Handoff(*found, _ANSWERS[answer.event], answer.on, by)
        elif process.state == OFFERED:
            due = waiting.due if waiting else None
            yield Handoff(*found, "wacht op aanvaarden, uiterlijk" if due else "wacht op aanvaarden", due)
        else:
            yield Handoff(*found, "direct aanvaard")

"""A case as JSON, the same for the command line and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.cases.growth import growth_rows
from adapters.runtime.actor import shown_actor
from milestones.case import closed, possible_now
from milestones.definitions import definition_of
from milestones.four_eyes import proposal, waits_for
from milestones.penalty import penalties
from milestones.roles import dutch_role
from milestones.simulation import term_row
from milestones.steering import spec_of

if TYPE_CHECKING:
    from datetime import date

    from adapters.cases.casework import CaseView
    from adapters.storage.database import JournalRow
    from milestones.policy import Policy, Rules
    from milestones.process import Snapshot


def case_as_json(view: CaseView, today: date, rules: Rules, *, journal: bool = True) -> dict[str, Any]:
    """Return where a case is, its terms, who holds it, what is possible now, and its journal."""
    result: dict[str, Any] = {
        "zaak": view.reference,
        "gemeentecode": view.municipality,
        "toestanden": {process.name: process.state for process in view.case.processes},
        "mijlpalen": [
            {
                "mijlpaal": process.name,
                "naam": rules.policy.name_of(definition_of(process)),
                "versie": process.version,
                "toestand": process.state,
                "wacht_op": waits_for(definition_of(process), process),
                "rol": rules.policy.role(process.role(definition_of(process))),
                "afgerond": closed(process),
                "geopend_op": process.opened_on.isoformat(),
                "mogelijke_gebeurtenissen": list(possible_now(process)),
                **_second_opinion(process, rules.policy),
                **{
                    name: process.facts[name]
                    for name in ("eindresultaat", "uitstroomreden")
                    if name in process.facts
                },
            }
            for process in view.case.processes
        ],
        "termijnen": [
            term_row(term, process.name, today, rules)
            for process in view.case.processes
            for term in process.terms
        ],
        "dwangsommen": [
            owed.as_json() for process in view.case.processes for owed in penalties(process, today)
        ],
    }
    if journal:
        result["journaal"] = [journal_line(row) for row in view.journal]
        if growth := list(growth_rows(view.journal)):
            result["groei"] = growth
    return result


def _second_opinion(process: Snapshot, policy: Policy) -> dict[str, Any]:
    """Return the first answer that waits for a second person, and who may give it."""
    waits = proposal(process)
    if waits is None:
        return {}
    asked = {
        "gebeurtenis": waits.event.name,
        "op": waits.event.on.isoformat(),
        "door": waits.by,
        "rollen": list(waits.judges(policy)),
    }
    return {"tweede_beoordeling": asked}


def second_opinion_line(process: Snapshot, policy: Policy) -> str:
    """Say which answer of whom waits for a second person, and who can be that; nothing where none waits."""
    waits = proposal(process)
    if waits is None:
        return ""
    label = spec_of(definition_of(process), waits.event.name).label
    who = " of ".join(dutch_role(role) for role in waits.judges(policy))
    return f"'{label}' van {waits.by} wacht op een tweede beoordeling door een ander: {who}."


def process_title(process: str, name: str) -> str:
    """Return how people call a process: "M3 In contact", "M2#2 In beeld", "Wsnp"."""
    code, _, instance = process.partition("#")
    if code.lower() == name.lower():
        return f"{name} {instance}".strip()
    return f"{process} {name}"


def journal_line(row: JournalRow) -> dict[str, Any]:
    """Return one journal row in the words of the contract."""
    return {
        "nummer": row.number,
        "op": row.on.isoformat(),
        "vastgelegd_op": row.at.isoformat(timespec="seconds"),
        "mijlpaal": row.process,
        "van": row.before,
        "gebeurtenis": row.event,
        "naar": row.after,
        "id": row.event_id,
        "door": shown_actor(row.actor_kind, row.actor_code, row.actor_way),
        "beleid": row.policy,
    }

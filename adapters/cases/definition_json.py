"""A definition for another system: states, events with their fields, and terms with their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milestones.term_table import TERMS

if TYPE_CHECKING:
    from milestones.definition import Definition, EventSpec, State


def definition_as_json(definition: Definition) -> dict[str, Any]:
    """Return a definition in the words of the contract."""
    return {
        "mijlpaal": definition.code,
        "naam": definition.name,
        "naam_zekerheid": definition.name_confidence,
        "versie": definition.version,
        "begint_in": definition.starts_in,
        "toestanden": [_state(definition, state) for state in definition.states],
        "gebeurtenissen": [
            _event(definition.event(name)) for name in dict.fromkeys(row.event for row in definition.rows)
        ],
        "termijnen": [
            {
                "id": term.id,
                "naam": term.name,
                "lengte": str(term.length) if term.length else None,
                "bron": term.source,
                "artikelen": [reference.as_json() for reference in term.references],
                "zekerheid": str(term.confidence),
            }
            for term in (TERMS[term_id] for term_id in sorted(definition.terms))
        ],
    }


def _state(definition: Definition, state: State) -> dict[str, Any]:
    return {
        "toestand": state.code,
        "wacht_op": state.waits_for,
        "rol": state.role,
        "eindtoestand": state.final,
        "gebeurtenissen": list(definition.events_from(state.code)),
    }


def _event(spec: EventSpec) -> dict[str, Any]:
    return {
        "gebeurtenis": spec.name,
        "label": spec.label,
        "alleen_door_termijn": spec.by_timer,
        "besluit_van_mens": spec.decision,
        "velden": [
            {
                "veld": item.name,
                "soort": str(item.kind),
                "label": item.label,
                "verplicht": item.required,
                "keuzes": list(item.choices),
            }
            for item in spec.fields
        ],
    }

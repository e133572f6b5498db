"""A definition for reading: as a table, as a Mermaid diagram, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from adapters.cases.definition_json import definition_as_json
from milestones.definition import ANY, BACK, SAME
from milestones.roles import dutch_role
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from milestones.definition import Definition, Row

_TARGETS = {SAME: "(zelfde)", BACK: "(terug)"}


def as_table(definition: Definition) -> str:
    """Return a definition as Markdown tables: states, rows, and terms with their sources."""
    lines = [f"# {definition.code} {definition.name} (versie {definition.version})", ""]
    if definition.name_confidence != "V":
        lines += ["De naam van deze mijlpaal is niet geverifieerd en kan per gemeente anders zijn.", ""]
    lines += ["| toestand | wacht op | bij | einde |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {state.code} | {state.waits_for} | {dutch_role(state.role)} | {'ja' if state.final else ''} |"
        for state in definition.states
    ]
    lines += [
        "",
        "| van | gebeurtenis | voorwaarde | naar | termijnen | bericht aan | bron |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_line(row) for row in definition.rows]
    lines += ["", "| termijn | naam | lengte | bron | zekerheid |", "| --- | --- | --- | --- | --- |"]
    for term_id in sorted(definition.terms):
        term = TERMS[term_id]
        lines.append(
            f"| {term.id} | {term.name} | {term.length or '-'} | {term.source_text} | {term.confidence} |"
        )
    return "\n".join(lines)


def _line(row: Row) -> str:
    terms = [f"start {arm.term}" for arm in row.arms]
    terms += [f"{term} gehaald" for term in row.meets]
    terms += [f"{term} vervalt" for term in row.cancels]
    terms += [f"{term} staat stil" for term in row.suspends]
    terms += [f"{term} loopt door" for term in row.resumes]
    target = _TARGETS.get(row.to, row.to)
    if row.opens:
        target += " → " + ", ".join(opening.code for opening in row.opens)
    return (
        f"| {', '.join('elke open toestand' if code == ANY else code for code in row.sources)} | {row.event} "
        f"| {', '.join(row.guards)} | {target} | {', '.join(terms)} "
        f"| {', '.join(dutch_role(role) for role in row.notifies)} | {row.because} |"
    )


def as_mermaid(definition: Definition) -> str:
    """Return a definition as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {definition.starts_in}"]
    open_states = [state.code for state in definition.states if not state.final]
    for row in definition.rows:
        sources = open_states if ANY in row.sources else row.sources
        for source in sources:
            target = source if row.to in _TARGETS else row.to
            lines.append(f"    {source} --> {target}: {row.event}")
    lines += [f"    {state.code} --> [*]" for state in definition.states if state.final]
    return "\n".join(dict.fromkeys(lines))


def as_json(definition: Definition) -> str:
    """Return a definition as JSON: in the words of the API, and beside these every row as a definition has it."""
    content = asdict(replace(definition, events={}, old_terms={}, old_facts={}))
    for line, row in zip(content["rows"], definition.rows, strict=True):
        line["source"] = row.sources
    del content["old_terms"], content["old_facts"]
    names = dict.fromkeys(row.event for row in definition.rows)
    content["events"] = {name: asdict(definition.event(name)) for name in names}
    return json.dumps(definition_as_json(definition) | content, ensure_ascii=False, indent=2, default=str)


FORMATS: Mapping[str, Callable[[Definition], str]] = {
    "tabel": as_table,
    "mermaid": as_mermaid,
    "json": as_json,
}

"""What a coordinator reads of a process in the Prefect UI: name, state, message and tags.

Nothing here holds anything about a person: a reference, a mijlpaal, dates, terms and roles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from adapters.cases.presentation import process_title, second_opinion_line
from flows.tags import Facts, duties, tags_of
from milestones.definition import OFFERED
from milestones.definitions import definition_of
from milestones.dutch import dutch_date
from milestones.four_eyes import proposal, waits_for
from milestones.process import is_closed
from milestones.roles import dutch_role
from milestones.running import target_groups

if TYPE_CHECKING:
    from milestones.policy import Policy
    from milestones.process import RunningTerm, Snapshot


NOT_TAKEN_UP = "Niet overgenomen"


@dataclass(frozen=True, slots=True)
class Shown:
    """How one process appears."""

    name: str
    state: str
    message: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a process besides the process itself."""

    contact: str | None = None
    deputy: str | None = None
    cancel_asked: bool = False
    others: tuple[str, ...] = ()  # what else of the case is open


def show(
    reference: str,
    municipality: str,
    process: Snapshot,
    today: date,
    policy: Policy,
    around: Circumstances | None = None,
) -> Shown:
    """Return how a process appears on a date."""
    around = around or Circumstances()
    definition = definition_of(process)
    state = definition.state(process.state)
    closed = is_closed(definition, process)
    role = policy.role(process.role(definition))
    running = ((term.term, term.due) for term in process.terms if term.runs and term.due is not None)
    facts = Facts(
        code=process.code,
        municipality=municipality,
        role=role,
        closed=closed,
        route_names=definition.route_names,
        target_groups=target_groups(process.facts),
        contact=around.contact,
        deputy=around.deputy,
        threatened=process.facts.get("bedreigende_situatie") is True,
        offered=state.code == OFFERED,
        waits_on_partner=state.waits_on_partner,
        cancel_asked=around.cancel_asked,
        second_opinion=proposal(process) is not None,
        dues=duties(running, policy),
        today=today,
    )
    return Shown(
        name=f"{reference} · {process_title(process.name, policy.name_of(definition))}",
        state=waits_for(definition, process),
        message=closing_line(process, around)
        if closed
        else waiting_line(process, today, policy, role, around),
        tags=tags_of(facts),
    )


def not_taken_up(shown: Shown, why: str) -> Shown:
    """Return how a process appears after an answer that was refused: its state and its message say so."""
    return replace(
        shown,
        state=_refused(shown.state),
        message=f"Je antwoord is niet overgenomen. {why} {shown.message}",
    )


def _refused(state: str) -> str:
    return f"{NOT_TAKEN_UP} · {state}"


def states_at_rest(process: Snapshot) -> tuple[str, str]:
    """Return the names of the states in which the run of a process rests: as it waits, and after a refused answer."""
    state = waits_for(definition_of(process), process)
    return state, _refused(state)


def closing_line(process: Snapshot, around: Circumstances) -> str:
    """Say how a process ended, and where its case goes on."""
    reason = process.facts.get("eindresultaat") or process.facts.get("uitstroomreden")
    ended = f"Afgerond: {reason}." if reason else "Afgerond."
    return f"{ended} De zaak gaat verder in {' en '.join(around.others)}." if around.others else ended


def waiting_line(
    process: Snapshot, today: date, policy: Policy, role: str, around: Circumstances | None = None
) -> str:
    """Say until when a process waits, under which source, and who holds it."""
    around = around or Circumstances()
    parts = [term_line(term, today, policy) for term in running_terms(process)[:2]]
    who = dutch_role(role)
    if around.contact:
        who += f" {around.contact}"
    if around.deputy:
        who += f" (afwezig, waarnemer {around.deputy})"
    asked = "Iemand vroeg om annuleren: bevestig of weiger dat." if around.cancel_asked else ""
    second = second_opinion_line(process, policy)
    return " ".join(
        part
        for part in [asked, second, *(parts or [f"In {process.name} loopt geen termijn."]), f"Bij: {who}."]
        if part
    )


def term_line(term: RunningTerm, today: date, policy: Policy) -> str:
    """Say when a term ends and why then."""
    kind = policy.term(term.term)
    if term.due is None:
        since = f" sinds {dutch_date(term.suspended_since)}" if term.suspended_since else ""
        return f"{kind.id} {kind.name} staat stil{since}."
    when = "Te laat: moest uiterlijk" if term.is_overdue(today) else "Uiterlijk"
    shifted = f", verschoven door {term.shifted_by}" if term.shifted_by else ""
    return f"{when} {dutch_date(term.due)}: {kind.name} ({kind.id}; {kind.source_text}{shifted})."


def running_terms(process: Snapshot) -> list[RunningTerm]:
    """Return the running terms, the most urgent first; a suspended term comes last."""
    running = [term for term in process.terms if term.runs]
    return sorted(running, key=lambda term: (term.due is None, term.due or date.max))

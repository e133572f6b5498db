"""How running processes move to a new version of their definition, one function for each migration.

A migration function gets a process as it stands and says to which state it goes and, for every running term,
whether it is kept as it is or counted anew from its anchor. Its docstring says what changed and why. A state or
a term that it does not name is refused, so nothing moves by accident. Until somebody moves it, a running process
stays on the version with which it started.

    @migration("M3", 1, 2)
    def m3_1_to_2(process: Snapshot) -> Move:
        '''CRISISCHECK was split in two, because ...'''
        return Move({"CRISISCHECK": "CRISISCHECK_TELEFONISCH"}.get(process.state, process.state), {"T01": KEEP})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from milestones.definitions import DEFINITIONS, version_of
from milestones.process import NotPossible, is_closed
from milestones.running import count_term, passed_rungs, still_fired
from milestones.snapshot import Snapshot, TermOutcome

if TYPE_CHECKING:
    from datetime import date

    from milestones.policy import Rules
    from milestones.snapshot import RunningTerm
    from milestones.vocabulary import TermId

MOVED = "definitie_gemigreerd"  # the event under which the journal has a migration


class TimerChoice(StrEnum):
    """What becomes of a running term."""

    KEEP = "behouden"
    RECOMPUTE = "opnieuw berekend"


KEEP, RECOMPUTE = TimerChoice.KEEP, TimerChoice.RECOMPUTE


@dataclass(frozen=True)
class Move:
    """Where a process goes: its new state, and a choice for each kind of term that runs in it.

    `revives` are terms that lapsed under the old version and count on under the new one, from where they counted.
    """

    state: str
    terms: Mapping[str, TimerChoice] = field(default_factory=dict)
    revives: tuple[TermId, ...] = ()


MigrationFunction = Callable[[Snapshot], Move]

_MIGRATIONS: dict[tuple[str, int, int], MigrationFunction] = {}


def migration(
    code: str, from_version: int, to_version: int
) -> Callable[[MigrationFunction], MigrationFunction]:
    """Register the function that moves processes from one version of a definition to another."""

    def register(function: MigrationFunction) -> MigrationFunction:
        if not function.__doc__:
            raise ValueError(f"{function.__name__} does not say what changed and why")
        _MIGRATIONS[code, from_version, to_version] = function
        return function

    return register


def migration_of(code: str, from_version: int, to_version: int) -> MigrationFunction:
    """Return a migration function; NotPossible with those that there are when it does not exist."""
    if (code, from_version, to_version) not in _MIGRATIONS:
        known = ", ".join(f"{name} {old} {new}" for name, old, new in _MIGRATIONS) or "geen"
        raise NotPossible(
            f"Er is geen migratie van {code} versie {from_version} naar versie {to_version} (wel: {known})."
        )
    return _MIGRATIONS[code, from_version, to_version]


def moved(process: Snapshot, to_version: int, today: date, rules: Rules) -> tuple[Snapshot, Move]:
    """Return a process on another version of its definition, and what the migration said about it.

    Raises NotPossible when there is no such migration, when the process has ended, or when the migration says
    nothing about its state or about one of its running terms.
    """
    function = migration_of(process.code, process.version, to_version)
    target = version_of(process.code, to_version)
    rules = rules.under(target)
    if is_closed(version_of(process.code, process.version), process):
        raise NotPossible(f"{process.name} is al afgerond en blijft op versie {process.version}.")
    move = function(process)
    if move.state not in {state.code for state in target.states}:
        raise NotPossible(f"Versie {to_version} van {process.code} heeft geen toestand {move.state}.")
    terms = tuple(_moved_term(term, move, today, rules) if term.runs else term for term in process.terms)
    terms = tuple(_revived(term, process, today) if term.term in move.revives else term for term in terms)
    facts = target.own_facts(process.facts)
    return replace(
        process, version=to_version, state=move.state, facts=facts, terms=terms, sequence=process.sequence + 1
    ), move


def _revived(term: RunningTerm, process: Snapshot, today: date) -> RunningTerm:
    """Let the latest term of a kind count on; what it would have warned of meanwhile stays unsaid."""
    latest = process.latest(term.term)
    if latest is None or latest.key != term.key or term.stopped in (None, TermOutcome.ELAPSED):
        return term
    return replace(term, stopped=None, ended_on=None, fired=term.fired | passed_rungs(term, today))


def _moved_term(term: RunningTerm, move: Move, today: date, rules: Rules) -> RunningTerm:
    choice = move.terms.get(term.term)
    if choice is None:
        raise NotPossible(f"De migratie zegt niets over de lopende termijn {term.term}.")
    if choice is KEEP or term.suspended_since is not None:
        return term  # a suspended term has no due date: it is counted anew when it runs on
    again = count_term(replace(term, policy=rules.policy.name), rules)
    return replace(again, fired=still_fired(again, term, today) | passed_rungs(again, today))


# --- to version 2 -------------------------------------------------------------------------------------------


def _named_terms(process: Snapshot) -> dict[str, TimerChoice]:
    return dict.fromkeys(version_of(process.code, process.version).old_terms, KEEP)


def _to_2(process: Snapshot) -> Move:
    """Bring each fact under one Dutch name, and each event to one meaning in its process.

    `first_repayment_on` became `eerste_aflossing`, `reason` became `reden_terugval`. States and terms stay.
    """
    return Move(process.state, _named_terms(process))


def _wsnp_to_2(process: Snapshot) -> Move:
    """Let a ruling end nothing before it is final (Fw art. 350 lid 4 and 5, 356).

    Where a ruling waits for appeal or is appealed against, the terms that lapsed with it count on.
    """
    granted = process.latest("T37") is not None
    revives: tuple[TermId, ...] = ("T37", "T38b", "T39") if granted else ()
    return Move(process.state, _named_terms(process), revives)


for _code, _newest in DEFINITIONS.items():
    if _newest.version > 1:
        migration(_code, 1, 2)(_wsnp_to_2 if _code == "WSNP" else _to_2)


# --- to version 3 -------------------------------------------------------------------------------------------


def _to_3(process: Snapshot) -> Move:
    """Let no ending pass the zorgplicht without a person, a motivation and a look at who is waited for.

    And let who says that another municipality takes over say why. States and terms stay.
    """
    return Move(process.state, _named_terms(process))


def _running_help_to_3(process: Snapshot) -> Move:
    """Let the beschikking for a client who was taken over have a process of its own (BESLUIT), beside the rest.

    Version 2 has his bezwaar and beroep among the terms of who stayed. Until nobody can attack it any more, such a
    process stays on version 2.
    """
    if process.facts.get("vertrokken_client") is True:
        raise NotPossible(
            f"In {process.name} loopt nog een besluit voor wie vertrok: tot het definitief is, blijft dit versie 2."
        )
    return _to_3(process)


def _guidance_to_3(process: Snapshot) -> Move:
    """Let scores say with which meetinstrument was measured, at the intake and at every evaluation (element 5 and 8).

    What was measured without that name stays as it is. States and terms stay.
    """
    return Move(process.state, _named_terms(process))


migration("BEGELEIDING", 2, 3)(_guidance_to_3)
for _code in ("M1", "M3", "M4", "M6", "WSNP"):
    migration(_code, 2, 3)(_to_3)
for _code in ("M5", "M7", "M8"):
    migration(_code, 2, 3)(_running_help_to_3)

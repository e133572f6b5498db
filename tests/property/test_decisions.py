"""Random walks through bezwaar, beroep, opschorting, verzuim and dwangsom, beside a model that counts for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from support.decision_model import (
    APPEAL,
    OBJECTION,
    STANDS,
    TERMS,
    ModelDecision,
    after_event,
    any_data,
    any_event,
)

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, closed, start
from milestones.policy import Policy, Rules
from milestones.process import Event, NotPossible, RungDue
from milestones.rerun import first_due

if TYPE_CHECKING:
    from milestones.snapshot import Snapshot

RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
WHY = {"motivering": "m-1"}
WALKS, WORKS = 25, 0.8


@dataclass(frozen=True)
class Decides:
    """A process that decides: how it comes to its decision, and where it goes when a bezwaar is founded."""

    code: str
    to_decision: tuple[tuple[int, str, dict[str, object]], ...]  # how many days before the decision
    stands: str
    founded: str | None = None  # None: the decision is looked at again in the same state


PROCESSES = (
    Decides("BESLUIT", (), "BEEINDIGD"),
    Decides(
        "M4",
        (
            (20, "hulpvraag_vastgesteld", {}),
            (20, "gegevens_ontbreken", {}),
            (0, "buiten_behandeling_gesteld", WHY),
        ),
        "BUITEN_BEHANDELING",
        "INTAKE",
    ),
    Decides("M5", ((0, "ingetrokken", WHY),), "BEEINDIGD", "START"),
    Decides(
        "M6", ((0, "weigering_getoetst", {}), (0, "weigering_besloten", WHY)), "BESCHIKT_GEWEIGERD", "CONCEPT"
    ),
    Decides("M7", ((0, "ingetrokken", WHY),), "BEEINDIGD", "START"),
    Decides("M8", ((0, "ingetrokken", WHY),), "AFGEROND", "BEEINDIGING"),
)
# Half of the decisions fall where holidays and the turn of a year are near.
BUSY = (date(2026, 4, 6), date(2026, 5, 25), date(2027, 1, 1), date(2027, 5, 6))
JUMPS = (0, 0, 1, 1, 2, 3, 6, 8, 15, 43, 50)


def fired(case: Case, day: date) -> Case:
    """Return the case with everything fired that is due."""
    while (due := first_due(case, day)) is not None:
        on, name, key, rung = due
        case, _ = apply(case, name, RungDue(key, rung), on, RULES)
    return case


def differences(process: Snapshot, decides: Decides, model: ModelDecision) -> list[str]:
    """Return where a process and the model say something else."""
    names = {STANDS: decides.stands, OBJECTION: "BEZWAAR", APPEAL: "BEROEP"}
    found = [] if process.state == names[model.state] else [f"{process.state}, model {model.state}"]
    if closed(process) != model.definitive:
        found.append(f"definitief {closed(process)}, model {model.definitive}")
    if model.state == OBJECTION and process.facts.get("bezwaar_te_laat") is not model.late:
        found.append(f"te laat {process.facts.get('bezwaar_te_laat')}, model {model.late}")
    theirs = sorted((term.term, str(term.due)) for term in process.terms if term.runs and term.term in TERMS)
    ours = sorted((term.name, str(model.due(term))) for term in model.terms if term.runs)
    return found if theirs == ours else [*found, f"{theirs}, model {ours}"]


@pytest.mark.parametrize("decides", PROCESSES, ids=lambda item: item.code)
@pytest.mark.parametrize("seed", range(WALKS))
def test_a_decision_is_fought_as_the_law_says(decides: Decides, seed: int) -> None:
    """After every event and every day, state, running terms and their last days are those that the model counts."""
    chance = Random(f"{decides.code}-{seed}")  # noqa: S311 - a walk, no secret
    begin = chance.choice((*BUSY, *[date(2026, 1, 5) + timedelta(days=chance.randrange(500))] * 4))
    begin -= timedelta(days=chance.randrange(90))
    opened = begin - timedelta(days=max([days for days, _, _ in decides.to_decision], default=0))
    case, _ = start(Case(), decides.code, opened, opened, RULES)
    for days, event, data in decides.to_decision:
        day = begin - timedelta(days=days)
        case, _ = apply(fired(case, day), decides.code, Event(event, day, data), day, RULES)
    model, told = ModelDecision(begin), [f"{begin} {decides.code}"]
    today = said_on = begin
    for _ in range(chance.randint(5, 25)):
        today += timedelta(days=chance.choice(JUMPS))
        if chance.random() < WORKS:  # else an event comes before what is due is done
            case = fired(case, today)
            model.let_pass(today)
        process = next(item for item in case.processes if item.name == decides.code)
        assert differences(process, decides, model) == [], "\n".join((*told, str(today)))
        on = max(said_on, today - timedelta(days=chance.choice((0, 0, 0, 1, 3))))
        event = any_event(chance, model, on)
        data = any_data(chance, event, on)
        told.append(f"{today} {event} {on} {data}")
        after = after_event(model, event, on, data)
        try:
            case, _ = apply(case, f"{decides.code}#1", Event(event, on, data), today, RULES)
            refused = None
        except NotPossible as refusal:
            refused = refusal.reason
        assert (after is None) == (refused is not None), "\n".join((*told, refused or "aanvaard"))
        if after is None:
            continue
        model, said_on = after, on
        process = next(item for item in case.processes if item.name == decides.code)
        if event == "gegrond" and decides.founded is not None:
            assert process.state == decides.founded
            return
        assert differences(process, decides, model) == [], "\n".join(told)

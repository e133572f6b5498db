"""A small reference model of cases in M1, M3 and BESLUIT, and a machine that drives the real database beside it.

The model knows the law of these processes by tables of its own and counts calendar days by itself (`decision_model`,
`naive_calendar`); it shares no code with `milestones`. After every step the database must say the same.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, text
from sqlmodel import col, select

from adapters.cases.casework import Casework, ConflictError
from adapters.cases.store import UnknownCaseError
from adapters.operations.integrity import broken_cases
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.storage.database import JournalRow, OutboxRow, reading
from milestones.case import closed
from milestones.policy import Policy, Rules
from milestones.process import NotPossible
from support import decision_model as law
from support.naive_calendar import is_off

BEGIN = datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM)

# (process, state, event) -> state; what a resident's hand-off opens stands in HANDS_OVER.
MOVES = {
    ("M1", "NIEUW", "informatie_gegeven"): "INFORMATIE",
    ("M1", "INFORMATIE", "informatie_gegeven"): "INFORMATIE",
    ("M1", "NIEUW", "geen_vervolg"): "AFGESLOTEN",
    ("M1", "INFORMATIE", "geen_vervolg"): "AFGESLOTEN",
    ("M3", "NIEUW", "aanmelding_geregistreerd"): "CRISISCHECK",
    ("M3", "CRISISCHECK", "bedreigend"): "SPOED",
    ("M3", "CRISISCHECK", "niet_bedreigend"): "AFSPRAAK_PLANNEN",
    ("M3", "AFSPRAAK_PLANNEN", "bedreigend"): "SPOED",
    ("M3", "AFSPRAAK_PLANNEN", "afspraak_gemaakt"): "AFSPRAAK_GEPLAND",
    ("M3", "SPOED", "afspraak_gemaakt"): "AFSPRAAK_GEPLAND",
    ("M3", "AFSPRAAK_GEPLAND", "bedreigend"): "SPOED",
    ("M3", "AFSPRAAK_GEPLAND", "eerste_gesprek_gevoerd"): "OVERGEDRAGEN",
    ("M3", "AFSPRAAK_PLANNEN", "eerste_gesprek_gevoerd"): "OVERGEDRAGEN",
    ("M3", "SPOED", "eerste_gesprek_gevoerd"): "OVERGEDRAGEN",
}
PLANNING = ("AFSPRAAK_PLANNEN", "AFSPRAAK_GEPLAND")
OPEN_STATES = {
    "M1": ("NIEUW", "INFORMATIE"),
    "M3": ("NIEUW", "CRISISCHECK", "SPOED", "AFSPRAAK_PLANNEN", "AFSPRAAK_GEPLAND"),
}
for code, states in OPEN_STATES.items():
    for state in states:  # a resident may stop at any time, and may die; a bottleneck changes nothing
        MOVES[code, state, "ingetrokken"] = "AFGESLOTEN"
        MOVES[code, state, "overleden"] = "AFGESLOTEN"
        MOVES[code, state, "knelpunt_gemeld"] = state
for state in OPEN_STATES["M3"]:
    MOVES["M3", state, "inwoner_reageert_niet"] = state
# What happens then depends on more than the state: see `ModelCase.target`.
BY_MORE = ("niet_verschenen", "informatie_en_advies_gegeven", "contact_hersteld")
EVENTS = sorted({event for _, _, event in MOVES} | {*BY_MORE, "hulpvraag_vastgesteld", "bestaat_niet"})
# An ending has a motivation, light help the consent of the resident, the last no-show all ways of contact.
DATA: dict[str, dict[str, object]] = {
    "ingetrokken": {"motivering": "m-1"},
    "geen_vervolg": {"motivering": "m-1"},
    "knelpunt_gemeld": {"knelpunt": "systeem"},
    "informatie_en_advies_gegeven": {"inwoner_stemt_in": True, "motivering": "m-1"},
    "niet_verschenen": {"alle_kanalen_geprobeerd": True, "motivering": "m-1"},
}
NO_SHOWS = 3
WEEKS_OF_T01 = 4


@dataclass
class ModelCase:
    """What the model knows of one case."""

    code: str
    opened_on: date
    state: str = "NIEUW"
    journal: list[str] = field(default_factory=lambda: ["geopend"])
    known_ids: dict[str, tuple[str, date]] = field(default_factory=dict)
    term_runs: bool = False
    fired: set[date] = field(default_factory=set)
    threatened: bool = False
    silent: bool = False
    no_shows: int = 0

    def target(self, event: str) -> str | None:
        """Return the state after an event; None where it cannot happen."""
        if event == "niet_verschenen" and self.state == "AFSPRAAK_GEPLAND":
            again = "SPOED" if self.threatened else "AFSPRAAK_PLANNEN"
            return "NIET_BEREIKT" if self.no_shows + 1 >= NO_SHOWS else again
        if event == "informatie_en_advies_gegeven" and self.state in PLANNING and not self.threatened:
            return "AFGESLOTEN"
        if event == "contact_hersteld" and self.silent and self.state in OPEN_STATES[self.code]:
            return self.state
        return MOVES.get((self.code, self.state, event))

    def take(self, event: str, target: str) -> None:
        """Go to a state, and remember what counts later."""
        self.state = target
        self.threatened = self.threatened or event == "bedreigend"
        self.silent = event == "inwoner_reageert_niet" or (self.silent and event != "contact_hersteld")
        self.no_shows += event == "niet_verschenen"
        if target == "SPOED" or target not in OPEN_STATES[self.code]:
            self.term_runs = False  # T02 took its place, it was met, or the process ended

    def rungs(self) -> list[date]:
        """Return the days of T01: two weeks, one week and two working days before its last day, and the day after."""
        last = self.opened_on + timedelta(weeks=WEEKS_OF_T01)
        while is_off(last):
            last += timedelta(days=1)
        two_days, left = last, 2
        while left:
            two_days -= timedelta(days=1)
            left -= not is_off(two_days)
        return [last - timedelta(days=14), last - timedelta(days=7), two_days, last + timedelta(days=1)]

    def due(self, today: date) -> set[date]:
        """Return the days of T01 that came while it ran."""
        return {day for day in self.rungs() if day <= today} if self.term_runs else set()


LAST_DAY = date(2027, 6, 1)


class CasesMachine(RuleBasedStateMachine):
    """Random openings, events, repeats, late and lost messages, sweeps and clock jumps."""

    engine: Engine  # a subclass gives an empty database

    cases = Bundle("cases")
    sent = Bundle("sent")
    decisions = Bundle("decisions")

    @initialize()
    def begin(self) -> None:
        """Start with an empty database."""
        for table in ("outgoing_events", "outbox", "timers", "journal", "openings", "processes", "cases"):
            with self.engine.connect().execution_options(writes=True) as connection:
                connection.execute(text(f"DELETE FROM {table}"))
                connection.commit()
        rules = Rules(dutch_calendar(), Policy())
        self.clock = SetClock(BEGIN)
        self.casework = Casework(self.engine, self.clock, lambda _: rules)
        self.rules = rules
        self.model: dict[str, ModelCase] = {}
        self.decided: dict[str, law.ModelDecision] = {}
        self.last_said: dict[str, date] = {}
        self.number = 0

    @property
    def today(self) -> date:
        """The date of the clock."""
        return self.clock.today()

    # --- commands -------------------------------------------------------------------------------------------

    @rule(target=cases, code=st.sampled_from(["M1", "M3"]), days_ago=st.integers(0, 2))
    def open(self, code: str, days_ago: int) -> str:
        """Open a case, today or counted from a few days ago."""
        self.number += 1
        reference, on = f"MODEL-{self.number}", self.today - timedelta(days=days_ago)
        self.casework.open(code, municipality="0518", reference=reference, on=on, key=reference)
        case = self.model[reference] = ModelCase(code, on, term_runs=code == "M3")
        # A warning that was past when the term began is never given.
        case.fired = {day for day in case.due(self.today) if day < self.today and day != case.rungs()[-1]}
        return reference

    @rule(target=decisions, days_ago=st.integers(0, 60))
    def decide(self, days_ago: int) -> str:
        """Announce a decision, today or a while ago; beside nothing else."""
        self.number += 1
        reference, on = f"BSLT-{self.number}", self.today - timedelta(days=days_ago)
        self.casework.open("BESLUIT", municipality="0518", reference=reference, on=on)
        self.decided[reference], self.last_said[reference] = law.ModelDecision(on), on
        return reference

    @rule(reference=decisions, seed=st.integers(0, 10**6), times=st.integers(1, 3))
    def fight(self, reference: str, seed: int, times: int) -> None:
        """Bezwaar, verzuim, opschorting, dwangsom, beroep: possible or not, told late, and told twice."""
        chance, model = Random(seed), self.decided[reference]  # noqa: S311 - a walk, no secret
        on = max(self.last_said[reference], self.today - timedelta(days=chance.choice((0, 0, 1, 3))))
        if on > self.today:
            return
        then = copy.deepcopy(model)
        then.let_pass(on)  # what was over before the day of an event ended before it, whoever fires it
        event = law.any_event(chance, then, on)
        data = law.any_data(chance, event, on)
        after = law.after_event(then, event, on, data)
        self.number += 1
        for attempt in range(times):
            try:
                receipt = self.casework.report(
                    reference, event, process="BESLUIT#1", on=on, data=data, event_id=f"id-{self.number}"
                )
            except NotPossible:
                assert after is None, f"{event} was refused in {model.state}"
                return
            assert receipt.new is (attempt == 0)
            assert after is not None, f"{event} was taken in {model.state}"
        assert after is not None
        self.decided[reference], self.last_said[reference] = after, on

    @rule(reference=cases)
    def open_again(self, reference: str) -> None:
        """The same opening once more changes nothing."""
        case = self.model[reference]
        again = self.casework.open(
            case.code, municipality="0518", reference=reference, on=case.opened_on, key=reference
        )
        assert not again.new

    @rule(target=sent, reference=cases, event=st.sampled_from(EVENTS), days_ago=st.integers(-1, 3))
    def report(self, reference: str, event: str, days_ago: int) -> tuple[str, str, date, str]:
        """Report any event, possible or not, about today, the past or the future."""
        self.number += 1
        message = (reference, event, self.today - timedelta(days=days_ago), f"id-{self.number}")
        self._deliver(message)
        return message

    @rule(target=sent, reference=cases, event=st.sampled_from(EVENTS))
    def send_and_lose(self, reference: str, event: str) -> tuple[str, str, date, str]:
        """Send a message that does not arrive now; `repeat` may bring it later, in any order."""
        self.number += 1
        return reference, event, self.today, f"id-{self.number}"

    @rule(message=sent)
    def repeat(self, message: tuple[str, str, date, str]) -> None:
        """A message arrives once more, or at last."""
        self._deliver(message)

    @rule(message=sent, event=st.sampled_from(EVENTS))
    def same_id_other_content(self, message: tuple[str, str, date, str], event: str) -> None:
        """A known id with another event is a conflict, and changes nothing."""
        reference, known, on, id_ = message
        if id_ not in self.model[reference].known_ids or event == known:
            return
        try:
            self.casework.report(reference, event, on=on, data=DATA.get(event), event_id=id_)
        except ConflictError:
            return
        raise AssertionError("another event was taken under a known id")

    @rule(event=st.sampled_from(EVENTS))
    def report_unknown(self, event: str) -> None:
        """An event in a case that does not exist is refused."""
        try:
            self.casework.report("MODEL-0", event)
        except UnknownCaseError:
            return
        raise AssertionError("an unknown case was taken")

    @precondition(lambda self: self.today < LAST_DAY)
    @rule(days=st.sampled_from([0, 1, 1, 3, 10, 40]), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        """The clock jumps ahead."""
        self.clock.moment += timedelta(days=days, hours=hours)

    @rule(hours=st.integers(1, 2))
    def clock_goes_back(self, hours: int) -> None:
        """The clock is set back a little."""
        self.clock.moment = max(self.clock.moment - timedelta(hours=hours), BEGIN)

    @rule()
    def sweep(self) -> None:
        """Fire everything that is due."""
        for reference in self.casework.cases_with_due_terms():
            self.casework.fire_due(reference)
        for decision in self.decided.values():
            decision.let_pass(self.today)
        for case in self.model.values():
            due = sorted(case.due(self.today) - case.fired)
            last = case.rungs()[-1]
            case.journal += ["T01_verlopen" if day == last else "T01_waarschuwing" for day in due]
            case.fired |= set(due)

    def _deliver(self, message: tuple[str, str, date, str]) -> None:
        reference, event, on, id_ = message
        case = self.model[reference]
        known = case.known_ids.get(id_)
        target = case.target(event)
        possible = target is not None and case.opened_on <= on <= self.today
        try:
            receipt = self.casework.report(
                reference, event, process=case.code, on=on, data=DATA.get(event), event_id=id_
            )
        except NotPossible:
            assert known is None
            assert not possible, f"{event} was refused in {case.state}"
            return
        if known is not None:
            assert not receipt.new
            return
        assert receipt.new
        assert possible, f"{event} was taken in {case.state}"
        assert target is not None
        case.take(event, target)
        case.journal.append(event)
        case.known_ids[id_] = (event, on)

    # --- comparing ------------------------------------------------------------------------------------------

    @invariant()
    def the_database_says_the_same(self) -> None:
        """State, journal and fired rungs of every case are those of the model."""
        for reference, case in getattr(self, "model", {}).items():
            view = self.casework.case(reference)
            process = view.case.process(case.code)
            assert process.state == case.state
            # Terms that the model does not know (T02, OVD and those of M4) are left out.
            own = [
                row
                for row in view.journal
                if row.process == case.code and not (row.term or "T01") != "T01"  # noqa: SIM202
            ]
            assert [row.event for row in own] == case.journal
            term = process.latest("T01")
            if case.code == "M3":
                assert term is not None
                assert term.runs == case.term_runs
                days = {rung.on for rung in term.ladder if rung.name in term.fired}
                # Rungs before the start are no part of the ladder.
                assert days == {day for day in case.fired if day >= case.opened_on}
            assert ("M4" in {item.name for item in view.case.processes}) == (case.state == "OVERGEDRAGEN")

    @invariant()
    def each_decision_stands_as_the_law_says(self) -> None:
        """State, whether it is definitive, and the last day of every running term are those of the model."""
        names = {law.STANDS: "BEEINDIGD", law.OBJECTION: "BEZWAAR", law.APPEAL: "BEROEP"}
        for reference, decision in getattr(self, "decided", {}).items():
            process = self.casework.case(reference).case.process("BESLUIT#1")
            assert process.state == names[decision.state]
            assert closed(process) == decision.definitive
            if decision.state == law.OBJECTION:
                assert process.facts["bezwaar_te_laat"] is decision.late
            theirs = sorted((term.term, str(term.due)) for term in process.terms if term.runs)
            assert theirs == sorted(
                (term.name, str(decision.due(term))) for term in decision.terms if term.runs
            )

    @invariant()
    def ids_are_unique_and_the_journal_replays(self) -> None:
        """No event id twice in a case, no effect without its journal row, and chain and replay are right."""
        if not hasattr(self, "model"):
            return
        with reading(self.engine) as session:
            ids = session.exec(
                select(JournalRow.case_reference, JournalRow.event_id).where(
                    col(JournalRow.event_id).is_not(None)
                )
            ).all()
            effects = session.exec(select(OutboxRow.id)).all()
        assert len(ids) == len({tuple(row) for row in ids})
        assert len(effects) == len(set(effects))
        assert list(broken_cases(self.engine, lambda _: self.rules)) == []


def settings_for(examples: int, steps: int, *, shrink: bool) -> Any:
    """Return hypothesis settings for a run of this size; making a failure smaller takes minutes."""
    return settings(
        phases=[Phase.reuse, Phase.generate, *([Phase.shrink] if shrink else [])],
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

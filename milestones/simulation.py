"""Run a case file on a virtual clock: the same decisions as in production, without a server (contract 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from milestones.case import Case, apply, process_for, start
from milestones.penalty import penalties
from milestones.policy import Policy, Rules, with_overrides
from milestones.policy_values import PolicyError
from milestones.process import Event, NotPossible, RungDue
from milestones.refusal import Refusal
from milestones.rerun import first_due
from milestones.running import reservation

if TYPE_CHECKING:
    from milestones.calendar import Calendar
    from milestones.case import Step
    from milestones.process import RunningTerm


class CaseFileError(Refusal, ValueError):
    """A case file that cannot be run: one Dutch sentence that names the place."""


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One step of a case file: without an event it opens a process, or only lets the clock run to its day."""

    day: date
    written: str
    process: str | None = None
    event: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    only_waits: bool = False


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case file that was read: its steps in the order of their days, and the policy that it overrides."""

    name: object
    steps: tuple[CaseStep, ...]
    overrides: Mapping[str, object] = field(default_factory=dict)
    by_hand: bool = False


@dataclass
class Simulation:
    """A virtual run of one case; `run` gives the result of contract 2."""

    calendar: Calendar
    rules: Rules
    case: Case = field(default_factory=Case)
    journal: list[dict[str, object]] = field(default_factory=list)
    messages: list[dict[str, object]] = field(default_factory=list)
    refused: list[dict[str, object]] = field(default_factory=list)

    def fire_until(self, day: date) -> None:
        """Fire every warning and every expiry up to and including a date, in the order of their dates."""
        while (due := first_due(self.case, day)) is not None:
            on, process, key, rung = due
            self.case, steps = apply(self.case, process, RungDue(key, rung), on, self.rules)
            self._record(steps, on.isoformat())

    def step(self, given: CaseStep) -> None:
        """Take one step of the case file; a refusal is recorded and changes nothing."""
        self.fire_until(given.day)
        if given.only_waits:
            return
        try:
            if given.event is None:
                self.case, steps = start(
                    self.case, str(given.process), given.day, given.day, self.rules, given.data
                )
            else:
                name = given.process or process_for(self.case, given.event)
                event = Event(given.event, given.day, given.data)
                self.case, steps = apply(self.case, name, event, given.day, self.rules)
        except NotPossible as refusal:
            self.refused.append(
                {
                    "op": given.written,
                    "mijlpaal": given.process,
                    "gebeurtenis": given.event or "open",
                    "reden": refusal.reason,
                }
            )
            return
        self._record(steps, given.written)
        self.fire_until(given.day)

    def _record(self, steps: Sequence[Step], written: str) -> None:
        for step in steps:
            self.journal.append(
                {"op": written, "mijlpaal": step.process, "van": step.before, "gebeurtenis": step.event,
                 "naar": step.after}
            )  # fmt: skip
            for message in step.messages:
                line: dict[str, object] = {
                    "op": written, "rol": message.role, "soort": message.kind, "mijlpaal": message.process
                }  # fmt: skip
                line |= {"termijn": message.term} if message.term else {}
                line |= {"onderwerp": message.subject} if message.subject else {}
                self.messages.append(line)

    def result(self, name: object, today: date) -> dict[str, object]:
        """Return the result of the run, seen from its last day."""
        return {
            "zaak": name,
            "toestanden": {process.name: process.state for process in self.case.processes},
            "journaal": self.journal,
            "termijnen": [
                term_row(term, process.name, today, self.rules)
                for process in self.case.processes
                for term in process.terms
            ],
            "dwangsommen": [
                owed.as_json() for process in self.case.processes for owed in penalties(process, today)
            ],
            "feiten": {process.name: _plain(process.facts) for process in self.case.processes},
            "berichten": self.messages,
            "geweigerd": self.refused,
        }


def simulate(case_file: CaseFile, calendar: Calendar, policy: Policy | None = None) -> dict[str, object]:
    """Run a whole case file and return its result; a policy that cannot be is a CaseFileError."""
    try:
        chosen = with_overrides(policy or Policy(), case_file.overrides)
    except PolicyError as error:
        raise CaseFileError(str(error)) from error
    run = Simulation(calendar, Rules(calendar, replace(chosen, accept_by_hand=case_file.by_hand)))
    for given in case_file.steps:
        run.step(given)
    return run.result(case_file.name, case_file.steps[-1].day)


def term_row(term: RunningTerm, process: str, today: date, rules: Rules) -> dict[str, object]:
    """Return one term in the words of the contract (contract 2)."""
    kind = rules.policy.term(term.term)
    row: dict[str, object] = {
        "id": term.term,
        "naam": kind.name,
        "mijlpaal": process,
        "gestart_op": term.started_on.isoformat(),
        "nominaal": term.nominal.isoformat(),
        "uiterlijk": term.due.isoformat() if term.due else None,
        "verschoven_door": term.shifted_by,
        "niet_verschoven_omdat": term.not_shifted_because,
        "voorbehoud": reservation(term, rules.policy, rules.calendar),
        "opgeschort_dagen": term.suspended_days,
        "waarschuwingen": [rung.on.isoformat() for rung in term.ladder[:-1]],
        "uitkomst": str(term.outcome(today)),
        "geeindigd_op": term.ended_on.isoformat() if term.ended_on else None,
        "te_laat": term.is_overdue(today),
        "beleid": term.policy,
        "bron": kind.source,
        "bron_voluit": kind.source_text,
        "artikelen": [reference.as_json() for reference in kind.references],
        "zekerheid": str(kind.confidence),
    }
    if term.due_atw is not None and term.due_atw != term.due:
        row["uiterlijk_atw"] = term.due_atw.isoformat()
    return row


def _plain(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()}

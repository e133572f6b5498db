"""Run a case file on a virtual clock: the same decisions as in production, without a server (contract 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
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

_STEP_KEYS = {"op", "mijlpaal", "open", "gebeurtenis", "gegevens", "tot"}
_CASE_KEYS = {"zaak", "beleid", "stappen", "overdrachten", "omschrijving", "verwacht"}


class CaseFileError(Refusal, ValueError):
    """A case file that cannot be run: one Dutch sentence that names the place."""


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

    def step(self, number: int, given: Mapping[str, object]) -> None:
        """Take one step of the case file; a refusal is recorded and changes nothing."""
        if "tot" in given:
            self.fire_until(_moment(number, given["tot"])[0])
            return
        day, written = _moment(number, given.get("op"))
        self.fire_until(day)
        code = given.get("mijlpaal")
        data = given.get("gegevens") or {}
        if not isinstance(data, Mapping):
            raise CaseFileError(f"Stap {number}: 'gegevens' moet een object zijn.")
        event = given.get("gebeurtenis")
        try:
            if given.get("open") is True:
                self.case, steps = start(self.case, str(code), day, day, self.rules, data)
            elif isinstance(event, str):
                name = code if isinstance(code, str) else process_for(self.case, event)
                self.case, steps = apply(self.case, name, Event(event, day, data), day, self.rules)
            else:
                raise CaseFileError(f"Stap {number}: geef 'open', 'gebeurtenis' of 'tot'.")
        except NotPossible as refusal:
            self.refused.append(
                {"op": written, "mijlpaal": code, "gebeurtenis": event or "open", "reden": refusal.reason}
            )
            return
        self._record(steps, written)
        self.fire_until(day)

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


def simulate(
    case_file: Mapping[str, object], calendar: Calendar, policy: Policy | None = None
) -> dict[str, object]:
    """Run a whole case file and give its result; a file that cannot be run is a CaseFileError."""
    unknown = sorted(set(case_file) - _CASE_KEYS)
    if unknown:
        raise CaseFileError(f"Onbekende sleutel in het zaakbestand: {', '.join(unknown)}.")
    steps = case_file.get("stappen")
    if not isinstance(steps, list) or not steps:
        raise CaseFileError("Een zaakbestand heeft een lijst 'stappen' met minstens één stap.")
    overrides = case_file.get("beleid") or {}
    if not isinstance(overrides, Mapping):
        raise CaseFileError("'beleid' moet een object zijn.")
    handoffs = case_file.get("overdrachten", "vanzelf")
    if handoffs not in ("vanzelf", "met de hand"):
        raise CaseFileError('\'overdrachten\' is "vanzelf" of "met de hand".')
    try:
        chosen = with_overrides(policy or Policy(), overrides)
    except PolicyError as error:
        raise CaseFileError(str(error)) from error
    run = Simulation(calendar, Rules(calendar, replace(chosen, accept_by_hand=handoffs == "met de hand")))
    last: date | None = None
    for number, given in enumerate(steps, start=1):
        if not isinstance(given, Mapping):
            raise CaseFileError(f"Stap {number} is geen object.")
        extra = sorted(set(given) - _STEP_KEYS)
        if extra:
            raise CaseFileError(f"Stap {number}: onbekende sleutel {', '.join(extra)}.")
        day = _moment(number, given.get("tot", given.get("op")))[0]
        if last is not None and day < last:
            raise CaseFileError(
                f"Stap {number}: {day.isoformat()} ligt voor de vorige stap ({last.isoformat()})."
            )
        run.step(number, given)
        last = day
    assert last is not None  # noqa: S101 - there is at least one step
    return run.result(case_file.get("zaak"), last)


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


def _moment(number: int, written: object) -> tuple[date, str]:
    """Read a date or a local date-time; give the civil date and the moment as it was written."""
    if isinstance(written, str):
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            pass
        else:
            if moment.tzinfo is not None:
                raise CaseFileError(f"Stap {number}: schrijf een lokale tijd, zonder tijdzone.")
            return moment.date(), written
    raise CaseFileError(f"Stap {number}: 'op' of 'tot' moet een datum zijn (jjjj-mm-dd).")

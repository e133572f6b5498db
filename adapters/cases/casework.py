"""The one way to change a case: load it, let the mijlpalen decide, write all of it in one transaction.

What has been committed here is safe: journal, snapshot, timers, outbox and event id stand or fall together.
The flow runs in Prefect follow from it.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, col, select

from adapters.cases.case_writing import Change, DecidedInput, write_changes
from adapters.cases.deciding import FILLED_IN, signed, with_four_eyes
from adapters.cases.opening_data import checked_opening
from adapters.cases.person_code import check_person, check_workers
from adapters.cases.store import (
    KeptProcess,
    UnknownCaseError,
    load_case,
    load_for_event,
    load_past,
    load_to_change,
    lock_case,
    lock_cases,
    with_past,
)
from adapters.runtime.actor import Actor, acting, acts
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.counters import OPENED, tell_refused
from adapters.runtime.plain_values import to_json
from adapters.runtime.privacy import ALPHABET, OWN_FORM, may_tell_of_a_person, shows_nobody
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    OpeningRow,
    ProcessRow,
    TimerRow,
    insert_rows,
    reading,
    writing,
)
from adapters.storage.group_commit import GroupCommit
from adapters.storage.one_of import OneOf
from milestones.case import HANDOFF_EVENTS, Case, Step, apply, process_for, start
from milestones.definitions import definition_of, known_versions
from milestones.four_eyes import first_answer
from milestones.policy import Rules
from milestones.process import Event, NotPossible, RungDue, has_lapsed
from milestones.refusal import CaseRefusal
from milestones.steering import ASSIGNED

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock
    from milestones.terms import Rung

RulesFor = Callable[[str], Rules]
RolesOf = Callable[[Actor, str], tuple[str, ...] | None]
"""The roles of who acts in a gemeente; None where they are not known."""
AfterSteps = Callable[[Session, CaseRow, Case, Sequence[Step]], None]

_REFERENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")
_OWN_FORM = re.compile(OWN_FORM)
_EVENT_ID_LENGTH = 200
_LOOKED_AT = 5  # due rungs for each case that is asked for: some are of one case, or of a newer release


def roles_said(actor: Actor, municipality: str) -> tuple[str, ...] | None:
    """Return the roles that come with the actor himself."""
    return actor.roles_in(municipality)


def nothing_more(session: Session, case_row: CaseRow, case: Case, steps: Sequence[Step]) -> None:
    """Do nothing after the steps of a term."""


class ConflictError(CaseRefusal, ValueError):
    """The same id came before with another content."""


@dataclass(frozen=True)
class Receipt:
    """What became of an input: the case after it, and whether it was news; past terms only where they were asked."""

    reference: str
    municipality: str
    case: Case
    new: bool = True
    process: str = ""


_Answer: TypeAlias = Receipt | CaseRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRequest:
    """A mijlpaal to open, in a new case or in the one with this reference.

    `on` is the date that counts for the law, today by default. `then` are events that follow at once, in the same
    transaction. A repeat with the same `key` changes nothing; `event_id` only names the opening in the journal, for
    a caller who knows repeats himself. `quiet` tells nobody: for history of another system.
    """

    code: str
    municipality: str
    reference: str | None = None
    on: date | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    person_key: str | None = None
    partner_key: str | None = None
    key: str | None = None
    event_id: str | None = None
    then: tuple[Event, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """An event in a case that is there.

    The same id twice is one transition; the same id with other content is a conflict. `only_in` is the state in which
    a question was asked; once the process left it, the answer is NotPossible. `person` is the code of who has the
    process in his name from then on. `quiet` is that of an opening. A case of a gemeente that is not among what `sees`
    allows is an unknown one, before anything of it is read.
    """

    reference: str
    event: str
    process: str | None = None
    on: date | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    event_id: str | None = None
    only_in: str | None = None
    person: str | None = None
    quiet: bool = False
    whole: bool = False
    """The receipt has the past terms of the case as well: for who shows all of it."""
    sees: Callable[[str], bool] | None = None
    actor: Actor = field(default_factory=acting)
    """Who reports it."""
    keep: Callable[[Receipt], tuple[type[SQLModel], Mapping[str, object]]] | None = None
    """Returns a row that is written together with it when it is reported in a transaction of its own."""


class Casework:
    """Open cases, report events, and fire terms, for one case database.

    `after_steps` is called in the transaction of each term that fired, with the case after it and its steps; `roles_of`
    says which roles who acts has in a gemeente; `reference_pattern` is the form of references that others choose;
    `known_workers` gives the codes of medewerkers that files name; `may_fire` says whether the clock may end terms.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        rules_for: RulesFor,
        after_steps: AfterSteps = nothing_more,
        roles_of: RolesOf = roles_said,
        reference_pattern: str | None = None,
        known_workers: Callable[[], Collection[str]] = frozenset,
        may_fire: Callable[[], bool] = lambda: True,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.rules_for = rules_for
        self._after_steps = after_steps
        self._roles_of = roles_of
        self._reference_pattern = reference_pattern
        self._known_workers = known_workers
        self._may_fire = may_fire
        self._group = GroupCommit[EventReport, _Answer](self._report_alone, self._report_together)

    # --- opening ----------------------------------------------------------------------------------------------

    def open(
        self,
        code: str,
        *,
        municipality: str,
        reference: str | None = None,
        on: date | None = None,
        data: Mapping[str, object] | None = None,
        person_key: str | None = None,
        partner_key: str | None = None,
        key: str | None = None,
        event_id: str | None = None,
        then: tuple[Event, ...] = (),
        quiet: bool = False,
        session: Session | None = None,
    ) -> Receipt:
        """Open one mijlpaal; see `OpeningRequest`.

        With `session` it becomes part of a transaction of the caller. Raises NotPossible, InvalidData or
        ConflictError; then nothing was written.
        """
        request = OpeningRequest(
            code=code,
            municipality=municipality,
            reference=reference,
            on=on,
            data=data or {},
            person_key=person_key,
            partner_key=partner_key,
            key=key,
            event_id=event_id,
            then=then,
            quiet=quiet,
        )
        with self._within(session) as session:  # noqa: PLR1704
            receipt = _the_one(self.open_all([request], session))
        if receipt.new:
            reach(Checkpoint.AFTER_COMMIT, receipt.reference)
        return receipt

    def check_opening(
        self, code: str, municipality: str, on: date | None, data: Mapping[str, object] | None
    ) -> None:
        """Raise for what lies in an opening itself, whatever cases there are: NotPossible or InvalidData."""
        today = self.clock.now().date()
        with _refusals_told(OPENED):
            start(
                Case(),
                code,
                on or today,
                today,
                self.rules_for(municipality),
                checked_opening(code, data or {}),
            )

    def open_all(self, requests: Sequence[OpeningRequest], session: Session) -> list[Receipt | CaseRefusal]:
        """Open mijlpalen, in the order given; return for each a receipt, or the refusal of what was not written.

        It becomes part of a transaction of the caller. What opens a case of its own is written together with a few
        statements; what may be about a case that is there is decided when all before it is written.
        """
        fresh = iter(self._new_references(session, sum(request.reference is None for request in requests)))
        answers: list[Receipt | CaseRefusal] = []
        decided: list[Change] = []
        for request in requests:
            if decided and (request.reference or request.key):
                write_changes(session, decided)
                decided = []
            try:
                with _refusals_told(OPENED):
                    made = self._decide_opening(session, request, fresh)
                    if isinstance(made, Change):
                        if len(requests) == 1:
                            write_changes(session, [made])  # a second traject is refused here
                        else:
                            decided.append(made)
                        made = Receipt(
                            made.case_row.reference,
                            made.case_row.municipality,
                            made.after,
                            process=made.process,
                        )
                    answers.append(made)
            except CaseRefusal as refusal:
                answers.append(refusal)
        if decided:
            write_changes(session, decided)
        return answers

    def _decide_opening(
        self, session: Session, request: OpeningRequest, fresh: Iterator[str]
    ) -> Change | Receipt:
        """Decide an opening and the events that follow at once, or find the repeat that it is; writes nothing."""
        reference, municipality = request.reference, request.municipality
        if reference is not None:
            check_reference(reference)
        data = checked_opening(request.code, request.data)
        fingerprint = _fingerprint(request.code, reference, request.on, data)
        if request.key is not None and (known := session.get(OpeningRow, request.key)):
            if known.fingerprint != fingerprint:
                raise ConflictError("Dit id is al gebruikt om een andere zaak te openen.")
            row = session.get_one(CaseRow, known.case_reference)
            return Receipt(row.reference, row.municipality, load_case(session, row.reference)[0], new=False)
        existing = session.get(CaseRow, reference, with_for_update=True) if reference else None
        # One moment for deciding and for the journal: at midnight two looks could give two dates.
        at = self.clock.now()
        if existing is not None and municipality not in (existing.municipality, "0000"):
            raise NotPossible(f"Zaak '{reference}' hoort bij een andere gemeente.")
        if existing is None and reference is not None:
            self._check_form(reference)
        case_row = existing or CaseRow(
            reference=reference or next(fresh),
            municipality=municipality,
            person_key=request.person_key,
            partner_key=request.partner_key,
            opened_at=at,
        )
        before, kept = load_case(session, case_row.reference) if existing else (Case(), {})
        rules, today = self.rules_for(case_row.municipality), at.date()
        after, steps = start(before, request.code, request.on or today, today, rules, data)
        process, id_ = steps[0].process, request.event_id or request.key or None
        inputs = [DecidedInput(before, after, steps, id_, request.quiet)]
        for event in request.then:
            earlier = after
            after, steps = apply(earlier, process, event, today, rules)
            inputs.append(
                DecidedInput(earlier, after, steps, f"{id_ or process}:{event.name}", request.quiet)
            )
        opening = OpeningRow(
            key=request.key or "",
            fingerprint=fingerprint,
            case_reference=case_row.reference,
            accepted_at=at,
        )
        also = (opening,) if request.key is not None else ()
        return Change(case_row, kept, tuple(inputs), rules, at, also)

    def _check_form(self, reference: str) -> None:
        """Refuse for a new case what has not the form that the municipality set, or that of a number (NotPossible)."""
        if shows_nobody(reference, self._reference_pattern):
            return
        if self._reference_pattern is not None:
            raise NotPossible(
                "Deze zaakreferentie heeft niet de vorm die de gemeente koos; zonder zaakreferentie maken wij er een."
            )
        raise NotPossible(
            "Een zaakreferentie is een nummer, met ten hoogste vijf letters achter elkaar (ZAAK-2026-17): "
            "zo staat er geen naam in. Zonder zaakreferentie maken wij er een."
        )

    def references_match(self, pattern: str) -> bool:
        """Whether the reference of every case that is here matches a pattern that ours match."""
        with reading(self.engine) as session:
            others = select(CaseRow.reference).where(~col(CaseRow.reference).like("FZ-____-_______"))
            found = session.exec(others.execution_options(yield_per=1_000))
            return all(re.search(pattern, reference) for reference in found)

    def _new_references(self, session: Session, count: int) -> list[str]:
        """Make references that say nothing about a person and are easy to read out."""
        year, found = self.clock.today().year, dict[str, None]()
        while len(found) < count:
            fresh = [
                f"FZ-{year}-" + "".join(secrets.choice(ALPHABET) for _ in range(7))
                for _ in range(count - len(found))
            ]
            taken = set(session.exec(select(CaseRow.reference).where(col(CaseRow.reference).in_(fresh))))
            found |= dict.fromkeys(reference for reference in fresh if reference not in taken)
        return list(found)

    # --- events -----------------------------------------------------------------------------------------------

    def report(
        self,
        reference: str,
        event: str,
        *,
        process: str | None = None,
        on: date | None = None,
        data: Mapping[str, object] | None = None,
        event_id: str | None = None,
        only_in: str | None = None,
        person: str | None = None,
        quiet: bool = False,
        whole: bool = False,
        sees: Callable[[str], bool] | None = None,
        session: Session | None = None,
    ) -> Receipt:
        """Report one event; see `EventReport`.

        With `session` it becomes part of a transaction of the caller. Raises UnknownCaseError, NotPossible,
        InvalidData or ConflictError; then nothing was written.
        """
        given = EventReport(
            reference=reference,
            event=event,
            process=process,
            on=on,
            data=data or {},
            event_id=event_id,
            only_in=only_in,
            person=person,
            quiet=quiet,
            whole=whole,
            sees=sees,
        )
        if session is None:
            return self.report_one(given)
        receipt = _the_one(self.report_all([given], session))
        if receipt.new:
            reach(Checkpoint.AFTER_COMMIT, reference)
        return receipt

    def report_one(self, given: EventReport) -> Receipt:
        """Report one event, in a transaction that it may share with events that others report at the same moment.

        Raises as `report` does; then nothing of it was written. What becomes of one event touches no other: one whose
        case somebody holds is done alone.
        """
        receipt = _the_one([self._group.do(given)])
        if receipt.new:
            reach(Checkpoint.AFTER_COMMIT, given.reference)
        return receipt

    def _report_alone(self, given: EventReport) -> Receipt:
        with writing(self.engine) as session:
            receipt = _the_one(self.report_all([given], session))
            _keep(session, [(given, receipt)])
        return receipt

    def _report_together(self, reports: Sequence[EventReport]) -> Sequence[_Answer | None]:
        """Report events in one transaction; None for each that wrote nothing and has to be reported alone.

        Raises only what the commit raised: nobody knows then whether it was kept.
        """
        at_the_end = False
        try:
            with writing(self.engine) as session:
                answers = self._report_what_is_free(session, reports)
                _keep(session, zip(reports, answers, strict=True))
                at_the_end = True
        except Exception:
            if at_the_end:
                raise
            return [None] * len(reports)
        _tell_refusals(zip(reports, answers, strict=True))
        return answers

    def _report_what_is_free(self, session: Session, reports: Sequence[EventReport]) -> list[_Answer | None]:
        """Report what is about cases that nobody holds; a repeat whose answer was kept is left as well."""
        locked = lock_cases(session, sorted({given.reference for given in reports}))
        free = [given for given in reports if _is_seen(given, locked.get(given.reference))]
        answers = {
            id(given): answer
            for given, answer in zip(free, self._report_locked(free, session, locked), strict=True)
            if given.keep is None or not isinstance(answer, Receipt) or answer.new
        }
        return [answers.get(id(given)) for given in reports]

    def report_all(self, reports: Sequence[EventReport], session: Session) -> list[_Answer]:
        """Report events, in the order given; return for each a receipt, or the refusal of what was not written.

        It becomes part of a transaction of the caller. All is written together with a few statements. A refusal leaves
        its case as the event before it left it. Raises UnknownCaseError.
        """
        if len(references := {given.reference for given in reports}) == 1:
            locked = {reference: lock_case(session, reference) for reference in references}
        else:
            locked = lock_cases(session, sorted(references), wait=True)
        for given in reports:
            if not _is_seen(given, locked.get(given.reference)):
                raise UnknownCaseError(given.reference)
        answers = self._report_locked(reports, session, locked)
        _tell_refusals(zip(reports, answers, strict=True))
        return answers

    def _report_locked(
        self, reports: Sequence[EventReport], session: Session, locked: Mapping[str, CaseRow]
    ) -> list[_Answer]:
        """Report events in cases that this transaction locked."""
        found, told = self._load(session, reports)
        cases = {reference: case for reference, (case, _) in found.items()}
        inputs: dict[str, list[DecidedInput]] = {reference: [] for reference in found}
        fired: dict[str, list[DecidedInput]] = {reference: [] for reference in found}
        shown_whole = {given.reference for given in reports if given.whole}
        past = load_past(session, (one for name in shown_whole for one in found[name][1].values()))
        at = self.clock.now()
        answers: list[_Answer] = []
        for given in reports:
            reference, case_row = given.reference, locked[given.reference]
            try:
                with acts(given.actor):
                    known = told.get((reference, given.event_id))
                    lapsed = (
                        () if known else self._lapsed_before(session, cases[reference], given, case_row, at)
                    )
                    case = lapsed[-1].after if lapsed else cases[reference]
                    decided = () if known else (*lapsed, *self._decide(case, given, case_row, at))
                    name = (
                        _same_content(cases[reference], known, given)
                        if known
                        else _told_in(decided[len(lapsed) :])
                    )
            except CaseRefusal as refusal:
                answers.append(refusal)
                continue
            inputs[reference] += decided
            fired[reference] += lapsed
            if decided:
                cases[reference] = decided[-1].after
            if given.event_id is not None and not known:
                on = given.on or at.date()
                told[reference, given.event_id] = _Told(given.event, name, on, to_json(dict(given.data)))
            case = cases[reference]
            shown = with_past(case, found[reference][1], past) if given.whole else case
            answers.append(Receipt(reference, case_row.municipality, shown, new=not known, process=name))
        changes = [
            Change(row, found[reference][1], tuple(inputs[reference]), self.rules_for(row.municipality), at)
            for reference in found
            if inputs[reference]
            for row in [locked[reference]]
        ]
        if changes:
            write_changes(session, changes)
        for reference, terms in fired.items():
            for one in terms:
                self._after_steps(session, locked[reference], one.after, one.steps)
        return answers

    def _lapsed_before(
        self, session: Session, case: Case, given: EventReport, case_row: CaseRow, at: datetime
    ) -> tuple[DecidedInput, ...]:
        """Return the rungs of terms that ended before the day of an event, which the law sees first.

        Nobody fired them yet: the workers stood still, or it is only just a new day. History of another system
        tells its own order.
        """
        on = min(given.on or at.date(), at.date())
        if given.quiet or not any(
            has_lapsed(definition_of(process), process, on) for process in case.processes
        ):
            return ()
        if not self._may_fire():
            return ()
        due = [
            (case_row.reference, _rung_name(process.name, term.key, rung))
            for process in case.processes
            for term, rung in process.pending(on)
        ]
        free = partial(_RungIds(session, due).free, case_row.reference)
        return tuple(_due_inputs(case, at.date(), self.rules_for(case_row.municipality), free, on))

    def _load(
        self, session: Session, reports: Sequence[EventReport]
    ) -> tuple[dict[str, tuple[Case, dict[str, KeptProcess]]], dict[tuple[str, str | None], _Told]]:
        """Return the cases that these are about, and what their journals have under these ids."""
        references = list(dict.fromkeys(given.reference for given in reports))
        ids = [given.event_id for given in reports if given.event_id is not None]
        if len(reports) == 1 and ids:
            case, kept, known = load_for_event(session, references[0], ids[0])
            return {references[0]: (case, kept)}, _told(session, references, ids) if known else {}
        return load_to_change(session, references), _told(session, references, ids) if ids else {}

    def _decide(
        self, case: Case, given: EventReport, case_row: CaseRow, at: datetime
    ) -> tuple[DecidedInput, ...]:
        """Decide an event, and in whose name its process stands after it; writes nothing."""
        if given.event_id is not None and len(given.event_id) > _EVENT_ID_LENGTH:
            raise NotPossible(f"Het id is langer dan {_EVENT_ID_LENGTH} tekens.")
        rules, today = self.rules_for(case_row.municipality), at.date()
        name = given.process or process_for(case, given.event)
        before = case.process(name)
        check_workers(given.data, given.person, rules.policy, self._known_workers)
        if given.only_in is not None and before.state != given.only_in:
            raise NotPossible(f"{name} staat niet meer op {given.only_in}.")
        roles = self._roles_of(acting(), case_row.municipality)
        event = signed(Event(given.event, given.on or today, dict(given.data)), before, roles, rules.policy)
        two = with_four_eyes(case, name, before, event, today, rules, given.quiet)
        if two is not None:
            return _inputs(case, name, two, given, today, rules)
        after, steps = apply(case, name, event, today, rules)
        first = DecidedInput(case, after, steps, given.event_id or str(uuid.uuid4()), given.quiet)
        if given.person is None:
            return (first,)
        # NotPossible when the event closed the process: there is nothing to have any more.
        holder = Event(ASSIGNED, today, {"houder": check_person(given.person), "reden": "toegewezen"})
        held, taken = apply(after, _told_in((first,)), holder, today, rules)
        return (first, DecidedInput(after, held, taken, str(uuid.uuid4()), given.quiet))

    def check_worker(self, code: str, municipality: str) -> str:
        """Return the code of a medewerker in a gemeente; InvalidData or NotPossible when it is none."""
        check_workers({}, code, self.rules_for(municipality).policy, self._known_workers)
        return code

    # --- terms ------------------------------------------------------------------------------------------------

    def fire_due(self, reference: str) -> int:
        """Fire every rung of a case that is due, in order, each once; give how many fired."""
        with writing(self.engine) as session:
            return self._fire(session, [lock_case(session, reference)])

    def fire_due_together(self, references: Sequence[str]) -> int:
        """Fire what is due in many cases, in the order given and in one transaction; give how many rungs fired.

        A case that somebody else is changing is left for the next time. An error undoes all of it.
        """
        with writing(self.engine) as session:
            locked = lock_cases(session, references)
            return self._fire(session, [locked[reference] for reference in references if reference in locked])

    def _fire(self, session: Session, case_rows: Sequence[CaseRow]) -> int:
        references = [case_row.reference for case_row in case_rows]
        found, at = load_to_change(session, references), self.clock.now()
        due = [
            (reference, _rung_name(process.name, term.key, rung))
            for reference, (case, _) in found.items()
            for process in case.processes
            for term, rung in process.pending(at.date())
        ]
        ids = _RungIds(session, due)
        changes = [
            Change(case_row, kept, inputs, rules, at)
            for case_row in case_rows
            for case, kept in [found[case_row.reference]]
            for rules in [self.rules_for(case_row.municipality)]
            if (inputs := tuple(_due_inputs(case, at.date(), rules, partial(ids.free, case_row.reference))))
        ]
        if changes:
            write_changes(session, changes)
        for change in changes:
            for given in change.inputs:
                self._after_steps(session, change.case_row, given.after, given.steps)
        return sum(len(change.inputs) for change in changes)

    def is_due(self, reference: str) -> bool:
        """Whether a case has a rung that is due today or before, without a lock."""
        query = (
            select(TimerRow.id)
            .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(ProcessRow.case_reference == reference, col(TimerRow.next_on) <= self.clock.today())
            .limit(1)
        )
        with reading(self.engine) as session:
            return session.exec(query).first() is not None

    def cases_with_due_terms(self, limit: int = 100) -> list[str]:
        """Return cases that have a rung due today or before, the oldest first: one range of one index.

        What only a newer release knows is left out here and not in the question: a database that has no statistics
        yet would start from the processes, of which there are many.
        """
        query = (
            select(ProcessRow.case_reference, ProcessRow.code, ProcessRow.version)
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(col(TimerRow.next_on) <= self.clock.today())
            .order_by(col(TimerRow.next_on))
            .limit(limit * _LOOKED_AT)
        )
        known = set(known_versions())
        with reading(self.engine) as session:
            found = [
                reference for reference, code, version in session.exec(query) if (code, version) in known
            ]
        return list(dict.fromkeys(found))[:limit]

    # --- writing ----------------------------------------------------------------------------------------------

    @contextmanager
    def _within(self, session: Session | None) -> Iterator[Session]:
        """Yield the transaction of the caller, or one of our own that is committed at the end."""
        if session is not None:
            yield session
            return
        with writing(self.engine) as own:
            yield own

    # --- reading ----------------------------------------------------------------------------------------------

    def case_in(self, session: Session, reference: str) -> Case:
        """Return a case as it stands within a transaction of the caller."""
        return load_case(session, reference)[0]

    def case(self, reference: str) -> CaseView:
        """Return a case as it stands with its journal; an unknown reference is an UnknownCaseError."""
        with reading(self.engine) as session:
            row = session.get(CaseRow, reference)
            if row is None:
                raise UnknownCaseError(reference)
            case, _ = load_case(session, reference)
            processes = session.exec(
                select(ProcessRow).where(ProcessRow.case_reference == reference).order_by(col(ProcessRow.id))
            ).all()
            journal = session.exec(
                select(JournalRow)
                .where(JournalRow.case_reference == reference)
                .order_by(col(JournalRow.number))
            ).all()
            rows = {process.name: process for process in processes}
            return CaseView(reference, row.municipality, case, tuple(journal), rows)


@dataclass(frozen=True)
class CaseView:
    """A case as it stands, for showing."""

    reference: str
    municipality: str
    case: Case
    journal: tuple[JournalRow, ...]
    rows: Mapping[str, ProcessRow]

    @cached_property
    def is_closed(self) -> bool:
        """Whether every process has ended."""
        return all(row.closed for row in self.rows.values())


@contextmanager
def _refusals_told(reported: str, reference: str | None = None) -> Iterator[None]:
    """Log and count a refusal that passes. An unknown case is no NotPossible, so the reference is a real one."""
    try:
        yield
    except CaseRefusal:
        tell_refused(reported, reference)
        raise


def is_own_form(reference: str) -> bool:
    """Whether a reference looks like one that we make ourselves."""
    return _OWN_FORM.fullmatch(reference) is not None


def check_reference(reference: str) -> None:
    """Refuse a case reference that cannot be one, or that could be a BSN (NotPossible)."""
    if not _REFERENCE.match(reference):
        raise NotPossible(
            "Een zaakreferentie bestaat uit letters, cijfers, punten en streepjes (ten hoogste 60)."
        )
    if may_tell_of_a_person(reference):
        raise NotPossible(
            "Deze zaakreferentie kan iets over een persoon zeggen; gebruik een nummer dat niemand aanwijst."
        )


def _marked(steps: tuple[Step, ...], due: date, today: date) -> tuple[Step, ...]:
    """Say with a rung that fires after its day which day it was due, and how many days late it is."""
    if today <= due:
        return steps
    late = {"moest_op": due, "dagen_te_laat": (today - due).days}
    return tuple(replace(step, data=late) if step.rung else step for step in steps)


def _due_inputs(
    case: Case, today: date, rules: Rules, free_id: Callable[[str], str], until: date | None = None
) -> Iterator[DecidedInput]:
    """Yield the rungs of a case that are due, in order, each decided on the case as the one before left it.

    `until` is the last day of which the rungs are wanted: today, or that of an event that comes after them.
    """
    while True:
        due = [
            (rung.on, index, term.key, rung)
            for index, process in enumerate(case.processes)
            for term, rung in process.pending(until or today)
        ]
        if not due:
            return
        on, index, key, rung = min(due, key=lambda one: (*one[:3], one[3].name))
        name = case.processes[index].name
        after, steps = apply(case, name, RungDue(key, rung.name), today, rules)
        yield DecidedInput(case, after, _marked(steps, on, today), free_id(_rung_name(name, key, rung)))
        case = after


def _rung_name(process: str, key: str, rung: Rung) -> str:
    """Return the usual id of a rung."""
    return f"{process}:{key}:{rung.name}:{rung.on}"


class _RungIds:
    """The ids of rungs that the journals of some cases have: those that are due, in one question, others when asked."""

    def __init__(self, session: Session, due: Sequence[tuple[str, str]]) -> None:
        self._session = session
        references, ids = ({one[place] for one in due} for place in (0, 1))
        given = {"references": references, "ids": ids}
        self._taken = set(session.execute(_IDS, given).tuples()) if due else set[tuple[str, str | None]]()
        self._asked = {(reference, id_) for reference in references for id_ in ids}

    def free(self, reference: str, usual: str) -> str:
        """Return the id of a rung; a warning that is given again on the same day has a number behind it.

        A suspension of no days at all gives the warnings of that day anew. With the same id the second one could
        never be written, and the case would keep its other terms waiting.
        """
        number, id_ = 1, usual
        while self._is_taken(reference, id_):
            number += 1
            id_ = f"{usual}#{number}"
        self._taken.add((reference, id_))
        return id_

    def _is_taken(self, reference: str, id_: str) -> bool:
        if (reference, id_) not in self._asked:
            self._asked.add((reference, id_))
            self._taken |= set(
                self._session.execute(_IDS, {"references": [reference], "ids": [id_]}).tuples()
            )
        return (reference, id_) in self._taken


def _inputs(
    case: Case, name: str, events: Sequence[Event], given: EventReport, today: date, rules: Rules
) -> tuple[DecidedInput, ...]:
    """Return these events, decided one after another; the first has the id of the report."""
    found: list[DecidedInput] = []
    for event in events:
        after, steps = apply(case, name, event, today, rules)
        id_ = given.event_id if not found and given.event_id else str(uuid.uuid4())
        found.append(DecidedInput(case, after, steps, id_, given.quiet))
        case = after
    return tuple(found)


def _the_one(answers: Sequence[_Answer]) -> Receipt:
    """Return the receipt of the only request, or raise its refusal."""
    (answer,) = answers
    if not isinstance(answer, Receipt):
        raise answer
    return answer


def _is_seen(given: EventReport, case_row: CaseRow | None) -> bool:
    """Whether a case is there for who reports."""
    return case_row is not None and (given.sees is None or given.sees(case_row.municipality))


def _keep(session: Session, answered: Iterable[tuple[EventReport, _Answer | None]]) -> None:
    """Write what callers keep together with what they reported."""
    rows: dict[type[SQLModel], list[Mapping[str, object]]] = {}
    for given, answer in answered:
        if given.keep is not None and isinstance(answer, Receipt):
            model, row = given.keep(answer)
            rows.setdefault(model, []).append(row)
    for model, mine in rows.items():
        insert_rows(session, model, mine)


def _tell_refusals(answered: Iterable[tuple[EventReport, _Answer | None]]) -> None:
    for given, answer in answered:
        if isinstance(answer, CaseRefusal):
            tell_refused(given.event, given.reference)


def _told_in(inputs: Sequence[DecidedInput]) -> str:
    """Return the process that an event was reported in."""
    return next(step.process for step in inputs[0].steps if not step.derived)


@dataclass(frozen=True, slots=True)
class _Told:
    """What came before under an id."""

    event: str
    process: str
    on: date
    data: Mapping[str, object]


_OF_THESE = (OneOf(col(JournalRow.case_reference), "references"), OneOf(col(JournalRow.event_id), "ids"))
_ANSWERED = select(JournalRow).where(*_OF_THESE)
_IDS = select(JournalRow.case_reference, JournalRow.event_id).where(*_OF_THESE)


def _told(
    session: Session, references: Sequence[str], event_ids: Sequence[str]
) -> dict[tuple[str, str | None], _Told]:
    """Return what the journals of these cases have under these ids."""
    found = {}
    for row in session.exec(_ANSWERED, params={"references": references, "ids": event_ids}):
        event, data = first_answer(row.event, row.data)
        found[row.case_reference, row.event_id] = _Told(event, row.process, row.on, data)
    return found


def _same_content(case: Case, known: _Told, given: EventReport) -> str:
    """Return the process of a repeat; ConflictError when its id came before with another content."""
    kept = _comparable(known.data)
    for filled_in in FILLED_IN - set(given.data):  # from who acted then
        kept.pop(filled_in, None)
    same = (
        known.event == given.event
        and _is_meant(case, given, known.process)
        and (given.on is None or known.on == given.on)
        and kept == _comparable(to_json(dict(given.data)))
    )
    if not same:
        raise ConflictError("Dit id is al gebruikt voor een andere gebeurtenis.")
    return known.process


def _is_meant(case: Case, given: EventReport, process: str) -> bool:
    """Whether a report names the process that took it; a hand-off may be answered at either end."""
    named = given.process
    if named is None or _names(named, process):
        return True
    giver = case.named(process).facts.get("overdracht_van") if given.event in HANDOFF_EVENTS else None
    return isinstance(giver, str) and _names(named, giver)


def _names(named: str, process: str) -> bool:
    return process == named.removesuffix("#1") or process.startswith(f"{named}#")


def _comparable(data: Mapping[str, object]) -> dict[str, object]:
    """Return data with dates as text, so that what was sent and what was kept can be compared."""
    return {
        name: value["datum"] if isinstance(value, dict) and set(value) == {"datum"} else value
        for name, value in data.items()
        if value is not None and value != ""
    }


def _fingerprint(code: str, reference: str | None, on: date | None, data: Mapping[str, object]) -> str:
    """Return a hash over what an opening says, to tell a repeat from another opening with the same key."""
    content = [code, reference, on.isoformat() if on else None, to_json(data)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

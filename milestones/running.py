"""The terms of one process: start, stop, suspend and resume them, and count their dates."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from milestones.calendar import Basis, suspended_days
from milestones.replacing import replace
from milestones.snapshot import NotPossible, RunningTerm, TermOutcome
from milestones.term_table import NORMS, TERMS
from milestones.terms import EXPIRY, ladder, last_day
from milestones.vocabulary import HANDOFF_TERM, OBJECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from milestones.calendar import Calendar, Length
    from milestones.definition import Arm
    from milestones.policy import Policy, Rules
    from milestones.snapshot import Event, Snapshot
    from milestones.terms import Term

_ONE_DAY = timedelta(days=1)


def put(snapshot: Snapshot, old: RunningTerm, new: RunningTerm) -> Snapshot:
    """Return the process with one term replaced."""
    return replace(snapshot, terms=tuple(new if item is old else item for item in snapshot.terms))


# --- starting ---------------------------------------------------------------------------------------------


def arm_term(snapshot: Snapshot, arm: Arm, event: Event, today: date, rules: Rules) -> Snapshot:
    """Start a term, unless it runs already; see Arm for what each of its words means.

    The municipality's own norm beside it, where it has one, starts with it.
    """
    after = _arm(snapshot, arm, event, today, rules)
    return after if after is snapshot else _with_norm(after, arm.term, today, rules)


def _with_norm(snapshot: Snapshot, term: str, today: date, rules: Rules) -> Snapshot:
    """Start the own norm beside a term that just started: from the same day."""
    running, norm = snapshot.running(term), NORMS.get(term)
    if running is None or norm is None or not rules.policy.term(norm).has_length():
        return snapshot
    beside = replace(running, key=free_key(snapshot, norm), term=norm, variant=None, until=None, cap=None)
    beside = count_term(beside, rules)
    return replace(snapshot, terms=(*snapshot.terms, replace(beside, fired=passed_rungs(beside, today))))


def _arm(snapshot: Snapshot, arm: Arm, event: Event, today: date, rules: Rules) -> Snapshot:
    before, anchor = snapshot, _anchor(snapshot, arm, event)
    if anchor is None or not _wanted(snapshot, arm, event, rules.policy):
        return snapshot
    old = snapshot.running(arm.supersedes) if arm.supersedes else None
    cap = old.due if old else None
    if old:
        snapshot = stop(snapshot, old.term, TermOutcome.SUPERSEDED, event.on)
    current = snapshot.running(arm.term)
    if current is not None and not arm.several:
        as_it_is = current.anchor == anchor and current.variant == arm.variant
        if not arm.restart or (as_it_is and (arm.from_term or (arm.same_anchor and arm.variant))):
            return snapshot
        snapshot = stop(snapshot, arm.term, TermOutcome.SUPERSEDED, event.on)
    kind = rules.policy.term(arm.term)
    variant = arm.variant or _variant(kind, snapshot)
    backward = kind.length_for(variant).backward
    until = as_date(event.data.get(arm.until)) if arm.until else None
    fresh = RunningTerm(
        key=free_key(snapshot, arm.term),
        term=arm.term,
        anchor=anchor,
        started_on=event.on if backward else anchor + timedelta(days=kind.starts_next_day),
        policy=rules.policy.name,
        nominal=anchor,
        due=None,
        due_atw=None,
        shifted_by=None,
        not_shifted_because=None,
        ladder=(),
        cap=cap,
        until=until,
        variant=variant,
    )
    if until is not None:
        most = kind.longest_changed or kind.longest if arm.same_anchor else kind.longest
        _check_until(fresh, kind, most, rules)
    stood = current if arm.same_anchor else None  # one decision: what stood still, stands still
    fresh = count_term(replace(fresh, suspended_days=stood.suspended_days) if stood else fresh, rules)
    if arm.not_past and fresh.due is not None and fresh.due < event.on:
        return _arm(before, replace(arm, from_term=None, not_past=False), event, today, rules)
    if stood is not None and stood.suspended_since is not None:
        fresh = replace(fresh, suspended_since=stood.suspended_since, due=None, due_atw=None)
    return replace(snapshot, terms=(*snapshot.terms, replace(fresh, fired=passed_rungs(fresh, today))))


def passed_rungs(running: RunningTerm, today: date) -> frozenset[str]:
    """Return the rungs that a term which starts in the past never had: its warnings; its expiry still counts."""
    return frozenset(rung.name for rung in running.ladder if rung.on < today and rung.name != EXPIRY)


def _wanted(snapshot: Snapshot, arm: Arm, event: Event, policy: Policy) -> bool:
    def true(name: str) -> bool:
        return event.data.get(name, snapshot.facts.get(name)) is True

    if arm.policy and getattr(policy, arm.policy) is not True:
        return False
    if arm.if_cancelled:
        former = snapshot.latest(arm.if_cancelled)
        if former is None or former.stopped is not TermOutcome.CANCELLED or former.ended_on != event.on:
            return False
        if former.anchor >= event.on - _ONE_DAY:  # not one of its days was over
            return False
    if (arm.unless and true(arm.unless)) or (arm.without and arm.without in event.data):
        return False
    return not arm.when or true(arm.when)


def _anchor(snapshot: Snapshot, arm: Arm, event: Event) -> date | None:
    if arm.if_cancelled:  # from the last day on which that term still counted: the day before
        return event.on - _ONE_DAY
    if arm.from_term:
        other = snapshot.latest(arm.from_term)
        return other.due if other else event.on
    if arm.same_anchor:
        former = snapshot.latest(arm.term)
        return former.anchor if former else event.on
    if arm.anchor:
        return as_date(event.data.get(arm.anchor))
    if arm.from_earlier:
        earlier = as_date(snapshot.facts.get(arm.from_earlier))
        return min(earlier, event.on) if earlier else event.on
    return event.on


def _variant(kind: Term, snapshot: Snapshot) -> str | None:
    """Return the doelgroep of the client for which this term has a length of its own."""
    groups = target_groups(snapshot.facts)
    return next((name for name, _ in kind.variants if name in groups), None)


def target_groups(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Return the doelgroepen that are known of the client."""
    known = facts.get("doelgroep", ())
    if isinstance(known, str):
        return (known,)
    return tuple(known) if isinstance(known, tuple | list) else ()


def as_date(value: object) -> date | None:
    """Return a date that came as a date or as text; anything else is None."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def free_key(snapshot: Snapshot, term: str) -> str:
    """Return a key for one more term of this kind."""
    taken = {item.key for item in snapshot.terms}
    number = 1 + snapshot.past.get(term, 0) + sum(1 for item in snapshot.terms if item.term == term)
    while (key := term if number == 1 else f"{term}#{number}") in taken:
        number += 1
    return key


def _check_until(running: RunningTerm, kind: Term, longest: Length | None, rules: Rules) -> None:
    """Refuse a last day, written in a ruling or a letter, that the law does not allow."""
    until = running.until
    if until is None:
        return
    if until < running.anchor:
        raise NotPossible(f"De einddatum van {kind.id} ligt voor de start ({running.anchor.isoformat()}).")
    if longest is not None:
        most = rules.calendar.deadline(running.anchor, longest, kind.basis, running.suspended_days).due
        if until > most:
            raise NotPossible(
                f"{kind.id} ({kind.name}) duurt ten hoogste {longest}, dus tot en met "
                f"{most.isoformat()} ({kind.source})."
            )


def count_term(running: RunningTerm, rules: Rules) -> RunningTerm:
    """Return a term with its dates counted anew from its anchor: nominal, due, and its ladder."""
    term = rules.policy.term(running.term)
    length = term.length_for(running.variant)
    deadline = rules.calendar.deadline(running.anchor, length, term.basis, running.suspended_days)
    due = running.until or last_day(term, deadline)
    shifted_by, reason = deadline.shifted_by, deadline.not_shifted_because
    if running.until is not None:
        shifted_by, reason = None, "De datum staat in de uitspraak, de brief of de verlenging."
    if running.cap is not None and running.cap < due:
        due, shifted_by = running.cap, None
        reason = "De eerdere termijn liep al af op deze dag; de vroegste dag telt."
    return replace(
        running,
        nominal=deadline.nominal,
        due=due,
        due_atw=deadline.due_atw if running.until is None else due,
        shifted_by=shifted_by,
        not_shifted_because=reason,
        ladder=ladder(term, running.started_on, due, rules.calendar),
    )


def reservation(running: RunningTerm, policy: Policy, calendar: Calendar) -> str | None:
    """Say so when the last day of a term can still move, because not all days off are known (R5)."""
    term = policy.term(running.term)
    if running.due is None or running.until is not None or not term.has_length(running.variant):
        return None
    return calendar.reservation(term.length_for(running.variant), term.basis, running.anchor, running.due)


def reservation_at(kind: Term, due: date, calendar: Calendar) -> str | None:
    """Say the same of a last day alone, where nothing else of the running term is at hand."""
    return calendar.reservation(kind.length, kind.basis, due, due) if kind.length is not None else None


# --- stopping ---------------------------------------------------------------------------------------------


def stop(snapshot: Snapshot, term: str, outcome: TermOutcome, on: date) -> Snapshot:
    """Stop every running term of this kind, and the own norm beside it."""
    if outcome is TermOutcome.MET:
        _check_not_before(snapshot, term, on)
    return replace(
        snapshot,
        terms=tuple(
            replace(item, stopped=outcome, ended_on=on)
            if item.term in (term, NORMS.get(term)) and item.runs
            else item
            for item in snapshot.terms
        ),
    )


def stop_one(snapshot: Snapshot, term: str, key: object, on: date) -> Snapshot:
    """Meet one of several running terms: the one that is named, or else the oldest."""
    running = [item for item in snapshot.terms if item.term == term and item.runs]
    if isinstance(key, str):
        running = [item for item in running if item.key == key]
        if not running:
            raise NotPossible(f"Er loopt geen termijn '{key}' in {snapshot.name}.")
    if not running:
        return snapshot
    return put(snapshot, running[0], replace(running[0], stopped=TermOutcome.MET, ended_on=on))


def _check_not_before(snapshot: Snapshot, term: str, on: date) -> None:
    running = snapshot.running(term)
    # A term may start to count later than today (a decision on bezwaar); and work on an offered case may be
    # older than the offer. Then nothing is too early.
    if (
        running is not None
        and on < running.started_on
        and not TERMS[term].starts_next_day
        and term != HANDOFF_TERM
    ):
        raise NotPossible(
            f"De datum {on.isoformat()} ligt voor de start van {term} ({running.started_on.isoformat()})."
        )


def end_all(snapshot: Snapshot, on: date) -> Snapshot:
    """End every term of a closed process, but for those that outlive it (retention)."""
    return replace(
        snapshot,
        terms=tuple(
            replace(item, stopped=TermOutcome.CANCELLED, ended_on=on)
            if item.runs and not TERMS[item.term].survives_process
            else item
            for item in snapshot.terms
        ),
    )


def goes_with(item: RunningTerm, terms: tuple[str, ...]) -> bool:
    """Tell whether a term is one of these, or the own norm beside one of them."""
    return item.term in terms or TERMS[item.term].norm_of in terms


def end_at_death(snapshot: Snapshot, on: date) -> Snapshot:
    """End every running term but those of the archive and of a request for one's own data (domain 3.2)."""
    for term in {item.term for item in snapshot.terms if item.runs}:
        if not TERMS[term].kept_at_death:
            snapshot = stop(snapshot, term, TermOutcome.CANCELLED, on)
    return snapshot


def revive(snapshot: Snapshot, terms: tuple[str, ...], today: date) -> Snapshot:
    """Let terms count on that lapsed with a decision against which an objection was founded.

    They count from where they counted before, as if the decision had never been. What they would have warned
    of meanwhile stays unsaid; a last day that passed meanwhile is still told, as late.
    """
    decided = snapshot.latest(OBJECTION)
    if decided is None:
        return snapshot

    def again(item: RunningTerm) -> RunningTerm:
        lapsed = item.stopped is TermOutcome.CANCELLED and item.ended_on == decided.anchor
        if not goes_with(item, terms) or not lapsed:
            return item
        passed = {rung.name for rung in item.ladder if rung.on < today and rung.name != EXPIRY}
        return replace(item, stopped=None, ended_on=None, fired=item.fired | passed)

    return replace(snapshot, terms=tuple(again(item) for item in snapshot.terms))


# --- standing still (R13) ---------------------------------------------------------------------------------


def suspend(snapshot: Snapshot, term: str, on: date, until: date | None, rules: Rules) -> Snapshot:
    """Stop a term's clock on the day of the invitation (R13)."""
    running = snapshot.running(term)
    if running is None or running.suspended_since is not None:
        return snapshot
    if until is not None:
        length = rules.policy.term(term).length_for(running.variant)
        most = rules.calendar.deadline(on, length, Basis.BELEID).due
        if until > most:
            raise NotPossible(
                f"{term} kan niet langer stilstaan dan de termijn zelf duurt ({length}, dus tot en met "
                f"{most.isoformat()}): geef een kortere hersteltermijn (Awb art. 4:5 en 4:15)."
            )
    return _both(snapshot, term, lambda item: replace(item, suspended_since=on, due=None, due_atw=None))


def resume(snapshot: Snapshot, term: str, on: date, rules: Rules) -> Snapshot:
    """Let a suspended term run on; its end moves by the suspended days (R13)."""
    running = snapshot.running(term)
    if running is None or running.suspended_since is None:
        return snapshot
    if on < running.suspended_since:
        raise NotPossible(
            f"De datum {on.isoformat()} ligt voor de opschorting van {term} "
            f"({running.suspended_since.isoformat()})."
        )

    def counts_on(item: RunningTerm) -> RunningTerm:
        if item.suspended_since is None:
            return item
        # A term that had not begun to count when it was suspended, stands still from its own start.
        days = suspended_days(max(item.suspended_since, item.anchor), on)
        until = item.until + timedelta(days=days) if item.until else None
        stood = replace(item, suspended_since=None, suspended_days=item.suspended_days + days, until=until)
        if not rules.policy.term(item.term).has_length(item.variant):
            # The own norm was abolished while it stood still.
            return replace(stood, stopped=TermOutcome.CANCELLED, ended_on=on)
        again = count_term(stood, rules)
        return replace(again, fired=still_fired(again, item, on))

    return _both(snapshot, term, counts_on)


def _both(snapshot: Snapshot, term: str, change: Callable[[RunningTerm], RunningTerm]) -> Snapshot:
    """Change a running term and the own norm beside it."""
    for name in (term, NORMS.get(term, "")):
        if running := snapshot.running(name):
            snapshot = put(snapshot, running, change(running))
    return snapshot


def still_fired(again: RunningTerm, before: RunningTerm, on: date) -> frozenset[str]:
    """Warnings that were given before are given again when their dates moved."""
    return frozenset(
        rung.name
        for rung in again.ladder
        # A rung whose date did not move (suspended and resumed on one day) was given already.
        if rung.name in before.fired and (rung.on < on or rung in before.ladder)
    )

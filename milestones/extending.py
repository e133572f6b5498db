"""A longer term: where its source allows that, with a reason, and else a refusal with the article."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from milestones.calendar import Basis, Length, Unit
from milestones.running import as_date, count_term, put, still_fired
from milestones.snapshot import NotPossible
from milestones.terms import Extension

if TYPE_CHECKING:
    from datetime import date

    from milestones.policy import Rules
    from milestones.snapshot import Event, RunningTerm, Snapshot
    from milestones.terms import Term

EXTENDED = "verlengd"  # the fact that counts the extensions of a term, with its key behind it
_BY_LAW = {Basis.WET, Basis.AMVB, Basis.WET_ZONDER_ATW, Basis.EU}


def extend(snapshot: Snapshot, event: Event, rules: Rules) -> Snapshot:
    """Return a running term a later last day where its source allows it; else NotPossible with the article."""
    key = event.data.get("termijn")
    running = next(
        (item for item in reversed(snapshot.terms) if key in (item.key, item.term) and item.runs), None
    )
    if running is None:
        raise NotPossible(f"In {snapshot.name} loopt geen termijn '{key}'.")
    kind = rules.policy.term(running.term)
    if kind.extension is None:
        raise NotPossible(
            f"{kind.id} ({kind.name}) kan niet worden verlengd: {kind.extendable} ({kind.source})."
        )
    if running.due is None:
        raise NotPossible(f"{kind.id} staat stil en kan nu niet worden verlengd.")
    if event.on > running.due and kind.basis in _BY_LAW:
        raise NotPossible(f"{kind.id} is al voorbij en kan niet meer worden verlengd ({kind.source}).")
    until = _asked(running, kind, event, rules)
    if until <= running.due:
        raise NotPossible(f"De nieuwe datum ligt niet na de huidige ({running.due.isoformat()}).")
    times = f"{EXTENDED}_{running.key}"
    done = snapshot.facts.get(times, 0)
    count = done if isinstance(done, int) else 0
    _check_extension(running, kind, event, until, done=count, rules=rules)
    again = count_term(replace(running, until=until, cap=None), rules)
    after = put(snapshot, running, replace(again, fired=still_fired(again, running, event.on)))
    return replace(after, facts={**after.facts, times: count + 1})


def _asked(running: RunningTerm, kind: Term, event: Event, rules: Rules) -> date:
    """Return the last day that is asked for: a date, or a number of weeks after the present end."""
    until, weeks = as_date(event.data.get("tot")), event.data.get("weken")
    if until is not None:
        return until
    if isinstance(weeks, int):
        end = running.until or running.nominal
        return rules.calendar.deadline(end, Length(weeks, Unit.WEEKS), kind.basis).due
    raise NotPossible("Geef bij een verlenging een datum ('tot') of een aantal weken ('weken').")


def _check_extension(
    running: RunningTerm, kind: Term, event: Event, until: date, *, done: int, rules: Rules
) -> None:
    extension = kind.extension or Extension()
    consent = event.data.get("instemming") is True
    for need in extension.needs:
        if event.data.get(need) is not True:
            raise NotPossible(f"{kind.id} kan alleen langer duren: {kind.extendable} ({kind.source}).")
    if consent and extension.consent_lifts:
        return
    if extension.times is not None and done >= extension.times:
        raise NotPossible(f"{kind.id} is al verlengd; verder: {kind.extendable} ({kind.source}).")
    if extension.step is not None:
        end = running.until or running.nominal
        _check_most(kind, extension.step, rules.calendar.deadline(end, extension.step, kind.basis).due, until)
    if extension.total is not None:
        total = rules.calendar.deadline(running.anchor, extension.total, kind.basis, running.suspended_days)
        _check_most(kind, extension.total, total.due, until)


def _check_most(kind: Term, length: Length, most: date, until: date) -> None:
    if until > most:
        raise NotPossible(
            f"{kind.id} kan niet langer worden dan tot en met {most.isoformat()} ({length}): "
            f"{kind.extendable} ({kind.source})."
        )

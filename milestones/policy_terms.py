"""What a municipality may choose for a term: its length within the law, its ladder, and an own norm beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from milestones.calendar import Length, Unit
from milestones.policy_values import PolicyError, check_role, short_name, standing_at
from milestones.term_table import NORMS
from milestones.terms import is_rung

if TYPE_CHECKING:
    from milestones.terms import Term
    from milestones.vocabulary import Role

UNITS: Mapping[str, Unit] = MappingProxyType({str(unit): unit for unit in Unit if unit is not Unit.HOURS})
# How many days a unit lasts at the most and at the least, to compare lengths in different units: a chosen
# length must stay within the law in every month and around every feestdag.
_MOST_DAYS = {Unit.DAYS: 1, Unit.WORKING_DAYS: 2, Unit.WEEKS: 7, Unit.MONTHS: 31, Unit.YEARS: 366}
_LEAST_DAYS = {Unit.DAYS: 1, Unit.WORKING_DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 28, Unit.YEARS: 365}
TERM_KEYS = frozenset({"lengte", "waarschuwingen", "escaleert_naar", "reden"})


def without_norm(term: Term, value: object) -> tuple[object | None, object | None]:
    """Split what is chosen for a term from the own norm beside it; None where there is none of the two.

    A length shorter than the law fixes is an own norm: the legal term stays what it is.
    """
    if term.norm_of is not None:
        raise PolicyError(
            f"Beleid: zet de eigen norm bij {term.norm_of} zelf, bijvoorbeeld "
            f"{term.norm_of} = {{ norm = {{ weken = 3 }} }}."
        )
    if not isinstance(value, Mapping) or term.id not in NORMS:
        return value, None
    if "norm" in value:
        rest = {key: other for key, other in value.items() if key != "norm"}
        return rest or None, value["norm"]
    if not term.configurable and len(value) == 1 and next(iter(value)) in UNITS:
        length = _length_of(term, value)
        if term.length is not None and length != term.length and not exceeds(length, term.length):
            return None, value
    return value, None


def own_norm(base: Term, norm: Term, value: object) -> Term:
    """Return the own norm of a municipality beside a term: never longer than that term."""
    whole = value if isinstance(value, Mapping) and set(value) <= TERM_KEYS else {"lengte": value}
    if "lengte" not in whole:
        raise PolicyError(f"Beleid: '{base.id}.norm' noemt een lengte, bijvoorbeeld {{ weken = 3 }}.")
    length = _length_of(base, whole["lengte"])
    if base.length is not None and exceeds(length, base.length):
        raise PolicyError(
            f"Beleid: '{base.id}.norm' mag niet langer zijn dan de termijn zelf: {base.length} ({base.source})."
        )
    rest = {key: other for key, other in whole.items() if key != "lengte"}
    return override_term(replace(norm, length=length), rest) if rest else replace(norm, length=length)


def override_term(term: Term, value: object, *, kept: bool = False) -> Term:
    """Return a term with what a municipality chose for it. Raises PolicyError for what the law does not allow."""
    if isinstance(value, Mapping) and value and set(value) <= TERM_KEYS:
        if "lengte" in value:
            with standing_at("lengte"):
                term = _with_length(term, value["lengte"], value.get("reden"), kept=kept)
        elif "reden" in value:
            raise PolicyError(f"Beleid: '{term.id}.reden' hoort bij een eigen lengte.")
        if "waarschuwingen" in value:
            term = replace(term, ladder=_ladder(term, value["waarschuwingen"]))
        if "escaleert_naar" in value:
            term = replace(term, escalates_to=_escalation(term, value["escaleert_naar"]))
        return term
    return _with_length(term, value, kept=kept)


def _ladder(term: Term, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(set(map(str, value))) != len(value):
        raise PolicyError(
            f'Beleid: \'{term.id}.waarschuwingen\' is een lijst zonder dubbele, zoals ["-14d", "-2wd"].'
        )
    for step in value:
        if not isinstance(step, str) or not is_rung(step):
            raise PolicyError(
                f"Beleid: '{term.id}.waarschuwingen': '{step}' is geen moment (zoals -14d, -2wd, +1w)."
            )
    return tuple(value)


def _escalation(term: Term, value: object) -> tuple[Role, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise PolicyError(f"Beleid: '{term.id}.escaleert_naar' noemt minstens een rol.")
    for role in value:
        check_role(f"{term.id}.escaleert_naar", role)
    return tuple(cast("Role", role) for role in value)


def _length_of(term: Term, value: object) -> Length:
    """Read a length such as {"weken": 4}."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise PolicyError(f'Beleid: geef voor {term.id} één lengte, bijvoorbeeld {{"weken": 4}}.')
    unit, amount = next(iter(value.items()))
    if unit not in UNITS:
        raise PolicyError(
            f"Beleid: '{unit}' is geen lengte voor {term.id}; kies uit {', '.join(UNITS)}.", str(unit)
        )
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise PolicyError(
            f"Beleid: de lengte van {term.id} moet een geheel getal van 1 of meer zijn.", str(unit)
        )
    return Length(amount, UNITS[unit])


def _with_length(term: Term, value: object, reason: object = None, *, kept: bool = False) -> Term:
    length = _length_of(term, value)
    if term.length is not None and length.unit not in units_of(term.length).values():
        units = ", ".join(units_of(term.length))
        raise PolicyError(
            f"Beleid: {term.id} telt zijn eerste dag mee ({term.source}); kies uit {units}.", str(length.unit)
        )
    if term.length is None:
        raise PolicyError(f"Beleid: {term.id} heeft geen eigen lengte ({term.source}).")
    same = (length.amount, length.unit) == (term.length.amount, term.length.unit)
    if same:
        return term
    if not kept:
        with standing_at(str(length.unit)):
            _check_bounds(term, length, reason)
    source = term.source if reason is None else f"{term.source}; eigen lengte: {short_name(reason)}"
    # How it is counted (back, or with its first day) comes from the law and stays.
    return replace(term, source=source, length=replace(term.length, amount=length.amount, unit=length.unit))


def _check_bounds(term: Term, length: Length, reason: object) -> None:
    if not term.configurable:
        raise PolicyError(f"Beleid: de lengte van {term.id} staat vast op {term.length} ({term.source}).")
    if term.longest is not None and exceeds(length, term.longest):
        raise PolicyError(f"Beleid: {term.id} mag ten hoogste {term.longest} zijn ({term.source}).")
    if term.needs_reason and reason is None:
        raise PolicyError(
            f"Beleid: een andere lengte voor {term.id} kan, met een reden ('reden'): {term.length} is afgesproken "
            f"({term.source})."
        )


def exceeds(length: Length, longest: Length) -> bool:
    """Tell whether a length can end later than another, in some month and around some feestdag."""
    if length.unit is longest.unit:
        return length.amount > longest.amount
    return length.amount * _MOST_DAYS[length.unit] > longest.amount * _LEAST_DAYS[longest.unit]


def units_of(length: Length) -> Mapping[str, Unit]:
    """Return the units in which a length may be written: none in working days where the first day counts (R14)."""
    without = {Unit.WORKING_DAYS} if length.includes_first_day else set()
    return {name: unit for name, unit in UNITS.items() if unit not in without}


def most_of(longest: Length, unit: Unit) -> int:
    """Return the greatest number of units that never exceeds a length; 0 when one is already too much."""
    if unit is longest.unit:
        return longest.amount
    return longest.amount * _LEAST_DAYS[longest.unit] // _MOST_DAYS[unit]

"""What a municipality may choose, as data: lengths, warning moments, numbers, names and roles.

Everything here is pure: a mapping goes in, a Policy or a PolicyError comes out. Files are read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, get_args

from milestones.calendar import Length, Unit
from milestones.profiles import LIFE_PHASES, PERSONAS, Profile
from milestones.refusal import Refusal
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import NORMS, TERMS
from milestones.terms import is_rung
from milestones.vocabulary import ProcessCode

if TYPE_CHECKING:
    from milestones.calendar import Calendar
    from milestones.definition import Definition
    from milestones.terms import Term
    from milestones.vocabulary import Role

PROCESS_CODES: tuple[ProcessCode, ...] = get_args(ProcessCode)
_UNITS: Mapping[str, Unit] = MappingProxyType({str(unit): unit for unit in Unit if unit is not Unit.HOURS})
# How many days a unit lasts at the most and at the least, to compare lengths in different units: a chosen
# length must stay within the law in every month and around every feestdag.
_MOST_DAYS = {Unit.DAYS: 1, Unit.WORKING_DAYS: 2, Unit.WEEKS: 7, Unit.MONTHS: 31, Unit.YEARS: 366}
_LEAST_DAYS = {Unit.DAYS: 1, Unit.WORKING_DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 28, Unit.YEARS: 365}


class PolicyError(Refusal, ValueError):
    """A policy that cannot be used: one Dutch sentence that names the key and the article."""


@dataclass(frozen=True)
class Policy:
    """The choices of one municipality; `name` stands with every term that started under it."""

    name: str = "standaard"
    terms: Mapping[str, Term] = field(default_factory=lambda: TERMS)
    attempts_before_closing: int = 3
    no_shows_before_closing: int = 3
    accept_by_hand: bool = True
    channels_before_closing: int = 2
    aftercare_contacts: int = 1
    ordinance_sets_term: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    replaced_roles: Mapping[str, str] = field(default_factory=dict)
    life_phases: Mapping[str, Profile] = field(default_factory=lambda: LIFE_PHASES)
    personas: Mapping[str, Profile] = field(default_factory=lambda: PERSONAS)
    # What was chosen for each term, so that a term of an earlier version can be made with it too.
    chosen: Mapping[str, object] = field(default_factory=dict)

    @property
    def no_ordinance_term(self) -> bool:
        """Whether the verordening sets no term, so that Awb art. 4:13 does (T03b)."""
        return not self.ordinance_sets_term

    def role(self, code: str) -> str:
        """Return the role that does the work of a role here."""
        return self.replaced_roles.get(code, code)

    def name_of(self, definition: Definition) -> str:
        """Return the name of a process as this municipality has it."""
        return self.names.get(definition.code, definition.name)

    def term(self, term_id: str) -> Term:
        """Return a term as this municipality has it; an unknown id is a KeyError."""
        return self.terms[term_id]


@dataclass(frozen=True)
class Rules:
    """All that deciding needs besides the case itself: the calendar and the policy."""

    calendar: Calendar
    policy: Policy = field(default_factory=Policy)
    # With which version of its definition a process opens; the newest where none is named. For replaying.
    versions: Mapping[str, int] = field(default_factory=dict)

    def under(self, definition: Definition) -> Rules:
        """Return the rules with the terms of this version of a definition, and what was chosen for them."""
        if not definition.old_terms:
            return self
        terms = dict(self.policy.terms)
        for name, term in definition.old_terms.items():
            chosen = self.policy.chosen
            terms[name] = _override_term(term, chosen[name], kept=True) if name in chosen else term
        return replace(self, policy=replace(self.policy, terms=MappingProxyType(terms)))


def with_overrides(policy: Policy, overrides: Mapping[str, object], *, kept: bool = False) -> Policy:
    """Apply a municipality's own choices to a policy.

    {"T10": {"weken": 3}} sets a length; {"T10": {"lengte": {"weken": 3}, "waarschuwingen": ["-7d"],
    "escaleert_naar": ["coordinator"], "reden": "besluit 12"}} more of a term; {"T01": {"norm": {"weken": 3}}} an own
    norm beside a term; {"contactpogingen": 4} a number; "namen", "rollen",
    "bezette_rollen", "verordening_stelt_termijn" and "naam" are the other keys. An unknown key, a missing
    role, or a length that the law does not allow, is a PolicyError that names the key and the article. A policy that
    was `kept` counts as it did when it was chosen, also where a bound was found in the law since.
    """
    terms = dict(policy.terms)
    chosen = dict(policy.chosen)
    changes: dict[str, Any] = {}
    for key, value in overrides.items():
        if key in terms:
            value, norm = _without_norm(terms[key], value)  # noqa: PLW2901 - the norm is a term of its own
            if value is not None:
                terms[key] = _override_term(terms[key], value, kept=kept)
                chosen[key] = value
            if norm is not None:
                terms[NORMS[key]] = _own_norm(terms[key], terms[NORMS[key]], norm)
        elif key in _NUMBERS:
            changes[_NUMBERS[key]] = _number(key, value)
        elif key in _READERS:
            name, read = _READERS[key]
            changes[name] = read(value)
        elif key != "bezette_rollen":
            raise PolicyError(f"Beleid: '{key}' is geen termijn en geen bekende instelling.")
    changed = replace(policy, terms=MappingProxyType(terms), chosen=chosen, **changes)
    if "bezette_rollen" in overrides:
        _check_roles(overrides["bezette_rollen"], changed)
    return changed


_NUMBERS = {
    "contactpogingen": "attempts_before_closing",
    "niet_verschenen": "no_shows_before_closing",
    "kanalen": "channels_before_closing",
    "nazorgcontacten": "aftercare_contacts",
}
_TERM_KEYS = {"lengte", "waarschuwingen", "escaleert_naar", "reden"}
_LONGEST_NAME = 40
_LONGEST_TASK = 120


def _number(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PolicyError(f"Beleid: '{key}' moet een geheel getal van 1 of meer zijn.")
    return value


def _text(value: object) -> str:
    return _named("naam", value)


def _named(key: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST_NAME:
        raise PolicyError(f"Beleid: '{key}': een naam is een tekst van ten hoogste {_LONGEST_NAME} tekens.")
    return value.strip()


def _yes_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise PolicyError("Beleid: 'verordening_stelt_termijn' is true of false (Wgs art. 4a lid 1).")
    return value


def _names(value: object) -> Mapping[str, str]:
    """Read the names of the mijlpalen that a municipality uses."""
    if not isinstance(value, Mapping):
        raise PolicyError("Beleid: 'namen' is een tabel, bijvoorbeeld M6 = \"Plan van aanpak\".")
    for code in value:
        if code not in PROCESS_CODES:
            raise PolicyError(f"Beleid: 'namen.{code}' is geen mijlpaal (wel: {', '.join(PROCESS_CODES)}).")
    return MappingProxyType({str(code): _text(name) for code, name in value.items()})


def _roles(value: object) -> Mapping[str, str]:
    """Read which role does the work of another."""
    if not isinstance(value, Mapping):
        raise PolicyError("Beleid: 'rollen' is een tabel, bijvoorbeeld quality_reviewer = \"coordinator\".")
    for role, other in value.items():
        for code in (role, other):
            _check_role(f"rollen.{role}", code)
        if other in value:
            raise PolicyError(f"Beleid: 'rollen.{role}' wijst naar '{other}', die zelf is vervangen.")
    return MappingProxyType({str(role): str(other) for role, other in value.items()})


_PROFILE = re.compile(r"[a-z][a-z0-9-]{0,23}")


def _profiles(key: str, value: object) -> Mapping[str, Profile]:
    """Read a list of life phases or persona's: codes, each with a name and tasks by role."""
    if not isinstance(value, Mapping) or not value:
        raise PolicyError(f"Beleid: '{key}' is een tabel van codes, elk met een 'naam' en zo nodig 'taken'.")
    return MappingProxyType(
        {str(code): _profile(f"{key}.{code}", code, item) for code, item in value.items()}
    )


def _profile(key: str, code: object, value: object) -> Profile:
    if not isinstance(code, str) or not _PROFILE.fullmatch(code):
        raise PolicyError(f"Beleid: '{key}': een code is kort, met kleine letters, cijfers en streepjes.")
    if not isinstance(value, Mapping) or not set(value) <= {"naam", "taken"} or "naam" not in value:
        raise PolicyError(f"Beleid: '{key}' heeft een 'naam' en zo nodig 'taken'.")
    tasks = value.get("taken", {})
    if not isinstance(tasks, Mapping):
        raise PolicyError(f"Beleid: '{key}.taken' is een tabel van rol naar wat er wordt gevraagd.")
    for role, words in tasks.items():
        _check_role(f"{key}.taken.{role}", role)
        if not isinstance(words, str) or not 0 < len(words.strip()) <= _LONGEST_TASK:
            raise PolicyError(
                f"Beleid: '{key}.taken.{role}' is een tekst van ten hoogste {_LONGEST_TASK} tekens."
            )
    asks = tuple((cast("Role", role), str(words).strip()) for role, words in tasks.items())
    return Profile(code, _named(f"{key}.naam", value["naam"]), asks)


_READERS: Mapping[str, tuple[str, Callable[[object], object]]] = MappingProxyType(
    {
        "naam": ("name", _text),
        "namen": ("names", _names),
        "levensfasen": ("life_phases", lambda value: _profiles("levensfasen", value)),
        "personas": ("personas", lambda value: _profiles("personas", value)),
        "rollen": ("replaced_roles", _roles),
        "verordening_stelt_termijn": ("ordinance_sets_term", _yes_no),
    }
)


def _check_role(key: str, role: object) -> None:
    if role not in ROLES:
        raise PolicyError(f"Beleid: '{key}': de rol '{role}' bestaat niet (wel: {', '.join(ROLES)}).")
    if role in OUTSIDE:
        raise PolicyError(f"Beleid: '{key}': '{role}' is geen rol binnen de gemeente (Wgs art. 3a).")


def _check_roles(value: object, policy: Policy) -> None:
    """Refuse a list of roles in which one is missing that holds cases: no queue without an owner."""
    if not isinstance(value, list | tuple):
        raise PolicyError("Beleid: 'bezette_rollen' is een lijst van rollen.")
    for role in value:
        _check_role("bezette_rollen", role)
    for role in ROLES:
        if role not in OUTSIDE and policy.role(role) not in value:
            raise PolicyError(
                f"Beleid: 'bezette_rollen': de rol '{role}' ontbreekt; bezet hem of wijs bij 'rollen' een "
                "andere aan."
            )


def _without_norm(term: Term, value: object) -> tuple[object | None, object | None]:
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
    if not term.configurable and len(value) == 1 and next(iter(value)) in _UNITS:
        length = _length_of(term, value)
        if term.length is not None and length != term.length and not _exceeds(length, term.length):
            return None, value
    return value, None


def _own_norm(base: Term, norm: Term, value: object) -> Term:
    """Return the own norm of a municipality beside a term: never longer than that term."""
    whole = value if isinstance(value, Mapping) and set(value) <= _TERM_KEYS else {"lengte": value}
    if "lengte" not in whole:
        raise PolicyError(f"Beleid: '{base.id}.norm' noemt een lengte, bijvoorbeeld {{ weken = 3 }}.")
    length = _length_of(base, whole["lengte"])
    if base.length is not None and _exceeds(length, base.length):
        raise PolicyError(
            f"Beleid: '{base.id}.norm' mag niet langer zijn dan de termijn zelf: {base.length} ({base.source})."
        )
    rest = {key: other for key, other in whole.items() if key != "lengte"}
    return _override_term(replace(norm, length=length), rest) if rest else replace(norm, length=length)


def _override_term(term: Term, value: object, *, kept: bool = False) -> Term:
    if isinstance(value, Mapping) and value and set(value) <= _TERM_KEYS:
        if "lengte" in value:
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
        _check_role(f"{term.id}.escaleert_naar", role)
    return tuple(cast("Role", role) for role in value)


def _length_of(term: Term, value: object) -> Length:
    """Read a length such as {"weken": 4}."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise PolicyError(f'Beleid: geef voor {term.id} één lengte, bijvoorbeeld {{"weken": 4}}.')
    unit, amount = next(iter(value.items()))
    if unit not in _UNITS:
        raise PolicyError(f"Beleid: '{unit}' is geen lengte voor {term.id}; kies uit {', '.join(_UNITS)}.")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount < 1:
        raise PolicyError(f"Beleid: de lengte van {term.id} moet een geheel getal van 1 of meer zijn.")
    return Length(amount, _UNITS[unit])


def _with_length(term: Term, value: object, reason: object = None, *, kept: bool = False) -> Term:
    length = _length_of(term, value)
    if term.length is None:
        raise PolicyError(f"Beleid: {term.id} heeft geen eigen lengte ({term.source}).")
    same = (length.amount, length.unit) == (term.length.amount, term.length.unit)
    if same:
        return term
    if not kept:
        _check_bounds(term, length, reason)
    source = term.source if reason is None else f"{term.source}; eigen lengte: {_text(reason)}"
    # How it is counted (back, or with its first day) comes from the law and stays.
    return replace(term, source=source, length=replace(term.length, amount=length.amount, unit=length.unit))


def _check_bounds(term: Term, length: Length, reason: object) -> None:
    if not term.configurable:
        raise PolicyError(f"Beleid: de lengte van {term.id} staat vast op {term.length} ({term.source}).")
    if term.longest is not None and _exceeds(length, term.longest):
        raise PolicyError(f"Beleid: {term.id} mag ten hoogste {term.longest} zijn ({term.source}).")
    if term.needs_reason and reason is None:
        raise PolicyError(
            f"Beleid: een andere lengte voor {term.id} kan, met een reden ('reden'): {term.length} is afgesproken "
            f"({term.source})."
        )


def _exceeds(length: Length, longest: Length) -> bool:
    if length.unit is longest.unit:
        return length.amount > longest.amount
    return length.amount * _MOST_DAYS[length.unit] > longest.amount * _LEAST_DAYS[longest.unit]

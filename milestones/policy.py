"""What a municipality may choose, as data: lengths, warning moments, numbers, names, roles, and what it plans.

Everything here is pure: a mapping goes in, a Policy or a PolicyError comes out. Files are read elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from milestones import policy_plans, policy_values
from milestones.code_forms import INSTRUMENTS, WORKER
from milestones.policy_plans import ALL
from milestones.policy_terms import override_term, own_norm, without_norm
from milestones.policy_values import PolicyError, check_role, standing_at
from milestones.profiles import LIFE_PHASES, PERSONAS
from milestones.quality_questions import QUESTIONS, Question, questions_from
from milestones.replacing import replace
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import NORMS, TERMS

if TYPE_CHECKING:
    from milestones.calendar import Calendar
    from milestones.definition import Definition
    from milestones.policy_plans import ElementChoice, Origin, Target
    from milestones.profiles import Profile
    from milestones.terms import Term


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
    # Whether another policy needs a second person to be taken into use.
    changed_by_two: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    replaced_roles: Mapping[str, str] = field(default_factory=dict)
    life_phases: Mapping[str, Profile] = field(default_factory=lambda: LIFE_PHASES)
    personas: Mapping[str, Profile] = field(default_factory=lambda: PERSONAS)
    # What its codes mean; None: a number has the form of `milestones.codes`.
    motivations: Mapping[str, str] | None = None
    overrules: Mapping[str, str] | None = None
    instruments: Mapping[str, str] = field(default_factory=lambda: INSTRUMENTS)
    # The form of a code of a medewerker, for whom no file names.
    worker_form: str = WORKER
    # The own offer for a doelgroep: its name is what is offered.
    offers: Mapping[str, Profile] = field(default_factory=dict)
    # The elements of the basisdienstverlening about which something was decided, by their number.
    elements: Mapping[str, ElementChoice] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    questions: tuple[Question, ...] = QUESTIONS  # that colleagues answer about each other's cases
    # Which kinds of decision wait for a second person; none by default.
    second_opinions: tuple[str, ...] = ()
    # Where a choice comes from, by its key; "alles" stands for every other.
    origins: Mapping[str, Origin] = field(default_factory=dict)
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

    def origin(self, key: str) -> Origin | None:
        """Return where a choice comes from, or None when that was not written down."""
        return self.origins.get(key) or self.origins.get(ALL)


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
            terms[name] = override_term(term, chosen[name], kept=True) if name in chosen else term
        return replace(self, policy=replace(self.policy, terms=MappingProxyType(terms)))


def with_overrides(policy: Policy, overrides: Mapping[str, object], *, kept: bool = False) -> Policy:
    """Apply a municipality's own choices to a policy.

    {"T10": {"weken": 3}} sets a length; {"T10": {"lengte": {"weken": 3}, "waarschuwingen": ["-7d"],
    "escaleert_naar": ["coordinator"], "reden": "besluit 12"}} more of a term; {"T01": {"norm": {"weken": 3}}} an own
    norm beside a term; {"contactpogingen": 4} a number. `KEYS` are the other keys. An unknown key, a missing
    role, or a length that the law does not allow, is a PolicyError that names the key and the article. A policy that
    was `kept` counts as it did when it was chosen, also where a bound was found in the law since.
    """
    terms = dict(policy.terms)
    chosen = dict(policy.chosen)
    changes: dict[str, Any] = {}
    for key, value in overrides.items():
        with standing_at(key):
            if key in terms:
                changed_terms, length = _term_choice(terms, key, value, kept=kept)
                terms |= changed_terms
                chosen |= length
            else:
                changes |= _setting(key, value, overrides)
    changed = replace(policy, terms=MappingProxyType(terms), chosen=chosen, **changes)
    if "bezette_rollen" in overrides:
        _check_roles(overrides["bezette_rollen"], changed)
    return changed


def _term_choice(
    terms: Mapping[str, Term], key: str, value: object, *, kept: bool
) -> tuple[dict[str, Term], dict[str, object]]:
    """Return the term, and perhaps the own norm beside it, that were chosen; and the choice for the term itself."""
    own, norm = without_norm(terms[key], value)
    base = terms[key] if own is None else override_term(terms[key], own, kept=kept)
    changed = {key: base}
    if norm is not None:
        changed[NORMS[key]] = own_norm(base, terms[NORMS[key]], norm)
    return changed, {} if own is None else {key: own}


def _setting(key: str, value: object, overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the field of a policy that a key sets."""
    if key in NUMBERS:
        return {NUMBERS[key]: policy_values.whole_number(key, value)}
    if key in _READERS:
        name, read = _READERS[key]
        return {name: read(value)}
    if key == "herkomst":
        return {"origins": policy_plans.origins(value, {ALL, *overrides})}
    if key in ("bezette_rollen", "gemeente"):
        return {}
    raise PolicyError(unknown_key(key))


def unknown_key(key: str, near: Sequence[str] = ()) -> str:
    """Say that a key is unknown, and which one was meant, or else which there are."""
    known = sorted(KEYS - set(TERMS))
    hint = (
        f"Bedoelt u {' of '.join(near)}?" if near else f"Wel: {', '.join(known)}, en een termijn zoals T03."
    )
    return f"Beleid: '{key}' is geen termijn en geen bekende instelling. {hint}"


NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        "contactpogingen": "attempts_before_closing",
        "niet_verschenen": "no_shows_before_closing",
        "kanalen": "channels_before_closing",
        "nazorgcontacten": "aftercare_contacts",
    }
)
_READERS: Mapping[str, tuple[str, Callable[[object], object]]] = MappingProxyType(
    {
        "naam": ("name", policy_values.short_name),
        "namen": ("names", policy_values.names),
        "levensfasen": ("life_phases", lambda value: policy_values.profiles("levensfasen", value)),
        "personas": ("personas", lambda value: policy_values.profiles("personas", value)),
        "motiveringen": ("motivations", lambda value: policy_values.codes("motiveringen", value)),
        "overruleredenen": ("overrules", lambda value: policy_values.codes("overruleredenen", value)),
        "meetinstrumenten": ("instruments", lambda value: policy_values.codes("meetinstrumenten", value)),
        "medewerkercode": ("worker_form", policy_values.worker_form),
        "rollen": ("replaced_roles", policy_values.roles),
        "tweede_beoordeling": ("second_opinions", policy_values.second_opinions),
        "verordening_stelt_termijn": ("ordinance_sets_term", policy_values.term_in_ordinance),
        "tweede_persoon_beleid": ("changed_by_two", policy_values.two_for_policy),
        "elementen": ("elements", policy_plans.elements),
        "doelgroepen": ("offers", policy_plans.offers),
        "doelen": ("targets", policy_plans.targets),
        "kwaliteitsvragen": ("questions", questions_from),
    }
)
KEYS: frozenset[str] = frozenset({*TERMS, *NUMBERS, *_READERS, "bezette_rollen", "gemeente", "herkomst"})


def _check_roles(value: object, policy: Policy) -> None:
    """Refuse a list of roles in which one is missing that holds cases: no queue without an owner."""
    if not isinstance(value, list | tuple):
        raise PolicyError("Beleid: 'bezette_rollen' is een lijst van rollen.", "bezette_rollen")
    for role in value:
        check_role("bezette_rollen", role)
    for role in ROLES:
        if role not in OUTSIDE and policy.role(role) not in value:
            raise PolicyError(
                f"Beleid: 'bezette_rollen': de rol '{role}' ontbreekt; bezet hem of wijs bij 'rollen' een "
                "andere aan.",
                "bezette_rollen",
            )

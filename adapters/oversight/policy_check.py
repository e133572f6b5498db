"""A policy held against the law: what is stricter, what is not allowed, what is unsure, open, or ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from adapters.oversight.law_check import checked_texts
from adapters.runtime.calendar_data import KB_DAYS_KNOWN_UNTIL, LAST_YEAR
from adapters.runtime.policies import PolicyFileError, policy_in
from adapters.runtime.policy_file import problems_of
from adapters.runtime.policy_words import NUMBER_WORDS, SWITCH_WORDS
from milestones.basic_service import ELEMENTS, carriers
from milestones.dutch import without_weekday
from milestones.policy import NUMBERS, Policy
from milestones.policy_terms import exceeds
from milestones.quality_questions import QUESTIONS
from milestones.references import LAWS
from milestones.target_groups import TARGET_GROUPS
from milestones.term_table import NORMS, TERMS
from milestones.vocabulary import FIRST_TALK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.cases.policy_book import PolicyBook
    from adapters.oversight.law_check import CheckedText
    from adapters.runtime.clock import Clock
    from adapters.runtime.problems import WrongLine
    from milestones.policy import Rules
    from milestones.policy_plans import Origin
    from milestones.terms import Term

SOON = timedelta(days=183)
CHECK_EVERY = timedelta(days=365)
PLAN_YEARS = 4  # Wgs art. 2 lid 2


class CheckOffice(Protocol):
    """What is needed to check the policy that counts."""

    engine: Engine
    clock: Clock

    @property
    def policy_book(self) -> PolicyBook:
        """Which policy counts where."""
        ...

    def rules_for(self, municipality: str) -> Rules:
        """Return the calendar and the policy of a municipality."""
        ...


class RemarkKind(StrEnum):
    """What kind of remark it is."""

    STRICTER = "strenger dan de wet"
    NOT_ALLOWED = "niet toegestaan"
    NOT_VERIFIED = "niet geverifieerd"
    NOT_DECIDED = "niet besloten"
    NOT_CARRIED = "door geen proces gedragen"
    ENDS = "loopt af"


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark: about which key, what it says, the source or article, and the day on which something ends."""

    kind: RemarkKind
    key: str
    sentence: str
    source: str = ""
    on: date | None = None

    def as_json(self) -> dict[str, str | None]:
        """Return it in the words of the contract."""
        return {
            "soort": str(self.kind),
            "sleutel": self.key,
            "zin": self.sentence,
            "bron": self.source or None,
            "op": None if self.on is None else self.on.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """A policy and every remark about it on a day."""

    municipality: str
    policy: Policy
    on: date
    choices: Mapping[str, object]
    remarks: Sequence[Remark]

    def of(self, kind: RemarkKind) -> list[Remark]:
        """Return the remarks of one kind."""
        return [remark for remark in self.remarks if remark.kind is kind]

    @property
    def allowed(self) -> bool:
        """Whether the law allows all of it."""
        return not self.of(RemarkKind.NOT_ALLOWED)


def check_policy(
    municipality: str,
    policy: Policy,
    choices: Mapping[str, object],
    today: date,
    problems: Sequence[WrongLine] = (),
    checked: Mapping[str, CheckedText] = MappingProxyType({}),
) -> PolicyCheck:
    """Hold a policy against the law; `problems` are those of a file that was refused."""
    remarks = (
        *_stricter(policy),
        *(Remark(RemarkKind.NOT_ALLOWED, "", str(problem).replace("Beleid: ", "")) for problem in problems),
        *_not_verified(policy),
        *_not_decided(policy, choices),
        *_not_carried(policy),
        *ending(policy, today, checked),
    )
    return PolicyCheck(municipality, policy, today, choices, remarks)


def checked_now(office: CheckOffice, municipality: str) -> PolicyCheck:
    """Check the policy that counts in a municipality."""
    policy = office.rules_for(municipality).policy
    return _checked_kept(office, municipality, policy, office.policy_book.choices(municipality))


def checked_waiting(office: CheckOffice, municipality: str, name: str) -> PolicyCheck:
    """Check a policy that was put forward under this name."""
    return _checked_kept(office, municipality, *office.policy_book.named(name))


def _checked_kept(
    office: CheckOffice, municipality: str, policy: Policy, choices: Mapping[str, object]
) -> PolicyCheck:
    """Check a policy that was kept: it counts as it did, and what the law of now does not allow in it is a remark."""
    return check_policy(
        municipality, policy, choices, office.clock.today(), problems_of(policy.name, choices, ""),
        checked_texts(office.engine),
    )  # fmt: skip


def checked_file(office: CheckOffice, municipality: str, path: Path) -> PolicyCheck:
    """Check a file; what the law does not allow in it is a remark, and of the rest the default is checked."""
    checked, today = checked_texts(office.engine), office.clock.today()
    try:
        policy, choices = policy_in(path, municipality)
    except PolicyFileError as error:
        refused = replace(Policy(), name=path.name)
        return check_policy(municipality, refused, {}, today, error.problems, checked)
    return check_policy(municipality, policy, choices, today, checked=checked)


def _stricter(policy: Policy) -> Iterator[Remark]:
    for name, term in policy.terms.items():
        usual = TERMS[name]
        if term.norm_of is not None:
            if term.length is not None:
                law = policy.term(term.norm_of)
                yield Remark(
                    RemarkKind.STRICTER,
                    term.norm_of,
                    f"{law.name}: eigen norm van {term.length}, naast {law.length} in de bron.",
                    _because(law, policy.origin(term.norm_of)),
                )
        elif (
            term.length is not None
            and usual.longest is not None
            and term.length != usual.length
            and not exceeds(term.length, usual.longest)
        ):
            yield Remark(
                RemarkKind.STRICTER,
                name,
                f"{term.name}: {term.length}, terwijl {usual.longest} mag.",
                _because(usual, policy.origin(name)),
            )


def _because(term: Term, origin: Origin | None) -> str:
    return term.source_text if origin is None else f"{term.source_text}; gekozen in: {origin}"


def _not_verified(policy: Policy) -> Iterator[Remark]:
    for name, term in policy.terms.items():
        if not term.confidence.is_verified and term.length is not None:
            mark = "nog niet geverifieerd" if str(term.confidence) == "U" else "een voorstel van routekaart"
            yield Remark(RemarkKind.NOT_VERIFIED, name, f"{term.name}: {term.length} is {mark}.", term.source)
    for element in ELEMENTS:
        chosen = policy.elements.get(element.code)
        if chosen is not None and not element.confidence.is_verified:
            yield Remark(
                RemarkKind.NOT_VERIFIED,
                f"elementen.{element.code}",
                f"Element {element.code}: {element.subject}.",
            )


def _not_decided(policy: Policy, choices: Mapping[str, object]) -> Iterator[Remark]:
    yield from _terms_not_decided(policy, choices)
    yield from _plan_not_decided(policy)
    now = {key: f" Nu: {getattr(policy, field)}." for key, field in NUMBERS.items()}
    for key, words in _OTHER_CHOICES.items():
        if key not in choices:
            yield Remark(RemarkKind.NOT_DECIDED, key, f"{words}{now.get(key, '')}")
    for code, group in TARGET_GROUPS.items():
        if code not in policy.offers and code != "gezin":
            words = f"Geen eigen aanbod voor: {group.name}."
            yield Remark(
                RemarkKind.NOT_DECIDED, f"doelgroepen.{code}", words, "basisdienstverlening element 6"
            )
    for element in ELEMENTS:
        if element.code not in policy.elements:
            yield Remark(
                RemarkKind.NOT_DECIDED,
                f"elementen.{element.code}",
                f"Element {element.code}: {element.title}.",
            )
    for key in choices:
        if key not in _NEEDS_NO_ORIGIN and policy.origin(key) is None:
            yield Remark(RemarkKind.NOT_DECIDED, f"herkomst.{key}", f"Waar de keuze '{key}' vandaan komt.")


_NEEDS_NO_ORIGIN = frozenset({"naam", "gemeente", "herkomst", "namen"})
_OTHER_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        **NUMBER_WORDS,
        **{key: words for key, (_, words) in SWITCH_WORDS.items()},
        "bezette_rollen": "Welke rollen hier bezet zijn.",
        "levensfasen": "De lijst van levensfasen is die van routekaart.",
        "personas": "De lijst van persona's is die van routekaart.",
    }
)


def _terms_not_decided(policy: Policy, choices: Mapping[str, object]) -> Iterator[Remark]:
    for name, term in policy.terms.items():
        open_choice = term.configurable and term.norm_of is None and term.length is not None
        if open_choice and name not in choices and not term.confidence.is_verified:
            yield Remark(RemarkKind.NOT_DECIDED, name, f"{term.name}: nu {term.length}.", term.source)


def _plan_not_decided(policy: Policy) -> Iterator[Remark]:
    """Yield what the plan of the council says by law, and this policy does not."""
    asked = (
        (bool(policy.targets), "doelen", "Het plan noemt de resultaten die de gemeente wil halen.", "a"),
        (
            policy.questions is not QUESTIONS,
            "kwaliteitsvragen",
            "Het plan zegt hoe de kwaliteit wordt bewaakt. De vragen aan collega's zijn nu die van routekaart.",
            "b",
        ),
        (
            policy.term(NORMS[FIRST_TALK]).length is not None,
            "T01.norm",
            "Het plan noemt hoeveel weken de gemeente ten hoogste wil voor het eerste gesprek.",
            "d",
        ),
        (
            "gezin" in policy.offers,
            "doelgroepen.gezin",
            "Het plan zegt hoe gezinnen met kinderen worden geholpen.",
            "e",
        ),
    )
    for done, key, words, part in asked:
        if not done:
            yield Remark(RemarkKind.NOT_DECIDED, key, words, f"Wgs art. 2 lid 4 onder {part}")


def _not_carried(policy: Policy) -> Iterator[Remark]:
    for element in ELEMENTS:
        chosen = policy.elements.get(element.code)
        if (chosen is None or chosen.on) and not carriers(element):
            name = (chosen.name if chosen is not None else None) or element.title
            yield Remark(
                RemarkKind.NOT_CARRIED, f"elementen.{element.code}", f"Element {element.code}: {name}."
            )


def ending(
    policy: Policy, today: date, checked: Mapping[str, CheckedText] = MappingProxyType({})
) -> Iterator[Remark]:
    """Yield which table of days or which source runs out, and when; `checked` is what this office checked itself."""
    yield _ends(
        "extra vrije dagen", KB_DAYS_KNOWN_UNTIL, today,
        "De tabel van dagen die gelijkstaan met een feestdag (koninklijk besluit)", "Atw art. 3 lid 3",
    )  # fmt: skip
    yield _ends("feestdagen", date(LAST_YEAR, 12, 31), today, "De tabel van feestdagen", "Atw art. 3")
    for law in LAWS.values():
        own = checked.get(law.code)
        until = (law.checked_on if own is None else own.checked_on) + CHECK_EVERY
        yield Remark(
            RemarkKind.ENDS, law.code,
            f"{law.title}: {'had al nagekeken moeten zijn' if until < today else 'weer nakijken'} op "
            f"{without_weekday(until)}.",
            f"tekst van {without_weekday(law.text_date if own is None else own.text_of)}", until,
        )  # fmt: skip
    for key, origin in policy.origins.items():
        until = date(origin.on.year + PLAN_YEARS, origin.on.month, min(origin.on.day, 28))
        yield Remark(
            RemarkKind.ENDS, f"herkomst.{key}",
            f"{origin.source}: een plan geldt ten hoogste {PLAN_YEARS} jaar, dus tot {without_weekday(until)}.",
            "Wgs art. 2 lid 2", until,
        )  # fmt: skip


def _ends(key: str, until: date, today: date, what: str, source: str) -> Remark:
    gone = until < today
    words = f"{what} {'liep' if gone else 'loopt'} tot en met {without_weekday(until)}."
    return Remark(RemarkKind.ENDS, key, words, source, until)


def due_soon(remarks: Sequence[Remark], today: date) -> list[Remark]:
    """Return what ended or ends within half a year."""
    return [item for item in remarks if item.on is not None and item.on <= today + SOON]

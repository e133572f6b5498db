"""What a municipality may choose besides terms and plans: numbers, names, roles, life phases.

Each function reads one key of a policy: plain values go in, the choice or a PolicyError comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, cast, get_args

from milestones.code_forms import takes_names
from milestones.profiles import Profile
from milestones.refusal import Refusal
from milestones.roles import OUTSIDE, ROLES
from milestones.vocabulary import JudgedKind, ProcessCode

if TYPE_CHECKING:
    from milestones.vocabulary import Role

PROCESS_CODES: tuple[ProcessCode, ...] = get_args(ProcessCode)


class PolicyError(Refusal, ValueError):
    """A policy that cannot be used: one Dutch sentence that names the key and the article.

    `place` is the way to the value that is wrong, such as ("T03", "weken"); empty when it is no one value.
    """

    def __init__(self, sentence: str, *place: str | int) -> None:
        super().__init__(sentence)
        self.place = place


LONGEST_NAME = 40
LONGEST_SENTENCE = 120


@contextmanager
def standing_at(*place: str | int) -> Iterator[None]:
    """Say of a PolicyError from within that it stands at this place."""
    try:
        yield
    except PolicyError as error:
        error.place = (*place, *error.place)
        raise


def whole_number(key: str, value: object) -> int:
    """Read a whole number of 1 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PolicyError(f"Beleid: '{key}' moet een geheel getal van 1 of meer zijn.")
    return value


def short_name(value: object) -> str:
    """Read a short name."""
    return named("naam", value)


def named(key: str, value: object) -> str:
    """Read a short name that stands at a key."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_NAME:
        raise PolicyError(f"Beleid: '{key}': een naam is een tekst van ten hoogste {LONGEST_NAME} tekens.")
    return value.strip()


def term_in_ordinance(value: object) -> bool:
    """Read whether the verordening sets the term of the beschikking."""
    if not isinstance(value, bool):
        raise PolicyError("Beleid: 'verordening_stelt_termijn' is true of false (Wgs art. 4a lid 1).")
    return value


def two_for_policy(value: object) -> bool:
    """Read whether another policy needs a second person."""
    if not isinstance(value, bool):
        raise PolicyError("Beleid: 'tweede_persoon_beleid' is true of false.")
    return value


def second_opinions(value: object) -> tuple[str, ...]:
    """Read which kinds of decision wait for a second person."""
    kinds = get_args(JudgedKind)
    if not isinstance(value, list | tuple) or any(
        value.count(kind) > 1 or kind not in kinds for kind in value
    ):
        raise PolicyError(
            f"Beleid: 'tweede_beoordeling' is een lijst van besluiten zonder dubbele (kies uit: {', '.join(kinds)})."
        )
    return tuple(value)


def names(value: object) -> Mapping[str, str]:
    """Read the names of the mijlpalen that a municipality uses."""
    if not isinstance(value, Mapping):
        raise PolicyError("Beleid: 'namen' is een tabel, bijvoorbeeld M6 = \"Plan van aanpak\".")
    for code in value:
        if code not in PROCESS_CODES:
            raise PolicyError(f"Beleid: 'namen.{code}' is geen mijlpaal (wel: {', '.join(PROCESS_CODES)}).")
    return MappingProxyType({str(code): short_name(name) for code, name in value.items()})


def roles(value: object) -> Mapping[str, str]:
    """Read which role does the work of another."""
    if not isinstance(value, Mapping):
        raise PolicyError("Beleid: 'rollen' is een tabel, bijvoorbeeld quality_reviewer = \"coordinator\".")
    for role, other in value.items():
        for code in (role, other):
            check_role(f"rollen.{role}", code)
        if other in value:
            raise PolicyError(f"Beleid: 'rollen.{role}' wijst naar '{other}', die zelf is vervangen.")
    return MappingProxyType({str(role): str(other) for role, other in value.items()})


LISTED_CODE = r"[a-z][a-z0-9-]{0,23}"
_CODE = re.compile(LISTED_CODE)
LONGEST_FORM = 120


def codes(key: str, value: object) -> Mapping[str, str]:
    """Read a list of codes, each with what it means."""
    if not isinstance(value, Mapping) or not value:
        raise PolicyError(f"Beleid: '{key}' is een tabel van codes, elk met wat zij betekent.")
    for code in value:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise PolicyError(f"Beleid: '{key}': een code is kort, met kleine letters, cijfers en streepjes.")
    return MappingProxyType({str(code): sentence(f"{key}.{code}", words) for code, words in value.items()})


def worker_form(value: object) -> str:
    """Read the form of a code of a medewerker: one that no name has, and that is soon looked at.

    What repeats a group could look for years at forty signs.
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_FORM or re.search(r"\)[*+?{]", value):
        raise PolicyError(
            f"Beleid: 'medewerkercode' is een reguliere expressie van ten hoogste {LONGEST_FORM} tekens, "
            "zoals 'P[0-9]{6}', die geen deel tussen haakjes herhaalt."
        )
    try:
        re.compile(value)
    except re.error:
        raise PolicyError(
            "Beleid: 'medewerkercode' is geen reguliere expressie, zoals 'P[0-9]{6}'."
        ) from None
    if takes_names(value):
        raise PolicyError("Beleid: 'medewerkercode' laat ook namen toe; schrijf een vorm zoals 'P[0-9]{6}'.")
    return value


_PROFILE = re.compile(r"[a-z][a-z0-9-]{0,23}")


def profiles(key: str, value: object) -> Mapping[str, Profile]:
    """Read a list of life phases or persona's: codes, each with a name and tasks by role."""
    if not isinstance(value, Mapping) or not value:
        raise PolicyError(f"Beleid: '{key}' is een tabel van codes, elk met een 'naam' en zo nodig 'taken'.")
    return MappingProxyType({str(code): profile(f"{key}.{code}", code, item) for code, item in value.items()})


def profile(key: str, code: object, value: object) -> Profile:
    """Read one life phase or persona: a name and what it asks of whom."""
    if not isinstance(code, str) or not _PROFILE.fullmatch(code):
        raise PolicyError(f"Beleid: '{key}': een code is kort, met kleine letters, cijfers en streepjes.")
    if not isinstance(value, Mapping) or not set(value) <= {"naam", "taken"} or "naam" not in value:
        raise PolicyError(f"Beleid: '{key}' heeft een 'naam' en zo nodig 'taken'.")
    return Profile(code, named(f"{key}.naam", value["naam"]), asks(key, value.get("taken", {})))


def asks(key: str, value: object) -> tuple[tuple[Role, str], ...]:
    """Read what is asked of which role, in words."""
    if not isinstance(value, Mapping):
        raise PolicyError(f"Beleid: '{key}.taken' is een tabel van rol naar wat er wordt gevraagd.")
    for role in value:
        check_role(f"{key}.taken.{role}", role)
    return tuple(
        (cast("Role", role), sentence(f"{key}.taken.{role}", words)) for role, words in value.items()
    )


def sentence(key: str, value: object, longest: int = LONGEST_SENTENCE) -> str:
    """Read a text of one or more words that stands at a key."""
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest:
        raise PolicyError(f"Beleid: '{key}' is een tekst van ten hoogste {longest} tekens.")
    return value.strip()


def check_role(key: str, role: object) -> None:
    """Refuse what is no role inside the municipality."""
    if role not in ROLES:
        raise PolicyError(f"Beleid: '{key}': de rol '{role}' bestaat niet (wel: {', '.join(ROLES)}).")
    if role in OUTSIDE:
        raise PolicyError(f"Beleid: '{key}': '{role}' is geen rol binnen de gemeente (Wgs art. 3a).")

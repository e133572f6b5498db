"""How a person is named in a case: by a code, such as "mw-17", that a file names or that has the form of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.runtime.policies import DEFAULT
from adapters.runtime.privacy import may_tell_of_a_person
from milestones.code_forms import WORKERS
from milestones.codes import is_worker_code
from milestones.process import InvalidData, NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from milestones.policy import Policy

_PERSON = re.compile(r"^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
NO_WORKER = (
    "Dit is geen code van een medewerker die we kennen: gebruik een code uit het bestand met medewerkers of ontvangers "
    "(mw-17)."
)


def check_person(code: str) -> str:
    """Return a code of a person; refuse what is no code, and so may be a name or a number of a person."""
    if not _PERSON.match(code) or may_tell_of_a_person(code):
        raise NotPossible("Een medewerker is een korte code met een letter erin, zonder spaties (mw-17).")
    return code


def is_worker(code: str, policies: Iterable[Policy], known: Callable[[], Collection[str]]) -> bool:
    """Whether a code is that of a medewerker: it has the form that one of these policies sets, or a file names it."""
    if may_tell_of_a_person(code):
        return False
    return any(is_worker_code(policy, code) for policy in policies) or code in known()


def check_workers(
    data: Mapping[str, object], person: str | None, policy: Policy, known: Callable[[], Collection[str]]
) -> None:
    """Refuse an event that names as medewerker whom no file names, in a form that a name may have (InvalidData)."""
    for field in WORKERS:
        code = data.get(field)
        if isinstance(code, str) and code and not is_worker(code, (policy,), known):
            raise InvalidData(f"'{field}': {NO_WORKER[0].lower()}{NO_WORKER[1:]}")
    if person is not None and not is_worker(check_person(person), (policy,), known):
        raise InvalidData(NO_WORKER)


def default_form(code: str) -> bool:
    """Whether a code has the form of a medewerker where nobody set another."""
    return is_worker(code, (DEFAULT,), frozenset)

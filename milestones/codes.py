"""Codes that travel with events: each comes from a list, or has a form that takes no name.

A gemeente sets its own lists and the form of its codes of medewerkers in its policy. Which medewerkers there are, the
adapters know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from milestones.code_forms import LONGEST_CODE, REASON, TERM_FORM, WORKERS
from milestones.snapshot import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from milestones.policy import Policy

_LISTED = {
    "motivering": "motiveringen",
    "overrulereden": "overruleredenen",
    "meetinstrument": "meetinstrumenten",
}


def codes_of(policy: Policy, field: str) -> tuple[str, ...] | None:
    """Return the codes that a field may have in a gemeente; None where a form says so (`form_of_code`)."""
    lists: Mapping[str, Mapping[str, object] | None] = {
        "motivering": policy.motivations,
        "overrulereden": policy.overrules,
        "meetinstrument": policy.instruments,
        "levensfase": policy.life_phases,
        "persona": policy.personas,
    }
    found = lists.get(field)
    return None if found is None else tuple(found)


def form_of_code(policy: Policy, field: str) -> str:
    """Return the form (a regular expression) of what a field with a code takes in a gemeente."""
    codes = codes_of(policy, field)
    if codes is not None:
        return "|".join(map(re.escape, codes))
    if field in WORKERS:
        return policy.worker_form
    return TERM_FORM if field == "termijn" else REASON


def form_in_all(policies: Iterable[Policy], *fields: str) -> str:
    """Return the form of what these fields take in any of these gemeenten, for a form that is the same in all."""
    forms = dict.fromkeys(form_of_code(policy, field) for policy in policies for field in fields)
    return f"^(?:{'|'.join(forms)})$"


def is_worker_code(policy: Policy, code: str) -> bool:
    """Whether a code has the form of a medewerker in a gemeente."""
    return len(code) <= LONGEST_CODE and re.fullmatch(policy.worker_form, code) is not None


def check_codes(policy: Policy, data: Mapping[str, object]) -> None:
    """Refuse a code that stands in no list and has no form of a code (InvalidData); medewerkers are asked elsewhere."""
    for field in ("motivering", "overrulereden", "meetinstrument", "termijn"):
        value = data.get(field)
        if not isinstance(value, str):
            continue
        codes = codes_of(policy, field)
        if codes is not None and value not in codes:
            known = ", ".join(codes[:_SHOWN]) + (", …" if len(codes) > _SHOWN else "")
            raise InvalidData(
                f"'{field}' is geen code uit de lijst van de gemeente (beleid: '{_LISTED[field]}'; wel: {known})."
            )
        if codes is None and not re.fullmatch(form_of_code(policy, field), value):
            raise InvalidData(
                "'termijn' is geen termijn, zoals T13-2."
                if field == "termijn"
                else f"'{field}' is een nummer uit uw lijst, zoals {_EXAMPLES[field]}; eigen codes staan in het beleid "
                f"('{_LISTED[field]}')."
            )


def example_of(field: str) -> str | None:
    """Return a code that a field takes where a gemeente has no list; None for a field with a shipped one."""
    return _EXAMPLES.get(field)


_SHOWN = 20
_EXAMPLES = {
    "motivering": "m-7",
    "overrulereden": "ov-3",
    "termijn": "T13-2",
    **dict.fromkeys(WORKERS, "mw-17"),
}

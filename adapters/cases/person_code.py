"""How a person is named in a case: by a code, such as "mw-17"."""

from __future__ import annotations

import re

from adapters.runtime.privacy import may_tell_of_a_person
from milestones.process import NotPossible

_PERSON = re.compile(r"^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")


def check_person(code: str) -> str:
    """Return a code of a person; refuse what is no code, and so may be a name or a number of a person."""
    if not _PERSON.match(code) or may_tell_of_a_person(code):
        raise NotPossible("Een medewerker is een korte code met een letter erin, zonder spaties (mw-17).")
    return code

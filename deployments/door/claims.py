"""Who somebody is, from what a login service or a proxy says of him: a code, groups and gemeentecodes.

Under which names these are said stands in the file of staff. No name and no address of a person is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from adapters.runtime.actor import is_code
from deployments.door.sessions import Session
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.runtime.staff import StaffBook

_MUNICIPALITY = re.compile(r"[0-9]{4}", re.ASCII)
NO_CODE = (
    "Uw account heeft geen code van een medewerker. Vraag de beheerder om die bij de inlogdienst te zetten."
)


class NotLetInError(Refusal):
    """Why somebody does not come in: a status, one sentence for him, and one word for the log."""

    def __init__(self, status: int, sentence: str, word: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.word = word


def session_of(
    claims: Mapping[str, object],
    subject: str,
    book: StaffBook,
    key: bytes,
    way: str,
    is_worker: Callable[[str], bool],
) -> Session:
    """Return the session of who is `subject`; only groups that the file of staff knows are kept.

    Without a name for the code, `key` makes a code of the subject that nobody can read back; so it does of a code that
    `is_worker` does not know, since that may be a name. Raises NotLetInError.
    """
    names = book.claims
    code = made_code(subject, key) if names.code is None else _one(claims, names.code)
    if not is_code(code):
        raise NotLetInError(403, NO_CODE, "no_code")
    if code not in book.people and not is_worker(code):
        code = made_code(code, key)
    groups = () if names.groups is None else _several(claims, names.groups)
    places = () if names.municipalities is None else _several(claims, names.municipalities)
    return Session(
        code,
        way=way,
        groups=tuple(sorted({group for group in groups if group in book.groups})),
        places=tuple(sorted({place for place in places if _MUNICIPALITY.fullmatch(place)})),
    )


def made_code(subject: str, key: bytes) -> str:
    """Return the code of a person who has none: always the same, and nobody reads the subject from it."""
    return "mw-" + hmac.new(key, b"medewerker:" + subject.encode(), hashlib.sha256).hexdigest()[:12]


def _found(claims: Mapping[str, object], name: str) -> object:
    """Return a claim by its name, or by its place, such as `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _one(claims: Mapping[str, object], name: str) -> str:
    found = _found(claims, name)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _several(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    found = _found(claims, name)
    if isinstance(found, str):
        return tuple(part.strip() for part in found.split(","))
    return tuple(part for part in found if isinstance(part, str)) if isinstance(found, list) else ()

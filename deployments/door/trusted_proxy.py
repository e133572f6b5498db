"""A proxy that logs people in: it says with each request who somebody is, and shows a secret that only it has.

Under which headers it says so stands in the file of staff, as with a login service. Without the secret those headers
are what anybody could send, and say nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING

from adapters.cases.person_code import default_form
from deployments.door.claims import NotLetInError, session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adapters.runtime.staff import StaffBook
    from deployments.door.sessions import Session

SECRET = b"x-routekaart-geheim"
PERSON = "x-forwarded-user"
BY_PROXY = "proxy"
_TWICE = "De proxy zei twee keer wie u bent. Vraag de beheerder om de proxy die velden te laten vervangen."
_NOBODY = "De proxy zei niet wie u bent. Log opnieuw in, of vraag de beheerder ernaar te kijken."


@dataclass(frozen=True)
class TrustedProxy:
    """Reads who somebody is from the headers of the proxy."""

    secret: str
    book: Callable[[], StaffBook]
    code_key: Callable[[], bytes]
    is_worker: Callable[[str], bool] = default_form

    def __repr__(self) -> str:
        return "TrustedProxy(...)"

    def sent(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request comes from the proxy: it shows the secret, once."""
        shown = [value for name, value in headers if name == SECRET]
        return len(shown) == 1 and compare_digest(shown[0], self.secret.encode())

    def session(self, headers: Iterable[tuple[bytes, bytes]]) -> Session:
        """Return who somebody is, from a request that the proxy sent. Raises NotLetInError."""
        own = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in headers]
        times, said = Counter(name for name, _ in own), dict(own)
        book = self.book()
        names = [name for name in (book.claims.code, book.claims.groups, book.claims.municipalities) if name]
        if any(times[name.lower()] > 1 for name in (*names, PERSON)):
            raise NotLetInError(403, _TWICE, "header_twice")
        subject = said.get((book.claims.code or PERSON).lower(), "").strip()
        if not subject:
            raise NotLetInError(403, _NOBODY, "no_person")
        claims = {name: said.get(name.lower(), "").strip() for name in names}
        return session_of(claims, subject, book, self.code_key(), BY_PROXY, self.is_worker)


def without_secret(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return headers for whatever is behind the door, which has no use for the secret."""
    return [(name, value) for name, value in headers if name != SECRET]

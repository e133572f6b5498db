"""The machine credential, as Prefect knows it: `name:secret` in `PREFECT_API_AUTH_STRING`.

From it comes the key that signs sessions and one-time links, so that every server with the same credential knows
the same people.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itsdangerous import URLSafeSerializer

SHORTEST_SECRET = 32  # bytes
NOTE_LABEL = "routekaart.door"
"""The label of a run with a note of the door: who started it."""
NOTE_PREFIX = "door-"
"""With this begins the key of an input of a run with a note of the door: who answered its form."""


def is_strong(auth_string: str | None) -> bool:
    """Whether this is `name:secret` with a secret that nobody guesses."""
    name, _, secret = (auth_string or "").partition(":")
    return bool(name.strip()) and len(secret.strip().encode()) >= SHORTEST_SECRET


@dataclass(frozen=True)
class Credential:
    """What a machine shows at the door; never shown, also not in a traceback."""

    auth_string: str

    def __repr__(self) -> str:
        return "Credential(...)"

    @property
    def header(self) -> bytes:
        """The value of the header `Authorization`."""
        return b"Basic " + base64.b64encode(self.auth_string.encode())

    def is_shown_in(self, authorization: bytes) -> bool:
        """Whether a header `Authorization` has this credential."""
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            shown = base64.b64decode(given.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(shown, self.auth_string.encode())

    def is_word(self, said: object) -> bool:
        """Whether somebody says this credential as it is."""
        given = said.encode("utf-8", "surrogatepass") if isinstance(said, str) else b""
        return hmac.compare_digest(given, self.auth_string.encode())

    @property
    def notes(self) -> URLSafeSerializer:
        """What signs and reads the notes of the door."""
        return URLSafeSerializer(self.key("notitie"))

    def key(self, purpose: str) -> bytes:
        """Return the key for a purpose; another purpose has a key that cannot be told from it."""
        return hmac.new(self.auth_string.encode(), f"routekaart.{purpose}".encode(), hashlib.sha256).digest()


def hash_of_answers(values: Mapping[str, Any]) -> str:
    """Return a hash over the answers of a form, the same for the door that sees them and the worker that reads them."""
    written = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()[:32]

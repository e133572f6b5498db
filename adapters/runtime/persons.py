"""A pseudonym for a person: a keyed hash of the BSN. The BSN itself is never kept.

A pseudonym begins with the name of the key that made it, so that the key can be replaced. Without the BSN an
old pseudonym cannot be made anew under the new key; so earlier keys stay as long as their pseudonyms do, only
to recognise people, and a pseudonym is renewed when its person turns up again.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.runtime.files import append_line
from adapters.runtime.settings import secret_file
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.runtime.settings import Settings

_MOST_CLIENTS = 2
_KEY_BYTES = 32
KEY_NAME_LENGTH = 8
NO_DIGITS = str.maketrans("0123456789", "ghijklmnop")  # what is kept as a hash never looks like a number
_LENGTH = 64  # of the column that holds it


def person_key(bsn: str, secret: bytes, municipality: str = "") -> str:
    """Return the pseudonym that stands for a BSN; without the secret it cannot be led back.

    With a municipality it is that of this municipality alone: the same person has another one elsewhere.
    """
    key = PersonKey(secret, municipality)
    digest = hmac.new(key.derived, bsn.zfill(9).encode(), hashlib.sha256).hexdigest()
    return f"{key_name(secret)}.{digest}"[:_LENGTH]


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A secret, and the municipality for which a key is derived from it; without one it is the key itself."""

    secret: bytes = field(repr=False)
    municipality: str = ""

    @property
    def derived(self) -> bytes:
        """The key of the hash: HKDF (RFC 5869) of the secret, so that no municipality's key leads to another's."""
        return _derived(self.secret, self.municipality) if self.municipality else self.secret

    def of(self, bsn: str) -> str:
        """Return the pseudonym of a BSN under this key."""
        return person_key(bsn, self.secret, self.municipality)


@lru_cache(maxsize=4096)
def _derived(secret: bytes, municipality: str) -> bytes:
    info = b"routekaart persoonssleutel " + municipality.encode()
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=info).derive(secret)


def person_keys_for(settings: Settings, municipality: str) -> tuple[PersonKey, ...]:
    """Return the keys under which a municipality may know people: that of now first, then those that are recognised."""
    secrets = (settings.person_secret(), *settings.old_person_secrets())
    if not settings.person_key_per_municipality:
        return tuple(PersonKey(secret) for secret in secrets)
    own = tuple(PersonKey(secret, municipality) for secret in secrets)
    return (*own, *(PersonKey(secret) for secret in secrets))  # from before each municipality had its own


def key_name(secret: bytes) -> str:
    """Return the name of a key: what a pseudonym begins with."""
    return hashlib.sha256(b"naam van de sleutel:" + secret).hexdigest()[:KEY_NAME_LENGTH]


def keyed_hash(secret: bytes, *parts: object) -> str:
    """Return a hash over these parts that says nothing to who does not have the secret."""
    written = "\x1f".join(str(part) for part in parts)
    return hmac.new(secret, written.encode(), hashlib.sha256).hexdigest()


def renew_key_file(home: Path) -> None:
    """Put the key of the home folder with the earlier ones and make a new one."""
    current = home / "persoonssleutel"
    old = home / "persoonssleutel.oud"
    if current.exists():
        append_line(old, current.read_text(encoding="ascii").strip(), secret=True)
        current.unlink()
    secret_file(current)


def client_keys(codes: Sequence[str], settings: Settings, municipality: str) -> tuple[str | None, str | None]:
    """Return the pseudonyms of one or two clients, known by a BSN or by the number of the case system.

    More than two clients, or one client twice, is NotPossible (DDAS: a traject has one or two).
    """
    if len(codes) > _MOST_CLIENTS or len(set(codes)) < len(codes):
        raise NotPossible("Een traject heeft één of twee verschillende cliënten.")
    keys = [person_keys_for(settings, municipality)[0].of(code) for code in codes]
    return (keys[0] if keys else None), (keys[1] if len(keys) > 1 else None)

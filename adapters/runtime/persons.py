"""A pseudonym for a person: a keyed hash of the BSN. The BSN itself is never kept.

A pseudonym begins with the name of the key that made it, so that the key can be replaced. Without the BSN an
old pseudonym cannot be made anew under the new key; so earlier keys stay as long as their pseudonyms do, only
to recognise people, and a pseudonym is renewed when its person turns up again.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from adapters.runtime.files import append_line
from adapters.runtime.settings import secret_file
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.runtime.settings import Settings

_MOST_CLIENTS = 2
KEY_NAME_LENGTH = 8
NO_DIGITS = str.maketrans("0123456789", "ghijklmnop")  # what is kept as a hash never looks like a number
_LENGTH = 64  # of the column that holds it


def person_key(bsn: str, secret: bytes) -> str:
    """Return the pseudonym that stands for a BSN; without the secret it cannot be led back."""
    digest = hmac.new(secret, bsn.zfill(9).encode(), hashlib.sha256).hexdigest()
    return f"{key_name(secret)}.{digest}"[:_LENGTH]


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


def client_keys(codes: Sequence[str], settings: Settings) -> tuple[str | None, str | None]:
    """Return the pseudonyms of one or two clients, known by a BSN or by the number of the case system.

    More than two clients, or one client twice, is NotPossible (DDAS: a traject has one or two).
    """
    if len(codes) > _MOST_CLIENTS or len(set(codes)) < len(codes):
        raise NotPossible("Een traject heeft één of twee verschillende cliënten.")
    keys = [person_key(code, settings.person_secret()) for code in codes]
    return (keys[0] if keys else None), (keys[1] if len(keys) > 1 else None)

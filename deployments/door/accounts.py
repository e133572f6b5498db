"""Local accounts, for an office without a login service: a hash for each code, in a file of the home folder.

What somebody may do stands in the file of staff. A wrong password makes whoever gave it wait, and nobody else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.runtime.settings import SettingsError
from deployments.door.sessions import Session
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "wachtwoorden.json"
BY_PASSWORD = "wachtwoord"  # noqa: S105 - a way in
SHORTEST, LONGEST = 12, 200
_MOST_WAITING = 5
_MOST_REMEMBERED = 10_000
_LONGEST_WAIT = 8.0
_SUBSCRIBER = 64  # bits
_hasher = PasswordHasher()
# For a code that is not there a password is looked at as long as for one that is.
_NOBODY = _hasher.hash("niemand heeft dit wachtwoord")


@dataclass(frozen=True)
class AccountFile:
    """The file of hashes."""

    path: Path

    def hashes(self) -> dict[str, str]:
        """Return the hash of each code. Raises SettingsError."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, OSError):
            found = None
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise SettingsError(
                f"Het bestand {self.path} is niet te lezen. Zet het terug uit de backup, of verwijder het."
            )
        return found

    def set_password(self, code: str, password: str) -> None:
        """Set the password of somebody. Raises SettingsError for one that is too short."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise SettingsError(f"Een wachtwoord heeft {SHORTEST} tot {LONGEST} tekens.")
        if code in password:
            raise SettingsError("Zet de code van de medewerker niet in het wachtwoord.")
        with self._alone():
            self._write({**self.hashes(), code: _hasher.hash(password)})

    def remove(self, code: str) -> bool:
        """Take the account of somebody away; return whether there was one."""
        with self._alone():
            found = self.hashes()
            if found.pop(code, None) is None:
                return False
            self._write(found)
        return True

    def is_right(self, code: str, password: str) -> bool:
        """Whether this is the password of this code."""
        kept = self.hashes().get(code)
        try:
            _hasher.verify(kept or _NOBODY, password[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def mark(self, code: str) -> str:
        """Return what tells the password that somebody has now from the one before; nothing without an account."""
        kept = self.hashes().get(code)
        return "" if kept is None else hashlib.sha256(kept.encode()).hexdigest()[:16]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one at a time change the file."""
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, hashes: dict[str, str]) -> None:
        handle, made = tempfile.mkstemp(
            dir=self.path.parent, prefix=f".{self.path.name}."
        )  # for this user alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(hashes, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(handle)
        os.replace(made, self.path)  # noqa: PTH105 - a name of tempfile


def entered(file: AccountFile, code: str) -> Session:
    """Return the session of who gave the right password; it counts as long as he has that password."""
    return Session(code, way=BY_PASSWORD, number=f"{secrets.token_urlsafe(9)}.{file.mark(code)}")


def still_counts(file: AccountFile, session: Session) -> bool:
    """Whether somebody who came in with a password still has that one."""
    try:
        mark = file.mark(session.code)
    except SettingsError:
        return False
    return bool(mark) and session.number.rpartition(".")[2] == mark


class TooManyError(Refusal):
    """Somebody tries one code faster than passwords are looked at."""


@dataclass
class Accounts:
    """Looks at passwords: one at a time for a code from an address, and a wrong one costs time."""

    file: AccountFile
    wait: float = 0.5
    _wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    _queues: dict[tuple[str, str], anyio.Lock] = field(default_factory=dict)

    async def may_enter(self, code: str, password: str, address: str) -> bool:
        """Whether this password is right. Raises TooManyError for who does not wait for an answer."""
        key = (_neighbours(address), code)
        if len(self._queues) > _MOST_REMEMBERED:
            self._queues.clear()
            self._wrong.clear()
        queue = self._queues.setdefault(key, anyio.Lock())
        if queue.statistics().tasks_waiting >= _MOST_WAITING:
            raise TooManyError("Wacht even en probeer het opnieuw.")
        async with queue:
            if await run_sync(self.file.is_right, code, password):
                self._wrong.pop(key, None)
                return True
            self._wrong[key] += 1
            await anyio.sleep(min(self.wait * 2 ** (min(self._wrong[key], 6) - 1), _LONGEST_WAIT))
            return False


def _neighbours(address: str) -> str:
    """Return the address of a guesser; of IPv6 the network, since one subscriber has all of it."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network(f"{found}/{_SUBSCRIBER}", strict=False))
    return str(found)

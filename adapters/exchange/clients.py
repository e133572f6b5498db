"""The systems that may call the API: each with a key, a secret for signed tokens, and what it may do.

An API key is random and long, so a plain SHA-256 of it is safe to keep. A signed token (JWT, as in ZGW) is
checked with a secret that must be known in full. That secret is not kept: it is derived from our own secret
(a setting, or a file for this user alone) and a salt in the client's row. A stolen database lets nobody in;
whoever renews our own secret renews every derived secret at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from adapters.exchange.refusals import IntegrationError
from adapters.runtime.settings import secret_file
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import ClientRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.cases.case_office import CaseOffice

FIRST_CLIENT = "standaard"
READ = "lezen"  # without this right no answer tells of a case
_CLIENT_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_MUNICIPALITY = re.compile(r"[0-9]{4}|\*")
_SCOPE = re.compile(r"[A-Za-z0-9_:*-]{1,60}")


class ClientError(IntegrationError):
    """A client that cannot be made or found: one Dutch sentence."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an identified client, and what it may do. `*` stands for anything."""

    client_id: str
    municipalities: tuple[str, ...]
    scopes: tuple[str, ...]

    def sees(self, municipality: str) -> bool:
        """Whether the cases of this municipality exist for this client."""
        return "*" in self.municipalities or municipality in self.municipalities

    def may(self, action: str) -> bool:
        """Whether this client may do this: the name of an event, `open:M3`, `lezen`, `vroegsignalen`."""
        return any(fnmatchcase(action, scope) for scope in self.scopes)

    @property
    def only_municipality(self) -> str | None:
        """The one municipality that this client works for, if it is one."""
        one = self.municipalities[0] if len(self.municipalities) == 1 else "*"
        return None if one == "*" else one


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client with its key and its secret, which are shown once."""

    client_id: str
    api_key: str
    jwt_secret: str


def key_hash(api_key: str) -> str:
    """Return what we keep of an API key."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def derived_secret(integration_secret: bytes, purpose: str, name: str, salt: str) -> str:
    """Return the secret of a client or a subscriber; the same again as long as our own secret is the same."""
    return hmac.new(integration_secret, f"{purpose}\x1f{name}\x1f{salt}".encode(), hashlib.sha256).hexdigest()


def jwt_secret(office: CaseOffice, client_id: str, salt: str) -> str:
    """Return the secret with which a client signs its tokens."""
    return derived_secret(office.settings.integration_secret(), "jwt", client_id, salt)


def jwt_secrets(office: CaseOffice, client_id: str, *salts: str | None) -> tuple[str, ...]:
    """Return every secret that is valid now: of these salts, and of earlier secrets of our own."""
    return tuple(
        derived_secret(secret, "jwt", client_id, salt)
        for secret in office.settings.integration_secrets()
        for salt in salts
        if salt is not None
    )


def new_client(
    office: CaseOffice,
    client_id: str,
    municipalities: Sequence[str] = ("*",),
    scopes: Sequence[str] = ("*",),
    api_key: str | None = None,
) -> NewClient:
    """Make a client, or give one that was revoked a new life; raise ClientError when it exists."""
    if not _CLIENT_ID.fullmatch(client_id):
        raise ClientError("Een client_id bestaat uit kleine letters, cijfers en streepjes (ten hoogste 40).")
    if not municipalities or not all(_MUNICIPALITY.fullmatch(code) for code in municipalities):
        raise ClientError("Een gemeentecode bestaat uit vier cijfers, of is * voor alle gemeenten.")
    if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ClientError(
            "Noem de gebeurtenissen die mogen, bijvoorbeeld hulp_aanvaard, open:M3, lezen of *."
        )
    key = api_key or _new_key(client_id)
    row = ClientRow(
        client_id=client_id,
        key_hash=key_hash(key),
        salt=secrets.token_hex(16),
        municipalities=list(municipalities),
        events=list(scopes),
        created_at=office.clock.now(),
    )
    with writing(office.engine) as session:
        known = session.get(ClientRow, client_id)
        if known is not None and known.revoked_at is None:
            raise ClientError(f"Client '{client_id}' bestaat al; trek hem eerst in.")
        session.merge(row)
    return NewClient(client_id, key, jwt_secret(office, client_id, row.salt))


def _new_key(client_id: str) -> str:
    return f"rk_{client_id}_{secrets.token_urlsafe(32)}"


def rotate_client(office: CaseOffice, client_id: str) -> NewClient:
    """Make a new key and secret for a client; those it has stay valid beside them, until the next time."""
    key = _new_key(client_id)
    with writing(office.engine) as session:
        row = _active(session, client_id)
        row.previous_key_hash, row.key_hash = row.key_hash, key_hash(key)
        row.previous_salt, row.salt = row.salt, secrets.token_hex(16)
        session.add(row)
        return NewClient(client_id, key, jwt_secret(office, client_id, row.salt))


def end_previous_key(office: CaseOffice, client_id: str) -> None:
    """Let a client in with its newest key and secret only."""
    with writing(office.engine) as session:
        row = _active(session, client_id)
        row.previous_key_hash = row.previous_salt = None
        session.add(row)


def _active(session: Session, client_id: str) -> ClientRow:
    row = session.get(ClientRow, client_id)
    if row is None or row.revoked_at is not None:
        raise ClientError(f"Er is geen actieve client '{client_id}'.")
    return row


def revoke_client(office: CaseOffice, client_id: str) -> None:
    """Let a client in no more; raise ClientError when there is none."""
    with writing(office.engine) as session:
        row = _active(session, client_id)
        row.revoked_at = office.clock.now()
        session.add(row)


def clients(office: CaseOffice) -> Sequence[ClientRow]:
    """Return every client, revoked ones too."""
    with reading(office.engine) as session:
        return session.exec(select(ClientRow).order_by(col(ClientRow.client_id))).all()


def ensure_first_client(office: CaseOffice) -> Path:
    """Make a first client where there is none, with its key in a file for this user alone; give that file."""
    path = first_key_file(office)
    with reading(office.engine) as session:
        if session.exec(select(func.count()).select_from(ClientRow)).one():
            return path
    office.settings.ensure_home()
    try:
        key = secret_file(path, _new_key(FIRST_CLIENT)).decode()
        new_client(office, FIRST_CLIENT, api_key=key)
    except (ClientError, IntegrityError):  # another process was first
        return path
    return path


def first_key_file(office: CaseOffice) -> Path:
    """Return the file that holds the key of the first client."""
    return office.settings.home_folder / "api-sleutel"

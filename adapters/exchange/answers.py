"""Answer a repeated request as the first time. The answer is written together with what the request did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col
from starlette.exceptions import HTTPException

from adapters.cases.casework import ConflictError, EventReport, Receipt
from adapters.cases.store import UnknownCaseError
from adapters.runtime.persons import keyed_hash
from adapters.storage.database import insert_rows, reading, writing
from adapters.storage.exchange_tables import AnswerRow
from milestones.process import NotPossible

if TYPE_CHECKING:
    from adapters.cases.case_office import CaseOffice

KEPT = timedelta(days=90)
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_Work: TypeAlias = Callable[[Session], tuple[int, dict[str, Any]]]
Keep: TypeAlias = Callable[[int, dict[str, Any]], tuple[type[SQLModel], dict[str, object]]]
"""Makes of an answer the row that is written together with it."""


def hashed(office: CaseOffice, *parts: object, secret: bytes | None = None) -> str:
    """Return a keyed hash of these parts: a key, or what a request says (which may hold a BSN)."""
    written = json.dumps(parts, sort_keys=True, default=str)
    return keyed_hash(secret or office.settings.integration_secret(), written)


def key_in_header(key: str) -> str:
    """Return the key that a header names: one between quotes (RFC 8941) is the same."""
    found = _QUOTED.fullmatch(key)
    return key if found is None else re.sub(r"\\(.)", r"\1", found[1]) or key


def answer_once(
    office: CaseOffice,
    client_id: str,
    key: str | None,
    content: object,
    work: _Work,
) -> tuple[int, dict[str, Any], bool]:
    """Do the work and keep its answer, or give the kept answer; the last value says whether it is a repeat.

    The same key with another content is a ConflictError. When the work refuses, nothing is written. Most requests
    are no repeat, so nobody asks beforehand: the key of the kept answer tells, and undoes what was done again. Only
    answers under an earlier secret of ours are looked for.
    """

    def carried_out(keep: Keep | None) -> tuple[int, dict[str, Any]]:
        with writing(office.engine) as session:
            status, body = work(session)
            if keep is not None:
                model, row = keep(status, body)
                insert_rows(session, model, [row])
        return status, body

    return _once(office, client_id, key, content, carried_out)


def report_once(
    office: CaseOffice,
    client_id: str,
    key: str | None,
    content: object,
    given: EventReport,
    body_of: Callable[[Receipt], dict[str, Any]],
) -> tuple[int, dict[str, Any], bool]:
    """Report an event and keep its answer, as `answer_once` does; it may share its transaction with other events."""

    def carried_out(keep: Keep | None) -> tuple[int, dict[str, Any]]:
        if keep is None:
            return 201, body_of(office.casework.report_one(given))
        made: list[dict[str, Any]] = []

        def kept(receipt: Receipt) -> tuple[type[SQLModel], dict[str, object]]:
            made.append(body_of(receipt))
            return keep(201, made[-1])

        office.casework.report_one(replace(given, keep=kept))
        return 201, made[-1]

    return _once(office, client_id, key, content, carried_out)


def _once(
    office: CaseOffice,
    client_id: str,
    key: str | None,
    content: object,
    carry_out: Callable[[Keep | None], tuple[int, dict[str, Any]]],
) -> tuple[int, dict[str, Any], bool]:
    if key is None:
        return *carry_out(None), False
    written, key = key, key_in_header(key)
    present, *earlier = office.settings.integration_secrets()
    # Kept under an earlier secret, or with its quotes by a release before this one.
    older = [(key, secret) for secret in earlier]
    older += [(written, secret) for secret in (present, *earlier) if written != key]
    for name, secret in older:
        if (kept := _kept(office, client_id, name, content, secret)) is not None:
            return *kept, True

    def keep(status: int, body: dict[str, Any]) -> tuple[type[SQLModel], dict[str, object]]:
        return AnswerRow, {
            "client_id": client_id,
            "key_hash": hashed(office, key, secret=present),
            "fingerprint": hashed(office, content, secret=present),
            "status": status,
            "body": body,
            "accepted_at": office.clock.now(),
        }

    try:
        status, body = carry_out(keep)
    except (*_REFUSALS, IntegrityError):
        if (kept := _kept(office, client_id, key, content, present)) is None:
            raise
        return *kept, True
    return status, body, False


def refuse_another(office: CaseOffice, client_id: str, key: str, content: object) -> None:
    """Raise a ConflictError when this key came before with another content."""
    for secret in office.settings.integration_secrets():
        _kept(office, client_id, key, content, secret)


_REFUSALS = (NotPossible, ConflictError, UnknownCaseError, HTTPException)
_ANOTHER_REQUEST = "Dit id is al gebruikt voor een ander verzoek."


def _kept(
    office: CaseOffice, client_id: str, key: str, content: object, secret: bytes
) -> tuple[int, dict[str, Any]] | None:
    with reading(office.engine) as session:
        row = session.get(AnswerRow, (client_id, hashed(office, key, secret=secret)))
    if row is None:
        return None
    if row.fingerprint != hashed(office, content, secret=secret):
        raise ConflictError(_ANOTHER_REQUEST)
    return row.status, row.body


def forget_old_answers(office: CaseOffice) -> None:
    """Remove answers that nobody will ask for again; the journal still knows the ids of events."""
    with writing(office.engine) as session:
        session.execute(delete(AnswerRow).where(col(AnswerRow.accepted_at) < office.clock.now() - KEPT))

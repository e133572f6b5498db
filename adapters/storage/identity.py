"""What tells one case database from another: a code that it got when it was first asked for."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from adapters.storage.database import SettingRow, reading, writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ROW = "identiteit"


def identity_of(engine: Engine) -> str:
    """Return the code of a case database; a copy, such as a backup that was put back, has that of its original."""
    with reading(engine) as session:
        row = session.get(SettingRow, _ROW)
    if row is not None:
        return str(row.value["code"])
    code = secrets.token_hex(4)
    try:
        with writing(engine) as session:
            session.add(SettingRow(name=_ROW, value={"code": code}))
    except IntegrityError:  # another process was first
        return identity_of(engine)
    return code

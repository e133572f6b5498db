"""Leans on (SQLAlchemy 2.0.40, aiosqlite 0.20): the cursor around aiosqlite.

These are its `execute`, and the connection and the thread inside it. Without them Prefect's server on SQLite is as
slow as it is out of the box.

One visit to SQLite for each statement of Prefect's server, instead of four.

Every connection has a thread of its own. SQLAlchemy goes there and back for a cursor, for the statement, for its rows,
and to close the cursor; each time costs more than the statement does.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

_AS_IT_WAS = AsyncAdapt_aiosqlite_cursor.execute


def visit_once() -> None:
    """Let every cursor of this process do its statement in one visit."""
    AsyncAdapt_aiosqlite_cursor.execute = _execute  # type: ignore[assignment, method-assign]


def _execute(self: Any, operation: str, parameters: Sequence[Any] | None = None) -> None:
    if self.server_side:  # its rows are read one by one
        _AS_IT_WAS(self, operation, parameters)
        return
    connection = self._connection

    def visit() -> tuple[Any, list[Any], int, int]:
        cursor = connection._conn.cursor()  # noqa: SLF001 - in its own thread, where it may be used
        try:
            cursor.execute(operation, () if parameters is None else parameters)
            if cursor.description:
                return cursor.description, cursor.fetchall(), -1, -1
            return None, [], cursor.lastrowid, cursor.rowcount
        finally:
            cursor.close()

    try:
        answer = self.await_(connection._execute(visit))  # noqa: SLF001
    except Exception as error:  # noqa: BLE001 - SQLAlchemy gives it its own name
        self._adapt_connection._handle_exception(error)  # noqa: SLF001
    else:
        self.description, rows, self.lastrowid, self.rowcount = answer
        self._rows = deque(rows)

"""Leans on (Prefect 3.8.8): `AioSqliteConfiguration.begin_transaction` begins each transaction of the server.

Without it a Resume that crosses another write is answered with "Oops. Something went wrong."

Prefect's server on SQLite: who is going to write says so at once.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from prefect.server.database.configurations import AioSqliteConfiguration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_begin = AioSqliteConfiguration.begin_transaction


def claim_before_writing() -> None:
    """Let each transaction of the server take SQLite's write lock when it begins, and wait for it if it must.

    Prefect reads first and writes later in most of them. When another wrote in between, SQLite refuses the write at
    once, however long it was told to wait: whoever pressed Resume then reads "Oops. Something went wrong."
    """
    AioSqliteConfiguration.begin_transaction = _begin_as_writer  # type: ignore[method-assign]


@asynccontextmanager
async def _begin_as_writer(
    self: AioSqliteConfiguration,
    session: Any,
    with_for_update: bool = False,  # noqa: ARG001 - Prefect's own signature
) -> AsyncIterator[Any]:
    async with _begin(self, session, with_for_update=True) as transaction:
        yield transaction

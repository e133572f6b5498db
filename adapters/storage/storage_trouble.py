"""When the case database cannot store anything now: which errors say so, what to tell people, and how to wait.

The transaction in which such an error comes was not kept, with one exception: when the connection breaks
during the commit nobody knows. A repeat under the same id is right in both cases.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import structlog
import tenacity
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

if TYPE_CHECKING:
    from tenacity import RetryCallState

LONGEST_WAIT_SECONDS = 120.0  # a worker that got nothing in this time gives its process back

# SQLite: full, or a disk that refuses. PostgreSQL: class 53 has disk_full, 58 input and output.
_FULL_NAMES = ("SQLITE_FULL", "SQLITE_IOERR")
_FULL_STATES = ("53100", "58030")
_BUSY_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED")
_BUSY_STATES = ("55P03", "40001", "40P01", "53300")
# PostgreSQL gives these as errors of ours: it is read-only for now, or ended a transaction that stood still.
_PASSING_STATES = ("25006", "25P03")

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger("routekaart.database")


class Trouble(StrEnum):
    """What is the matter; the text is for people."""

    BUSY = "De database met zaken is bezet. Er is niets vastgelegd; probeer het zo opnieuw."
    FULL = "De schijf met zaken is vol of stuk. Er is niets vastgelegd; maak ruimte en probeer het opnieuw."
    GONE = "De database met zaken is niet bereikbaar."


def trouble_of(error: BaseException) -> Trouble | None:
    """Tell what an error says about the database; None for an error that waiting does not cure."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    if not isinstance(error, DBAPIError):
        return None
    name = str(getattr(error.orig, "sqlite_errorname", None) or "")
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if name.startswith(_FULL_NAMES) or state in _FULL_STATES:
        return Trouble.FULL
    if name.startswith(_BUSY_NAMES) or state in _BUSY_STATES:
        return Trouble.BUSY
    if name == "SQLITE_ERROR":  # a table or column that is not there
        return None
    passing = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return Trouble.GONE if passing or state in _PASSING_STATES else None


def waits_out_trouble(work: Callable[P, R]) -> Callable[P, R]:
    """Let work that may be done twice be tried again, with growing pauses, while the database cannot answer.

    For the worker only: a person or a system that calls us hears at once that it did not work.
    """

    @wraps(work)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        return _PATIENTLY(work, *args, **kwargs)

    return patient


def _say(state: RetryCallState) -> None:
    error: Any = state.outcome.exception() if state.outcome else None
    log.warning("database_waited_out", attempt=state.attempt_number, error=type(error).__name__)


_PATIENTLY = tenacity.Retrying(
    retry=tenacity.retry_if_exception(lambda error: trouble_of(error) is not None),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_delay(LONGEST_WAIT_SECONDS),
    before_sleep=_say,
    reraise=True,
)

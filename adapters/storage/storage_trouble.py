"""When the case database cannot store anything now: which errors say so, what to tell people, and how to wait.

The transaction in which such an error comes was not kept, with one exception: when the connection breaks
during the commit nobody knows. A repeat under the same id is right in both cases.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import psycopg
import structlog
import tenacity
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

if TYPE_CHECKING:
    from tenacity import RetryCallState

_LONGEST_WAIT_SECONDS = 120.0  # a worker that got nothing in this time gives its process back

# SQLite: full, or a disk that refuses. PostgreSQL: class 53 has disk_full, 58 input and output.
_FULL_NAMES = ("SQLITE_FULL", "SQLITE_IOERR")
_FULL_STATES = ("53100", "58030")
_BUSY_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED")
_BUSY_STATES = ("55P03", "40001", "40P01", "53300")

TOO_MANY = (errno.EMFILE, errno.ENFILE)  # files are open

_P = ParamSpec("_P")
R = TypeVar("R")

log = structlog.get_logger("routekaart.database")


class Trouble(StrEnum):
    """What is the matter; the text is for people."""

    BUSY = "De database met zaken is bezet. Er is niets vastgelegd; probeer het zo opnieuw."
    FULL = "De schijf met zaken is vol of stuk. Er is niets vastgelegd; maak ruimte en probeer het opnieuw."
    GONE = "De database met zaken is niet bereikbaar."
    STOOD_STILL = (
        "Dit werk stond te lang stil; de database brak het af. Er is niets vastgelegd; probeer het opnieuw."
    )
    TOO_LONG = (
        "De databaseserver of zijn pooler brak een vraag af die te lang duurde. Er is niets vastgelegd; probeer het "
        "opnieuw, of verhoog statement_timeout of query_timeout."
    )
    NO_TURN = (
        "De pooler voor de database had niet op tijd een verbinding vrij. Er is niets vastgelegd; kijk of de "
        "databaseserver draait en of default_pool_size van de pooler groot genoeg is."
    )
    STANDBY = (
        "De databaseserver neemt nu geen wijzigingen aan. Er is niets vastgelegd; probeer het zo opnieuw, en kijk of "
        "ROUTEKAART_DATABASE_URL de hoofdserver noemt."
    )
    RIGHTS = (
        "De gebruiker van de database met zaken mag dit niet. Geef hem rechten op de tabellen, of noem een schema dat "
        "van hem is in ROUTEKAART_DATABASE_SCHEMA."
    )
    READ_ONLY = "De database met zaken is alleen te lezen. Maak het bestand en zijn map schrijfbaar."
    NO_FILES = "Er zijn te veel bestanden tegelijk open; verhoog de grens (ulimit -n)."
    NO_TEMPORARY = (
        "Er is geen map voor tijdelijke bestanden waar deze gebruiker mag schrijven. Geef hem /tmp (in een "
        "container als tmpfs), of noem een map in TMPDIR."
    )
    UNOPENED = "Het bestand met zaken kan niet worden geopend of gemaakt. Kijk of zijn map bestaat en schrijfbaar is."
    LOGIN = (
        "De databaseserver laat deze gebruiker niet toe: controleer gebruiker en wachtwoord in "
        "ROUTEKAART_DATABASE_URL."
    )
    ABSENT = "De databaseserver kent deze database niet: controleer de naam in ROUTEKAART_DATABASE_URL."
    POOLER = (
        "De pooler voor de database neemt een instelling uit ROUTEKAART_DATABASE_URL niet aan: haal `options` uit het "
        "adres, of zet die in ignore_startup_parameters van de pooler."
    )
    POOLER_MODE = (
        "De pooler voor de database laat geen transacties toe: zet pool_mode op transaction of session, of noem de "
        "databaseserver zelf in ROUTEKAART_DATABASE_URL."
    )
    FULL_HOUSE = "De databaseserver heeft geen verbinding meer vrij: verhoog max_connections of start minder processen."
    ENCRYPTION = (
        "De beveiligde verbinding met de database lukt niet: controleer sslmode en sslrootcert in "
        "ROUTEKAART_DATABASE_URL."
    )
    BROKEN = "De database met zaken is beschadigd. Zet een backup terug: routekaart terugzetten BESTAND."


# What a person must put right: waiting does not help. A disk or server that only reads may be back in a minute.
_FOR_A_PERSON = frozenset(
    {
        Trouble.RIGHTS,
        Trouble.LOGIN,
        Trouble.ABSENT,
        Trouble.POOLER,
        Trouble.POOLER_MODE,
        Trouble.ENCRYPTION,
        Trouble.BROKEN,
    }
)
_BY_STATE = {
    "42501": Trouble.RIGHTS,
    "3F000": Trouble.RIGHTS,  # no schema in which this user may make anything
    "28P01": Trouble.LOGIN,
    "28000": Trouble.LOGIN,
    "3D000": Trouble.ABSENT,
    "53300": Trouble.FULL_HOUSE,
    "25P03": Trouble.STOOD_STILL,
    "25P04": Trouble.STOOD_STILL,
    "57014": Trouble.TOO_LONG,
    "25006": Trouble.STANDBY,
    "XX001": Trouble.BROKEN,
    "XX002": Trouble.BROKEN,
}
_BY_NAME = {
    "SQLITE_READONLY": Trouble.READ_ONLY,
    "SQLITE_CANTOPEN": Trouble.UNOPENED,
    "SQLITE_CORRUPT": Trouble.BROKEN,
    "SQLITE_NOTADB": Trouble.BROKEN,
}
# A connection that was refused has no state in psycopg, and whatever PgBouncer itself says has this one.
_STATES_WITHOUT_MEANING = (None, "08P01")
_BY_WORDS = {
    "transaction blocks not allowed": Trouble.POOLER_MODE,
    "idle transaction timeout": Trouble.STOOD_STILL,
    "query timeout": Trouble.TOO_LONG,
    "query_wait_timeout": Trouble.NO_TURN,
    "unsupported startup parameter": Trouble.POOLER,
    "password authentication failed": Trouble.LOGIN,
    "no password supplied": Trouble.LOGIN,
    "no encryption": Trouble.ENCRYPTION,
    "no pg_hba.conf entry": Trouble.LOGIN,
    "SASL authentication failed": Trouble.LOGIN,
    'role "': Trouble.LOGIN,
    "no such user": Trouble.LOGIN,
    "no such database": Trouble.ABSENT,
    'database "': Trouble.ABSENT,
    "too many clients": Trouble.FULL_HOUSE,
    "too many connections": Trouble.FULL_HOUSE,
    "remaining connection slots": Trouble.FULL_HOUSE,
    "no more connections allowed": Trouble.FULL_HOUSE,
    "does not support SSL": Trouble.ENCRYPTION,
    "root certificate file": Trouble.ENCRYPTION,
    "certificate verify failed": Trouble.ENCRYPTION,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """Tell what an error says about the database; None for what is no trouble of the database."""
    if isinstance(error, PoolTimeoutError):
        return Trouble.BUSY
    if isinstance(error, sqlite3.Error):
        return _plain_trouble(error)
    if not isinstance(error, DBAPIError):
        return None
    return _plain_trouble(error.orig) or _trouble_of_connection(error)


def _plain_trouble(error: BaseException | None) -> Trouble | None:
    """Tell it by what the database itself says."""
    name = str(getattr(error, "sqlite_errorname", None) or "")
    for prefix, trouble in _BY_NAME.items():
        if name.startswith(prefix):
            return Trouble.NO_FILES if trouble is Trouble.UNOPENED and _no_file_left() else trouble
    state = getattr(error, "sqlstate", None)
    if state not in _STATES_WITHOUT_MEANING:
        return _BY_STATE.get(str(state))
    if isinstance(error, psycopg.OperationalError):
        said = str(error)
        return next((trouble for words, trouble in _BY_WORDS.items() if words in said), None)
    return None


def _no_file_left() -> bool:
    """Whether this process may open no more files: SQLite says only that it could not open its own."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in TOO_MANY
    return False


def no_temporary_folder() -> bool:
    """Whether there is nowhere to put a temporary file: SQLite needs one now and then, and says only that it failed."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return True
    return False


def passes_by_itself(error: BaseException) -> bool:
    """Whether an error is trouble that waiting may cure."""
    trouble = trouble_of(error)
    return trouble is not None and trouble not in _FOR_A_PERSON


def _trouble_of_connection(error: DBAPIError) -> Trouble | None:
    name = str(getattr(error.orig, "sqlite_errorname", None) or "")
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if name.startswith("SQLITE_IOERR") and no_temporary_folder():
        return Trouble.NO_TEMPORARY
    if name.startswith(_FULL_NAMES) or state in _FULL_STATES:
        return Trouble.FULL
    if name.startswith(_BUSY_NAMES) or state in _BUSY_STATES:
        return Trouble.BUSY
    if name == "SQLITE_ERROR":  # a table or column that is not there
        return None
    passing = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return Trouble.GONE if passing else None


def waits_out_trouble(work: Callable[_P, R]) -> Callable[_P, R]:
    """Let work that may be done twice be tried again, with growing pauses, while the database cannot answer.

    For the worker only: a person or a system that calls us hears at once that it did not work.
    """

    @wraps(work)
    def patient(*args: _P.args, **kwargs: _P.kwargs) -> R:
        return _PATIENTLY(work, *args, **kwargs)

    return patient


def _say(state: RetryCallState) -> None:
    error: Any = state.outcome.exception() if state.outcome else None
    log.warning("database_waited_out", attempt=state.attempt_number, error=type(error).__name__)


_PATIENTLY = tenacity.Retrying(
    retry=tenacity.retry_if_exception(passes_by_itself),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    stop=tenacity.stop_after_delay(_LONGEST_WAIT_SECONDS),
    before_sleep=_say,
    reraise=True,
)

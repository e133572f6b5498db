"""The one place where an error becomes a sentence for people, by its kind.

What is refused brings its own sentence. What the machine refuses (files, disk, rights, network, database, Prefect) is
known by what the operating system, the database or HTTP says about it, not by where it happened. All else is a fault
of ours: it says so, has a number, and is in the log.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import sqlite3
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.runtime.files import append_line
from adapters.runtime.logs import traced
from adapters.storage.storage_trouble import TOO_MANY, Trouble, trouble_of
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger("routekaart.fault")


class ErrorKind(StrEnum):
    """What sort of thing is the matter."""

    REFUSED = "geweigerd"
    FILES = "bestanden"
    RIGHTS = "rechten"
    DISK = "schijf"
    NETWORK = "netwerk"
    DATABASE = "database"
    PREFECT = "prefect"
    FAULT = "fout"


@dataclass(frozen=True, slots=True)
class Explained:
    """An error for people: its kind, one Dutch sentence, and for a fault of ours its number."""

    kind: ErrorKind
    sentence: str
    number: str | None = None


_RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FILES = {
    errno.ENOENT: "bestaat niet",
    errno.ENOTDIR: "ligt onder een bestand waar een map hoort",
    errno.EISDIR: "is een map en geen bestand",
    errno.EEXIST: "bestaat al",
    errno.ENAMETOOLONG: "heeft een te lange naam",
    errno.ELOOP: "is een koppeling naar zichzelf",
    errno.EIO: "is niet te lezen: de schijf geeft een fout",
    errno.ESTALE: "is weg: de netwerkschijf is opnieuw aangekoppeld",
}


def explain(error: BaseException, faults: Path | None = None) -> Explained:
    """Return an error as a sentence. A fault of ours is written to the log under the number that it gets.

    `faults` is the file for that, of a process that has no log of its own.
    """
    for cause in _causes(error):
        if known := _refused(cause) or _of_database(cause) or _of_prefect(cause) or _of_network(cause):
            return known
        if known := _of_files(cause) or _of_text(cause):
            return known
    return _fault(error, faults)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; of a group its first."""
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield now
        now = now.exceptions[0] if isinstance(now, BaseExceptionGroup) else now.__cause__


def _refused(error: BaseException) -> Explained | None:
    return Explained(ErrorKind.REFUSED, error.sentence) if isinstance(error, Refusal) else None


def _of_database(error: BaseException) -> Explained | None:
    if not isinstance(error, SQLAlchemyError | sqlite3.Error):
        return None
    trouble = trouble_of(error)
    if trouble is None:
        return None
    where = " Controleer ROUTEKAART_DATABASE_URL." if trouble is Trouble.GONE else ""
    kinds = {Trouble.FULL: ErrorKind.DISK, Trouble.RIGHTS: ErrorKind.RIGHTS}
    return Explained(kinds.get(trouble, ErrorKind.DATABASE), f"{trouble}{where}")


def _of_prefect(error: BaseException) -> Explained | None:
    url = os.environ.get("PREFECT_API_URL", "")
    if isinstance(error, httpx.HTTPError):
        asked = _url_of(error)
        if not url or (asked and not asked.startswith(url)):
            return None
        return Explained(ErrorKind.PREFECT, said_of_prefect(url, error))
    if isinstance(error, RuntimeError) and "Failed to reach API" in str(error):  # so Prefect says it
        return Explained(ErrorKind.PREFECT, _silent_prefect(url or "Prefect"))
    return None


def said_of_prefect(url: str, error: httpx.HTTPError) -> str:
    """Return what a person does about a Prefect server that refuses, is slow, or is not there."""
    if isinstance(error, httpx.HTTPStatusError):
        return _refusal_of_prefect(url, error.response.status_code)
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return (
            f"De Prefect-server ({url}) draait en antwoordt te langzaam. Wacht tot zijn machine minder te doen heeft, "
            "en probeer het opnieuw; blijft het zo, kijk dan in zijn log."
        )
    return _silent_prefect(url)


def _refusal_of_prefect(url: str, status: int) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return (
            f"De Prefect-server ({url}) vraagt een wachtwoord. Zet PREFECT_API_AUTH_STRING op dezelfde waarde als "
            "PREFECT_SERVER_API_AUTH_STRING van de server."
        )
    if status < httpx.codes.INTERNAL_SERVER_ERROR:
        return f"De Prefect-server ({url}) neemt een verzoek niet aan ({status}). Past zijn versie bij deze?"
    return f"De Prefect-server ({url}) geeft een fout ({status}). Kijk in zijn log en probeer het opnieuw."


def _silent_prefect(url: str) -> str:
    return f"De Prefect-server ({url}) antwoordt niet. Start hem en probeer het opnieuw."


def _url_of(error: httpx.HTTPError) -> str:
    try:
        return str(error.request.url)
    except RuntimeError:  # it was never sent
        return ""


def _of_network(error: BaseException) -> Explained | None:
    if isinstance(error, httpx.HTTPError):
        host = urlsplit(_url_of(error)).hostname or "een ander systeem"
        return Explained(
            ErrorKind.NETWORK, f"Er komt geen goed antwoord van {host}. Controleer adres en netwerk."
        )
    if isinstance(error, ssl.SSLError):
        return Explained(ErrorKind.NETWORK, "De beveiligde verbinding lukt niet. Controleer het certificaat.")
    if isinstance(error, ConnectionError | TimeoutError) and getattr(error, "filename", None) is None:
        return Explained(
            ErrorKind.NETWORK, "Een verbinding lukt niet of is verbroken. Controleer het netwerk."
        )
    return None


def _of_files(error: BaseException) -> Explained | None:
    if not isinstance(error, OSError) or error.errno is None:
        return None
    if error.errno in _FULL:
        return Explained(
            ErrorKind.DISK, f"De schijf is vol{_named(error)}; maak ruimte en probeer het opnieuw."
        )
    if error.errno in TOO_MANY:
        return Explained(ErrorKind.FILES, Trouble.NO_FILES)
    if error.filename is None:
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
    if error.errno in _RIGHTS:
        return Explained(ErrorKind.RIGHTS, f"{name} is voor deze gebruiker niet te lezen of te schrijven.")
    what = _FILES.get(error.errno, f"is niet te gebruiken ({error.strerror})")
    return Explained(ErrorKind.FILES, f"{name} {what}.")


def _of_text(error: BaseException) -> Explained | None:
    """Only what came from outside has half a letter: Python reads bytes that are no UTF-8 as such."""
    if isinstance(error, UnicodeEncodeError) and any(
        "\ud800" <= letter <= "\udfff" for letter in error.object[error.start : error.end]
    ):
        return Explained(
            ErrorKind.REFUSED,
            "In wat u gaf staat een teken dat geen tekst is. Schrijf het opnieuw, in UTF-8.",
        )
    return None


def _named(error: OSError) -> str:
    return f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""


def _fault(error: BaseException, faults: Path | None) -> Explained:
    number = secrets.token_hex(4)
    where = "het log"
    try:
        if faults is None:
            raise FileNotFoundError
        faults.parent.mkdir(exist_ok=True)
        append_line(
            faults, json.dumps({"number": number, "at": datetime.now(UTC).isoformat(), **traced(error)})
        )
        where = str(faults)
    except OSError:
        log.error("fault_of_ours", number=number, exc_info=error)  # noqa: TRY400 - not this OSError
    sentence = f"Dit is een fout van ons, nummer {number}. Meld het aan wie routekaart beheert; meer staat in {where}."
    return Explained(ErrorKind.FAULT, sentence, number)

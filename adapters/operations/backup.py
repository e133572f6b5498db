"""Backup and restore of the case database. A backup is one file that was checked before it got its name.

SQLite: the online backup of SQLite itself, so nobody has to stop. PostgreSQL: `pg_dump` in its own format, one
snapshot. The keys in the home folder are no part of it: a copy of both together would make pseudonyms into people.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo
from sqlalchemy import func, text, update
from sqlmodel import col, select

from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.database_address import database_address
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    ProcessRow,
    create_engine,
    migrate,
    reading,
    writing,
)
from adapters.storage.database_file import is_damaged
from adapters.storage.message_tables import DeliveryRow
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Engine

_CUSTOM_FORMAT = b"PGDMP"
_JOURNAL = re.compile(r'CREATE TABLE "?([A-Za-z_]\w*)"?\.journal \(')
_SQLITE_FORMAT = b"SQLite format 3\0"


class BackupError(Refusal):
    """A backup that cannot be made or put back: one Dutch sentence."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a database holds, to tell a person which one this is."""

    cases: int
    journal_rows: int
    last: str | None
    kept: Path | None = None  # the damaged database that was there before


def content_of(engine: Engine) -> Content:
    """Count cases and journal rows, and say of when the last row is."""
    with reading(engine) as session:
        cases = session.exec(select(func.count()).select_from(CaseRow)).one()
        rows, last = session.exec(select(func.count(col(JournalRow.number)), func.max(JournalRow.at))).one()
    return Content(cases, rows, last.isoformat(timespec="seconds") if last else None)


# --- making -------------------------------------------------------------------------------------------------


def make_backup(database: str | URL, target: Path, schema: str | None = None) -> int:
    """Write a backup of the database at this URL to a new file; give its size in bytes.

    The file is for this user alone, is read back as a whole, and is there whole or not at all. Raises BackupError.
    """
    if target.exists():
        raise BackupError(f"{target} bestaat al; kies een andere naam.")
    url = database_address(database)
    with _partial(target) as partial:
        if url.get_backend_name() == "sqlite":
            _back_up_sqlite(_existing(url), partial, target)
        else:
            words = ["--format=custom", "--no-owner", "--no-acl", f"--file={partial}"]
            chosen = [] if schema is None else [f'--schema="{schema}"']
            _postgresql("pg_dump", url, *words, *chosen)
            _run("pg_restore", {}, f"--file={os.devnull}", str(partial))
        _settle(partial)
        partial.rename(target)
    return target.stat().st_size


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Yield a file beside the target for this user alone; it is gone at the end, unless it was renamed."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupError(f"In {target.parent} is niet te schrijven ({error.strerror}).") from None
    try:
        yield partial
    finally:
        for left in ("", "-wal", "-shm", "-journal"):
            partial.with_name(partial.name + left).unlink(missing_ok=True)


def _existing(url: URL) -> Path:
    path = Path(url.database or "")
    if not path.is_file():
        raise BackupError(f"Er is geen database {path}.")
    return path


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        contextlib.closing(_read_only(source)) as old,
        contextlib.closing(sqlite3.connect(target, timeout=30)) as new,
    ):
        old.backup(new)


def _make_one_file(file: Path) -> None:
    """Let a database be one file also when somebody looks into it: no log and no index beside it."""
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE")


def _back_up_sqlite(source: Path, partial: Path, target: Path) -> None:
    """Copy a database and check the copy; the disk of the backup and a damaged database have their own sentences."""
    try:
        _copy_sqlite(source, partial)
        _make_one_file(partial)
        _check_sqlite(partial)
    except sqlite3.OperationalError as error:
        if _is_full(error):
            raise BackupError(f"De schijf van {target.parent} is vol; er is geen backup gemaakt.") from None
        raise
    except (sqlite3.DatabaseError, BackupError):
        raise BackupError(
            f"De database {source} is beschadigd; er is geen backup gemaakt. Zet de laatste goede terug: routekaart "
            "terugzetten BESTAND."
        ) from None


def _is_full(error: sqlite3.Error) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE"))


def _check_sqlite(file: Path) -> None:
    """Refuse a file that is no whole SQLite database of ours."""
    try:
        with contextlib.closing(_read_only(file)) as opened:
            found = opened.execute("PRAGMA integrity_check").fetchone()[0]
            opened.execute("SELECT count(*) FROM journal").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{file.name} is geen goede backup ({error}).") from None
    if found != "ok":
        raise BackupError(f"{file.name} is beschadigd.")


def _settle(file: Path) -> None:
    """Let the disk have it before it gets its name."""
    with file.open("rb") as written:
        os.fsync(written.fileno())


# --- putting back -------------------------------------------------------------------------------------------


def put_back(database: str | URL, source: Path, schema: str | None = None) -> Content:
    """Put a backup in the place of the database at this URL, brought to the newest schema; give what it holds.

    Everything is replaced or nothing is; a database that is damaged is kept beside it. Whatever is newer in Prefect is
    mended afterwards: every open process asks to be shown again, and no worker holds anything. Raises BackupError.
    """
    url = database_address(database)
    _check_kind(url, source)
    kept: Path | None = None
    if url.get_backend_name() == "sqlite":
        _check_sqlite(source)
        kept = _replace_sqlite(source, Path(url.database or ""))
    else:
        _replace_postgresql(source, url, schema)
    engine = create_engine(database, schema=schema)
    try:
        migrate(engine, schema)
        _let_go(engine)
        return replace(content_of(engine), kept=kept)
    finally:
        engine.dispose()


def _check_kind(url: URL, source: Path) -> None:
    """Refuse a file that is no backup of this kind of database."""
    try:
        with source.open("rb") as file:
            head = file.read(len(_SQLITE_FORMAT))
    except OSError:
        raise BackupError(f"{source} is niet te lezen.") from None
    kind = {"sqlite": _SQLITE_FORMAT, "postgresql": _CUSTOM_FORMAT}[url.get_backend_name()]
    if not head.startswith(kind):
        raise BackupError(f"{source} is geen backup van een {url.get_backend_name()}-database.")


def _replace_sqlite(source: Path, target: Path) -> Path | None:
    """Put a file in the place of a database; return the name under which a damaged one is kept."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if target.exists() and not is_damaged(target):
            _copy_sqlite(source, target)
            return None
        with _partial(target) as partial:
            _copy_sqlite(source, partial)
            _settle(partial)
            kept = _set_aside(target)
            partial.rename(target)
    except sqlite3.OperationalError as error:
        if _is_full(error):
            raise BackupError(f"De schijf van {target.parent} is vol; er is niets veranderd.") from None
        raise BackupError("De database is in gebruik; stop routekaart en probeer het opnieuw.") from None
    return kept


def _set_aside(target: Path) -> Path | None:
    """Rename a damaged database, with its log; what a lost one left behind would be applied to the new one."""
    there = target.exists()
    kept = target.with_name(f"{target.name}.beschadigd-{datetime.now(AMSTERDAM):%Y%m%d-%H%M%S}")
    for left in ("-wal", "-shm", "-journal", ""):
        part = target.with_name(target.name + left)
        if part.exists():
            part.rename(kept.with_name(kept.name + left))
    return kept if there else None


# A table of a newer release than the backup's would be in the way of its migration.
_DROP_TABLES = """\
DO $$ DECLARE name text; BEGIN
FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', name);
END LOOP; END $$"""


def _replace_postgresql(source: Path, url: URL, schema: str | None) -> None:
    """Replace all tables in one transaction; a backup of another schema is refused before anything goes."""
    with tempfile.TemporaryFile() as file:  # without a name: it holds all that the database holds
        script = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        # What is of one schema alone comes without the making of that schema.
        chosen = [] if schema is None else [f"--schema={schema}"]
        _run("pg_restore", {}, "--no-owner", "--no-acl", *chosen, f"--file={script}", str(source))
        held = _schema_in(Path(script))
        wanted = schema or _schema_of(url)
        if held != wanted:
            raise BackupError(
                f"{source} heeft geen zaken in het schema {wanted}; noem dat van de backup in "
                "ROUTEKAART_DATABASE_SCHEMA."
            )
        first = [] if schema is None else [f'--command=SET search_path TO "{schema}"']
        words = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", *first]
        _postgresql("psql", url, *words, f"--command={_DROP_TABLES}", f"--file={script}")


def _schema_of(url: URL) -> str:
    """Return the schema in which the user of a database looks."""
    engine = create_engine(url)
    try:
        with reading(engine) as session:
            return str(session.execute(text("SELECT current_schema()")).scalar_one())
    finally:
        engine.dispose()


def _schema_in(script: Path) -> str | None:
    """Return the schema in which a script makes our journal; None when it makes none."""
    with script.open(encoding="utf-8", errors="replace") as lines:
        return next((found[1] for line in lines if (found := _JOURNAL.match(line))), None)


def _let_go(engine: Engine) -> None:
    """Free what workers held when the backup was made, and let every open process be shown again."""
    with writing(engine) as session:
        session.execute(update(ProcessRow).values(leased_by=None, leased_until=None))
        session.execute(update(ProcessRow).where(col(ProcessRow.finished).is_(False)).values(attention=True))
        session.execute(update(DeliveryRow).values(claimed_by=None, claimed_until=None))


# --- PostgreSQL's own programs ------------------------------------------------------------------------------


def _postgresql(program: str, url: URL, *words: str) -> None:
    """Run a program of PostgreSQL on a database; its password is never on a command line."""
    words_of_libpq = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    given = {name: str(value) for name, value in (words_of_libpq | url.query).items() if value}
    address = make_conninfo("", **given)
    environment = {"PGPASSWORD": str(url.password)} if url.password else {}
    _run(program, environment, f"--dbname={address}", *words)


def _run(program: str, environment: dict[str, str], *words: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupError(f"Het programma {program} ontbreekt; installeer de client van PostgreSQL.")
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, with words of ours
        [found, *words],
        env=os.environ | {"LC_ALL": "C"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        if any(words in done.stderr for words in ("No space left", "File too large", "Disk quota")):
            raise BackupError(f"{program} is niet gelukt: de schijf is vol.")
        # The first line says what is wrong; later ones may quote rows.
        reason = next(iter(done.stderr.splitlines()), "zonder uitleg")
        raise BackupError(f"{program} is niet gelukt: {reason}")

"""The file of a SQLite case database: whether it is still the one that was made here, and whether it is whole.

SQLite makes an empty database of a file that is gone or empty. A mark beside it says that there was one, so that
losing it is never taken for a first start.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from adapters.runtime.files import has_room
from adapters.storage.database import reading
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_MARK = ".gemaakt"
_MAKING_SECONDS = 5
_MOUNTS = Path("/proc/self/mountinfo")
# Disks of another machine: locks and shared memory of SQLite do not reach from one machine to the next.
_NETWORK_DISKS = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.ceph-fuse",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)
_WAY_BACK = "Zet een backup terug: routekaart terugzetten BESTAND."


class LostDatabaseError(Refusal):
    """A case database that was there and is gone or empty: one Dutch sentence with the way back."""


class NetworkDiskError(Refusal):
    """A SQLite database on a disk of another machine: one Dutch sentence."""


class NotWritableError(Refusal):
    """A case database in which nothing can be written now: one Dutch sentence."""


def file_of(url: URL) -> Path | None:
    """Return the file of a database; None for one on a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def refuse_lost(url: URL) -> None:
    """Raise LostDatabaseError when the database was made before and is now gone or empty."""
    file = file_of(url)
    if file is None:
        return
    made = _mark(file).exists()  # looked at first: who makes the database leaves its mark last
    there = file.exists()
    # A home of before the marks: its keys were made after its database.
    made = made or (there and file.with_name("persoonssleutel").exists() and _stays_empty(file))
    if made and not (there and file.stat().st_size):
        what = "is leeg" if there else "is weg"
        raise LostDatabaseError(f"De database met zaken ({file}) {what}, en was er wel. {_WAY_BACK}")


def _stays_empty(file: Path) -> bool:
    """Whether nobody else is just making this database: for a moment that one is empty too."""
    until = time.monotonic() + _MAKING_SECONDS
    while not file.stat().st_size:
        if time.monotonic() > until:
            return True
        time.sleep(0.02)
    return False


def refuse_network_disk(url: URL) -> None:
    """Raise NetworkDiskError when SQLite would stand on a network disk: with two machines there it loses cases."""
    file = file_of(url)
    if file is not None:
        refuse_file_on_network_disk(file, "De database met zaken", "ROUTEKAART_DATABASE_URL")


def refuse_file_on_network_disk(file: Path, what: str, setting: str) -> None:
    """Raise NetworkDiskError when a file of SQLite would stand on a network disk; `setting` names the way out."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    kind = network_disk(folder)
    if kind is not None:
        raise NetworkDiskError(
            f"{what} ({file}) staat op een netwerkschijf ({kind}), en daar raakt SQLite gegevens kwijt. "
            f"Zet ROUTEKAART_HOME op een schijf van deze machine, of noem een PostgreSQL in {setting}."
        )


def network_disk(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the kind of network disk that a folder is on; None for any other, and where the system does not tell."""
    try:
        device = folder.stat().st_dev
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        place, _, kind = line.partition(" - ")  # what stands before it has no fixed number of fields
        if place.split()[2:3] == [wanted]:
            found = kind.split()[0]
            return found if found in _NETWORK_DISKS else None
    return None


def note_made(url: URL) -> None:
    """Leave the mark that this database was made."""
    file = file_of(url)
    if file is not None and not _mark(file).exists():
        with suppress(OSError):  # the next start tries again
            _mark(file).write_text(f"Bij dit bestand hoort {file.name}, met alle zaken.\n", "utf-8")


def is_damaged(file: Path) -> bool:
    """Whether a file is there that is no whole SQLite database; one that is in use is an sqlite3.OperationalError."""
    if not file.exists():
        return False
    if not file.stat().st_size:
        return True
    try:
        return bool(_damage(file))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return True


def _damage(file: Path) -> str:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as opened:
        found = str(opened.execute("PRAGMA integrity_check(1)").fetchone()[0])
    return "" if found == "ok" else found


def damage_in(engine: Engine) -> str | None:
    """Return a sentence when SQLite finds damage in its own file; None when it is whole, or on a server."""
    if engine.dialect.name != "sqlite":
        return None
    with reading(engine) as session:
        found = str(session.execute(text("PRAGMA integrity_check(1)")).scalar_one())
    return None if found == "ok" else f"De database met zaken is beschadigd. {_WAY_BACK}"


def check_writable(engine: Engine) -> None:
    """Raise NotWritableError when nothing can be written: a full or read-only disk, a server that only reads.

    Takes no lock: a database that is busy is fine.
    """
    file = file_of(engine.url)
    if file is not None:
        _check_disk(file)
        return
    with reading(engine) as session:
        if session.execute(text("SELECT current_setting('transaction_read_only')")).scalar_one() == "on":
            raise NotWritableError("De database met zaken is alleen te lezen.")


def _check_disk(file: Path) -> None:
    if not has_room(file.parent):
        raise NotWritableError("De schijf met zaken is vol of alleen te lezen.")
    if file.exists() and not os.access(file, os.W_OK):
        raise NotWritableError("De database met zaken is alleen te lezen.")


def _mark(file: Path) -> Path:
    return file.with_name(file.name + _MARK)

"""SQLite on a disk of another machine loses what was accepted; a home of two hosts is of one of them at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.stack import ROUTEKAART, home_with_keys, run

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.runtime.worker_identity import identity, is_dead
from adapters.storage.database_file import NetworkDiskError, network_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stack import Stack

SFTP = Path("/usr/lib/openssh/sftp-server")
_ANOTHER_HOST = ("unshare", "--uts", "--net", "--pid", "--mount-proc", "--fork", "--kill-child")


@contextmanager
def _disk_of_another_machine(folder: Path) -> Iterator[Path]:
    """Mount a folder as machines elsewhere have it: SSHFS over a pipe."""
    sshfs = shutil.which("sshfs")
    if sshfs is None or not SFTP.exists():
        pytest.skip("no SSHFS on this machine")
    near, there = folder / "hier", folder / "daar"
    near.mkdir()
    there.mkdir()
    speaks = folder / "ssh"
    speaks.write_text(f"#!/bin/sh\nexec {SFTP}\n")
    speaks.chmod(0o700)
    mounted = [sshfs, "-o", f"ssh_command={speaks}", f"machine:{there}", str(near)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount no disk")
    try:
        yield near
    finally:
        subprocess.run(["umount", "-l", str(near)], check=True)


def test_a_home_on_a_real_network_disk_is_refused_and_left_as_it_is(
    tmp_path: Path, empty_postgresql_url: str
) -> None:
    """A command says so in one sentence with the ways out, and makes no database; PostgreSQL is the way out."""
    with _disk_of_another_machine(tmp_path) as disk:
        clean = os.environ | {"ROUTEKAART_HOME": str(disk / "home")}
        refused = run("open", "--mijlpaal", "M3", environment=clean, check=False)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
        assert "staat op een netwerkschijf (fuse.sshfs)" in refused.stderr
        assert "ROUTEKAART_DATABASE_URL" in refused.stderr
        assert list((disk / "home").glob("zaken.db*")) == []
        home = home_with_keys(disk / "home")
        office = open_office(Settings(home=home, database_url=empty_postgresql_url))
        assert office.casework.open("M3", municipality="0518").reference
        office.engine.dispose()
        # Two hosts that both start there break the database of Prefect within a minute.
        with_server = clean | {"ROUTEKAART_DATABASE_URL": empty_postgresql_url}
        refused = run("start", environment=with_server, check=False)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1
        assert "De database van Prefect" in refused.stderr
        assert "PREFECT_SERVER_DATABASE_CONNECTION_URL" in refused.stderr
        assert list((disk / "home").glob("prefect/prefect.db*")) == []


@pytest.mark.prefect
def test_a_second_host_starts_nothing_in_a_home_that_runs(stack: Stack) -> None:
    """With a network, processes and a name of its own it is refused in one sentence; its commands reach the cases."""
    refused = subprocess.run(
        [*_ANOTHER_HOST, *ROUTEKAART, "start"],
        env=stack.environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if "unshare" in refused.stderr:
        pytest.skip("this user may make no other host")
    assert refused.returncode == 2
    assert refused.stderr == f"routekaart draait al voor {stack.home}.\n"
    opened = subprocess.run(
        [*_ANOTHER_HOST, *ROUTEKAART, "open", "--mijlpaal", "M3"],
        env=stack.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    reference = opened.stdout.strip()
    assert stack.cases.casework.case(reference).reference == reference


def test_no_host_takes_the_worker_of_another_for_dead() -> None:
    """Each host counts its processes itself: who has the number of a worker elsewhere tells nothing of that worker."""
    says = (
        "from adapters.runtime.worker_identity import identity, is_dead; import sys; "
        "print(identity() if len(sys.argv) < 2 else is_dead(sys.argv[1]))"
    )
    here = [sys.executable, "-c", says]
    elsewhere = subprocess.run([*_ANOTHER_HOST, *here], check=False, capture_output=True, text=True)
    if "unshare" in elsewhere.stderr:
        pytest.skip("this user may make no other host")
    holder = elsewhere.stdout.strip()
    gone_here = subprocess.run(here, check=True, capture_output=True, text=True).stdout.strip()
    assert is_dead(gone_here)
    assert not is_dead(holder)  # its process is gone, and only its own host knows
    asked = subprocess.run([*_ANOTHER_HOST, *here, identity()], check=True, capture_output=True, text=True)
    assert asked.stdout == "False\n"


# Lines as the kernel of a machine with such a disk writes them.
LINES = {
    "nfs4": "{device} / {place} rw,relatime shared:1 - nfs4 10.0.0.5:/zaken rw,vers=4.2,hard",
    "nfs": "{device} /b {place} rw shared:5 master:2 - nfs 10.0.0.5:/zaken rw,vers=3,nolock",
    "cifs": "{device} / {place} rw,relatime - cifs //server/zaken rw,vers=3.1.1",
    None: "{device} / {place} rw,relatime shared:1 - ext4 /dev/sda1 rw",
}


@pytest.mark.parametrize("kind", LINES)
def test_a_network_disk_is_known_by_what_the_kernel_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    """The line of the device of the folder counts, whatever else is mounted and however many fields it has."""
    mounts, device = tmp_path / "mountinfo", tmp_path.stat().st_dev
    named = f"{os.major(device)}:{os.minor(device)}"
    others = (
        "21 1 0:999 / /elders rw shared:9 - nfs4 10.0.0.9:/elders rw\n23 1 0:998 / /x rw - tmpfs tmpfs rw\n"
    )
    mounts.write_text(f"{others}42 1 {LINES[kind].format(device=named, place=tmp_path)}\n")
    assert network_disk(tmp_path, mounts) == kind
    monkeypatch.setattr("adapters.storage.database_file.network_disk", lambda _: kind)
    if kind is None:
        open_office(Settings(home=tmp_path / "home")).engine.dispose()
        return
    with pytest.raises(NetworkDiskError, match=f"netwerkschijf \\({kind}\\)"):
        open_office(Settings(home=tmp_path / "home"))


def test_a_system_that_tells_of_no_disks_refuses_none(tmp_path: Path) -> None:
    """Where there is no such list nothing is known, and where the folder is not in it neither."""
    assert network_disk(tmp_path, tmp_path / "nergens") is None
    (tmp_path / "leeg").write_text("")
    assert network_disk(tmp_path, tmp_path / "leeg") is None

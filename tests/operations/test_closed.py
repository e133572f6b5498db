"""Closed by default: what a start refuses, and what `controleer` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.stack import run

from adapters.runtime.settings import Settings
from deployments.closed import open_problems, server_problems

if TYPE_CHECKING:
    from pathlib import Path

LONG = "0123456789abcdef" * 4
ELSEWHERE = {"PREFECT_API_URL": "http://prefect.intern:4200/api"}


@pytest.fixture
def reachable(tmp_path: Path) -> Path:
    """Return a home in a folder that others can pass."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.mark.parametrize(
    "value", [None, "", "routekaart:", "routekaart:kort", LONG, f":{LONG}", f"routekaart:{' ' * 40}"]
)
def test_a_server_needs_a_credential(value: str | None) -> None:
    """Without a credential, or with one that is blank or short, Prefect's server does not start."""
    given = {} if value is None else {"PREFECT_SERVER_API_AUTH_STRING": value}
    assert any("PREFECT_SERVER_API_AUTH_STRING" in line for line in server_problems(given))
    assert not list(server_problems({"PREFECT_SERVER_API_AUTH_STRING": f"routekaart:{LONG}"}))


def test_a_worker_of_a_server_elsewhere_needs_the_credential(tmp_path: Path) -> None:
    """A worker that would show nothing to a server on another machine is told so."""
    chosen = Settings(home=tmp_path)
    assert list(open_problems(chosen, ELSEWHERE))
    assert not list(open_problems(chosen, ELSEWHERE | {"PREFECT_API_AUTH_STRING": f"routekaart:{LONG}"}))


@pytest.mark.parametrize("name", ["person_key", "link_key", "integration_key"])
@pytest.mark.parametrize("key", ["", "kort", " " * 40])
def test_a_short_key_is_refused(tmp_path: Path, name: str, key: str) -> None:
    """A key that is blank or shorter than 32 bytes is no key."""
    found = list(open_problems(Settings(home=tmp_path, **{name: key}), {}))
    assert [f"ROUTEKAART_{name.upper()}" in line for line in found] == [True]
    assert not list(open_problems(Settings(home=tmp_path, **{name: LONG}), {}))


def test_a_home_that_others_can_enter_is_refused(reachable: Path) -> None:
    """The folder with the keys and the cases is for its user alone, and so is each key."""
    chosen = Settings(home=reachable)
    assert not list(open_problems(chosen, {}))
    reachable.chmod(0o755)
    assert any("chmod 700" in line for line in open_problems(chosen, {}))
    chosen.person_secret()
    (reachable / "persoonssleutel").chmod(0o644)
    assert any("persoonssleutel" in line for line in open_problems(chosen, {}))


@pytest.mark.parametrize("name", ["PREFECT_REDIS_MESSAGING_URL", "PREFECT_SERVER_DOCKET_URL"])
def test_a_redis_elsewhere_needs_a_password(name: str) -> None:
    """Whoever reaches a Redis without password reads and writes Prefect's messages."""
    closed = {"PREFECT_SERVER_API_AUTH_STRING": f"routekaart:{LONG}"}
    assert any(name in line for line in server_problems(closed | {name: "redis://redis.intern:6379/0"}))
    assert not list(server_problems(closed | {name: "redis://:geheim@redis.intern:6379/0"}))


@pytest.mark.parametrize("command", ["start", "worker", "api", "deploy"])
def test_every_start_refuses(tmp_path: Path, command: str) -> None:
    """A start with a short key says so in one sentence, with exit code 2, and starts nothing."""
    done = run(
        command, environment={"ROUTEKAART_HOME": str(tmp_path / "h"), "ROUTEKAART_LINK_KEY": "x"}, check=False
    )
    assert done.returncode == 2
    assert "ROUTEKAART_LINK_KEY" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

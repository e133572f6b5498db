"""What `routekaart controleer` says about Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.stack import free_port
from support.workshop import PrefectServer

from adapters.runtime.settings import Settings
from deployments.prefect_check import prefect_problems

if TYPE_CHECKING:
    from pathlib import Path


def test_an_embedded_server_need_not_run(tmp_path: Path) -> None:
    """Commands work without Prefect, so an embedded server that is not there is no problem."""
    assert list(prefect_problems(Settings(home=tmp_path, prefect_port=free_port()))) == []


def test_a_server_that_was_named_has_to_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who names a server of his own hears that it does not answer."""
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    (problem,) = prefect_problems(Settings(home=tmp_path))
    assert "antwoordt niet" in problem


@pytest.mark.prefect
@pytest.mark.long
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_the_service_of_expired_pauses_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: str
) -> None:
    """A server on which that service is on is named, with the setting that switches it off."""
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED", enabled)
    server = PrefectServer(tmp_path / "prefect")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", server.environment["PREFECT_API_AUTH_STRING"])
    server.start()
    try:
        found = list(prefect_problems(Settings(home=tmp_path, prefect_port=server.port)))
    finally:
        server.kill()
    assert len(found) == (enabled == "true")
    assert all("PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED" in line for line in found)

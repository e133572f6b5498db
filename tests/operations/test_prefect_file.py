"""`deployments/prefect.yaml` gives Prefect the same deployments as `routekaart deploy`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.prefect_file import FILE, content
from support.stack import run
from support.workshop import PrefectServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
COMPARED = (
    "name",
    "version",
    "description",
    "tags",
    "entrypoint",
    "path",
    "pull_steps",
    "parameter_openapi_schema",
    "enforce_parameter_schema",
    "work_pool_name",
    "work_queue_name",
    "parameters",
    "paused",
)


def test_the_file_is_current() -> None:
    """The file is what the code gives; else run `python tests/renew.py`."""
    assert FILE.read_text(encoding="utf-8") == content()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    """An empty Prefect server."""
    made = PrefectServer(tmp_path / "prefect")
    made.start()
    yield made
    made.kill()


def _deployments(server: PrefectServer) -> dict[str, dict[str, Any]]:
    flows = {flow["id"]: flow["name"] for flow in server.call("POST", "/flows/filter", limit=200)}
    found = {}
    for item in server.call("POST", "/deployments/filter", limit=200):
        shown = {name: item[name] for name in COMPARED}
        shown["pull_steps"] = shown["pull_steps"] or None
        shown["parameter_openapi_schema"].pop("additionalProperties", None)  # only our own command can say so
        shown["schedules"] = sorted(
            json.dumps([one["schedule"], one["active"]], sort_keys=True) for one in item["schedules"]
        )
        found[f"{flows[item['flow_id']]}/{item['name']}"] = shown
    return found


@pytest.mark.prefect
@pytest.mark.long
def test_prefect_deploy_makes_what_our_own_command_makes(server: PrefectServer) -> None:
    """Names, entry points, forms, pool, queue, tags, texts and times of both ways are equal."""
    environment = server.environment | {"PYTHONPATH": str(ROOT), "ROUTEKAART_HOME": str(server.folder)}
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    pool = [*prefect, "work-pool", "create", "routekaart", "--type", "routekaart"]
    every = [*prefect, "deploy", "--all", "--prefect-file", "deployments/prefect.yaml"]
    for command in (pool, every):
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with_prefect = _deployments(server)
    for name in server.call("POST", "/deployments/filter", limit=200):
        server.call("DELETE", f"/deployments/{name['id']}")
    assert len(run("deploy", environment=environment).stdout.splitlines()) == len(with_prefect)
    ours = _deployments(server)
    assert set(ours) == set(with_prefect)
    differences = [
        (name, key, ours[name][key], value)
        for name, item in with_prefect.items()
        for key, value in item.items()
        if ours[name][key] != value
    ]
    assert differences == [], "\n".join(str(item)[:300] for item in differences)

"""Prefect's own command starts our worker: by its type, and by the pool alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.workshop import Workshop

# A test in the background of a shell ignores SIGINT, with which Prefect's command ends its worker.
COMMAND = ("env", "--default-signal=INT", Path(sys.executable).with_name("prefect"))


@pytest.mark.parametrize(
    "type_", [pytest.param((), marks=pytest.mark.short, id="by the pool"), ("--type", "routekaart")]
)
def test_prefects_own_command_starts_a_worker_of_ours(
    workshop: Callable[..., Workshop], type_: tuple[str, ...]
) -> None:
    """`prefect worker start` shows a case as `routekaart worker` does, and leaves when it is asked."""
    shop = workshop()
    shop.command("deploy")
    reference = shop.office.casework.open("M3", municipality="0518").reference
    with (shop.home / "prefect-worker.log").open("w") as log:
        worker = subprocess.Popen(
            [*COMMAND, "worker", "start", "--pool", "routekaart", "--name", "los", *type_],
            env=shop.server.environment | shop.environment | {"PYTHONFAULTHANDLER": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        shop.wait_for_state(reference, "Wacht op registratie aanmelding")
        worker.terminate()
        assert worker.wait(120) == 0, shop.logs()
    except subprocess.TimeoutExpired:
        worker.send_signal(signal.SIGABRT)  # it writes what each thread does
        worker.wait(10)
        pytest.fail(shop.logs())
    finally:
        worker.kill()

"""One worker of ours as a process: bring the deployments up to date, then work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from adapters.office import office
from adapters.runtime.settings import settings
from adapters.storage.storage_trouble import waits_out_trouble
from deployments.closed import refuse_when_open
from deployments.environment import use_prefect_environment
from deployments.garbage import collect_less
from deployments.grafana_check import grafana_problems
from flows.prefect_seam.leaned_on import WORKER_PARTS, check_seam


def run_worker() -> int:
    """Deploy, then run a worker until SIGINT or SIGTERM; a run that is going on is finished first."""
    chosen = settings()
    use_prefect_environment(chosen)
    refuse_when_open(grafana_problems(chosen))
    if chosen.worker_concurrency:
        os.environ["ROUTEKAART_WORKER_CONCURRENCY"] = str(chosen.worker_concurrency)

    # Prefect reads its settings on import, so only now.
    check_seam(WORKER_PARTS)
    from deployments.deploy import POOL, deploy  # noqa: PLC0415
    from flows.case_queue import CaseQueue  # noqa: PLC0415
    from flows.worker import RoutekaartWorker  # noqa: PLC0415

    waits_out_trouble(office)()  # a database that is locked just now is no reason to give up

    def deploy_here() -> list[str]:
        return deploy(office())

    if chosen.deploy_on_start:
        deploy_here()
    collect_less()
    ready = chosen.ensure_home() / "worker.ready"

    async def work() -> None:
        worker = RoutekaartWorker(POOL, wake_source=CaseQueue(office(), deploy_here))
        task = asyncio.create_task(worker.start(printer=lambda *_: ready.touch()))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(work())
    finally:
        ready.unlink(missing_ok=True)
    return 0

"""The worker that Prefect makes by its type: it learns from the case database which runs are to be woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from flows.prefect_seam.worker import InProcessWorker

if TYPE_CHECKING:
    from flows.wake_source import WakeSource


class RoutekaartWorker(InProcessWorker):
    """Runs the processes of the case database of the settings."""

    def own_wake_source(self) -> WakeSource:
        """Return the processes of the case database that ask for attention."""
        from adapters.office import office  # noqa: PLC0415 - every command of Prefect imports this file
        from flows.case_queue import CaseQueue  # noqa: PLC0415 - idem

        return CaseQueue(office())

    def own_figures(self) -> CollectorRegistry:
        """Return what the case database says of itself."""
        from adapters.office import office  # noqa: PLC0415 - idem
        from adapters.operations.figures import CaseFigures  # noqa: PLC0415 - idem

        registry = CollectorRegistry()
        registry.register(CaseFigures(office()))
        return registry

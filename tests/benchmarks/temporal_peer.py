"""The workflow of Temporal that does the job of `accepted.py`: wait for an event or 28 days, run an activity."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

EVENTS = 3
HANDLED: dict[str, asyncio.Semaphore] = {}


@activity.defn
async def carry_out(case: str, event: str) -> str:
    """Do nothing, and tell the sender, who is in the same process, that it was done."""
    HANDLED[case].release()
    return event


@workflow.defn
class WaitForEvents:
    """A case that waits for events."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    @workflow.run
    async def run(self, case: str) -> None:
        """Carry out each event as it comes."""
        for _ in range(EVENTS):
            await workflow.wait_condition(lambda: bool(self._waiting), timeout=timedelta(days=28))
            event = self._waiting.pop(0)
            await workflow.execute_activity(
                carry_out, args=[case, event], start_to_close_timeout=timedelta(seconds=30)
            )

    @workflow.signal
    def happened(self, event: str) -> None:
        """Note an event."""
        self._waiting.append(event)

"""The workflow of Restate that does the job of `accepted.py`: wait for an event or 28 days, run a step."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import restate

EVENTS = 3
HANDLED: dict[str, asyncio.Semaphore] = {}
wait_for_events = restate.Workflow("Zaak")


async def carry_out(case: str, event: str) -> str:
    """Do nothing, and tell the sender, who is in the same process, that it was done."""
    HANDLED[case].release()
    return event


@wait_for_events.main()
async def run(ctx: restate.WorkflowContext) -> None:
    """Carry out each event as it comes."""
    for number in range(EVENTS):
        event = ctx.promise(f"event-{number}", type_hint=str).value()
        match await restate.select(event=event, timeout=ctx.sleep(timedelta(days=28))):
            case ["event", str(name)]:
                await ctx.run_typed("carry_out", carry_out, case=ctx.key(), event=name)


@wait_for_events.handler()
async def happened(ctx: restate.WorkflowSharedContext, told: list[str]) -> None:
    """Note an event: the promise for which the case waits, and its name."""
    await ctx.promise(told[0], type_hint=str).resolve(told[1])

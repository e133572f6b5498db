"""Leans on (Prefect 3.8.8): two of the server's rules for states, and the place where it looks for its rules.

These are `HandlePausingFlows` and `HandleResumingPausedFlows` in `CoreFlowPolicy`, and `flow_policy_provider`. Without
them a wake-up costs a state more: the worker then takes each run to RUNNING before it pauses it again.

A run that waits, or that somebody resumed, may be given another pause at once: the server need not hear that it ran
for some milliseconds.

A pause names what it follows, as its `cache_key`, which no flow run uses: the key of a pause, or the id of the state
in which a worker found the run after Resume. Only while that one stands is the new one taken: whoever pressed Resume
or Cancel meanwhile is not passed over, and neither is another worker. The server refuses the pause then, as it would
have refused RUNNING.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import prefect.server.models  # noqa: F401 - first: it and the rules import each other
from prefect.server.orchestration.core_policy import (
    CoreFlowPolicy,
    HandlePausingFlows,
    HandleResumingPausedFlows,
)
from prefect.server.orchestration.dependencies import ORCHESTRATION_DEPENDENCIES
from prefect.server.schemas.states import Running

from flows.prefect_seam.parking import left_at

if TYPE_CHECKING:
    from prefect.server.orchestration.policies import FlowRunOrchestrationPolicy


def let_a_pause_follow_a_pause() -> None:
    """Let this server take a new pause for a run that is paused, or that somebody resumed."""
    ORCHESTRATION_DEPENDENCIES["flow_policy_provider"] = _our_policy


async def _our_policy() -> type[FlowRunOrchestrationPolicy]:
    return _OurPolicy


def _again(initial_state: Any, other_state: Any) -> bool:
    """Whether a pause follows what it names."""
    if other_state is None or not other_state.is_paused() or not other_state.state_details.pause_reschedule:
        return False
    stands = left_at(initial_state)
    return stands is not None and stands == other_state.state_details.cache_key


class _Pausing(HandlePausingFlows):
    async def before_transition(self, initial_state: Any, proposed_state: Any, context: Any) -> None:
        """Take such a run for one that runs: all other conditions of a pause stay."""
        initial = Running() if _again(initial_state, proposed_state) else initial_state
        await super().before_transition(initial, proposed_state, context)


class _LeavingAPause(HandleResumingPausedFlows):
    async def before_transition(self, initial_state: Any, proposed_state: Any, context: Any) -> None:
        """Refuse nothing when it leaves one pause for another."""
        if not _again(initial_state, proposed_state):
            await super().before_transition(initial_state, proposed_state, context)

    async def after_transition(self, initial_state: Any, validated_state: Any, context: Any) -> None:
        """Note nothing of a Resume that was none."""
        if not _again(initial_state, validated_state):
            await super().after_transition(initial_state, validated_state, context)


class _OurPolicy(CoreFlowPolicy):
    @staticmethod
    def priority() -> list[Any]:
        """Return Prefect's rules with these two in the place of its own."""
        ours: dict[Any, Any] = {HandlePausingFlows: _Pausing, HandleResumingPausedFlows: _LeavingAPause}
        return [ours.get(rule, rule) for rule in CoreFlowPolicy.priority()]

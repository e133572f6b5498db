"""What Prefect does by itself for coordinators: when the reports come, and what the automations are about."""

from __future__ import annotations

import uuid

import pytest
from prefect.events.schemas.automations import EventTrigger, Posture

from adapters.messages.operator_messages import DEAD_LETTER, FAILED_RUN, LATE_WORKER
from deployments.automations import ALARMS, automation
from deployments.planned import planned
from milestones.term_table import TERMS


@pytest.mark.parametrize(
    ("name", "days"),
    [("labels-van-de-dag", "* * *"), ("monitor", "* * 1"), ("kwaliteitssteekproef", "* * 1")],
)
def test_reports_come_on_their_days(name: str, days: str) -> None:
    """The labels come daily; monitor and quality sample come on Monday."""
    (found,) = (item.cron for item in planned() if item.name == name)
    assert found is not None
    assert found.endswith(days)


def test_no_automation_carries_a_term() -> None:
    """The automations react to the machinery alone: nothing waits in Prefect for a day, and none knows a term."""
    assert {alarm.kind for alarm in ALARMS} == {FAILED_RUN, LATE_WORKER, DEAD_LETTER}
    for alarm in ALARMS:
        made = automation(alarm, uuid.uuid4(), "routekaart")
        assert isinstance(made.trigger, EventTrigger)
        assert made.trigger.posture is Posture.Reactive
        assert not set(made.model_dump_json().replace('"', " ").split()) & set(TERMS)

"""The real database beside a small reference model, driven by random commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis.stateful import run_state_machine_as_test
from support.model import CasesMachine, settings_for

if TYPE_CHECKING:
    from sqlalchemy import Engine


# PostgreSQL is asked over a connection, so the same number of steps takes longer there.
LONG = {"sqlite": (60, 40), "postgresql": (15, 30)}
SHORT = {"sqlite": (6, 20), "postgresql": (2, 15)}


def _drive(engine: Engine, examples: int, steps: int, *, shrink: bool) -> None:
    machine = type("Machine", (CasesMachine,), {"engine": engine})
    run_state_machine_as_test(machine, settings=settings_for(examples, steps, shrink=shrink))


@pytest.mark.short
def test_the_database_does_what_the_model_does(engine: Engine) -> None:
    """After every random command, repeat, late message, sweep or clock jump both say the same."""
    _drive(engine, *SHORT[engine.dialect.name], shrink=False)


@pytest.mark.timeout(900)
def test_the_database_does_what_the_model_does_for_long(engine: Engine) -> None:
    """The same with many more commands; a failure is made smaller before it is shown."""
    _drive(engine, *LONG[engine.dialect.name], shrink=True)

"""The real database beside a small reference model, driven by random commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis.stateful import run_state_machine_as_test
from model import CasesMachine, settings_for

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.mark.long
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_database_does_what_the_model_does(engine: Engine) -> None:
    """After every random command, repeat, late message, sweep or clock jump both say the same."""
    machine = type("Machine", (CasesMachine,), {"engine": engine})
    run_state_machine_as_test(machine, settings=settings_for(examples=12, steps=25))

"""The worker's queue gives a process back whatever fails: a lease that stays would be renewed for ever."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from sqlmodel import select

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, SettingRow, reading, writing
from flows.case_queue import CaseQueue
from flows.wake_source import WakeUpResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office

NOBODY_ANSWERS = "http://127.0.0.1:1/api"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office on SQLite."""
    made = open_office(Settings(home=tmp_path))
    yield made
    made.engine.dispose()


@pytest.fixture
def queue(office: Office) -> Iterator[CaseQueue]:
    """A queue with one open case, while the Prefect server does not answer."""
    office.casework.open("M1", municipality="0518")
    with temporary_settings({PREFECT_API_URL: NOBODY_ANSWERS, PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield CaseQueue(office)


def _row(office: Office) -> ProcessRow:
    with reading(office.engine) as session:
        return session.exec(select(ProcessRow)).one()


def test_a_run_that_cannot_be_made_is_tried_again_soon(queue: CaseQueue, office: Office) -> None:
    """The process rests for some seconds and still asks for attention."""
    assert queue.claim(1) == []
    row = _row(office)
    assert row.leased_by is None
    assert row.attention


def test_terms_wait_for_a_clock_that_jumped(queue: CaseQueue, office: Office) -> None:
    """A term that is due by a clock far ahead of what was seen does not fire until a person confirms the clock."""
    today = office.clock.today()
    reference = office.casework.open("M3", municipality="0518", on=today - timedelta(days=60)).reference
    seen = office.clock.now() - timedelta(days=40)
    with writing(office.engine) as session:
        session.merge(SettingRow(name="klok_gezien", value={"op": seen.isoformat()}))
    queue.fire_terms()
    assert office.casework.is_due(reference)
    office.clock_guard.confirm()
    queue.fire_terms()
    assert not office.casework.is_due(reference)


def test_a_run_that_cannot_be_replaced_now_is_given_back(queue: CaseQueue, office: Office) -> None:
    """The run is gone and Prefect does not answer: the lease is given back and nothing renews it."""
    (held,) = office.attention.claim(1)
    office.attention.link(held, uuid.uuid4())
    office.attention.release(held)
    (wake_up,) = queue.claim(1)
    with pytest.raises((httpx.HTTPError, RuntimeError)):
        queue.done(wake_up, WakeUpResult.GONE)
    office.leases.renew()
    row = _row(office)
    assert row.leased_by is None
    assert row.attention

"""The worker's queue gives a process back whatever fails: a lease that stays would be renewed for ever."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prefect import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)
from sqlalchemy import update
from sqlmodel import select

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, SettingRow, reading, writing
from deployments.deploy import POOL, deploy
from flows.case_queue import DEPLOYMENT, CaseQueue
from flows.wake_source import WakeUpResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.workshop import PrefectServer

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


def _of(server: PrefectServer) -> dict[Any, Any]:
    """Return the settings with which clients here find that server."""
    return {
        PREFECT_API_URL: f"http://127.0.0.1:{server.port}/api",
        PREFECT_API_AUTH_STRING: server.environment["PREFECT_API_AUTH_STRING"],
    }


@pytest.mark.prefect
def test_two_case_databases_with_one_prefect_have_runs_of_their_own(
    server: PrefectServer, tmp_path: Path
) -> None:
    """A case of the same name in another database is shown by another run, and asking again makes no second one."""
    server.wait_until_it_answers()
    runs = []
    with temporary_settings(_of(server)):
        for home in ("een", "twee"):
            office = open_office(Settings(home=tmp_path / home))
            office.casework.open("M1", municipality="0518", reference="SAMEN-1")
            (wake_up,) = CaseQueue(office, partial(deploy, office)).claim(1)
            with writing(office.engine) as session:  # as after a kill before the run was noted
                session.execute(
                    update(ProcessRow).values(flow_run_id=None, leased_by=None, leased_until=None)
                )
            assert CaseQueue(office).claim(1) == [wake_up]
            runs.append(wake_up.flow_run_id)
            office.engine.dispose()
    assert len(set(runs)) == 2


@pytest.mark.prefect
def test_deployments_that_lost_their_work_pool_are_put_back(server: PrefectServer, tmp_path: Path) -> None:
    """Who removes the pool takes the queue from every deployment; the next run that is made brings them back."""
    server.wait_until_it_answers()
    with temporary_settings(_of(server)), get_client(sync_client=True) as client:
        deploy(open_office(Settings(home=tmp_path)))
        client.request("DELETE", f"/work_pools/{POOL}")
        lost = client.read_deployments()
        assert {one.work_queue_id for one in lost if one.name == DEPLOYMENT} == {None}
        office = open_office(Settings(home=tmp_path))
        office.casework.open("M1", municipality="0518")
        assert len(CaseQueue(office, partial(deploy, office)).claim(1)) == 1
        office.engine.dispose()
        assert None not in {one.work_queue_id for one in client.read_deployments() if one.name == DEPLOYMENT}


@pytest.mark.prefect
def test_a_case_whose_reference_no_form_takes_yet_is_shown(server: PrefectServer, tmp_path: Path) -> None:
    """A municipality chose another form after the forms were made: they are made anew, and the run is."""
    server.wait_until_it_answers()
    with temporary_settings(_of(server)):
        office = open_office(Settings(home=tmp_path))
        deploy(office)
        office.casework._reference_pattern = "dossier-[0-9]+"
        office.casework.open("M1", municipality="0518", reference="dossier-17")
        queue = CaseQueue(office, partial(deploy, office))
        assert queue.claim(1) == []
        with writing(office.engine) as session:  # as after the rest of a failure
            session.execute(update(ProcessRow).values(leased_by=None, leased_until=None))
        assert len(queue.claim(1)) == 1
        office.engine.dispose()

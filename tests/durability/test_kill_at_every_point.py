"""A worker is killed at every named point, and the case ends as one that nobody disturbed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from support.invariants import end_of, messages, violations
from support.workshop import Workshop

from adapters.runtime.checkpoints import Checkpoint
from adapters.runtime.clock import AMSTERDAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.workshop import Nursery, PrefectServer

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(900)]  # the set-up walks every case

# The ordinary suite kills at these, `-m "long or short"` at every one.
SHORT = {Checkpoint.BEFORE_COMMIT, Checkpoint.AFTER_EFFECT, Checkpoint.BEFORE_FORM, Checkpoint.AFTER_PARK}
POINTS = [
    pytest.param(point, marks=[pytest.mark.short] if point in SHORT else [])
    for point in Checkpoint
    if point is not Checkpoint.API_COMMITTED  # that is another process; it has a test of its own
]
FIRST_WARNING = datetime(2026, 3, 24, 9, tzinfo=AMSTERDAM)
CONTROL = "HEEL-1"


def _reference(point: Checkpoint) -> str:
    return f"STERF-{list(Checkpoint).index(point)}"


@pytest.fixture(scope="module")
def points(request: pytest.FixtureRequest) -> list[Checkpoint]:
    """The points of which a test was chosen to run now."""
    found = (item.callspec.params for item in request.session.items if hasattr(item, "callspec"))
    return [known["killed_at"] for known in found if "killed_at" in known]


@pytest.fixture(scope="module")
def history(
    server: PrefectServer,
    nursery: Nursery,
    tmp_path_factory: pytest.TempPathFactory,
    points: list[Checkpoint],
) -> Iterator[Workshop]:
    """Cases that walk the same way; in the work on each the worker is killed at another point."""
    shop = Workshop(server, nursery, tmp_path_factory.mktemp("sterf") / "home")
    references = [CONTROL, *map(_reference, points)]
    faults = ",".join(f"{point}@{_reference(point)}" for point in points)
    casework = shop.office.casework
    shop.watch("worker", ROUTEKAART_FAULT=faults)
    try:
        for reference in references:
            casework.open("M3", municipality="0518", reference=reference)
        for reference in references:
            run = shop.wait_for_state(reference, "Wacht op registratie aanmelding", seconds=120)
            server.answer(run["id"], gebeurtenis="Aanmelding geregistreerd")
        for reference in references:
            shop.wait_for_state(reference, "Wacht op crisischeck", seconds=120)
        if Checkpoint.RUN_REPLACED in points:
            server.call("DELETE", f"/flow_runs/{shop.run_id(_reference(Checkpoint.RUN_REPLACED))}")
        shop.set_time(FIRST_WARNING)
        for reference in references:
            shop.wait(lambda ref=reference: _warned_and_shown(shop, ref), 120)
        for reference in references:
            casework.report(reference, "ingetrokken", data={"motivering": "m-1"}, event_id="einde")
        for reference in references:
            shop.wait_for_state(reference, "Afgesloten", seconds=120)
        yield shop
    finally:
        shop.stop()


def _warned_and_shown(shop: Workshop, reference: str) -> bool:
    view = shop.office.casework.case(reference)
    return any(row.rung == "-14d" for row in view.journal) and not view.rows["M3"].attention


@pytest.mark.parametrize("killed_at", POINTS)
def test_a_case_ends_as_if_nobody_killed_the_worker(history: Workshop, killed_at: Checkpoint) -> None:
    """Killed at this point and started again, a case ends with the same state, terms, messages and journal."""
    reference = _reference(killed_at)
    assert (history.home / "fouten" / f"{killed_at}@{reference}").exists(), (
        "the worker never came to this point"
    )
    assert end_of(history.office, reference) == end_of(history.office, CONTROL)


@pytest.mark.short
def test_all_invariants_hold_after_the_kills(
    history: Workshop, server: PrefectServer, points: list[Checkpoint]
) -> None:
    """Events and rungs once, effects done under stable ids, replay equal, and Prefect shows the journal's state."""
    assert history.deaths == len(points)
    rows = [history.office.casework.case(reference).rows["M3"] for reference in map(_reference, points)]
    runs = server.runs([row.flow_run_id for row in rows if row.flow_run_id] + [history.run_id(CONTROL) or ""])
    assert violations(history.office, runs=runs) == []


@pytest.mark.short
def test_a_message_that_was_sent_before_the_kill_comes_twice_under_one_id(history: Workshop) -> None:
    """A kill between sending and noting repeats what was under way, each once more, and the receiver can see that."""
    reference = _reference(Checkpoint.AFTER_EFFECT)
    times = Counter(
        item["id"] for item in messages(history.office.settings.messages_file) if reference in item["tekst"]
    )
    assert max(times.values()) == 2


@pytest.mark.short
def test_an_event_that_the_api_stored_before_it_died_counts_once(history: Workshop) -> None:
    """The API is killed after its commit and before its answer; asked again, it says what it stored, once."""
    casework = history.office.casework
    reference = casework.open("M1", municipality="0518").reference
    history.start("api", "api", ROUTEKAART_FAULT=str(Checkpoint.API_COMMITTED))
    url = f"http://127.0.0.1:{history.api_port}"
    history.wait(lambda: _answers(f"{url}/healthz"), 30)
    headers = {
        "Idempotency-Key": "een",
        "Authorization": f"Bearer {(history.home / 'api-sleutel').read_text().strip()}",
    }
    body = {"gebeurtenis": "informatie_gegeven"}
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{url}/v1/zaken/{reference}/gebeurtenissen", json=body, headers=headers, timeout=20)
    history.start("api", "api")
    history.wait(lambda: _answers(f"{url}/healthz"), 30)
    again = httpx.post(f"{url}/v1/zaken/{reference}/gebeurtenissen", json=body, headers=headers, timeout=20)
    assert again.is_success
    assert [row.event for row in casework.case(reference).journal] == ["geopend", "informatie_gegeven"]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=timedelta(seconds=2).total_seconds()).is_success
    except httpx.HTTPError:
        return False

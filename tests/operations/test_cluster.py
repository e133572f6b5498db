"""The topology of several machines: cases walk on while one process of each kind is killed."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.invariants import Accepted, violations
from support.stack import wait_until
from support.topology import APIS, SERVICES, STORES, Cluster, reason_to_skip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.prefect, pytest.mark.long]

MISSING = reason_to_skip()
KILLED = ("worker-2", "api-1", "server-1", SERVICES, *STORES)
SETTLES_WITHIN = 240.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Every process, started once."""
    if MISSING:
        pytest.skip(MISSING)
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@dataclass
class Integrator:
    """A system that reports to whichever API answers, and repeats under the same key what got no answer."""

    cluster: Cluster
    accepted: list[Accepted] = field(default_factory=list)
    repeats: int = 0

    def __post_init__(self) -> None:
        key = (self.cluster.shop.home / "api-sleutel").read_text().strip()
        self._client = httpx.Client(headers={"X-API-Key": key}, timeout=20)
        self._ports = itertools.cycle(self.cluster.api_ports[name] for name in APIS)

    def post(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post until somebody answers that it is stored."""
        for attempt in range(60):
            try:
                answer = self._client.post(
                    f"http://127.0.0.1:{next(self._ports)}{path}", json=body, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                return answer.json()
            assert answer is None or answer.status_code >= 500 or answer.status_code == 429, answer.text
            self.repeats += 1
            time.sleep(min(0.1 * (attempt + 1), 1))
        raise AssertionError(f"no API answers {path}")

    def walk(self, reference: str, close: bool) -> None:
        """Open a case, register it, and withdraw some."""
        self.post(
            "/v1/zaken", f"{reference}-0", {"mijlpaal": "M3", "zaak": reference, "gemeentecode": "0518"}
        )
        events = ["aanmelding_geregistreerd", *(["ingetrokken"] if close else [])]
        for number, event in enumerate(events, 1):
            key = f"{reference}-{number}"
            data = {"motivering": "m-1"} if event == "ingetrokken" else {}
            said = {"gebeurtenis": event, "gegevens": data}
            self.post(f"/v1/zaken/{reference}/gebeurtenissen", key, said)
            self.accepted.append(Accepted(reference, event))


def _walk_all(cluster: Cluster, prefix: str, number: int, kills: dict[int, str]) -> Integrator:
    """Walk cases, four at a time, and kill a process whenever its turn has come."""
    integrator = Integrator(cluster)

    def one(index: int) -> None:
        if index in kills:
            cluster.kill_and_start_again(kills[index])
        integrator.walk(f"{prefix}-{index}", close=index % 3 == 0)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(number)))
    return integrator


def _settled(cluster: Cluster) -> list[str]:
    """Wait until every case is shown as it stands; give what is still broken then."""
    deadline = time.monotonic() + SETTLES_WITHIN
    while True:
        broken = (
            ["cases wait"] if not cluster.at_rest() else violations(cluster.shop.office, runs=cluster.shown())
        )
        if not broken or time.monotonic() > deadline:
            return broken
        time.sleep(1)


def _events(cluster: Cluster, prefix: str) -> list[tuple[str, str]]:
    """Return every reported event of the cases with this prefix, as it is in the journal."""
    with cluster.shop.office.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT case_reference, event FROM journal WHERE NOT derived AND rung IS NULL AND event <> 'geopend' "
            f"AND case_reference LIKE '{prefix}-%%'"
        )
        return sorted((row[0], row[1]) for row in rows)


def test_every_worker_and_server_takes_part(cluster: Cluster) -> None:
    """Twenty cases: all are shown, each of the three workers is in Prefect, and both servers answer."""
    integrator = _walk_all(cluster, "ROOK", 20, {})
    assert _settled(cluster) == [], cluster.logs()
    expected = sorted((item.reference, item.event_id) for item in integrator.accepted)
    assert _events(cluster, "ROOK") == expected
    workers = cluster.servers.call("POST", "/work_pools/routekaart/workers/filter")
    assert {item["name"] for item in workers} == {"worker-1", "worker-2", "worker-3"}
    for port in cluster.servers.ports.values():
        assert httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=10).is_success


@pytest.mark.timeout(900)
def test_cases_walk_on_while_one_of_each_kind_is_killed(cluster: Cluster) -> None:
    """Two hundred cases, with one of each kind killed, Redis and PostgreSQL too: nothing lost, nothing twice."""
    began = time.monotonic()
    kills = dict(zip((30, 60, 90, 120, 150, 180), KILLED, strict=True))
    integrator = _walk_all(cluster, "RIJ", 200, kills)
    walked = time.monotonic() - began
    wait_until(lambda: all(map(cluster.servers.runs_now, ("server-1", SERVICES))), 30, cluster.logs)
    assert _settled(cluster) == [], cluster.logs()
    expected = sorted((item.reference, item.event_id) for item in integrator.accepted)
    assert _events(cluster, "RIJ") == expected
    print(
        f"\n200 cases, {len(expected)} events: accepted in {walked:.0f} s, all shown after "
        f"{time.monotonic() - began:.0f} s, {integrator.repeats} requests repeated"
    )

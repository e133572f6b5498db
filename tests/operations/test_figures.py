"""The figures that Prometheus reads, and the files that use them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from support.stack import free_port

from adapters.api.metrics import Metrics
from adapters.operations.figures import CaseFigures
from adapters.operations.port import Port, listening
from adapters.runtime import counters
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

MONITORING = Path(__file__).parents[2] / "deployments" / "monitoring"
METRIC = re.compile(r"\broutekaart_[a-z_]+\b")


def _value(office: Office, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(CaseFigures(office))
    return registry.get_sample_value(name, labels)


def test_open_processes_are_counted_by_mijlpaal(office: Office) -> None:
    """Each mijlpaal with open processes has its number; a closed process does not count."""
    for code in ("M3", "M3", "M1"):
        office.casework.open(code, municipality="0518")
    closed = office.casework.open("M1", municipality="0518").reference
    office.casework.report(closed, "geen_vervolg", data={"motivering": "m-1"})
    assert _value(office, "routekaart_open_processes", mijlpaal="M3") == 2
    assert _value(office, "routekaart_open_processes", mijlpaal="M1") == 1


def test_a_term_is_overdue_on_the_day_after_its_last_day(office: Office, clock: SetClock) -> None:
    """T01 of a case of 9 March ends on 7 April; it is overdue on the 8th, until it is met."""
    reference = office.casework.open("M3", municipality="0518").reference
    clock.moment += timedelta(days=29)
    assert _value(office, "routekaart_overdue_terms", termijn="T01") is None
    clock.moment += timedelta(days=1)
    assert _value(office, "routekaart_overdue_terms", termijn="T01") == 1
    office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    assert _value(office, "routekaart_overdue_terms", termijn="T01") is None


def test_the_oldest_unfired_timer_shows_that_nobody_sweeps(office: Office, clock: SetClock) -> None:
    """A warning of midnight that nobody fired is nine hours old at nine o'clock; firing it makes that 0."""
    reference = office.casework.open("M3", municipality="0518").reference
    assert _value(office, "routekaart_oldest_unfired_timer_seconds") == 0
    clock.moment += timedelta(days=15)
    assert _value(office, "routekaart_oldest_unfired_timer_seconds") == 9 * 3600
    office.casework.fire_due(reference)
    assert _value(office, "routekaart_oldest_unfired_timer_seconds") == 0


def test_what_waits_has_a_number_and_an_age(office: Office, clock: SetClock) -> None:
    """An event that no worker showed yet waits; a message that nobody sent ages with the clock."""
    reference = office.casework.open("M3", municipality="0518").reference
    office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    clock.moment += timedelta(minutes=7)
    assert _value(office, "routekaart_attention_waiting") == 1
    assert (_value(office, "routekaart_oldest_attention_seconds") or 0) > 0
    assert _value(office, "routekaart_outbox_waiting") == 2
    assert _value(office, "routekaart_oldest_outbox_seconds") == 7 * 60


def test_the_time_until_an_event_is_shown_is_measured(office: Office) -> None:
    """What a worker shows is observed once, and a case at rest waits no more."""
    before = counters.REGISTRY.get_sample_value("routekaart_shown_after_seconds_count") or 0
    office.casework.open("M1", municipality="0518")
    (held,) = office.attention.claim(1)
    for effect in office.attention.open_effects(held.process_id):
        office.deliveries.plan(effect.id)
    office.attention.shown(held, 1)
    office.attention.shown(held, 1)
    assert counters.REGISTRY.get_sample_value("routekaart_shown_after_seconds_count") == before + 1
    assert _value(office, "routekaart_oldest_attention_seconds") == 0


def test_refused_events_are_counted_by_name(office: Office) -> None:
    """A refusal counts under the name of its event, and under one name for all that are no event."""

    def refused(name: str) -> float:
        found = counters.REGISTRY.get_sample_value("routekaart_events_refused_total", {"gebeurtenis": name})
        return found or 0

    before = refused("bedreigend"), refused("onbekend")
    reference = office.casework.open("M3", municipality="0518").reference
    for name in ("bedreigend", "de heer Jansen", "mevrouw Jansen"):
        with pytest.raises(NotPossible):
            office.casework.report(reference, name)
    assert (refused("bedreigend"), refused("onbekend")) == (before[0] + 1, before[1] + 2)


# --- the port of a worker -----------------------------------------------------------------------------------


@pytest.fixture
def port() -> Iterator[tuple[str, dict[str, Any]]]:
    """A port whose health a test can change."""
    health: dict[str, Any] = {"lives": True, "ready": True}
    number = free_port()
    app = Port([counters.REGISTRY], lambda: health["lives"], lambda: health["ready"])
    with listening(app, "127.0.0.1", number):
        yield f"http://127.0.0.1:{number}", health


def test_the_port_of_a_worker_tells_its_health(port: tuple[str, dict[str, Any]]) -> None:
    """200 when it is well, 503 when it is not or cannot tell, 404 for anything else."""
    url, health = port
    assert [httpx.get(url + path).status_code for path in ("/healthz", "/readyz", "/etc")] == [200, 200, 404]
    health["lives"] = False
    del health["ready"]
    assert [httpx.get(url + path).status_code for path in ("/healthz", "/readyz")] == [503, 503]


def test_a_busy_port_is_said_at_once(port: tuple[str, dict[str, Any]]) -> None:
    """A second worker on the same port fails, instead of having no figures."""
    number = int(port[0].rpartition(":")[2])
    with (
        pytest.raises(OSError, match="in use"),
        listening(Port([], lambda: True, lambda: True), "127.0.0.1", number),
    ):
        pass


# --- the files of Grafana and Prometheus --------------------------------------------------------------------


def _expressions(file: Path) -> list[str]:
    """Return every expression in a file of rules or in a dashboard."""
    if file.suffix == ".json":
        board = json.loads(file.read_text(encoding="utf-8"))
        return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    groups = yaml.safe_load(file.read_text(encoding="utf-8")).get("groups", ())
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("name", ["alarmen.yml", "dashboard.json"])
def test_every_metric_of_a_file_exists(name: str, office: Office, port: tuple[str, dict[str, Any]]) -> None:
    """The API and a worker together give every metric that the rules and the dashboard name."""
    office.casework.open("M3", municipality="0518")
    metrics = Metrics(office)
    metrics.note("GET", "/healthz", 200, 0.1)
    given = set()
    for text in (metrics.as_text(), httpx.get(f"{port[0]}/metrics").text):
        for family in text_string_to_metric_families(text):
            given |= {family.name, f"{family.name}_total"} | {sample.name for sample in family.samples}
            if family.type == "histogram":
                given |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
    named = {
        metric for expression in _expressions(MONITORING / name) for metric in METRIC.findall(expression)
    }
    assert named
    assert named <= given

"""The files for several machines, read by the tools that will read them; each test waits for a machine that has it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
MONITORING = DEPLOYMENTS / "monitoring"
# The schemas of the values of Prefect's own charts (github.com/PrefectHQ/prefect-helm, August 2026).
CHARTS = Path(__file__).parents[1] / "fixtures" / "helm"


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program} on this machine")


def _says(*command: str | Path) -> str:
    """Run a tool that must be content, and give what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- containers and Kubernetes ------------------------------------------------------------------------------


def _compose_2() -> bool:
    """Whether Compose 2 is here: the first one knows no text in a configuration."""
    if shutil.which("docker-compose") is None:
        return False
    said = subprocess.run(
        ["docker-compose", "version", "--short"], capture_output=True, text=True, check=False
    )
    return not said.stdout.startswith("1.")


@pytest.mark.skipif(not _compose_2(), reason="no Compose 2 on this machine")
def test_compose_itself_reads_the_file(tmp_path: Path) -> None:
    """With the example every profile is valid; who works here, which it cannot know, is asked for by name."""
    example = DEPLOYMENTS / "compose.env.example"
    compose = ("docker-compose", "-f", str(DEPLOYMENTS / "compose.yaml"), "--profile", "*")
    _says(*compose, "--env-file", example, "config", "--quiet")
    empty = tmp_path / "compose.env"
    empty.write_text(re.sub("(?m)^STAFF_FILE=.*$", "STAFF_FILE=", example.read_text(encoding="utf-8")))
    asked = [*compose, "--env-file", str(empty), "config", "--quiet"]
    refused = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "required variable STAFF_FILE" in refused.stderr


@needs("haproxy")
def test_the_proxy_reads_its_configuration(tmp_path: Path) -> None:
    """HAProxy finds nothing wrong in the configuration that compose gives it."""
    compose = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "haproxy.cfg"
    file.write_text(compose["configs"]["proxy"]["content"])
    assert "valid" in _says("haproxy", "-c", "-f", file)


@pytest.mark.parametrize("chart", ["prefect-server", "prefect-worker"])
def test_the_values_fit_prefects_own_charts(chart: str) -> None:
    """The chart's own schema takes our values, in which a name that it does not know would be an error."""
    schema = json.loads(gzip.decompress((CHARTS / f"{chart}.schema.json.gz").read_bytes()))
    values = yaml.safe_load((DEPLOYMENTS / "helm" / f"{chart}.yaml").read_text(encoding="utf-8"))
    wrong = [(list(error.path), error.message) for error in _errors(schema, values)]
    assert wrong == []
    values[chart.removeprefix("prefect-")]["replicas"] = 2  # it is called replicaCount
    assert list(_errors(schema, values))


def _errors(schema: dict[str, Any], values: dict[str, Any]) -> list[jsonschema.ValidationError]:
    return list(jsonschema.Draft7Validator(schema).iter_errors(values))


# --- Prometheus ---------------------------------------------------------------------------------------------


@needs("promtool")
def test_prometheus_reads_its_files(tmp_path: Path) -> None:
    """Its configuration and rules are valid, and so is every expression of the dashboard."""
    for name in ("prometheus.yml", "alarmen.yml"):
        shutil.copy(MONITORING / name, tmp_path)
    key = tmp_path / "api-sleutel"
    key.write_text("x")
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(configuration.read_text().replace("/etc/prometheus/api-sleutel", str(key)))
    assert "15 rules found" in _says("promtool", "check", "config", configuration)
    board = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "board.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    assert f"{len(asked)} rules found" in _says("promtool", "check", "rules", file)


# Figures of two hours, one a minute: "first+step x times", then how they go on.
WRONG = {
    'routekaart_oldest_unfired_timer_seconds{instance="a"}': "0+60x120",
    'routekaart_worker_last_round_timestamp_seconds{instance="a"}': "0x120",
    'routekaart_oldest_attention_seconds{instance="a"}': "0+60x120",
    'routekaart_wake_ups_total{instance="a",result="failed"}': "0+6x120",
    'routekaart_worker_failures_total{instance="a",source="claim"}': "0+6x120",
    'routekaart_oldest_outbox_seconds{instance="a"}': "0+60x120",
    'routekaart_oldest_delivery_seconds{instance="a"}': "0+60x120",
    'routekaart_deliveries_undeliverable{instance="a"}': "3x100 4x20",
    'routekaart_oldest_unpublished_seconds{instance="a"}': "0+60x120",
    'routekaart_webhooks_given_up{instance="a"}': "0x100 1x20",
    'routekaart_events_refused_total{instance="b"}': "0+60x120",
    'routekaart_events_accepted_total{instance="b"}': "0+60x120",
    'routekaart_api_requests_total{instance="b",status="500"}': "0+6x120",
    'routekaart_api_requests_total{instance="b",status="200"}': "0+60x120",
    'routekaart_postbak_waiting{instance="b"}': "30x120",
}
WELL = {
    'up{instance="a",job="routekaart-worker"}': "1x120",
    'routekaart_oldest_unfired_timer_seconds{instance="a"}': "0x60 0+60x10 0x50",
    'routekaart_worker_last_round_timestamp_seconds{instance="a"}': "0+60x120",
    'routekaart_oldest_attention_seconds{instance="a"}': "2x120",
    'routekaart_wake_ups_total{instance="a",result="failed"}': "1x120",
    'routekaart_worker_failures_total{instance="a",source="claim"}': "3x120",
    'routekaart_oldest_outbox_seconds{instance="a"}': "5x120",
    'routekaart_oldest_delivery_seconds{instance="a"}': "0x120",
    'routekaart_deliveries_undeliverable{instance="a"}': "3x120",
    'routekaart_oldest_unpublished_seconds{instance="a"}': "1x120",
    'routekaart_webhooks_given_up{instance="a"}': "1x120",
    'routekaart_events_refused_total{instance="b"}': "0+6x120",
    'routekaart_events_accepted_total{instance="b"}': "0+60x120",
    'routekaart_api_requests_total{instance="b",status="500"}': "1x120",
    'routekaart_api_requests_total{instance="b",status="200"}': "0+60x120",
    'routekaart_postbak_waiting{instance="b"}': "3x120",
}
BY_THE_WEEK = "MeerTeLaat"


@needs("promtool")
def test_every_alarm_goes_off_when_it_must_and_is_silent_when_all_is_well(tmp_path: Path) -> None:
    """Figures that are wrong fire each alarm; figures of an ordinary day, with a short delay in it, fire none."""
    rules = yaml.safe_load((MONITORING / "alarmen.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    names = {rule["alert"] for rule in rules}
    late = 'routekaart_overdue_terms{instance="a",termijn="T01"}'
    alive = {series: values.replace("x120", "x2580") for series, values in WELL.items() if "up{" in series}
    today = [_figures(WRONG, "1m", "2h", names - {BY_THE_WEEK}), _figures(WELL, "1m", "2h", set())]
    a_week_later = [  # twice as many terms are late, or a few more
        _figures({late: "20x2520 40x60"} | alive, "4m", "170h", {BY_THE_WEEK}),
        _figures({late: "20x2520 30x60"} | alive, "4m", "170h", set()),
    ]
    shutil.copy(MONITORING / "alarmen.yml", tmp_path)
    for interval, tests in (("1m", today), ("20m", a_week_later)):
        file = tmp_path / f"{interval}.yml"
        content = {"rule_files": ["alarmen.yml"], "evaluation_interval": interval, "tests": tests}
        file.write_text(yaml.safe_dump(content))
        assert "SUCCESS" in _says("promtool", "test", "rules", file)


def _figures(series: dict[str, str], interval: str, at: str, firing: set[str]) -> dict[str, Any]:
    """Return one test of promtool: with these figures exactly these alarms fire at that moment."""
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": at,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)],
            }
        ],
    }

"""The files for several machines agree with the code, with each other, and with the page that explains them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_valid_setting_names

from adapters.runtime.credential import is_strong
from adapters.runtime.settings import Settings
from deployments import cli
from deployments.environment import prefect_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
OPERATION = Path(__file__).parents[2] / "docs" / "operation"
PAGE = (OPERATION / "settings.md").read_text(encoding="utf-8")
OFF = "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED"
VARIABLE = re.compile(r"\b(?:PREFECT|ROUTEKAART|DO_NOT)_[A-Z_]+\b")
OURS = {f"ROUTEKAART_{name.upper()}" for name in Settings.model_fields}
# prefect-redis reads it; the others are read by the chart's template of Prefect.
BEYOND_PREFECT = {"PREFECT_REDIS_MESSAGING_URL", "DO_NOT_TRACK"}
OF_PREFECT = ("compose.yaml", "helm/prefect-server.yaml", "systemd/prefect.env.example")
OF_ONE_PLACE = ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS")
FILES = sorted(
    path
    for pattern in ("compose*", "geheimen.sh", "Dockerfile", "helm/*", "systemd/*")
    for path in DEPLOYMENTS.glob(pattern)
)


def _rows() -> Iterator[tuple[str, str]]:
    """Yield variable and default of each row of the page."""
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            name, default = (cell.strip() for cell in line.strip("|").split("|")[:2])
            yield name.strip("`"), default


def _compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8"))


# --- the page of settings -----------------------------------------------------------------------------------


def test_every_setting_of_ours_is_explained_once() -> None:
    """Each ROUTEKAART_* setting has one row, and no row explains a setting that is not there."""
    explained = [name for name, _ in _rows() if name.startswith("ROUTEKAART_")]
    assert sorted(explained) == sorted(OURS)


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    """A default on the page is the default in the code; "none" where there is none."""
    for name, default in _rows():
        if name in OURS:
            value = Settings.model_fields[name.removeprefix("ROUTEKAART_").lower()].get_default(
                call_default_factory=True
            )
            written = "true" if value is True else "false" if value is False else str(value)
            plain = re.sub(r"\.0$", "", written)
            assert default.startswith("none") if value is None else default == f"`{plain}`", name


def test_what_we_set_for_prefect_is_explained(tmp_path: Path) -> None:
    """Each PREFECT_* variable that our code or our files set has a row with its reason."""
    explained = {name for name, _ in _rows()}
    given = set(prefect_environment(Settings(home=tmp_path)))
    for path in FILES:
        given |= {name for name in VARIABLE.findall(path.read_text(encoding="utf-8")) if "PREFECT" in name}
    assert given <= explained


def test_every_variable_exists() -> None:
    """No file and no page names a setting that Prefect or we do not have."""
    known = _get_valid_setting_names(PrefectSettings) | OURS | BEYOND_PREFECT
    pages = (*FILES, OPERATION / "settings.md", OPERATION / "runbook.md")
    named = {path.name: set(VARIABLE.findall(path.read_text(encoding="utf-8"))) for path in pages}
    assert len(set().union(*named.values())) > len(OURS)
    for page, names in named.items():
        assert {name for name in names if not name.endswith("_")} <= known, page


@pytest.mark.parametrize("name", OF_PREFECT)
def test_a_server_of_several_machines_has_what_the_embedded_one_has(name: str, tmp_path: Path) -> None:
    """Each setting of Prefect's server that `start` makes stands in the file, with the same value or a secret."""
    text = (DEPLOYMENTS / name).read_text(encoding="utf-8")
    for variable, value in prefect_environment(Settings(home=tmp_path)).items():
        if variable in OF_ONE_PLACE:
            assert variable in text
        elif variable.startswith("PREFECT_SERVER_"):
            assert re.search(rf'{variable}(: |=|\s+value: )"?{re.escape(value)}"?\n', text), variable


@pytest.mark.parametrize("name", OF_PREFECT)
def test_the_service_of_expired_pauses_is_off_in_every_deployment(name: str) -> None:
    """That service would read every parked run every five seconds."""
    text = (DEPLOYMENTS / name).read_text(encoding="utf-8")
    assert re.search(rf'{OFF}(: |=|\s+value: )"?false"?', text)


# --- compose ------------------------------------------------------------------------------------------------


def test_compose_has_the_whole_topology() -> None:
    """Two servers without services, services apart, three workers, two APIs, PostgreSQL, Redis and the jobs."""
    services = _compose()["services"]
    assert services["prefect-server"]["deploy"]["replicas"] == 2
    assert "--no-services" in services["prefect-server"]["command"]
    assert services["prefect-services"]["command"][-4:] == ["prefect", "server", "services", "start"]
    assert services["worker"]["deploy"]["replicas"] == 3
    assert services["api"]["deploy"]["replicas"] == 2
    assert {"postgres", "redis", "migrate-prefect", "migrate-cases", "deploy", "proxy"} <= set(services)


def test_compose_refers_to_what_is_there() -> None:
    """Every dependency, volume, configuration and file that a service names exists."""
    compose = _compose()
    for name, service in compose["services"].items():
        for other, how in service.get("depends_on", {}).items():
            target = compose["services"][other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in target, (name, other)
            if how["condition"] == "service_completed_successfully":
                assert "restart" not in target, (name, other)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOYMENTS / source).exists() if source.startswith(".") else source in compose["volumes"]
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"]
        assert set(_secrets(service)) <= set(compose["secrets"]), name


def test_an_account_can_be_made_before_a_server_runs() -> None:
    """A server waits for somebody who can log in, so the service that makes an account waits for no server."""
    services = _compose()["services"]
    waits, seen = ["command"], set()
    while waits:
        name = waits.pop()
        seen.add(name)
        waits += set(services[name].get("depends_on", ())) - seen
    assert "rights" in seen
    assert seen.isdisjoint({"prefect-server", "prefect-services", "proxy"})
    assert "home:/var/lib/routekaart" in services["command"]["volumes"]
    said = [DEPLOYMENTS / name for name in ("compose.yaml", "compose.env.example")]
    for path in said:
        assert re.findall(r"run --rm (\w+) routekaart wachtwoord", path.read_text(encoding="utf-8")) == [
            "command"
        ]


def test_the_folders_in_memory_are_open_in_the_image_too() -> None:
    """Docker with runc 1.1.5 gives a tmpfs the mode of the folder below it: a closed one stopped every job."""
    image = (DEPLOYMENTS / "Dockerfile").read_text(encoding="utf-8")
    opened = set(re.findall(r"install -d -m 1777 (\S+)", image)) | {"/tmp"}  # noqa: S108 - its place in the image
    asked = {
        entry.partition(":")[0] for one in _compose()["services"].values() for entry in one.get("tmpfs", ())
    }
    assert asked == opened


def test_the_commands_of_every_file_exist() -> None:
    """Each `routekaart` command that a file starts is one that we have."""
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    commands = {tuple(command[1:]) for text in texts for command in _commands(text)}
    assert {("worker",), ("api",), ("deploy",), ("migreer", "database")} <= commands
    for command in commands:
        words = [word for word in command if not word.startswith(('"', "-", "/"))]
        assert cli.run([*words, "--help"]) == 0, words


def _commands(text: str) -> Iterator[list[str]]:
    for found in re.finditer(r"\[(routekaart(?:, [a-z]+)+)\]", text):
        yield found[1].split(", ")
    for found in re.finditer(r"(?:/bin/|\"|&& )(routekaart(?: [a-z]+)+)", text):
        yield found[1].split()


def _secrets(service: dict[str, Any]) -> dict[str, str]:
    """Return the secrets of a service, and under which name each is a file in its containers."""
    given = [{"source": one} if isinstance(one, str) else one for one in service.get("secrets", ())]
    return {one["source"]: one.get("target", one["source"]) for one in given}


def test_compose_names_every_variable_in_its_example() -> None:
    """What somebody may or must fill in stands in the example, and none of it is a secret."""
    text = (DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8")
    example = (DEPLOYMENTS / "compose.env.example").read_text(encoding="utf-8")
    found = set(re.findall(r"(?<!\$)\$\{([A-Z_]+):[?-]", text))
    assert {"STAFF_FILE", "POSTGRES_IMAGE", "OUR_IMAGE"} <= found
    assert found == set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert not [name for name in found if re.search("PASSWORD|SECRET|KEY|AUTH", name)]


def test_every_image_of_others_is_named_by_digest() -> None:
    """Compose, its example and the Dockerfile name the same image for everybody; ours is what you built."""
    compose = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text(encoding="utf-8"))
    example = (DEPLOYMENTS / "compose.env.example").read_text(encoding="utf-8")
    base = re.findall(
        r"^ARG PYTHON_IMAGE=(.*)$", (DEPLOYMENTS / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    named = dict(
        re.fullmatch(r"\$\{([A-Z]+)_IMAGE:-(.+)\}", one["image"]).groups()
        for one in compose["services"].values()
    )
    assert named == dict(re.findall(r"^([A-Z]+)_IMAGE=(.*)$", example, re.MULTILINE))
    assert named.pop("OUR") == "routekaart:latest"
    assert len(named) == 5
    assert len(base) == 1
    assert all(re.fullmatch(r"[a-z/]+:[\w.-]+@sha256:[0-9a-f]{64}", one) for one in (*named.values(), *base))


def test_compose_gives_secrets_as_files_and_in_no_environment(tmp_path: Path) -> None:
    """The script makes each of them, once, with what somebody had; who is given one and does not need it is named."""
    shutil.copy(DEPLOYMENTS / "geheimen.sh", tmp_path)
    had = {"PATH": os.environ["PATH"], "ROUTEKAART_PERSON_KEY": "p" * 40, "POSTGRES_SERVICE_PASSWORD": "s"}
    for given in (had, {"PATH": os.environ["PATH"]}):
        subprocess.run(["sh", tmp_path / "geheimen.sh"], env=given, check=True)
    made = {file.name: file.read_text() for file in (tmp_path / "geheimen").iterdir()}
    assert made["ROUTEKAART_PERSON_KEY"] == "p" * 40
    assert made["ROUTEKAART_DATABASE_URL"] == "postgresql://routekaart_dienst:s@postgres:5432/zaken"
    assert is_strong(made["PREFECT_API_AUTH_STRING"])
    assert (tmp_path / "geheimen").stat().st_mode & 0o777 == 0o700
    compose = _compose()
    assert {name: one["file"] for name, one in compose["secrets"].items()} == {
        name: f"./geheimen/{name}" for name in made
    }
    services = compose["services"]
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            assert variable not in made, (name, variable)
            assert not re.search(r"://[^/]*:[^/]*@", str(value)), (name, variable)
    keys = {"ROUTEKAART_PERSON_KEY", "ROUTEKAART_LINK_KEY", "ROUTEKAART_INTEGRATION_KEY"}
    assert {name for name, one in services.items() if keys & set(_secrets(one))} == {
        "migrate-cases", "destroy", "deploy", "command", "prefect-server", "worker", "api",
    }  # fmt: skip
    reads_files = {"routekaart", "deployments.with_secrets", "deployments.prefect_server"}
    for name, one in services.items():
        if any(target.startswith(("ROUTEKAART_", "PREFECT_")) for target in _secrets(one).values()):
            assert reads_files & set(one["command"]), name


def test_no_image_holds_a_secret() -> None:
    """What the Dockerfile copies is whole folders, so that the files with secrets are kept from it."""
    ignored = (DEPLOYMENTS.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"deployments/geheimen", "deployments/compose.env"} <= set(ignored)


def test_only_who_makes_tables_and_who_destroys_is_their_owner() -> None:
    """In compose and on Kubernetes the service has a role that adds to the journal; it waits for its rights."""
    services = _compose()["services"]
    assert {name for name, one in services.items() if "OWNER_DATABASE_URL" in _secrets(one)} == {
        "migrate-cases",
        "destroy",
    }
    assert {name for name, one in services.items() if "ROUTEKAART_DATABASE_URL" in _secrets(one)} == {
        "deploy", "command", "api", "worker", "prefect-server",
    }  # fmt: skip
    assert services["migrate-cases"]["depends_on"]["roles"]
    for name in ("deploy", "command", "api", "destroy"):
        assert services[name]["depends_on"]["rights"]
    documents = yaml.safe_load_all((DEPLOYMENTS / "helm" / "routekaart.yaml").read_text(encoding="utf-8"))
    secrets = {}
    for one in documents:
        if one["kind"] in ("Job", "CronJob", "Deployment"):
            pod = one["spec"].get("jobTemplate", one)["spec"]["template"]["spec"]
            assert "secretRef" not in str(pod)
            assert {"name": "CREDENTIALS_DIRECTORY", "value": "/etc/geheimen"} in pod["containers"][0]["env"]
            (held,) = (volume for volume in pod["volumes"] if volume["name"] == "geheimen")
            sources = held.get("projected", {"sources": [held]})["sources"]
            secrets[one["metadata"]["name"]] = {
                source["secret"].get("name", source["secret"].get("secretName")): [
                    item["path"] for item in source["secret"].get("items", ())
                ]
                for source in sources
            }
    keys = ["ROUTEKAART_PERSON_KEY", "ROUTEKAART_LINK_KEY", "ROUTEKAART_INTEGRATION_KEY"]
    of_owner = {"routekaart-eigenaar": [], "routekaart": [*keys, "PREFECT_API_AUTH_STRING"]}
    assert secrets == {
        "routekaart-release": of_owner,
        "routekaart-destroy": of_owner,
        "routekaart-api": {"routekaart": []},
    }


def test_only_servers_write_the_ui() -> None:
    """The background services show no page: in no deployment do they try to write one where all is read-only."""
    name = "PREFECT_SERVER_UI_ENABLED"
    services = _compose()["services"]
    off = {
        service for service, one in services.items() if (one.get("environment") or {}).get(name) == "false"
    }
    assert off == {"prefect-services"}
    chart = yaml.safe_load((DEPLOYMENTS / "helm" / "prefect-server.yaml").read_text(encoding="utf-8"))
    assert {"name": name, "value": "false"} in chart["backgroundServices"]["env"]
    assert name not in str(chart["global"]) + str(chart["server"])
    units = (DEPLOYMENTS / "systemd").iterdir()
    assert [unit.name for unit in units if f"{name}=false" in unit.read_text(encoding="utf-8")] == [
        "prefect-services.service"
    ]


def test_what_the_chart_of_prefect_leaves_to_us_is_a_file() -> None:
    """In Prefect's own chart no value of ours puts a secret in an environment, and who reads files has them."""
    values = yaml.safe_load((DEPLOYMENTS / "helm" / "prefect-server.yaml").read_text(encoding="utf-8"))
    assert "secretKeyRef" not in str(values)
    names = {entry["name"] for entry in values["global"]["prefect"]["env"]}
    assert not [name for name in names if re.search("KEY|SECRET$|AUTH|DATABASE_URL", name)]
    for part, reads in (
        ("server", "deployments.prefect_server"),
        ("backgroundServices", "deployments.with_secrets"),
    ):
        pod = values[part]
        assert reads in pod["command"]
        assert {"name": "CREDENTIALS_DIRECTORY", "value": "/etc/geheimen"} in pod["env"]
        assert {"name": "geheimen", "mountPath": "/etc/geheimen", "readOnly": True} in pod[
            "extraVolumeMounts"
        ]
        (held,) = (volume for volume in pod["extraVolumes"] if volume["name"] == "geheimen")
        assert "'path': 'PREFECT_SERVER_API_AUTH_STRING'" in str(held)
        assert ("'name': 'routekaart'" in str(held)) == (part == "server")


def test_nothing_that_runs_is_the_superuser_of_postgresql() -> None:
    """Prefect has a role of its own; only the jobs that make roles have the password of who may make them."""
    services = _compose()["services"]
    for name in ("migrate-prefect", "prefect-server", "prefect-services"):
        assert "PREFECT_SERVER_DATABASE_CONNECTION_URL" in _secrets(services[name])
    superuser = {name for name, one in services.items() if "POSTGRES_PASSWORD" in _secrets(one)}
    assert superuser == {"postgres", "roles", "rights", "prefect-role"}
    assert services["migrate-prefect"]["depends_on"]["prefect-role"]
    for path in (DEPLOYMENTS / "systemd").glob("*.example"):
        users = re.findall(r"://(\w+):\S+/(prefect|zaken)", path.read_text(encoding="utf-8"))
        assert set(users) <= {
            ("prefect", "prefect"),
            ("routekaart_dienst", "zaken"),
            ("routekaart_eigenaar", "zaken"),
        }


# --- Helm and Kubernetes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((DEPLOYMENTS / "helm").glob("*.yaml")), ids=lambda path: path.name)
def test_the_files_for_kubernetes_are_yaml(path: Path) -> None:
    """Each document is a mapping, and a manifest has its kind."""
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    assert all(isinstance(document, dict) for document in documents)
    if path.name == "routekaart.yaml":
        assert [item["kind"] for item in documents] == [
            "ConfigMap",
            "PersistentVolumeClaim",
            "Job",
            "CronJob",
            "Deployment",
            "Service",
            *["NetworkPolicy"] * 4,
        ]


def test_what_proves_the_journal_stays_when_a_pod_goes() -> None:
    """Its files are on a claim that the release, the API and the worker mount where the settings say."""
    documents = list(
        yaml.safe_load_all((DEPLOYMENTS / "helm" / "routekaart.yaml").read_text(encoding="utf-8"))
    )
    of_kind = {one["kind"]: one for one in documents}
    worker = yaml.safe_load((DEPLOYMENTS / "helm" / "prefect-worker.yaml").read_text(encoding="utf-8"))[
        "worker"
    ]
    pods = [of_kind[kind]["spec"]["template"]["spec"] for kind in ("Job", "Deployment")]
    mounts = [(pod["volumes"], pod["containers"][0]["volumeMounts"]) for pod in pods]
    mounts.append((worker["extraVolumes"], worker["extraVolumeMounts"]))
    claim = of_kind["PersistentVolumeClaim"]["metadata"]["name"]
    files = [
        of_kind["ConfigMap"]["data"][f"ROUTEKAART_{name}_FILE"] for name in ("CHAIN_HEADS", "DESTROYED_CASES")
    ]
    for volumes, places in mounts:
        (name,) = (
            one["name"] for one in volumes if one.get("persistentVolumeClaim", {}).get("claimName") == claim
        )
        (place,) = (one["mountPath"] for one in places if one["name"] == name)
        assert {str(Path(file).parent) for file in files} == {place}


def test_kubernetes_lets_in_only_who_has_to() -> None:
    """Nothing comes in or goes out by default; the API is reached over its port, and reaches what it names."""
    documents = list(
        yaml.safe_load_all((DEPLOYMENTS / "helm" / "routekaart.yaml").read_text(encoding="utf-8"))
    )
    policies = {one["metadata"]["name"]: one["spec"] for one in documents if one["kind"] == "NetworkPolicy"}
    shut = policies["routekaart-dicht"]
    assert shut["podSelector"] == {}
    assert set(shut["policyTypes"]) == {"Ingress", "Egress"}
    assert not shut.get("ingress")
    assert not shut.get("egress")
    labels = {
        one["spec"]["template"]["metadata"]["labels"]["app"]
        for one in documents
        if one["kind"] == "Deployment"
    }
    (port,) = policies["routekaart-api"]["ingress"][0]["ports"]
    assert policies["routekaart-api"]["podSelector"]["matchLabels"]["app"] in labels
    assert port["port"] == 4280
    for name, spec in policies.items():
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert rule.get("ports"), f"{name} opens every port"


# --- systemd ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_the_units_of_systemd_are_right(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about any unit."""
    for name in ("prefect", "python", "routekaart"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    units = []
    for path in sorted((DEPLOYMENTS / "systemd").glob("routekaart*.*")) + sorted(
        (DEPLOYMENTS / "systemd").glob("prefect*.service")
    ):
        if path.suffix in (".service", ".timer", ".target"):
            unit = tmp_path / path.name
            unit.write_text(path.read_text().replace("/opt/routekaart/bin", str(tmp_path)))
            units.append(str(tmp_path / path.name.replace("@.", "@1.")) if "@" in path.name else str(unit))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True, text=True, check=False, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "routekaart" in line]
    assert complaints == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize(
    "unit", sorted((DEPLOYMENTS / "systemd").glob("*.service")), ids=lambda path: path.name
)
def test_systemd_finds_every_service_little_exposed(unit: Path) -> None:
    """Its own figure for what a broken service could do is under 3, of 10."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=30", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:]


def test_each_unit_has_the_secrets_that_it_needs_and_no_other() -> None:
    """Prefect's services have no key of ours, a backup no key at all, and only who changes tables is their owner."""
    given: dict[str, set[str]] = {}
    for unit in (DEPLOYMENTS / "systemd").glob("*.service"):
        given[unit.name] = set()
        for name in re.findall(r"EnvironmentFile=/etc/routekaart/(\S+)", unit.read_text(encoding="utf-8")):
            file = DEPLOYMENTS / "systemd" / f"{name}.example"
            given[unit.name] |= set(
                re.findall(r"^([A-Z_]+)=", file.read_text(encoding="utf-8"), re.MULTILINE)
            )
    keys = {"ROUTEKAART_PERSON_KEY", "ROUTEKAART_LINK_KEY", "ROUTEKAART_INTEGRATION_KEY"}
    for name in ("prefect-services.service", "routekaart-backup.service"):
        assert not given[name] & keys, name
    for name in ("routekaart-worker@.service", "routekaart-api@.service", "routekaart-backup.service"):
        assert not {one for one in given[name] if "REDIS" in one or "CONNECTION_URL" in one}, name
    assert keys <= given["routekaart-worker@.service"]
    units = (DEPLOYMENTS / "systemd").iterdir()
    owner = [path.name for path in units if "routekaart_eigenaar:" in path.read_text(encoding="utf-8")]
    assert owner == ["eigenaar.env.example"]


def test_the_owner_of_the_tables_destroys_at_night_and_does_nothing_else() -> None:
    """The service may not remove a row of the journal, so that what a person approved goes with a timer of its own."""
    folder = DEPLOYMENTS / "systemd"
    timer = (folder / "routekaart-destroy.timer").read_text(encoding="utf-8")
    unit = (folder / "routekaart-destroy.service").read_text(encoding="utf-8")
    assert re.search(r"^OnCalendar=\*-\*-\* 0\d:", timer, re.MULTILINE)
    assert re.findall(r"^EnvironmentFile=(.*)$", unit, re.MULTILINE) == ["/etc/routekaart/eigenaar.env"]
    assert re.findall(r"^ExecStart\w*=(.*)$", unit, re.MULTILINE) == [
        "/opt/routekaart/bin/routekaart vernietiging uitvoeren"
    ]


# --- alarms -------------------------------------------------------------------------------------------------


def _alarms() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOYMENTS / "monitoring" / "alarmen.yml").read_text(encoding="utf-8"))[
        "groups"
    ]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alarm_has_its_page_in_the_runbook() -> None:
    """Each alarm points at a section that says what it means, how to see it, and what to do; none is left over."""
    text = (OPERATION / "runbook.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))
    alarms = {rule["alert"]: rule for rule in _alarms()}
    assert list(alarms) == [name for name in sections if name in alarms]
    for name, rule in alarms.items():
        assert rule["annotations"]["runbook"] == f"docs/operation/runbook.md#{name.lower()}"
        for part in ("**Betekenis.**", "**Zien.**", "**Doen.**"):
            assert part in sections[name], (name, part)
        assert "```" in sections[name], name


def test_the_commands_of_the_runbook_exist() -> None:
    """Every `routekaart` command in the runbook is one that we have."""
    text = (OPERATION / "runbook.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^routekaart ((?:[a-z]+ ?)+)", text, flags=re.MULTILINE))
    assert len(commands) > 8
    for command in commands:
        assert cli.run([*command.split(), "--help"]) == 0, command


def test_the_dashboard_has_a_panel_for_each_figure_that_was_asked() -> None:
    """Open processes, overdue terms, oldest timer, outbox, latency and refusals each have a panel."""
    board = json.loads((DEPLOYMENTS / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    shown = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    for name in (
        "open_processes", "overdue_terms", "oldest_unfired_timer", "oldest_outbox", "shown_after", "events_refused",
    ):  # fmt: skip
        assert f"routekaart_{name}" in shown

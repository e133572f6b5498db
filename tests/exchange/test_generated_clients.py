"""Clients that others generate from our description compile, and do the job of the README: open, report, read on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.peers import npm_packages, run_node, serving, virtual_environment

from adapters.exchange.clients import first_key_file

if TYPE_CHECKING:
    from adapters.office import Office

DOCS = Path(__file__).parents[2] / "docs" / "integration"
DESCRIPTION = DOCS / "openapi.json"
EXPECTED = [{"M3": "CRISISCHECK"}, "bedreigend", 409]

PYTHON_CLIENT = """
import json, os
from routekaart_client import AuthenticatedClient
from routekaart_client.api.zaken import post_zaken, post_zaken_reference_gebeurtenissen as report
from routekaart_client.models import NewCase, NewCaseMijlpaal, NewEvent, NewEventGebeurtenis as Kind

client = AuthenticatedClient(os.environ["API"] + "/v1", token=os.environ["KEY"])
case = post_zaken.sync(client=client, body=NewCase(mijlpaal=NewCaseMijlpaal.M3))
told = report.sync(case.zaak, client=client, body=NewEvent(gebeurtenis=Kind.AANMELDING_GEREGISTREERD))
refused = report.sync(case.zaak, client=client, body=NewEvent(gebeurtenis=Kind.BEREIKT))
print(json.dumps([told.toestanden.additional_properties, told.mogelijke_gebeurtenissen[0], refused.status]))
"""
OPENAPI_GENERATOR = """
import json, os
from openapi_client import ApiClient, ApiException, Configuration, NewCase, NewEvent, ZakenApi

settings = Configuration(host=os.environ["API"] + "/v1", access_token=os.environ["KEY"])
with ApiClient(settings) as client:
    api = ZakenApi(client)
    case = api.post_zaken(NewCase(mijlpaal="M3"))
    told = api.post_zaken_reference_gebeurtenissen(case.zaak, NewEvent(gebeurtenis="aanmelding_geregistreerd"))
    try:
        api.post_zaken_reference_gebeurtenissen(case.zaak, NewEvent(gebeurtenis="bereikt"))
    except ApiException as refused:
        status = refused.status
print(json.dumps([told.toestanden, told.mogelijke_gebeurtenissen[0], status]))
"""
OPENAPI_TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { paths } from "./api.d.ts";

const api = createClient<paths>({ baseUrl: process.env.API + "/v1", headers: { "X-API-Key": process.env.KEY! } });
const opened = await api.POST("/zaken", { body: { mijlpaal: "M3" } });
if (opened.error) throw new Error(opened.error.detail);
const reference = opened.data.zaak;
const report = (gebeurtenis: "aanmelding_geregistreerd" | "bereikt") =>
  api.POST("/zaken/{reference}/gebeurtenissen", {
    params: { path: { reference }, header: { "idempotency-key": crypto.randomUUID() } },
    body: { gebeurtenis },
  });
const told = await report("aanmelding_geregistreerd");
const refused = await report("bereikt");
console.log(JSON.stringify([told.data!.toestanden, told.data!.mogelijke_gebeurtenissen[0], refused.error!.status]));
"""
TYPESCRIPT_FETCH = """
import { Configuration, NewCaseMijlpaalEnum, NewEventGebeurtenisEnum } from "./client/index.js";
import { ResponseError, ZakenApi } from "./client/index.js";

const settings = new Configuration({ basePath: process.env.API + "/v1", accessToken: process.env.KEY! });
const api = new ZakenApi(settings);
const opened = await api.postZaken({ newCase: { mijlpaal: NewCaseMijlpaalEnum.M3 } });
const reference = opened.zaak;
const report = (gebeurtenis: NewEventGebeurtenisEnum) =>
  api.postZakenReferenceGebeurtenissen({ reference, newEvent: { gebeurtenis } });
const told = await report(NewEventGebeurtenisEnum.AanmeldingGeregistreerd);
const status = await report(NewEventGebeurtenisEnum.Bereikt).then(
  () => 201,
  (error: ResponseError) => error.response.status,
);
console.log(JSON.stringify([told.toestanden, told.mogelijkeGebeurtenissen[0], status]));
"""
COMPILE = ("--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext")


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """One database is enough: what a client is given does not depend on it."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'zaken.db')}"


@pytest.fixture(scope="module")
def generators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with both generators that are written in Python, and what their clients import."""
    return virtual_environment(
        tmp_path_factory.mktemp("generatoren"),
        "openapi-python-client>=0.29,<0.30",
        "openapi-generator-cli>=7.20,<8",
        "urllib3>=2,<3",
        "python-dateutil>=2,<3",
        "pydantic>=2,<3",
        "ruff",
    )


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generator of npm and the compiler."""
    folder = tmp_path_factory.mktemp("npm")
    return npm_packages(
        folder, "openapi-typescript@^7", "openapi-fetch@^0.17", "typescript@^5.9", "@types/node@^20"
    )


def run(*command: object, folder: Path, **given: str) -> str:
    """Run a command; return what it prints."""
    path = f"{Path(str(command[0])).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | given | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def job_in_python(office: Office, python: Path, folder: Path, script: str) -> Any:
    """Let a generated client of Python do the job against the real API."""
    with serving(office) as address:
        key = first_key_file(office).read_text()
        return json.loads(run(python, "-c", script, folder=folder, API=address, KEY=key).splitlines()[-1])


def job_in_node(office: Office, node: Path, script: str) -> Any:
    """Compile a script of TypeScript strictly, and let it do the job against the real API."""
    (node / "job.mts").write_text(script, encoding="utf-8")
    run(node / "node_modules" / ".bin" / "tsc", *COMPILE, "job.mts", folder=node)
    with serving(office) as address:
        compiled = (node / "job.mjs").read_text(encoding="utf-8")
        return run_node(node, compiled, API=address, KEY=first_key_file(office).read_text())


@pytest.mark.long
def test_openapi_python_client_does_the_job(office: Office, generators: Path, tmp_path: Path) -> None:
    """Its client is complete: nothing is left out with a warning, and each answer has one type."""
    folder = tmp_path / "routekaart_client"
    command = generators.with_name("openapi-python-client")
    said = run(
        command, "generate", "--path", DESCRIPTION, "--meta", "none", "--output-path", folder, folder=tmp_path
    )
    assert "WARNING" not in said
    assert "Unable" not in said
    assert job_in_python(office, generators, tmp_path, PYTHON_CLIENT) == EXPECTED


@pytest.mark.long
def test_openapi_typescript_does_the_job(office: Office, node_folder: Path) -> None:
    """Its types compile strictly with the two fields that the README sends."""
    generator = node_folder / "node_modules" / ".bin" / "openapi-typescript"
    run(generator, DESCRIPTION, "-o", "api.d.ts", folder=node_folder)
    assert job_in_node(office, node_folder, OPENAPI_TYPESCRIPT) == EXPECTED


@pytest.mark.long
def test_openapi_generator_does_the_job_in_python(office: Office, generators: Path, tmp_path: Path) -> None:
    """Its client of Python opens and reports, and reads what it gets into types."""
    _generate(generators, tmp_path, "python", tmp_path)
    assert job_in_python(office, generators, tmp_path, OPENAPI_GENERATOR) == EXPECTED


@pytest.mark.long
def test_openapi_generator_does_the_job_in_typescript(
    office: Office, generators: Path, node_folder: Path
) -> None:
    """Its client of TypeScript compiles and does the same."""
    _generate(generators, node_folder, "typescript-fetch", node_folder / "client", "importFileExtension=.js")
    (node_folder / "package.json").write_text(
        json.dumps(json.loads((node_folder / "package.json").read_text()) | {"type": "module"})
    )
    assert job_in_node(office, node_folder, TYPESCRIPT_FETCH) == EXPECTED


def _generate(generators: Path, folder: Path, kind: str, target: Path, *properties: str) -> None:
    if shutil.which("java") is None:
        pytest.skip("no java on this machine")
    command = generators.with_name("openapi-generator-cli")
    more = ("--additional-properties", ",".join(properties)) if properties else ()
    run(command, "generate", "-g", kind, "-i", DESCRIPTION, "-o", target, *more, folder=folder)


def test_every_operation_is_named_in_the_document_for_integrators() -> None:
    """Whoever reads the document finds every way in and out of the description."""
    document = (DOCS / "README.md").read_text(encoding="utf-8")
    missing = [
        f"{method.upper()} {path}"
        for path, methods in json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"].items()
        for method in methods
        if f"`{method.upper()} {path if path.startswith(('/healthz', '/readyz', '/metrics')) else '/v1' + path}`"
        not in document
    ]
    assert missing == []

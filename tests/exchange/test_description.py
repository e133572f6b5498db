"""The description of the API: current, by the NL API Design Rules, and true under random requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.api import NOW, caller, opened, whole

from adapters.api import create_api
from adapters.api.description import written
from adapters.office import open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office

KEPT = Path(__file__).parents[2] / "docs" / "integration" / "openapi.json"


@pytest.fixture
def described(api: TestClient) -> dict[str, Any]:
    """Return the description as it is served."""
    return dict(api.get("/v1/openapi.json").json())


def test_the_kept_description_is_current(office: Office) -> None:
    """The description in the repository is the one that is served (renew it: python tests/renew.py)."""
    assert KEPT.read_text(encoding="utf-8") == written(create_api(office))


def test_every_guarded_operation_says_so(described: dict[str, Any]) -> None:
    """Every operation but those of health names how a caller identifies himself."""
    anonymous = [
        path
        for path, methods in described["paths"].items()
        for operation in methods.values()
        if not operation.get("security")
    ]
    assert anonymous == ["/healthz", "/readyz"]


def test_all_names_are_dutch_words_or_terms_of_zgw(described: dict[str, Any]) -> None:
    """Every name in the paths is of the contract."""
    words = {part for path in described["paths"] for part in path.split("/") if part and "{" not in part}
    assert words == {
        "zaken", "gebeurtenissen", "journaal", "groei", "verwijzingen", "vroegsignalen", "cloudevents",
        "notificaties", "definities", "problemen", "werkvoorraad", "monitor", "abonnementen", "inzagelog",
        "test", "ddas", "gegevens", "healthz", "readyz", "metrics",
    }  # fmt: skip


LEFT_OUT = (  # what a description cannot say: which event is possible now, and what GuardedRoute checks first
    "positive_data_acceptance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
    "missing_required_header",
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Return an API with a case in it and without a limit on requests."""
    home = tmp_path_factory.mktemp("willekeurig")
    office = open_office(Settings(home=home, api_requests_per_second=100_000), SetClock(NOW))
    api = caller(office)
    opened(api, zaak="PROEF-1")
    return api


OPERATIONS = [
    (path, method)
    for path, methods in whole(json.loads(KEPT.read_text(encoding="utf-8")))["paths"].items()
    for method in methods
]


@pytest.mark.parametrize("examples", [20, pytest.param(400, marks=pytest.mark.long)])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_random_requests_never_break_the_api(busy: TestClient, path: str, method: str, examples: int) -> None:
    """Whatever the description allows or forbids is answered as described, and never with a server error."""
    schema = schemathesis.openapi.from_dict(whole(busy.get("/v1/openapi.json").json()))
    schema.app = busy.app
    operation = schema[path][method]
    excluded = [schemathesis.checks.CHECKS.get_one(name) for name in LEFT_OUT]
    key = busy.headers["x-api-key"]

    @given(
        operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        st.booleans(),
    )
    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 100,  # the ordinary suite asks the same every day
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case, existing: bool) -> None:
        if existing and "reference" in case.path_parameters:
            case.path_parameters["reference"] = "PROEF-1"
        answer = case.call(headers={"X-API-Key": key})
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, excluded_checks=excluded)
        if answer.status_code >= 400:
            assert json.loads(answer.content)["status"] == answer.status_code

    ask()

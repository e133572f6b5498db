"""The API as its ecosystem expects it: the pagination of zgw-consumers, filters, problems with a type, CSV, gzip."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.api import caller, opened
from support.peers import serving, virtual_environment

from adapters.api.problems import PROBLEM_KINDS
from adapters.exchange.clients import first_key_file, new_client

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office

PAGINATION = """
import json, os
import requests
from zgw_consumers.utils import pagination_helper

class Client(requests.Session):
    def get(self, address, **more):
        assert address.startswith("http"), address
        return super().get(address, **more)

client = Client()
client.headers["X-API-Key"] = os.environ["KEY"]
first = client.get(os.environ["API"] + os.environ["PATH_OF_LIST"])
first.raise_for_status()
print(json.dumps([line["zaak"] for line in pagination_helper(client, first.json())]))
"""


@pytest.fixture(scope="module")
def zgw_consumers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the client library of the Dutch government; it brings Django, which we do not need."""
    return virtual_environment(tmp_path_factory.mktemp("zgw"), "zgw-consumers>=1.2,<2", "requests>=2,<3")


@pytest.mark.long
def test_the_pagination_of_zgw_consumers_gets_every_page(
    office: Office, zgw_consumers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cases come out, a page at a time, and a filter stays on every page."""
    api = caller(office)
    cases = [opened(api, verwijzingen=["DEZE-1"] if number % 2 else []) for number in range(5)]
    monkeypatch.setenv("KEY", first_key_file(office).read_text())
    with serving(office) as address:
        monkeypatch.setenv("API", address)
        for path, expected in (
            ("/v1/zaken?pageSize=2", set(cases)),
            ("/v1/zaken?verwijzing=DEZE-1&pageSize=1", {cases[1], cases[3]}),
        ):
            monkeypatch.setenv("PATH_OF_LIST", path)
            done = subprocess.run(
                [zgw_consumers, "-c", PAGINATION], capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, done.stderr
            found = json.loads(done.stdout)
            assert (len(found), set(found)) == (len(expected), expected)


def test_links_are_whole_and_keep_what_was_asked(api: TestClient, office: Office) -> None:
    """A link is an address of its own, with every filter, also where the API is known under another address."""
    for _ in range(3):
        opened(api)
    asked = {"pageSize": 1, "page": 2, "mijlpaal": "M3", "gemeentecode": "0518", "teLaat": "false"}
    answer = api.get("/v1/zaken", params=asked).json()
    for name, page in (("next", 3), ("previous", 1)):
        assert answer[name].startswith("http://testserver/v1/zaken?")
        followed = api.get(answer[name])
        assert followed.status_code == 200
        assert f"page={page}" in answer[name]
        assert "gemeentecode=0518" in answer[name]
        assert "teLaat=false" in answer[name]
    office.settings = office.settings.model_copy(
        update={"api_url": "https://api.gemeente.example/routekaart"}
    )
    outside = caller(office).get("/v1/zaken", params=asked).json()["next"]
    assert outside.startswith("https://api.gemeente.example/routekaart/v1/zaken?")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"mijlpaal": "M3"}, {"vroeg-1", "laat-1"}),
        ({"mijlpaal": "M4"}, {"later-1"}),
        ({"toestand": "CRISISCHECK"}, {"laat-1"}),
        ({"mijlpaal": "M4", "toestand": "CRISISCHECK"}, set()),
        ({"gemeentecode": "0363"}, {"ander-1"}),
        ({"teLaat": "true"}, {"laat-1"}),
        ({"teLaat": "false"}, {"vroeg-1", "later-1", "ander-1"}),
        ({"gewijzigdSinds": "2026-03-09T00:00:00+01:00"}, {"vroeg-1", "laat-1", "later-1", "ander-1"}),
        ({"gewijzigdSinds": "2026-03-10T00:00:00Z"}, set()),
    ],
)
def test_a_list_is_filtered(api: TestClient, asked: dict[str, str], expected: set[str]) -> None:
    """Each filter gives the cases that it names, and filters together give what fits all."""
    for name, more in (
        ("vroeg-1", {}),
        ("laat-1", {"op": "2026-01-05"}),
        ("ander-1", {"gemeentecode": "0363", "mijlpaal": "M1"}),
        ("later-1", {"mijlpaal": "M4"}),
    ):
        assert api.post("/v1/zaken", json={"mijlpaal": "M3", "zaak": name} | more).status_code == 201
    api.post("/v1/zaken/laat-1/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"})
    found = api.get("/v1/zaken", params=asked).json()
    assert {line["zaak"] for line in found["results"]} == expected
    assert found["count"] == len(expected)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/zaken", {"verwijzig": "X"}),
        ("/v1/zaken", {"mijlpaal": "M99"}),
        ("/v1/zaken", {"gewijzigdSinds": "gisteren"}),
        ("/v1/zaken", {"teLaat": "misschien"}),
        ("/v1/werkvoorraad", {"gemeente": "0518"}),
        ("/v1/definities", {"code": "M3"}),
    ],
)
def test_a_parameter_that_nobody_knows_is_refused(api: TestClient, path: str, asked: dict[str, str]) -> None:
    """A filter with a wrong name or value gives no list at all."""
    answer = api.get(path, params=asked)
    assert (answer.status_code, answer.json()["type"]) == (400, "/v1/problemen#ongeldige-parameters")


def test_a_list_of_another_municipality_is_refused(office: Office) -> None:
    """A client asks only for what it may read."""
    narrow = caller(office, new_client(office, "leiden", ("0546",)).api_key)
    assert narrow.get("/v1/zaken", params={"gemeentecode": "0518"}).status_code == 403


def test_every_kind_of_problem_has_a_type_that_is_listed(api: TestClient) -> None:
    """Refusals of all sorts name their kind, and the list explains every kind."""
    reference = opened(api)
    stranger = {"X-API-Key": "rk_niemand_x"}
    events = f"/v1/zaken/{reference}/gebeurtenissen"
    answers = [
        api.post("/v1/zaken", content=b"{", headers={"Content-Type": "application/json"}),
        api.post("/v1/zaken", json={"mijlpaal": "M99"}),
        api.post(events, json={"gebeurtenis": "aanmelding_geregistreerd", "gegevens": {"x": 1}}),
        api.get("/v1/zaken", headers=stranger),
        api.get("/v1/zaken/BESTAAT-NIET"),
        api.get("/v1/bestaat-niet"),
        api.delete("/v1/zaken"),
        api.post(events, json={"gebeurtenis": "bereikt"}),
        api.post("/v1/cloudevents", content=b"x", headers={"Content-Type": "text/plain"}),
    ]
    listed = {line["type"]: line["status"] for line in api.get("/v1/problemen").json()["results"]}
    assert len(listed) == len(PROBLEM_KINDS)
    for answer in answers:
        assert listed[answer.json()["type"]] == answer.status_code, answer.text
    assert len({answer.json()["type"] for answer in answers}) == len(answers)


def test_an_answer_says_where_and_how(api: TestClient) -> None:
    """201 has a Location that works, 405 names every method, and data are not shown in a frame."""
    answer = api.post("/v1/zaken", json={"mijlpaal": "M3"})
    assert api.get(answer.headers["location"]).json()["zaak"] == answer.json()["zaak"]
    told = api.post(
        f"{answer.headers['location']}/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"}
    )
    assert told.headers["location"] == answer.headers["location"]
    refused = api.delete("/v1/zaken")
    assert refused.headers["allow"] == "GET, HEAD, POST"
    for name in (
        "content-security-policy",
        "x-frame-options",
        "strict-transport-security",
        "x-content-type-options",
    ):
        assert name in answer.headers


def test_head_says_what_get_would_without_its_content(office: Office) -> None:
    """A real client asks with HEAD: status and headers are those of GET, and refusals are the same too."""
    with serving(office) as address, httpx.Client(base_url=address) as client:
        key = {"X-API-Key": first_key_file(office).read_text()}
        for path, headers, status in (
            ("/healthz", {}, 200),
            ("/v1/definities/M7", key, 200),
            ("/v1/zaken/BESTAAT-NIET", key, 404),
            ("/v1/zaken", {}, 401),
            ("/v1/cloudevents", key, 405),
        ):
            head, get = client.head(path, headers=headers), client.get(path, headers=headers)
            assert (head.status_code, head.content) == (get.status_code, b"") == (status, b"")
            changing = ("date", "x-request-id")
            told = [
                {name: said.headers[name] for name in said.headers if name not in changing}
                for said in (head, get)
            ]
            assert told[0] == told[1]


def test_a_list_is_also_csv_and_zipped(api: TestClient) -> None:
    """`Accept: text/csv` gives CSV, and a large answer comes zipped to who asks for that."""
    opened(api)
    assert (
        api.get("/v1/werkvoorraad", headers={"Accept": "text/csv"})
        .headers["content-type"]
        .startswith("text/csv")
    )
    assert api.get("/v1/werkvoorraad").headers["content-type"] == "application/json"
    zipped = api.get("/v1/definities/M7", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "M7" in zipped.text


def test_definitions_are_listed(api: TestClient) -> None:
    """Every mijlpaal is in the list, with where it can be read."""
    lines = api.get("/v1/definities").json()["results"]
    assert [line["code"] for line in lines][:3] == ["M1", "M2", "M3"]
    assert all(api.get(line["url"]).status_code == 200 for line in lines)


def test_a_date_of_an_opening_may_be_a_moment(api: TestClient) -> None:
    """A moment counts as its day in Amsterdam; a date in another form is refused."""
    answer: Any = api.post("/v1/zaken", json={"mijlpaal": "M3", "op": "2026-03-05T23:30:00Z"}).json()
    assert answer["mijlpalen"][0]["geopend_op"] == date(2026, 3, 6).isoformat()
    assert api.post("/v1/zaken", json={"mijlpaal": "M3", "op": "05-03-2026"}).status_code == 400

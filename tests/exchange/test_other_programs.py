"""What programs of others send in another way, by their specifications and public threads: read, or refused whole."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.api import opened, rows
from support.other_systems import notification

from adapters.exchange.inbox import work_on_inbox
from adapters.exchange.postbak import waiting

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office

DIED = {"datumOverlijden": "2026-03-09"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """One database is enough: how something is read does not depend on it."""
    copy = tmp_path / "zaken.db"
    copy.write_bytes(migrated_file.read_bytes())
    return f"sqlite:///{copy}"


def binary(api: TestClient, content: bytes | None = None, **attributes: str | bytes) -> Any:
    """Send a death as a CloudEvent in the binary form."""
    given: dict[str, str | bytes] = {
        "specversion": "1.0",
        "source": "urn:x",
        "type": "nl.brp.personen.overleden",
    }
    headers = {f"ce-{name}": value for name, value in (given | attributes).items()} | JSON
    body = json.dumps(DIED).encode() if content is None else content
    return api.post("/v1/cloudevents", content=body, headers=headers)


# --- CloudEvents, HTTP binding 3.1.3.2 -----------------------------------------------------------------------


def test_headers_of_every_library_name_the_case(api: TestClient, office: Office) -> None:
    """Between quotes (senders before 1.0.2), percent-encoded, in spaces, or with a bare percent: the same case."""
    for number, write in enumerate(
        (
            lambda name: name,
            lambda name: f'"{name}"',
            lambda name: f'"\\{name}"',
            lambda name: f"%46{name[1:]}",
            lambda name: f"  {name} ",
        )
    ):
        reference = opened(api)
        answer = binary(api, id=str(number), subject=write(reference), pct="100%", datacontenttype="text/xml")
        assert (answer.status_code, answer.json().get("zaak")) == (201, reference)
    assert waiting(office) == []


def test_an_id_in_bare_utf_8_is_the_same_as_percent_encoded(api: TestClient) -> None:
    """Some libraries encode and some do not; the second is a repeat, in the structured form too."""
    reference = opened(api)
    first = binary(api, id="één".encode(), subject=reference)
    again = binary(api, id="%C3%A9%C3%A9n", subject=reference)
    whole = {
        "specversion": "1.0", "id": "één", "source": "urn:x", "type": "nl.brp.personen.overleden",
        "subject": reference, "data": DIED,
    }  # fmt: skip
    third = api.post("/v1/cloudevents", json=whole, headers={"Content-Type": "application/cloudevents+json"})
    assert first.status_code == again.status_code == third.status_code == 201
    assert first.json() == again.json() == third.json()


@pytest.mark.parametrize("id_", ["a%ff", "%C3"])
def test_headers_that_are_no_text_are_refused(api: TestClient, office: Office, id_: str) -> None:
    """A replaced sign would make two ids one: the specification says to refuse, and nothing is kept."""
    reference = opened(api)
    before = rows(office)
    answer = binary(api, id=id_, subject=reference)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Een ce-kopregel is geen UTF-8.")
    assert (rows(office), waiting(office)) == (before, [])


# --- notifications -------------------------------------------------------------------------------------------


def test_one_moment_in_every_spelling_is_one_notification(api: TestClient, office: Office) -> None:
    """What is passed on may write its moment anew; another moment is another notification."""
    opened(api, verwijzingen=[notification()["hoofdObject"]])
    for written in (
        "2026-03-09T08:00:00Z",
        "2026-03-09T08:00:00.000Z",
        "2026-03-09T08:00:00+00:00",
        "2026-03-09T09:00:00.000000+01:00",
        "2026-03-09t08:00:00z",
    ):
        assert api.post("/v1/notificaties", json=notification(aanmaakdatum=written)).status_code == 204
    work_on_inbox(office)
    assert len(waiting(office)) == 1
    api.post("/v1/notificaties", json=notification(aanmaakdatum="2026-03-09T08:00:00.001Z"))
    work_on_inbox(office)
    assert len(waiting(office)) == 2


# --- the API -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "text/plain"}, b'{"mijlpaal":"M3"}'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"mijlpaal=M3"),
        ({}, b'{"mijlpaal":"M3"}'),
        (JSON | {"Content-Encoding": "gzip"}, gzip.compress(b'{"mijlpaal":"M3"}', mtime=0)),
        (JSON | {"Content-Encoding": "br"}, b"\x0b\x08"),
    ],
)
def test_a_body_of_another_kind_is_415(
    api: TestClient, office: Office, headers: dict[str, str], content: bytes
) -> None:
    """The answer says which kind we read, instead of that a field is wrong; nothing is written."""
    before = rows(office)
    answer = api.post("/v1/zaken", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "/v1/problemen#verkeerde-inhoud")
    assert rows(office) == before


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", "Application/JSON", "application/vnd.x+json"]
)
def test_a_body_of_json_under_any_name_is_read(api: TestClient, kind: str) -> None:
    """A charset, capitals and a name of somebody's own change nothing."""
    answer = api.post("/v1/zaken", content=b'{"mijlpaal":"M3"}', headers={"Content-Type": kind})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ("mijlpaal=M3&mijlpaal=M4", "query.mijlpaal"),
        ("page=1&page=2", "query.page"),
        ("gewijzigdSinds=1773014400", "query.gewijzigdSinds"),
        ("gewijzigdSinds=1773014400.5", "query.gewijzigdSinds"),
        ("gewijzigdSinds=2026-03-09T08:00:00+01:00", "query.gewijzigdSinds"),  # + is a space in an address
    ],
)
def test_a_parameter_that_can_be_read_two_ways_is_refused(api: TestClient, asked: str, wrong: str) -> None:
    """We choose neither of two values, and no moment from a number."""
    answer = api.get(f"/v1/zaken?{asked}")
    assert (answer.status_code, answer.json()["velden"]) == (400, [wrong])


@pytest.mark.parametrize(
    ("accept", "csv"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/csv, */*;q=0.1", True),
        ("application/json;q=0.5, text/csv;q=0.9", True),
        ("text/csv;q=0.2, application/json", False),
        ("text/csv;q=0, application/json;q=0", False),
        ("text/csv, application/json", False),
        ("*/*", False),
        ("application/xml", False),
    ],
)
@pytest.mark.parametrize("path", ["/v1/werkvoorraad", "/v1/monitor"])
def test_what_is_wanted_most_is_given(api: TestClient, path: str, accept: str, csv: bool) -> None:
    """`Accept` is read with its weights and in any case; where both are wanted as much, JSON is given."""
    answer = api.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/csv" if csv else "application/json")

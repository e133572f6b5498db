"""Both official libraries of CloudEvents send a ruling: its own date counts, in every form, or it is refused."""

from __future__ import annotations

import json
from datetime import date, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from cloudevents.core.bindings import http as binding
from cloudevents.core.v1.event import CloudEvent
from support.peers import npm_packages, run_node, serving

from adapters.exchange.clients import first_key_file
from adapters.exchange.postbak import PostbakError, couple, waiting
from milestones.process import NotPossible

if TYPE_CHECKING:
    from pathlib import Path

    from httpx import Response
    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

RULING = "nl.rechtspraak.uitspraken.moratorium-toegewezen"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
numbers = count(1)


@pytest.fixture(autouse=True)
def _a_day_in_november(clock: SetClock) -> None:
    clock.moment = datetime(2026, 11, 28, 9, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))


def asked(office: Office) -> str:
    """Open a case in which a moratorium was asked for."""
    reference = office.casework.open("M5", municipality="0518", on=date(2026, 11, 2)).reference
    for step in ("crisis_actief", "moratorium_verzocht", "zitting_gehouden"):
        office.casework.report(reference, step, on=date(2026, 11, 3))
    return reference


def moratorium(office: Office, reference: str) -> tuple[date, date | None] | None:
    """Return from when to when T31 runs."""
    term = office.casework.case(reference).case.process("M5").running("T31")
    return (term.anchor, term.due) if term is not None else None


def ruling(reference: str, written: object = "2026-11-10", **more: Any) -> dict[str, Any]:
    """Make the message of a court, logged weeks after the ruling."""
    return {
        "specversion": "1.0",
        "id": f"uitspraak-{next(numbers)}",
        "source": "urn:nld:oin:00000001001299992000:systeem:rb",
        "type": RULING,
        "subject": reference,
        "time": "2026-11-27T10:00:00Z",
        "data": {"datumUitspraak": written},
        **more,
    }


def send(api: TestClient, event: dict[str, Any]) -> Response:
    """Send an event in the structured form."""
    return api.post("/v1/cloudevents", json=event, headers=STRUCTURED)


# --- no date stands in for another ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["2026-11-10", "2026-11-10T09:00:00Z", "2026-11-09T23:30:00.123456789Z", "2026-11-10t12:00:00+01:00"],
)
def test_the_date_of_a_ruling_counts_in_every_spelling(api: TestClient, office: Office, written: str) -> None:
    """T31 runs from the day of the ruling in Amsterdam, however its moment is written."""
    reference = asked(office)
    assert send(api, ruling(reference, written)).status_code == 201
    assert moratorium(office, reference) == (date(2026, 11, 10), date(2027, 5, 10))


@pytest.mark.parametrize(
    "written", ["10-11-2026", "11/10/2026", "tiende", "", None, 20261110, {"jaar": 2026}]
)
def test_a_date_that_cannot_be_read_waits_for_a_person(
    api: TestClient, office: Office, written: object
) -> None:
    """Whatever stands where the date should be is never replaced by the time of the message, also not by a person."""
    reference = asked(office)
    answer = send(api, ruling(reference, written))
    assert answer.status_code == 202
    assert "data.datumUitspraak" in answer.json()["reden"]
    assert moratorium(office, reference) is None
    (row,) = waiting(office)
    assert (row.event, row.candidates) == ("toegewezen", [reference])
    with pytest.raises(PostbakError, match="--op"):
        couple(office, row.id or 0, reference)
    couple(office, row.id or 0, reference, on=date(2026, 11, 10))
    assert moratorium(office, reference) == (date(2026, 11, 10), date(2027, 5, 10))


def test_a_field_that_cannot_be_read_waits_for_a_person(api: TestClient, office: Office) -> None:
    """An end date in another form is not left out: the person who couples the message says what it means."""
    reference = asked(office)
    event = ruling(reference)
    event["data"]["einddatum"] = "10-02-2027"
    answer = send(api, event)
    assert (answer.status_code, "einddatum" in answer.json()["reden"]) == (202, True)
    (row,) = waiting(office)
    with pytest.raises(PostbakError, match="gebeurtenis"):
        couple(office, row.id or 0, reference)
    with pytest.raises(NotPossible):
        couple(
            office, row.id or 0, reference, event="toegewezen", on=date(2026, 11, 10), data={"einddatum": "x"}
        )
    assert moratorium(office, reference) is None


def test_a_message_that_a_broker_stamps_anew_is_a_repeat(api: TestClient, office: Office) -> None:
    """Source and id tell which event it is: another time or an added attribute is a repeat, other data is 409."""
    reference = asked(office)
    event = ruling(reference)
    first = send(api, event)
    again = send(
        api, event | {"time": "2026-11-27T10:00:05Z", "traceparent": "00-1-1-00", "partitionkey": "7"}
    )
    without = send(api, {name: value for name, value in event.items() if name != "time"})
    assert [answer.status_code for answer in (first, again, without)] == [201] * 3
    assert again.json() == without.json() == first.json()
    assert send(api, event | {"data": {"datumUitspraak": "2026-11-11"}}).status_code == 409
    assert send(api, event | {"subject": "EEN-ANDERE"}).status_code == 409


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"data": [1]}, 400),
        ({"data": 7}, 400),
        ({"data": "Testpersoon"}, 400),
        ({"data_base64": "geen base64!"}, 400),
        ({"data_base64": "MTIz"}, 400),
        ({"data": {}, "data_base64": "e30="}, 400),
        ({"data": {}, "datacontenttype": "application/xml"}, 415),
        ({"data": {}, "uitbreiding": {"a": 1}}, 400),
    ],
)
def test_data_that_are_no_object_are_refused(
    api: TestClient, office: Office, more: dict[str, Any], status: int
) -> None:
    """Data in another form than an object are refused, and nothing waits anywhere."""
    event = ruling(asked(office))
    del event["data"]
    assert send(api, event | more).status_code == status
    assert waiting(office) == []


# --- the libraries --------------------------------------------------------------------------------------------

FORMS: dict[str, Any] = {
    "object": {"datumUitspraak": "2026-11-10"},
    "bytes": b'{"datumUitspraak": "2026-11-10"}',
    "text": '{"datumUitspraak": "2026-11-10"}',
}


@pytest.mark.parametrize("mode", [binding.to_structured_event, binding.to_binary_event])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["application/json", None])
def test_the_library_for_python_sends_a_ruling(
    api: TestClient, office: Office, mode: Any, form: str, kind: str | None
) -> None:
    """Data as an object, as bytes or as text, in both modes, with and without a content type: the same date."""
    reference = asked(office)
    attributes = {name: value for name, value in ruling(reference).items() if name != "data"}
    attributes |= {"time": datetime.fromisoformat(attributes["time"]), "bron": "proef"}
    if kind is not None:
        attributes["datacontenttype"] = kind
    message = mode(CloudEvent(attributes, FORMS[form]))
    answer = api.post("/v1/cloudevents", content=message.body, headers=message.headers)
    assert answer.status_code == 201, answer.text
    assert moratorium(office, reference) == (date(2026, 11, 10), date(2027, 5, 10))


BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def test_the_library_for_python_sends_a_batch(api: TestClient, office: Office) -> None:
    """A batch of events in every form: each counts once, and has a line of its own in the answer."""
    references = [asked(office) for _ in FORMS]
    written = []
    for reference, data in zip(references, FORMS.values(), strict=True):
        attributes = {name: value for name, value in ruling(reference).items() if name != "data"}
        attributes |= {
            "time": datetime.fromisoformat(attributes["time"]),
            "datacontenttype": "application/json",
        }
        written.append(binding.to_structured_event(CloudEvent(attributes, data)).body.decode())
    batch = f"[{','.join([*written, written[0]])}]"
    answers = [api.post("/v1/cloudevents", content=batch, headers=BATCH) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json() == answers[1].json()
    lines = answers[0].json()["berichten"]
    assert [(line["status"], line["zaak"]) for line in lines] == [
        (201, reference) for reference in (*references, references[0])
    ]
    assert {moratorium(office, reference) for reference in references} == {
        (date(2026, 11, 10), date(2027, 5, 10))
    }


def test_a_batch_is_refused_as_a_whole(api: TestClient, office: Office) -> None:
    """One event that is none, or that came before with other data, and nothing of the batch counts."""
    first, second = asked(office), asked(office)
    good = ruling(first)
    known = ruling(second, "tiende")
    assert send(api, known).status_code == 202
    for other, status in (
        ({"specversion": "1.0"}, 400),
        (7, 400),
        (known | {"data": {"datumUitspraak": "2026-11-10"}}, 409),
        (good | {"data": {"datumUitspraak": "2026-11-11"}}, 409),
    ):
        assert api.post("/v1/cloudevents", json=[good, other], headers=BATCH).status_code == status
    assert api.post("/v1/cloudevents", json=good, headers=BATCH).status_code == 400
    assert (moratorium(office, first), len(waiting(office))) == (None, 1)
    answer = api.post("/v1/cloudevents", json=[good, known], headers=BATCH).json()["berichten"]
    assert [line["status"] for line in answer] == [201, 202]
    assert "datumUitspraak" in answer[1]["reden"]
    assert api.post("/v1/cloudevents", json=[], headers=BATCH).json() == {"berichten": []}


SCRIPT = """
import { CloudEvent, HTTP } from "cloudevents";
const forms = {
  object: { datumUitspraak: "2026-11-10" },
  bytes: new TextEncoder().encode(JSON.stringify({ datumUitspraak: "2026-11-10" })),
  text: JSON.stringify({ datumUitspraak: "2026-11-10" }),
};
const answers = [];
const events = JSON.parse(process.env.EVENTS);
for (const [mode, encode] of [["structured", HTTP.structured], ["binary", HTTP.binary]]) {
  for (const [form, data] of Object.entries(forms)) {
    const message = encode(new CloudEvent({ ...events.shift(), data, datacontenttype: "application/json" }));
    const headers = { ...message.headers, "X-API-Key": process.env.KEY };
    const answer = await fetch(process.env.API + "/v1/cloudevents", { method: "POST", headers, body: message.body });
    answers.push([mode, form, answer.status, await answer.text()]);
  }
}
const batch = Object.values(forms).map(
  (data) => new CloudEvent({ ...events.shift(), data, datacontenttype: "application/json" }),
);
const headers = { "Content-Type": "application/cloudevents-batch+json", "X-API-Key": process.env.KEY };
const body = JSON.stringify(batch);
const answer = await fetch(process.env.API + "/v1/cloudevents", { method: "POST", headers, body });
answers.push(...(await answer.json()).berichten.map((line) => ["batch", line.zaak, line.status, line.reden]));
console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library for JavaScript."""
    return npm_packages(tmp_path_factory.mktemp("npm"), "cloudevents@^10")


@pytest.mark.long
def test_the_library_for_javascript_sends_a_ruling(office: Office, library: Path) -> None:
    """Data as an object, as bytes or as text, in both modes and in a batch: the same date."""
    references = [asked(office) for _ in range(9)]
    events = [
        {name: value for name, value in ruling(reference).items() if name != "data"}
        for reference in references
    ]
    with serving(office) as address:
        key = first_key_file(office).read_text()
        answers = run_node(library, SCRIPT, API=address, KEY=key, EVENTS=json.dumps(events))
    assert [answer[2] for answer in answers] == [201] * 9, answers
    assert {moratorium(office, reference) for reference in references} == {
        (date(2026, 11, 10), date(2027, 5, 10))
    }

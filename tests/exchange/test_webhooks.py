"""Events for other systems: written with the transition, signed, tried again, given up visibly."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select
from support.api import opened
from support.other_systems import Receiver

from adapters.cases.outgoing import as_cloudevent
from adapters.exchange.webhooks import (
    SubscriptionError,
    dead_letters,
    deliver_due,
    fan_out,
    report_dead_letters,
    signature,
    subscribe,
    try_again,
    unsubscribe,
    waiting_subscribers,
)
from adapters.messages.retry_table import RETRY_TABLE
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import OutgoingEventRow, WebhookDeliveryRow
from milestones.process import NotPossible

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.clock import SetClock


def events(office: Office) -> list[tuple[str, dict[str, Any]]]:
    """Return the events that wait or went out: kind and data without the case and who did it."""
    with reading(office.engine) as session:
        rows = session.exec(select(OutgoingEventRow).order_by("number")).all()
    return [
        (
            row.type.rpartition(".")[2],
            {name: value for name, value in row.data.items() if not name.startswith(("zaak", "door"))},
        )
        for row in rows
    ]


def test_a_case_tells_what_it_reaches(office: Office, clock: SetClock) -> None:
    """Openings, hand-overs, terms that start, warn, end and stand still: each is an event."""
    report = office.casework.report
    office.casework.open("M3", municipality="0518", reference="A")
    assert events(office) == [
        ("mijlpaal-bereikt", {"mijlpaal": "M3"}),
        ("termijn-gestart", {"mijlpaal": "M3", "termijn": "T01", "uiterlijk": "2026-04-07"}),
    ]
    clock.moment += timedelta(days=15)
    office.casework.fire_due("A")
    assert events(office)[2:] == [
        ("termijn-waarschuwing", {"mijlpaal": "M3", "termijn": "T01", "uiterlijk": "2026-04-07"})
    ]
    report("A", "aanmelding_geregistreerd")
    report("A", "niet_bedreigend")
    report("A", "eerste_gesprek_gevoerd")
    kinds = [kind for kind, _ in events(office)[3:]]
    assert kinds[:6] == [
        "toestand-gewijzigd", "toestand-gewijzigd", "toestand-gewijzigd",
        "mijlpaal-overgedragen", "mijlpaal-bereikt", "mijlpaal-afgesloten",
    ]  # fmt: skip
    assert "termijn-gestart" in kinds
    assert events(office)[3][1] == events(office)[8][1] == {"mijlpaal": "M3"}
    assert events(office)[6][1] == {"mijlpaal": "M3", "naar": "M4"}
    clock.moment += timedelta(days=1)
    report("A", "hulpvraag_vastgesteld")
    report("A", "gegevens_ontbreken")
    assert ("termijn-opgeschort", {"mijlpaal": "M4", "termijn": "T03"}) in events(office)
    office.casework.open("M3", municipality="0518", reference="B")
    clock.moment += timedelta(days=60)
    office.casework.fire_due("B")
    assert events(office)[-1][0] == "termijn-verlopen"


def test_a_date_that_can_still_move_says_so(office: Office, clock: SetClock) -> None:
    """A last day in a year for which not all days off are known goes out with that beside it."""
    clock.moment = clock.moment.replace(year=2028, month=12, day=18)
    office.casework.open("M3", municipality="0518", reference="A")
    assert events(office)[1][1] == {
        "mijlpaal": "M3",
        "termijn": "T01",
        "uiterlijk": "2029-01-15",
        "voorbehoud": "na 2028 niet bekend",
    }


def test_a_refused_event_tells_nothing(office: Office) -> None:
    """What was refused leaves no event."""
    office.casework.open("M3", municipality="0518", reference="A")
    before = events(office)
    with pytest.raises(NotPossible):
        office.casework.report("A", "bedreigend")
    assert events(office) == before


def test_an_event_holds_no_more_than_the_domain_allows(office: Office) -> None:
    """An event has the attributes of the NL GOV profile, and data with ids, a mijlpaal, a term, a date and a code."""
    office.casework.open("M3", municipality="0518", reference="A")
    with reading(office.engine) as session:
        sent = [as_cloudevent(row) for row in session.exec(select(OutgoingEventRow).order_by("number")).all()]
    assert {frozenset(event) for event in sent} == {
        frozenset(
            ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data", "sequence")
        )
    }
    assert sent[1]["source"] == "urn:nld:gemeentecode:0518:systeem:routekaart"
    assert sent[1]["type"] == "nl.schuldhulpverlening.mijlpalen.termijn-gestart"
    assert sent[1]["subject"] == sent[1]["data"]["zaakreferentie"] == "A"
    assert set(sent[1]["data"]) == {"zaak", "zaakreferentie", "mijlpaal", "termijn", "uiterlijk", "door"}


def test_a_subscriber_gets_signed_events_once(
    api: TestClient, office: Office, clock: SetClock, receiver: Receiver
) -> None:
    """A subscriber gets what it asked for from then on, with a signature that it can check, and once."""
    opened(api)
    clock.moment += timedelta(seconds=1)
    secret = subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",), ("0518",))
    fan_out(office)
    opened(api)
    opened(api, gemeentecode="0363")
    assert fan_out(office) == 4
    assert fan_out(office) == 0
    assert (deliver_due(office), deliver_due(office)) == (1, 0)
    ((headers, body),) = receiver.received
    expected = signature(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert receiver.kinds() == ["mijlpaal-bereikt"]
    assert json.loads(body)["id"] == headers["webhook-id"]


def test_a_failing_subscriber_is_tried_on_the_published_table(
    api: TestClient, office: Office, clock: SetClock, receiver: Receiver
) -> None:
    """Attempts follow the published table with the same id; then the event is given up, visibly."""
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-bereikt",))
    receiver.status = 500
    opened(api)
    fan_out(office)
    waits = []
    while len(waits) < 20:
        with reading(office.engine) as session:
            (row,) = session.exec(select(WebhookDeliveryRow)).all()
        if row.next_at is None:
            break
        waits.append(row.next_at - clock.moment)
        clock.moment = row.next_at - timedelta(seconds=1)
        assert deliver_due(office) == 0
        clock.moment = row.next_at
        deliver_due(office)
    assert tuple(waits) == RETRY_TABLE
    assert len(receiver.received) == 8
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    ((delivery, event),) = dead_letters(office)
    assert (delivery.attempts, delivery.last_result) == (8, "HTTP 500")
    assert event.type.endswith("mijlpaal-bereikt")


def give_up(office: Office, clock: SetClock) -> None:
    """Let all that is on its way be given up."""
    fan_out(office)
    for wait in RETRY_TABLE:
        clock.moment += wait
        while deliver_due(office) or waiting_subscribers(office):
            pass


def test_the_coordinator_hears_of_dead_letters_once_a_day(
    api: TestClient, office: Office, clock: SetClock, receiver: Receiver
) -> None:
    """The coordinator hears of a failing subscriber once a day, and only when something new was given up."""
    subscribe(office, "dashboard", receiver.url)
    receiver.status = 404
    opened(api)
    give_up(office, clock)
    assert [report_dead_letters(office) for _ in range(3)] == [1, 0, 0]
    clock.moment += timedelta(days=2)
    assert report_dead_letters(office) == 0
    opened(api)
    give_up(office, clock)
    assert [report_dead_letters(office) for _ in range(2)] == [1, 0]
    lines = [json.loads(line) for line in office.settings.messages_file.read_text().splitlines()]
    assert [line["rol"] for line in lines] == ["coordinator", "coordinator"]
    assert "dashboard" in lines[0]["titel"]


def test_dead_letters_can_be_sent_again(
    api: TestClient, office: Office, clock: SetClock, receiver: Receiver
) -> None:
    """What was given up goes out again when a person asks for it."""
    subscribe(office, "dashboard", receiver.url)
    receiver.status = 500
    opened(api)
    give_up(office, clock)
    receiver.status, count = 204, len(dead_letters(office))
    assert try_again(office, "dashboard") == count == 2
    assert deliver_due(office) == 2
    assert dead_letters(office) == []


def test_a_dead_receiver_holds_up_nobody_else(api: TestClient, office: Office, receiver: Receiver) -> None:
    """A subscriber that cannot be reached is tried once a round; others get their events."""
    subscribe(office, "a-weg", "http://127.0.0.1:9/weg")
    subscribe(office, "dashboard", receiver.url)
    opened(api)
    fan_out(office)
    assert deliver_due(office) == 2
    with reading(office.engine) as session:
        rows = session.exec(
            select(WebhookDeliveryRow).where(WebhookDeliveryRow.subscription == "a-weg")
        ).all()
    assert sorted(row.attempts for row in rows) == [0, 1]


def test_an_ended_subscription_gets_nothing(api: TestClient, office: Office, receiver: Receiver) -> None:
    """After a subscription ended nothing is sent, not even what was on its way."""
    subscribe(office, "dashboard", receiver.url)
    opened(api)
    fan_out(office)
    unsubscribe(office, "dashboard")
    opened(api)
    fan_out(office)
    assert (deliver_due(office), receiver.received) == (0, [])


def test_an_event_is_emitted_before_it_counts_as_published(api: TestClient, office: Office) -> None:
    """When emitting fails the events stay, and go out the next time with the same ids."""
    opened(api)

    def fail(_: OutgoingEventRow) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fan_out(office, fail)
    seen: list[str] = []
    assert fan_out(office, lambda row: seen.append(row.id)) == 2
    assert len(set(seen)) == 2


@pytest.mark.parametrize(
    ("url", "types"),
    [
        ("http://voorbeeld.nl/in", ("*",)),
        ("https://naam:geheim@voorbeeld.nl/in", ("*",)),
        ("ftp://voorbeeld.nl", ("*",)),
        ("geen adres", ("*",)),
        ("https://voorbeeld.nl/in", ("iets",)),
    ],
)
def test_a_wrong_subscription_is_refused(office: Office, url: str, types: tuple[str, ...]) -> None:
    """A subscription to an unsafe address or an unknown kind is refused."""
    with pytest.raises(SubscriptionError):
        subscribe(office, "dashboard", url, types)


def test_the_secret_of_a_subscription_is_nowhere_in_the_database(office: Office, receiver: Receiver) -> None:
    """What signs the messages is not kept, and a new subscription of the same name has another secret."""
    first = subscribe(office, "dashboard", receiver.url)
    unsubscribe(office, "dashboard")
    assert subscribe(office, "dashboard", receiver.url) != first
    with writing(office.engine) as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM subscriptions").all()
    assert first not in str(rows)

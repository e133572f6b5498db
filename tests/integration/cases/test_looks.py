"""Who looked: every read of a case by somebody is logged once, and nothing of it changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.event import listen
from support.stack import wait_until

from adapters.api import create_api
from adapters.cases.looks import ONE_LOOK_SECONDS, Looks
from adapters.exchange.clients import new_client
from adapters.exchange.ddas_export import DeliveryKind, export
from adapters.operations.retention import forget
from adapters.runtime.actor import Actor, ActorKind, Way, acts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

SOMEBODY = Actor(ActorKind.PERSON, "mw-17", Way.FORM)


@pytest.fixture
def reference(office: Office) -> str:
    """Return a case."""
    return office.casework.open("M3", municipality="0518", on=date(2026, 3, 9)).reference


def test_a_screen_that_polls_has_looked_once(office: Office, reference: str, clock: SetClock) -> None:
    """Within ten minutes a second look of the same person is no second row, also from another process."""
    moment = clock.moment
    with acts(SOMEBODY):
        for _ in range(3):
            office.looks.note(reference, "0518")
        Looks(office.engine, office.clock).note(reference, "0518")
        assert office.looks.found(reference)[1] == 1
        clock.moment = moment + timedelta(seconds=ONE_LOOK_SECONDS)
        office.looks.note(reference, "0518", "klacht")
    rows, number = office.looks.found(person="mw-17")
    assert number == 2
    assert [row.purpose for row in rows] == ["klacht", None]


def test_two_that_look_at_the_same_cases_do_not_wait_for_each_other(office: Office) -> None:
    """One lists cases from the front, one from the back, a third is at one in the middle: both looks are written."""
    if office.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    names = ["A-1", "A-2", "A-3"]
    office.looks.note("A-2", "0518")
    with office.engine.connect() as third, ThreadPoolExecutor(2) as threads:
        held = third.exec_driver_sql("DELETE FROM looks RETURNING case_reference")
        assert held.scalar_one() == "A-2"
        writers = []
        for order in (names, names[::-1]):
            looks = Looks(office.engine, office.clock)  # as in another process
            writers.append(threads.submit(looks.note_all, [(name, "0518") for name in order]))
            wait_until(lambda: _waiting(third) == len(writers), 30, lambda: f"{len(writers)} wait")
        third.rollback()
        for writer in writers:
            writer.result(30)
    assert office.looks.found()[1] == 3


def _waiting(connection: Connection) -> int:
    """Return how many connections to this database wait for a lock."""
    connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(connection.exec_driver_sql(asked).scalar_one())


def test_who_reads_through_the_api_stands_in_the_log(office: Office, reference: str) -> None:
    """State and journal are looks of the client; the log itself asks a right of its own and shows own gemeenten."""
    api = TestClient(create_api(office))

    def headers(client_id: str, places: tuple[str, ...], *rights: str) -> dict[str, str]:
        return {"X-API-Key": new_client(office, client_id, places, rights).api_key}

    reader = headers("zaaksysteem", ("0518",), "lezen")
    assert api.get(f"/v1/zaken/{reference}", headers=reader).status_code == 200
    assert api.get(f"/v1/zaken/{reference}/journaal", headers=reader).status_code == 200
    assert api.get("/v1/inzagelog", headers=reader).status_code == 403
    found = api.get(
        "/v1/inzagelog", params={"zaak": reference}, headers=headers("fg", ("*",), "inzage")
    ).json()
    assert found["count"] == 1
    assert found["results"][0]["door"] == {"soort": "systeem", "code": "zaaksysteem", "weg": "API"}
    elsewhere = headers("fg-elders", ("0363",), "inzage")
    assert api.get("/v1/inzagelog", headers=elsewhere).json()["results"] == []


def test_a_refused_read_is_no_look(office: Office, reference: str) -> None:
    """Who may not see a case, or asks for one that is not there, has seen nothing."""
    api = TestClient(create_api(office))
    other = {"X-API-Key": new_client(office, "elders", ("0363",), ("lezen",)).api_key}
    assert api.get(f"/v1/zaken/{reference}", headers=other).status_code == 404
    assert office.looks.found(reference)[1] == 0


def test_looks_are_kept_for_their_time(office: Office, reference: str, clock: SetClock) -> None:
    """The round of retention removes looks of longer ago, and no younger one."""
    moment = clock.moment
    with acts(SOMEBODY):
        office.looks.note(reference, "0518")
        clock.moment = moment + timedelta(days=1827)
        office.looks.note(reference, "0518")
    forget(office)
    assert office.looks.found(reference)[1] == 1


def test_every_read_of_a_case_is_a_look(office: Office, reference: str) -> None:
    """Growth, the werkvoorraad and a delivery of DDAS are looks too, each with what it was for."""
    api = TestClient(create_api(office))
    key = {"X-API-Key": new_client(office, "a", ("0518",), ("lezen", "inzage")).api_key}
    assert api.get(f"/v1/zaken/{reference}/groei", headers=key | {"doel": "klacht-12"}).status_code == 200
    other = {"X-API-Key": new_client(office, "b", ("0518",), ("lezen",)).api_key}
    assert api.get("/v1/werkvoorraad", params={"formaat": "csv"}, headers=other).status_code == 200
    with acts(SOMEBODY):
        assert reference not in "".join(
            export(office, DeliveryKind.TRAJECTS, date(2026, 1, 1), date(2026, 12, 31))
        )
    found = api.get("/v1/inzagelog", params={"zaak": reference}, headers=key).json()["results"]
    assert [(look["door"]["code"], look["doel"]) for look in found] == [
        ("mw-17", "DDAS"),
        ("b", "werkvoorraad"),
        ("a", "klacht-12"),
    ]


@pytest.mark.parametrize("purpose", ["123456782", "jan@example.org", "<script>", "a" * 61])
def test_a_purpose_says_nothing_about_a_person(office: Office, reference: str, purpose: str) -> None:
    """It is a few words or a code; anything else is 400, and nobody has looked."""
    api = TestClient(create_api(office))
    key = {"X-API-Key": new_client(office, "a", ("0518",), ("lezen",)).api_key}
    assert api.get(f"/v1/zaken/{reference}", headers=key | {"doel": purpose}).status_code == 400
    assert office.looks.found(reference)[1] == 0


def test_an_accepted_event_waits_for_no_look(office: Office, reference: str) -> None:
    """Whoever reports an event stands in the journal: the log of looks is not written, so that it costs nothing."""
    asked: list[str] = []
    api = TestClient(create_api(office))
    key = {"X-API-Key": new_client(office, "a", ("0518",), ("lezen", "aanmelding_geregistreerd")).api_key}
    listen(office.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    event = {"gebeurtenis": "aanmelding_geregistreerd"}
    assert api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=event, headers=key).status_code == 201
    assert any("INSERT INTO journal" in statement for statement in asked)
    assert not any("looks" in statement for statement in asked)

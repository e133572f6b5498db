"""The small rules between systems: what is kept of a message, who may do what, and what goes along with an event."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from pydantic import SecretStr
from sqlmodel import select

from adapters.exchange.clients import (
    Caller,
    ClientError,
    clients,
    end_previous_key,
    ensure_first_client,
    jwt_secrets,
    key_hash,
    new_client,
    revoke_client,
    rotate_client,
)
from adapters.exchange.event_mapping import IfUnknown, Rule, UnreadableError, data_of, day_of, texts_at
from adapters.exchange.inbox import _one_spelling, accept, is_test
from adapters.exchange.incoming import NOT_OURS, Prepared, Taken, prepare, take_in
from adapters.exchange.postbak import PostbakError, couple, keep_opening, put_aside, waiting
from adapters.exchange.postbak_news import count_waiting, is_ruling, tell_of_rulings
from adapters.exchange.references import ending_of, normal
from adapters.exchange.subscriber_authorization import (
    Authorization,
    AuthorizationError,
    FixedHeader,
    ZgwToken,
    opened,
    read_authorization,
    sealed,
)
from adapters.exchange.webhooks import (
    Attempted,
    SubscriptionError,
    _has_it,
    authorize,
    dead_letters,
    deliver_due,
    fan_out,
    pause,
    renew_secret,
    report_dead_letters,
    signature,
    subscribe,
    subscription,
    subscriptions,
    take_up_again,
    try_again,
    try_out,
    unsubscribe,
)
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import InboxRow, PostbakRow
from milestones.process import InvalidData

if TYPE_CHECKING:
    from pathlib import Path

    from support.other_systems import Receiver

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DAY = date(2026, 3, 9)


# --- what a message stands for --------------------------------------------------------------------------------


def test_what_is_kept_of_a_message_comes_back_as_it_was() -> None:
    """Every part of it goes into a row and out again; a row of an older release waits for a person."""
    whole = Prepared(
        "soort", "bron", "Z-1", "hash", ("Z-1", "Z-2"), "hulp_aanvaard", "M2", DAY, {"a": 1}, "omdat", ignored=True,
        if_unknown=IfUnknown.OPEN, opens="M3",
    )  # fmt: skip
    row = json.loads(json.dumps(whole.as_json()))
    assert Prepared.from_json(row) == whole
    assert Prepared.from_json({**row, "on": None}).on is None
    del row["if_unknown"]
    assert Prepared.from_json(row).if_unknown is IfUnknown.WAIT
    assert (Taken(postbak=3).outcome, Taken().outcome) == ("postbak 3", NOT_OURS)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"bereikt": "ja"}, {"bereikt": True}),
        ({"bereikt": "False"}, {"bereikt": False}),
        ({"bereikt": True, "soort": "Telefoon"}, {"bereikt": True, "soort": "Telefoon"}),
        ({"bereikt": None}, {}),
    ],
)
def test_a_field_of_a_message_has_the_form_of_its_event(given: dict[str, Any], kept: dict[str, Any]) -> None:
    """Yes and no in words, one of the choices; nothing where the message says nothing."""
    rule = Rule(
        type="x", gebeurtenis="contactpoging_gedaan", mijlpaal="M2",
        gegevens={"bereikt": "data.bereikt", "soort": "data.soort"},
    )  # fmt: skip
    assert data_of(rule, {"data": given}) == kept
    for wrong, said in (("misschien", "is niet te lezen"), ("", "ontbreekt")):
        with pytest.raises(UnreadableError) as refused:
            data_of(rule, {"data": {"bereikt": wrong}})
        assert (
            str(refused.value) == f"Het veld 'bereikt' van 'contactpoging_gedaan', op 'data.bereikt', {said}."
        )


def test_the_day_of_a_message_stands_where_its_rule_says() -> None:
    """A rule without a place takes the day of receipt; a day that cannot be read is no other day."""
    assert day_of(Rule(type="x"), {}, DAY) == DAY
    rule = Rule(type="x", datum="data.op")
    assert day_of(rule, {"data": {"op": "2026-02-01"}}, DAY) == date(2026, 2, 1)
    for wrong in ({}, {"data": {"op": 5}}, {"data": {"op": "gisteren"}}, {"data": "2026-02-01"}):
        with pytest.raises(UnreadableError):
            day_of(rule, wrong, DAY)
    places = ("subject", "data.zaak", "data.zaak.nummer")
    assert list(texts_at({"subject": " Z-1 ", "data": {"zaak": " "}}, places)) == ["Z-1"]
    assert Rule(type="a.*", bron="b?").fits("a.c", "b1")
    assert not Rule(type="a.*", bron="b?").fits("a.c", "b")
    assert not Rule(type="a.*").fits("b.a.c", "b")


@ONE_DATABASE
def test_a_message_that_waits_says_all_that_a_person_needs(office: Office, clock: SetClock) -> None:
    """Kind, source, what it points at, why it waits, and what it stands for; the same one waits once."""
    message = Prepared(
        "soort", "bron", "Z-1", "hash", ("Z-1",), "hulp_aanvaard", "M2", DAY, {"a": 1}, "o" * 300
    )
    with writing(office.engine) as session:
        taken = [take_in(session, office, message, ("0599",)) for _ in range(2)]
    assert taken[0] == taken[1]
    (row,) = waiting(office)
    assert (taken[0].postbak, taken[0].reason) == (row.id, "o" * 200)
    assert row.model_dump(exclude={"id", "received_at"}) == {
        "municipality": "0599", "message_hash": "hash", "kind": "soort", "source": "bron", "subject": "Z-1",
        "reason": "o" * 200, "candidates": [], "event": "hulp_aanvaard", "process": "M2", "on": DAY, "data": {"a": 1},
        "closed_at": None, "outcome": None, "told_at": None,
    }  # fmt: skip
    assert row.received_at == clock.now()
    with writing(office.engine) as session:
        more = [take_in(session, office, replace(message, message_hash=name), where) for name, where in
                (("h2", ("*",)), ("h3", ("0518", "0599")))]  # fmt: skip
    assert all(item.postbak for item in more)
    assert [row.municipality for row in waiting(office)] == ["0599", None, None]


@ONE_DATABASE
def test_a_person_deals_with_a_message_once(office: Office, clock: SetClock) -> None:
    """He couples it or puts it aside; then it waits no more, and a second time is one sentence."""
    reference = office.casework.open("M3", municipality="0518").reference
    with writing(office.engine) as session, acts(Actor(ActorKind.SYSTEM, "balie", Way.API)):
        for name in ("een", "een", "twee"):
            keep_opening(
                session, office, name, "M3", municipality="0518", on=DAY, reason="r" * 300, other=reference
            )
        keep_opening(session, office, "drie", "M3", municipality="0518", on=None, reason="r", other=None)
    first, second, third = waiting(office)
    assert (first.kind, first.source, first.reason, first.candidates, first.on, first.received_at) == (
        "zaak.openen.M3", "client:balie", "r" * 200, [reference], DAY, clock.now(),
    )  # fmt: skip
    assert third.candidates == []
    with pytest.raises(PostbakError, match="--gebeurtenis"):
        couple(office, first.id or 0, reference)
    receipt = couple(office, first.id or 0, reference, event="aanmelding_geregistreerd")
    assert receipt.reference == reference
    assert office.casework.case(reference).journal[-1].on == DAY
    with pytest.raises(PostbakError, match="op welke datum"):
        couple(office, third.id or 0, reference, event="niet_bedreigend")
    put_aside(office, second.id or 0)
    assert [row.id for row in waiting(office)] == [third.id]
    done = {row.id: (row.outcome, row.closed_at) for row in waiting(office, everything=True)}
    assert done == {
        first.id: (f"gekoppeld aan {reference}", clock.now()), second.id: ("verworpen", clock.now()),
        third.id: (None, None),
    }  # fmt: skip
    with pytest.raises(PostbakError, match=f"Bericht {second.id} is al afgehandeld"):
        put_aside(office, second.id or 0)
    with pytest.raises(PostbakError, match="geen bericht 99"):
        put_aside(office, 99)


@ONE_DATABASE
def test_rulings_that_wait_are_told_in_each_gemeente(office: Office, clock: SetClock) -> None:
    """One message for each gemeente with how many there are; another kind of message is no ruling."""
    with writing(office.engine) as session:
        for number, (kind, place, event) in enumerate(
            [
                ("nl.rechtspraak.a", "0518", None), ("x", None, "dwangakkoord_toegewezen"),
                ("nl.rechtspraak.b", "0599", None), ("x", "0599", "hulp_aanvaard"), ("x.nl.rechtspraak.c",
                "0599", None),
            ]
        ):  # fmt: skip
            session.add(
                PostbakRow(municipality=place, message_hash=str(number), kind=kind, source="b", reason="r", event=event,
                           received_at=clock.now())
            )  # fmt: skip
        session.flush()
        assert count_waiting(session, lambda place: place == "0599") == (3, 1)
        assert count_waiting(session, lambda _: True) == (
            5,
            sum(map(is_ruling, session.exec(select(PostbakRow)))),
        )
    told = tell_of_rulings(office)
    lines = [json.loads(line) for line in office.settings.messages_file.read_text().splitlines()]
    assert told == sum(is_ruling(row) for row in waiting(office))
    assert {(line["rol"], line["titel"]) for line in lines} == {
        ("coordinator", "Uitspraak van de rechtbank in de postbak")
    }
    assert lines[-1]["id"] == "postbak-0599-3-2026-03-09"
    assert lines[-1]["tekst"].startswith("Er ligt een uitspraak van de rechtbank in de postbak.")
    if told > len(lines):
        assert lines[0]["tekst"].startswith("Er liggen 2 uitspraken")
    assert tell_of_rulings(office) == 0


# --- notifications --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-09T09:00:00+01:00", "2026-03-09T08:00:00Z"),
        ("2026-03-09t08:00:00z", "2026-03-09T08:00:00Z"),
        ("2026-03-09T08:00:00.120000Z", "2026-03-09T08:00:00.12Z"),
        ("2026-03-09T08:00:00", "2026-03-09T08:00:00"),
        ("gisteren", "gisteren"),
    ],
)
def test_a_moment_has_one_spelling(written: str, read: str) -> None:
    """Whatever zone and precision it was written with."""
    assert _one_spelling(written) == read


@ONE_DATABASE
def test_a_notification_is_kept_as_what_it_is(office: Office, clock: SetClock) -> None:
    """Its channel, resource and action name it; the same one comes in once, and one to try us is not kept."""
    zaak = "https://zaken.example.nl/zaken/api/v1/zaken/2f0c8a0e-1111-4222-8333-000000000001"
    given = {
        "kanaal": "zaken", "hoofdObject": zaak, "resource": "status",
        "resourceUrl": zaak.replace("zaken/2", "statussen/3"), "actie": "create",
        "aanmaakdatum": "2026-03-09T09:00:00+01:00", "kenmerken": {},
    }  # fmt: skip
    for again in (given, {**given, "aanmaakdatum": "2026-03-09T08:00:00Z"}, {**given, "kanaal": "test"}):
        accept(office, "notificaties", again)
    with reading(office.engine) as session:
        (row,) = session.exec(select(InboxRow)).all()
    prepared = row.message.pop("prepared")
    assert row.message == {
        "id": f"{given['resourceUrl']}#create#2026-03-09T08:00:00Z", "source": "https://zaken.example.nl",
        "type": "zgw.zaken.status.create", "subject": zaak, "resource": given["resourceUrl"],
        "time": "2026-03-09T09:00:00+01:00",
    }  # fmt: skip
    assert (row.client_id, row.next_at, row.received_at) == ("notificaties", clock.now(), clock.now())
    assert prepared["references"][0] == zaak
    for name in given:
        if name != "kenmerken":
            with pytest.raises(InvalidData, match=f"'{name}'"):
                accept(office, "notificaties", {**given, name: 5})
    assert is_test({"kanaal": "test"})
    assert not is_test({"kanaal": "test", "specversion": "1.0"})


@ONE_DATABASE
def test_a_message_without_a_rule_says_so(office: Office) -> None:
    """What points at a case is kept to find it by; a word that may tell of a person is not."""
    found = prepare(
        office, {"type": "nl.x", "source": "urn:x", "id": "1", "subject": "Z-1", "data": {"zaak": "Z-2"}}
    )
    assert (found.kind, found.source, found.subject, found.references) == (
        "nl.x",
        "urn:x",
        "Z-1",
        ("Z-1", "Z-2"),
    )
    assert (found.reason, found.event, found.ignored) == (
        "Voor dit soort bericht staat er niets in de tabel.", None, False,
    )  # fmt: skip
    assert (
        prepare(office, {"type": "een zin met spaties", "source": "urn:x", "id": "1"}).kind
        == "(niet bewaard)"
    )


@pytest.mark.parametrize(
    ("written", "one_form"),
    [
        (" HTTP://Zaken.NL:80/a/ ", "https://zaken.nl/a"),
        ("https://zaken.nl:443", "https://zaken.nl"),
        ("https://zaken.nl:8443/A", "https://zaken.nl:8443/A"),
        ("ftp://Zaken.nl/a", "ftp://Zaken.nl/a"),
        ("URN:UUID:2F0C8A0E-1111-4222-8333-00000000000A", "2f0c8a0e-1111-4222-8333-00000000000a"),
        ("Z-1", "Z-1"),
    ],
)
def test_a_reference_has_one_form(written: str, one_form: str) -> None:
    """Scheme, port, case of the host and a slash at the end make no other reference."""
    assert normal(written) == one_form


def test_an_address_ends_in_its_uuid() -> None:
    """Only where the UUID stands on its own."""
    name = "2f0c8a0e-1111-4222-8333-00000000000a"
    assert [ending_of(text) for text in (name.upper(), f"https://x/{name}", f"x{name}", f"{name}/", "Z-1")] == [
        name, name, None, None, None,
    ]  # fmt: skip


# --- clients --------------------------------------------------------------------------------------------------


def test_a_client_sees_and_may_what_it_was_given() -> None:
    """A star stands for anything, also within a name."""
    one = Caller("a", ("0518",), ("open:*", "lezen"))
    assert [one.sees(place) for place in ("0518", "0599")] == [True, False]
    assert [one.may(action) for action in ("open:M3", "lezen", "lezen2", "hulp_aanvaard")] == [
        True,
        True,
        False,
        False,
    ]
    places = (("0518",), ("*",), ("1", "2"), ())
    alone = [replace(one, municipalities=some).only_municipality for some in places]
    assert alone == ["0518", None, None, None]
    assert Caller("a", ("*",), ()).sees("0599")


@ONE_DATABASE
def test_a_client_is_made_renewed_ended_and_made_again(office: Office, clock: SetClock) -> None:
    """A name that is in use is refused; of the keys the newest and the one before it are valid, until it is ended."""
    made = new_client(office, "balie", ("0518",), ("lezen",))
    row = {item.client_id: item for item in clients(office)}["balie"]
    assert made.api_key.startswith("rk_balie_")
    assert (row.key_hash, row.municipalities, row.events, row.created_at, row.revoked_at) == (
        key_hash(made.api_key), ["0518"], ["lezen"], clock.now(), None,
    )  # fmt: skip
    assert jwt_secrets(office, "balie", row.salt, None) == (made.jwt_secret,)
    with pytest.raises(ClientError, match="bestaat al"):
        new_client(office, "balie")
    again = rotate_client(office, "balie")
    row = {item.client_id: item for item in clients(office)}["balie"]
    assert (row.key_hash, row.previous_key_hash) == (key_hash(again.api_key), key_hash(made.api_key))
    assert jwt_secrets(office, "balie", row.salt, row.previous_salt) == (again.jwt_secret, made.jwt_secret)
    end_previous_key(office, "balie")
    row = {item.client_id: item for item in clients(office)}["balie"]
    assert (row.previous_key_hash, row.previous_salt) == (None, None)
    revoke_client(office, "balie")
    for action in (rotate_client, revoke_client, end_previous_key):
        with pytest.raises(ClientError, match="geen actieve client 'balie'"):
            action(office, "balie")
    assert new_client(office, "balie", api_key="sleutel").api_key == "sleutel"


@ONE_DATABASE
@pytest.mark.parametrize(
    ("name", "places", "scopes", "said"),
    [
        ("Balie", ("*",), ("*",), "client_id"), ("a" * 41, ("*",), ("*",), "client_id"),
        ("balie", (), ("*",), "gemeentecode"), ("balie", ("518",), ("*",), "gemeentecode"), ("balie", ("*",),
        (), "gebeurtenissen"),
        ("balie", ("*",), ("een zin",), "gebeurtenissen"),
    ],
)  # fmt: skip
def test_a_wrong_client_is_one_sentence(
    office: Office, name: str, places: tuple[str, ...], scopes: tuple[str, ...], said: str
) -> None:
    """And nothing is written."""
    before = len(clients(office))
    with pytest.raises(ClientError, match=said):
        new_client(office, name, places, scopes)
    assert len(clients(office)) == before


@ONE_DATABASE
def test_the_first_client_is_made_once(office: Office) -> None:
    """Its key stands in a file of this user; where there is a client already nothing is made."""
    before = [row.client_id for row in clients(office)]
    assert ensure_first_client(office) == office.settings.home_folder / "api-sleutel"
    found = [row.client_id for row in clients(office)]
    assert found == (before or ["standaard"])


# --- subscribers ----------------------------------------------------------------------------------------------


@ONE_DATABASE
def test_a_subscription_lives_until_it_is_ended(office: Office, clock: SetClock) -> None:
    """It is paused from when somebody first says so, taken up again, renewed and ended; a name is used once."""
    secret = subscribe(office, "dashboard", "https://example.org/in", ("mijlpaal-*",), ("0518",))
    row = subscription(office, "dashboard")
    assert (row.url, row.types, row.municipalities, row.created_at, row.authorization) == (
        "https://example.org/in", ["mijlpaal-*"], ["0518"], clock.now(), None,
    )  # fmt: skip
    with pytest.raises(SubscriptionError, match="bestaat al"):
        subscribe(office, "dashboard", "https://example.org/in")
    since = clock.now()
    pause(office, "dashboard")
    clock.moment += timedelta(hours=1)
    pause(office, "dashboard")
    assert subscription(office, "dashboard").paused_at == since
    take_up_again(office, "dashboard")
    assert subscription(office, "dashboard").paused_at is None
    assert renew_secret(office, "dashboard") != secret
    assert subscription(office, "dashboard").previous_salt == row.salt
    authorize(office, "dashboard", Authorization(FixedHeader(soort="vast", waarde=SecretStr("Token a"))))
    assert subscription(office, "dashboard").authorization
    authorize(office, "dashboard", None)
    assert subscription(office, "dashboard").authorization is None
    unsubscribe(office, "dashboard")
    assert [(one.name, one.ended_at) for one in subscriptions(office)] == [("dashboard", clock.now())]
    for action in (pause, take_up_again, unsubscribe, renew_secret, try_again):
        with pytest.raises(SubscriptionError, match="geen actief abonnement 'dashboard'"):
            action(office, "dashboard")
    subscribe(office, "dashboard", "https://example.org/in")


@ONE_DATABASE
def test_an_event_to_try_a_subscriber_is_about_no_case(
    office: Office, receiver: Receiver, clock: SetClock
) -> None:
    """It is signed, says what it is, and comes from the gemeente of the subscription; an answer of 410 ends it."""
    secret = subscribe(office, "dashboard", receiver.url, municipalities=("*", "0599"))
    assert try_out(office, "dashboard") == Attempted("HTTP 200", succeeded=True)
    ((headers, body),) = receiver.received
    event = json.loads(body)
    assert event.pop("id") == headers["webhook-id"]
    assert event == {
        "specversion": "1.0", "source": event["source"], "type": event["type"], "time": "2026-03-09T09:00:00+01:00",
        "datacontenttype": "application/json", "data": {"abonnement": "dashboard"},
    }  # fmt: skip
    assert "0599" in event["source"]
    stamp = int(clock.now().timestamp())
    assert headers["webhook-timestamp"] == str(stamp)
    assert headers["webhook-signature"] == signature(secret, headers["webhook-id"], stamp, body)
    assert (headers["content-type"], headers["user-agent"]) == (
        "application/cloudevents+json; charset=utf-8", "routekaart",
    )  # fmt: skip
    receiver.status = 410
    assert try_out(office, "dashboard").gone


@ONE_DATABASE
def test_what_is_given_up_is_told_once_a_day_and_sent_anew(
    office: Office, receiver: Receiver, clock: SetClock
) -> None:
    """With how many it is and what to do; after a new try it starts from the beginning."""
    receiver.status = 500
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-bereikt",))
    office.casework.open("M3", municipality="0518")
    assert fan_out(office) == 2
    assert fan_out(office) == 0
    for _ in range(9):
        assert deliver_due(office) == 0
        clock.moment += timedelta(days=2)
    ((delivery, event),) = dead_letters(office)
    assert (delivery.attempts, delivery.next_at, delivery.last_result) == (8, None, "HTTP 500")
    assert event.municipality == "0518"
    assert report_dead_letters(office) == 1
    assert report_dead_letters(office) == 0
    line = json.loads(office.settings.messages_file.read_text().splitlines()[-1])
    assert line["id"] == f"abonnement-dashboard-{clock.today()}"
    assert line["titel"] == "Abonnement dashboard neemt berichten niet aan"
    assert "heeft 1 bericht niet aangenomen" in line["tekst"]
    assert try_again(office, "dashboard") == 1
    assert dead_letters(office) == []
    receiver.status = 200
    assert deliver_due(office) == 1


@pytest.mark.parametrize(
    ("status", "said", "there"),
    [
        (400, {"invalidParams": [{"code": "unique"}]}, True),
        (400, {"invalid_params": [{"code": "unique"}, {"code": "required"}]}, False),
        (400, {}, False),
        (400, [], False),
        (409, {"invalidParams": [{"code": "unique"}]}, False),
    ],
)
def test_a_refusal_may_say_that_the_event_is_there(status: int, said: object, there: bool) -> None:
    """Only where every thing that is wrong with it is that it came before."""
    assert _has_it(httpx.Response(status, json=said)) is there


@ONE_DATABASE
def test_an_authorization_is_kept_closed_and_opened_again(office: Office, tmp_path: Path) -> None:
    """A fixed header goes as it was given, a token of ZGW is made anew; a file that is wrong is one sentence."""
    file = tmp_path / "autorisatie.toml"
    file.write_text('soort = "vast"\nwaarde = "Token abc"\n')
    given = read_authorization(file)
    kept = sealed(office, given)
    assert "abc" not in kept
    again = opened(office, kept)
    assert again is not None
    assert again.root.header(()) == "Token abc"
    assert opened(office, None) is None
    with pytest.raises(AuthorizationError, match="geef haar opnieuw"):
        opened(office, "iets anders")
    token = ZgwToken(soort="zgw", client_id="ons", geheim=SecretStr("g" * 32)).header(())
    claims = jwt.decode(token.removeprefix("Bearer "), "g" * 32, algorithms=["HS256"])
    moments = claims.pop("iat"), claims.pop("exp")
    assert moments[1] - moments[0] in (300, 301)
    assert abs(moments[0] - datetime.now(UTC).timestamp()) < 3600
    assert claims == {
        "iss": "ons", "client_id": "ons", "user_id": "routekaart", "user_representation": "routekaart",
    }  # fmt: skip
    for text, wrong in (
        ('soort = "vast"\n', "waarde"), ('soort = "anders"\n', "soort"),
        ('soort = "vast"\nwaarde = "a\\nb"\n', "waarde"),
        ('soort = "zgw"\nclient_id = "a"\ngeheim = ""\nkleur = 1\n', "geheim, kleur"), ("soort =", "autorisatie.toml"),
        ('soort = "oauth2"\nclient_id = "a"\ngeheim = "b"\ntoken_url = "http://elders.nl/"\n', "token_url"),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(AuthorizationError, match=wrong):
            read_authorization(file)

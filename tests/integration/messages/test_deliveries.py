"""Deliveries against real receivers: retries, the next channel, the coordinator, hours, digests, and the ladder."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from apprise.plugins import N_MGR
from sqlmodel import SQLModel, col, select
from support.receivers import HANG, REFUSE, TAKE, TAKE_AND_REFUSE, Mailbox, mail_server, web_address

import adapters
from adapters.cases.caseload import Caseload, deputy_for
from adapters.messages.announcements import Announcement, announce
from adapters.messages.delivery_list import UnknownDeliveryError, listed, send_again
from adapters.messages.handoff_links import ACCEPTED, LinkStatus
from adapters.messages.retry_table import RETRY_TABLE
from adapters.office import Office
from adapters.runtime import checkpoints
from adapters.runtime.checkpoints import Checkpoint
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.message_tables import DeliveryRow, DeliveryState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.messages.deliveries import Sent
    from adapters.runtime.clock import SetClock

FILE = """
[standaard]
geen_berichten_aan = ["chain_partner", "signal_partner"]

[[team]]
code = "noord"
[team.kanalen]
web = "{web}noord"

[[persoon]]
code = "p1"
team = "noord"
{p1}
[persoon.kanalen]
mail = "{mail}p1@example.org"
web = "{web}p1"

[[persoon]]
code = "p2"
[persoon.kanalen]
web = "{web}p2"

[[persoon]]
code = "chef"
[persoon.kanalen]
web = "{web}chef"

[[persoon]]
code = "leider"
[persoon.kanalen]
web = "{web}leider"

[[persoon]]
code = "poort"
[persoon.kanalen]
web = "{web}poort{sender}"

[[gemeente]]
code = "0518"
[gemeente.rollen]
case_worker = ["p1"]
debt_counsellor = ["p2"]
early_signal_worker = ["noord"]
coordinator = ["chef"]
team_leader = ["leider"]
client = ["poort"]
"""

# What follows from the rows alone is the same on each database.
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Post:
    """An office with receivers, and a hand that turns the clock."""

    def __init__(
        self, office: Office, clock: SetClock, mail: Mailbox, web: Mailbox, addresses: dict[str, str]
    ) -> None:
        self.office, self.clock, self.mail, self.web = office, clock, mail, web
        self._addresses = addresses

    def recipients(self, p1: str = "", sender: str = "", text: str = FILE) -> None:
        """Write the file of recipients."""
        filled = text.replace("{p1}", p1).replace("{sender}", sender)
        for name, address in self._addresses.items():
            filled = filled.replace("{" + name + "}", address)
        assert self.office.settings.recipients_file is not None
        self.office.settings.recipients_file.write_text(filled)

    def open(self, *events: str, mijlpaal: str = "M3") -> str:
        """Open a case, report these events, and give its reference."""
        reference = self.office.casework.open(mijlpaal, municipality="0518").reference
        for event in events:
            self.office.casework.report(reference, event)
        return reference

    def plan(self) -> None:
        """Make the deliveries of every open effect."""
        with reading(self.office.engine) as session:
            effects = session.exec(
                select(OutboxRow.id)
                .where(col(OutboxRow.done_at).is_(None))
                .order_by(col(OutboxRow.created_at))
            ).all()
        for effect in effects:
            self.office.deliveries.plan(effect)

    def round(self) -> list[Sent | None]:
        """Plan, then send all that is due now, once."""
        self.plan()
        with reading(self.office.engine) as session:
            processes = session.exec(select(ProcessRow.id)).all()
        deliveries = self.office.deliveries
        parcels = [parcel for process in processes for parcel in deliveries.due(process or 0)]
        return [deliveries.send(parcel) for parcel in (*parcels, *deliveries.due_elsewhere())]

    def rows(self, **wanted: str) -> list[DeliveryRow]:
        """Return deliveries, the oldest first."""
        with reading(self.office.engine) as session:
            found = session.exec(
                select(DeliveryRow).order_by(col(DeliveryRow.created_at), col(DeliveryRow.id))
            ).all()
        return [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]

    def wait(self, **span: float) -> None:
        """Turn the clock."""
        self.clock.moment += timedelta(**span)

    def at(self, moment: str) -> None:
        """Set the clock to a moment in Amsterdam."""
        self.clock.moment = datetime.fromisoformat(moment).replace(tzinfo=AMSTERDAM)


@pytest.fixture
def post(engine: Engine, clock: SetClock, tmp_path: Path) -> Iterator[Post]:
    """An office whose recipients live on loopback."""
    mail, web = Mailbox(), Mailbox()
    settings = Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml")
    with mail_server(mail) as mail_address, web_address(web) as address:
        made = Post(Office(settings, engine, clock), clock, mail, web, {"mail": mail_address, "web": address})
        made.recipients()
        yield made


def test_the_schema_of_the_migrations_is_that_of_the_code(engine: Engine) -> None:
    """After all migrations the database has the very tables that the code describes."""
    for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
        if "migrations" not in module.name:  # Alembic alone reads those
            importlib.import_module(module.name)  # a table counts once its module was read
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    assert [item for item in differences if item[0] != "modify_nullable"] == []


def test_a_message_says_all_that_it_must(post: Post) -> None:
    """Reference, mijlpaal, what is expected, until when and why that day, and a link; the id is for machines."""
    reference = post.open()
    post.round()
    ((title, text),) = post.mail.sent_to("p1@example.org")
    with reading(post.office.engine) as session:
        effect = session.exec(select(OutboxRow)).one()
    assert title == f"Zaak {reference}: nieuw"
    for part in (
        f"{reference}, mijlpaal M3 In contact",
        "wacht op registratie aanmelding",
        "di 7 april 2026",
        "eerste gesprek, 4 weken vanaf ma 9 maart 2026 (Wgs art. 4 lid 1; tekst van 1 juli 2026,",
        "verschoven door tweede Paasdag)",
        f"http://127.0.0.1:4280/zaak/{reference}",
    ):
        assert part in text
    assert effect.id not in text
    assert post.mail.ids == [effect.id]


def test_a_delivered_message_keeps_its_time(post: Post) -> None:
    """The receipt has the moment of the clock and is made once."""
    post.open()
    assert [sent.text for sent in post.round() if sent] == ["bezorgd"]
    (row,) = post.rows()
    assert (row.state, row.delivered_at, row.attempts) == (DeliveryState.DELIVERED, post.clock.now(), 1)
    assert post.round() == []


def test_a_refused_message_is_tried_at_the_published_moments(post: Post) -> None:
    """Each next attempt comes after the wait of the table, and nothing is tried before it."""
    post.recipients(
        p1='werktijden = { dagen = ["ma","di","wo","do","vr","za","zo"], van = "00:00", tot = "23:59" }'
    )
    post.mail.behave = lambda: REFUSE
    post.open()
    for number, wait in enumerate(RETRY_TABLE, start=1):
        post.wait(seconds=wait.total_seconds() - 1)
        if number > 1:
            assert post.round() == []
        post.wait(seconds=1)
        assert len(post.round()) == 1
        assert post.mail.calls == number
    assert post.rows(channel="mail")[0].state == DeliveryState.NEXT_CHANNEL


def test_after_the_last_attempt_the_next_channel_follows(post: Post) -> None:
    """When the mail server stays away, the message arrives over the second channel."""
    post.mail.behave = lambda: REFUSE
    post.open()
    while not post.web.arrived:
        post.round()
        post.wait(hours=24)
    assert [to for to, *_ in post.web.arrived] == ["p1"]
    assert [row.channel for row in post.rows(recipient="p1", state="bezorgd")] == ["web"]
    assert post.rows(recipient="chef") == []


def test_when_no_channel_works_the_coordinator_hears_of_it(post: Post) -> None:
    """The coordinator gets a message of its own kind; what was lost is listed and can be sent again."""
    post.mail.behave = lambda: REFUSE
    post.web.behave = lambda: REFUSE
    reference = post.open()
    while not (lost := post.rows(state="onbestelbaar")):
        post.round()
        post.wait(hours=24)
    post.web.behave = lambda: TAKE
    post.wait(hours=24)
    post.round()
    ((title, text),) = post.web.sent_to("chef")
    assert title == f"Zaak {reference}: een bericht kwam niet aan"
    assert "voor de klantmanager" in text
    assert lost[0].outbox_id not in (
        text,
        post.web.ids[-1],
    )  # it is a message of its own, no repeat of the one that was lost
    assert "Dit stond erin: nieuw" in text
    assert [line["id"] for line in listed(post.office.engine)] == [lost[0].id]

    send_again(post.office.engine, post.clock, lost[0].id[:8])
    post.round()
    assert [title for title, _ in post.web.sent_to("p1")] == [f"Zaak {reference}: nieuw"]
    assert listed(post.office.engine) == []


def test_sending_again_wants_a_known_number(post: Post) -> None:
    """An unknown or too short number is refused with a sentence."""
    with pytest.raises(UnknownDeliveryError):
        send_again(post.office.engine, post.clock, "00000000")
    with pytest.raises(UnknownDeliveryError):
        send_again(post.office.engine, post.clock, "")


def test_a_receiver_that_is_silent_counts_as_no(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out is a failed attempt, and the next one arrives."""
    monkeypatch.setattr("adapters.messages.channels._ANSWER_SECONDS", 0.3)
    post.recipients(text=FILE.replace('mail = "{mail}p1@example.org"\n', ""))
    post.web.behave = lambda: HANG
    post.open()
    (sent,) = post.round()
    assert sent is not None
    assert sent.failed
    post.web.behave = lambda: TAKE
    post.wait(seconds=25)
    post.round()
    assert len(post.web.sent_to("p1")) == 1


def test_a_receiver_that_takes_and_says_no_gets_the_same_id_again(post: Post) -> None:
    """At least once: the repeat has the same id, so that a receiver can drop it."""
    answers = iter([TAKE_AND_REFUSE, TAKE])
    post.mail.behave = lambda: next(answers)
    post.open()
    post.round()
    post.wait(seconds=25)
    post.round()
    first, second = post.mail.ids
    assert first == second


def test_a_worker_that_died_while_sending_is_followed_by_another(post: Post) -> None:
    """A claim that ran out is taken over; one that did not is left alone."""
    post.open()
    post.plan()
    (row,) = post.rows()
    (parcel,) = post.office.deliveries.due(row.process_id)
    assert post.office.leases.deliveries.claim(parcel.ids)
    assert post.office.deliveries.send(parcel) is None
    with writing(post.office.engine) as session:
        again = session.get_one(DeliveryRow, row.id)
        again.claimed_until = again.created_at - timedelta(days=3650)
        session.add(again)
    sent = post.office.deliveries.send(parcel)
    assert sent is not None
    assert sent.state is DeliveryState.DELIVERED


def test_in_the_evening_a_message_waits_for_the_morning(post: Post) -> None:
    """Nothing is sent outside working hours; the next morning it is."""
    post.at("2026-03-09T19:00")
    post.open()
    assert post.round() == []
    post.at("2026-03-10T07:59")
    assert post.round() == []
    post.at("2026-03-10T08:00")
    post.round()
    assert len(post.mail.arrived) == 1


def test_a_crisis_does_not_wait_for_the_morning(post: Post) -> None:
    """A threatening situation is told at once, at any hour."""
    post.at("2026-03-09T23:00")
    post.office.casework.open("M3", municipality="0518", data={"bedreigende_situatie": True})
    post.round()
    assert len(post.mail.sent_to("p1@example.org")) == 1


def test_in_a_crisis_the_next_channel_follows_after_three_attempts(post: Post) -> None:
    """Within three minutes the second channel is tried."""
    post.mail.behave = lambda: REFUSE
    post.office.casework.open("M3", municipality="0518", data={"bedreigende_situatie": True})
    for seconds in (0, 25, 125, 0):
        post.wait(seconds=seconds)
        post.round()
    assert len(post.web.sent_to("p1")) == 1


def test_many_messages_to_one_person_become_one_digest(post: Post) -> None:
    """The first five arrive as they come; the rest of the burst goes out together, nothing is lost."""
    for _ in range(12):
        post.open()
        post.round()
    assert len(post.mail.arrived) == 5
    post.wait(minutes=15)
    (sent,) = post.round()
    assert sent is not None
    assert sent.text == "bezorgd (bundel van 7)"
    title, text = post.mail.sent_to("p1@example.org")[-1]
    assert title == "7 berichten over jouw zaken"
    assert len({line for line in text.splitlines() if re.match("- Zaak FZ.*: nieuw. Tot wanneer", line)}) == 7
    assert {row.state for row in post.rows()} == {DeliveryState.DELIVERED}


LINE = re.compile(r"^- Zaak (FZ\S+): nieuw", re.MULTILINE)


def told_in(texts: list[str]) -> list[str]:
    """Return the cases of which these messages tell, one for each line or message."""
    return sorted(
        case for text in texts for case in LINE.findall(text) or re.findall(r"FZ-[0-9A-Z-]+", text)[:1]
    )


def open_many(post: Post) -> list[str]:
    """Open so many cases that the last of them are told in a digest, and let it go out; give them in order."""
    cases = []
    for _ in range(12):
        cases.append(post.open())
        post.round()
    post.wait(minutes=15)
    post.round()
    return sorted(cases)


@ONE_DATABASE
def test_a_digest_that_a_mail_server_finds_too_large_is_split_between_messages(post: Post) -> None:
    """After its 552 the same mail is not tried again: it goes in parts that fit, each case is told once."""
    small = Mailbox()
    with mail_server(small, largest=6_000) as address:
        post.recipients(text=FILE.replace("{mail}", address))
        cases = open_many(post)
    texts = [text for _, text in small.sent_to("p1@example.org")]
    assert 1 < len(texts) < len(cases)
    assert told_in(texts) == cases
    assert {row.state for row in post.rows()} == {DeliveryState.DELIVERED}
    assert {row.attempts for row in post.rows()} == {1}


@ONE_DATABASE
def test_a_digest_never_exceeds_what_its_channel_takes(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise says how much a channel takes; a digest goes there in parts of whole messages, none cut off."""
    monkeypatch.setattr(N_MGR["json"], "body_maxlen", 1_500)
    post.recipients(text=FILE.replace('mail = "{mail}p1@example.org"\n', ""))
    cases = open_many(post)
    sent = post.web.sent_to("p1")
    assert 1 < len(sent) < len(cases)
    assert max(len(title) + len(text) for title, text in sent) <= 1_500
    assert told_in([text for _, text in sent]) == cases


def test_a_wish_for_a_digest_is_followed_once_a_day(post: Post) -> None:
    """Who wants a kind of message in a digest gets it the next working morning."""
    post.recipients(p1='voorkeur = { nieuwe_zaak = "bundel" }')
    post.open()
    post.open()
    assert post.round() == []
    post.at("2026-03-10T08:30")
    post.round()
    assert [title for title, _ in post.mail.sent_to("p1@example.org")] == ["2 berichten over jouw zaken"]


@ONE_DATABASE
@pytest.mark.parametrize(
    ("p1", "moment"),
    [
        (
            'voorkeur = { nieuwe_zaak = "bundel" }\nwerktijden = { van = "09:30", tot = "15:00" }',
            "2026-03-10T09:30",
        ),
        ('werktijden = { van = "09:00", tot = "09:05" }', "2026-03-10T09:00"),
    ],
)
def test_a_digest_goes_out_within_the_hours_of_its_receiver(post: Post, p1: str, moment: str) -> None:
    """Neither the daily digest nor one of a burst comes while its receiver is not at work."""
    post.recipients(p1=p1)
    for _ in range(6):
        post.open()
        post.round()
    (late, *_) = (row for row in post.rows() if row.bundled)
    assert late.next_attempt_at == datetime.fromisoformat(moment).replace(tzinfo=AMSTERDAM)


@ONE_DATABASE
def test_a_crisis_is_tried_again_in_time_in_the_night_that_has_an_hour_twice(post: Post) -> None:
    """In the hour before the clock goes back a retry comes after 25 seconds, not after an hour."""
    post.mail.behave = lambda: REFUSE
    post.clock.moment = datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)  # 02:59:50, for the first time
    post.office.casework.open("M3", municipality="0518", data={"bedreigende_situatie": True})
    post.round()
    (row,) = post.rows(channel="mail")
    assert row.next_attempt_at == post.clock.moment + timedelta(seconds=25)


@ONE_DATABASE
def test_the_ladder_moves_when_the_term_moves(post: Post) -> None:
    """After an extension the same rungs come again at their new dates, each once, as new messages."""
    reference = post.open(mijlpaal="M5")
    post.office.casework.report(reference, "crisis_actief")
    term = post.office.casework.case(reference).case.process("M5").running("T02b")
    assert term is not None
    assert term.due is not None
    first = term.due - timedelta(days=5)
    for day in (first, first):
        post.at(f"{day}T10:00")
        post.office.casework.fire_due(reference)
    data = {"termijn": "T02b", "weken": 2, "motivering": "m-01"}
    post.office.casework.report(reference, "termijn_verlengd", data=data)
    moved = term.due + timedelta(weeks=2)
    for days in (5, 4, 2, 1):
        post.at(f"{moved - timedelta(days=days)}T11:00")
        post.office.casework.fire_due(reference)
        post.round()
    told = [row for row in post.rows(kind="waarschuwing") if row.recipient == "p2"]
    with reading(post.office.engine) as session:
        asked = [session.get_one(OutboxRow, row.outbox_id) for row in told]
    pairs = zip(asked, told, strict=True)  # two that are planned in one round have no order of their own
    in_order = sorted(pairs, key=lambda pair: pair[0].planned_on or first)
    assert [(effect.rung, effect.planned_on, row.state) for effect, row in in_order] == [
        ("-5d", first, DeliveryState.DROPPED),  # it was for the old date
        ("-5d", moved - timedelta(days=5), DeliveryState.DELIVERED),
        ("-2d", moved - timedelta(days=2), DeliveryState.DELIVERED),
    ]


def test_the_ladder_climbs_and_each_rung_is_told_once(post: Post) -> None:
    """T01 warns the person, then the team too, then coordinator and teamleider too, and then it is too late."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend")
    post.round()
    post.mail.arrived.clear()
    post.web.arrived.clear()
    reached = {}
    for day in ("2026-03-24", "2026-03-31", "2026-04-01", "2026-04-08"):
        post.at(f"{day}T09:00")
        post.office.casework.fire_due(reference)
        post.office.casework.fire_due(reference)
        post.round()
        reached[day] = sorted(
            to.removesuffix("@example.org") for to, *_ in (*post.mail.arrived, *post.web.arrived)
        )
        post.mail.arrived.clear()
        post.web.arrived.clear()
    assert reached == {
        "2026-03-24": ["p1"],
        "2026-03-31": ["noord", "p1"],
        "2026-04-01": ["chef", "leider", "noord", "p1"],
        "2026-04-08": ["chef", "leider", "noord", "p1"],
    }


def test_the_ladder_begins_with_the_person_in_whose_name_the_case_stands(post: Post) -> None:
    """The first warning is for the person who has the case, also where the file gives him another role."""
    reference = post.open()
    post.round()
    Caseload(post.office.engine, post.office.casework).assign(reference, "M3", "p2", "toegewezen")
    post.at("2026-03-24T09:00")
    post.office.casework.fire_due(reference)
    post.round()
    (warning,) = post.rows(kind="waarschuwing")
    assert (warning.recipient, warning.reason) == ("p2", "persoon")


def test_an_absence_that_was_declared_in_prefect_sends_messages_to_the_deputy(post: Post) -> None:
    """On the days of an absence from the form the deputy gets the messages, as with one in the file."""
    caseload, today = Caseload(post.office.engine, post.office.casework), post.clock.today()
    caseload.declare_absence("p1", "0518", today, today, "p2")
    post.open()
    post.round()
    (row,) = post.rows()
    assert (row.recipient, row.reason) == ("p2", "vervanger van p1")
    post.wait(days=1)
    post.open()
    post.round()
    assert post.rows()[-1].recipient == "p1"


def test_what_waits_for_somebody_who_went_away_goes_to_his_deputy(post: Post) -> None:
    """A message of the evening is for the deputy when its receiver calls in sick in the morning."""
    post.at("2026-03-09T19:00")
    post.open()
    post.round()
    caseload, tomorrow = Caseload(post.office.engine, post.office.casework), date(2026, 3, 10)
    caseload.declare_absence("p1", "0518", tomorrow, tomorrow, "p2")
    post.at("2026-03-10T08:00")
    assert [sent.text for sent in post.round() if sent] == ["gaat naar de vervanger van p1"]
    post.round()
    assert (len(post.mail.arrived), len(post.web.sent_to("p2"))) == (0, 1)
    assert post.round() == []


def test_a_declaration_goes_before_the_file(post: Post) -> None:
    """Who is away by the file with one deputy, and by a declaration with another, has the declared one."""
    post.recipients(p1='afwezig = [{ van = 2026-03-09, tot = 2026-03-13 }]\nvervanger = "p2"')
    caseload, today = Caseload(post.office.engine, post.office.casework), post.clock.today()
    assert deputy_for("p1", post.office.away("0518", today)) == "p2"
    caseload.declare_absence("p1", "0518", today, today, "leider")
    assert deputy_for("p1", post.office.away("0518", today)) == "leider"
    post.open()
    post.round()
    assert post.rows()[0].recipient == "leider"


@ONE_DATABASE
def test_what_is_told_about_the_system_reaches_who_is_there(post: Post) -> None:
    """While the coordinator is away his deputy hears of a stopped worker or a lost message."""
    caseload, today = Caseload(post.office.engine, post.office.casework), post.clock.today()
    caseload.declare_absence("chef", "0518", today, today, "leider")
    assert announce(post.office, Announcement("n1", "coordinator", "0518", "Er is geen worker", "Start hem."))
    assert [(to, title) for to, title, _ in post.web.arrived] == [("leider", "Er is geen worker")]


@ONE_DATABASE
def test_an_announcement_tells_each_over_the_first_channel_that_takes_it(post: Post) -> None:
    """A page gets a link of the receiver's own; not everybody heard it while somebody has no channel that takes it."""
    post.mail.behave = lambda: REFUSE
    announcement = Announcement("n1", "case_worker", "0518", "Titel", "Tekst", "/postbak")
    assert announce(post.office, announcement)
    ((to, title, text),) = post.web.arrived
    assert (to, title) == ("p1", "Titel")
    assert text.startswith("Tekst\nhttp://127.0.0.1:4280/postbak?wie=")
    assert post.office.page_links.receiver(text.partition("wie=")[2]) == "p1"
    post.web.behave = lambda: REFUSE
    assert not announce(post.office, announcement)
    post.recipients(text=FILE.replace('case_worker = ["p1"]', 'case_worker = ["p1", "p2"]'))
    post.web.behave = lambda: REFUSE if post.web.calls < 3 else TAKE
    assert not announce(post.office, announcement)
    assert [to for to, *_ in post.web.arrived] == ["p1", "p2"]


@ONE_DATABASE
def test_an_announcement_that_nobody_can_get_goes_to_the_file(office: Office) -> None:
    """With what was told and when; a file that cannot be written heard nothing."""
    announcement = Announcement("n1", "coordinator", "0518", "Titel", "Tekst")
    assert announce(office, announcement)
    told = office.settings.messages_file
    assert json.loads(told.read_text(encoding="utf-8")) == {
        "op": "2026-03-09T09:00:00+01:00", "id": "n1", "rol": "coordinator", "titel": "Titel", "tekst": "Tekst",
    }  # fmt: skip
    told.unlink()
    told.mkdir()
    assert not announce(office, announcement)


@ONE_DATABASE
def test_a_delivery_is_listed_with_all_that_became_of_it(post: Post) -> None:
    """Only what reached nobody, or everything, the newest first; what waits has its next moment."""
    reference = post.open()
    post.mail.behave = lambda: REFUSE
    post.round()
    (row,) = post.rows()
    assert listed(post.office.engine) == []
    expected = {
        "id": row.id, "bericht": row.outbox_id, "zaak": reference, "mijlpaal": "M3", "soort": "nieuwe_zaak",
        "rol": "klantmanager", "ontvanger": "p1", "kanaal": "mail", "naar_bestand": False, "waarom": "persoon",
        "toestand": "wacht", "pogingen": 1, "volgende_poging": "2026-03-09T08:00:25+00:00",
        "klaargezet_op": "2026-03-09T08:00:00+00:00", "bezorgd_op": None,
        "resultaat": "poging 1 mislukt: het kanaal nam het bericht niet aan",
    }  # fmt: skip
    assert listed(post.office.engine, everything=True) == [expected]
    post.mail.behave = lambda: TAKE
    post.wait(seconds=25)
    post.round()
    assert listed(post.office.engine, everything=True) == [
        expected | {"toestand": "bezorgd", "pogingen": 2, "volgende_poging": None, "resultaat": "bezorgd",
                    "bezorgd_op": "2026-03-09T08:00:25+00:00"}
    ]  # fmt: skip
    post.recipients(
        text=FILE.replace('case_worker = ["p1"]', "")
        .replace('coordinator = ["chef"]', "")
        .replace('team_leader = ["leider"]', "")
    )
    post.wait(seconds=1)
    post.open()
    post.round()
    (line,) = listed(post.office.engine)
    assert (line["ontvanger"], line["kanaal"], line["naar_bestand"]) == (None, None, False)
    assert [found["id"] for found in listed(post.office.engine, everything=True)] == [line["id"], row.id]
    assert len(listed(post.office.engine, everything=True, limit=1)) == 1


@ONE_DATABASE
def test_a_message_that_outlived_its_process_still_goes_out(post: Post) -> None:
    """No flow run is left to send it; until then it belongs to the run of its process."""
    post.open()
    post.plan()
    (row,) = post.rows()
    assert post.office.deliveries.due_elsewhere() == []
    with writing(post.office.engine) as session:
        process = session.get_one(ProcessRow, row.process_id)
        process.finished = True
        session.add(process)
    (parcel,) = post.office.deliveries.due_elsewhere()
    assert (parcel.ids, parcel.kind, parcel.role_name, parcel.channel, parcel.case_reference) == (
        (row.id,), "nieuwe_zaak", "klantmanager", "mail", row.case_reference,
    )  # fmt: skip
    sent = post.office.deliveries.send(parcel)
    assert sent is not None
    assert (sent.state, sent.text, sent.failed) == (DeliveryState.DELIVERED, "bezorgd", False)


@ONE_DATABASE
def test_a_message_that_shows_too_much_is_given_up_at_once(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other try and no other channel would make it safe."""
    monkeypatch.setattr("adapters.messages.message_writing.looks_like_bsn", lambda _: True)
    post.open()
    (sent,) = post.round()
    assert sent is not None
    assert sent.failed
    assert [(row.recipient, row.channel, row.state, row.attempts) for row in post.rows(recipient="p1")] == [
        ("p1", "mail", DeliveryState.UNDELIVERABLE, 1)
    ]


@ONE_DATABASE
def test_who_sends_passes_the_points_at_which_it_may_stop(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a message goes out, and after it did while nobody knows it yet; each with its case."""
    passed: list[tuple[Checkpoint, str]] = []
    monkeypatch.setattr(checkpoints, "_listeners", [lambda *point: passed.append(point)])
    reference = post.open()
    passed.clear()
    post.round()
    sending = [point for point in passed if point[0] in (Checkpoint.BEFORE_EFFECT, Checkpoint.AFTER_EFFECT)]
    assert sending == [(Checkpoint.BEFORE_EFFECT, reference), (Checkpoint.AFTER_EFFECT, reference)]


def test_a_warning_is_dropped_when_its_term_was_met_in_the_meantime(post: Post) -> None:
    """A warning that waited for the morning is not sent any more once the term was met."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend")
    post.round()
    post.at("2026-03-24T19:00")
    post.office.casework.fire_due(reference)
    post.plan()
    post.office.casework.report(reference, "eerste_gesprek_gevoerd")
    post.at("2026-03-25T09:00")
    post.round()
    assert [row.state for row in post.rows(kind="waarschuwing")] == [DeliveryState.DROPPED]


@ONE_DATABASE
def test_what_was_done_in_time_and_reported_late_is_not_called_too_late(post: Post) -> None:
    """A term that passed at midnight and turns out to be met on its last day gives nobody a message in the morning."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend")
    post.round()
    post.at("2026-04-08T00:30")
    post.office.casework.fire_due(reference)
    post.plan()
    assert {row.state for row in post.rows(kind="termijn_gemist")} == {DeliveryState.WAITING}
    post.at("2026-04-08T07:00")
    post.office.casework.report(reference, "eerste_gesprek_gevoerd", on=date(2026, 4, 7))
    post.at("2026-04-08T09:00")
    post.round()
    assert {row.state for row in post.rows(kind="termijn_gemist")} == {DeliveryState.DROPPED}


def test_a_hand_off_that_nobody_takes_reaches_the_coordinator_after_five_working_days(post: Post) -> None:
    """The receiver is asked again with the link, the sender stays owner, and then the coordinator hears of it."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    post.round()
    assert [title for title, _ in post.web.sent_to("p2")] == [f"Zaak {reference}: overdracht voor jou"]
    post.at("2026-03-12T09:00")
    post.office.casework.fire_due(reference)
    post.round()
    assert not any("overdracht" in title for title, _ in post.mail.sent_to("p1@example.org"))
    _, text = post.web.sent_to("p2")[-1]  # together with the warning of that morning
    assert f"Zaak {reference}" in text
    assert re.search(r"de overdracht wacht op jou.* http://\S+/overdracht/", text)
    post.at("2026-03-17T09:00")
    post.office.casework.fire_due(reference)
    post.round()
    said = " ".join(title + text for title, text in post.web.sent_to("chef"))
    assert "overdracht niet aangenomen" in said
    process = post.office.casework.case(reference).rows["M4"]
    assert (process.state, process.role) == ("OVERDRACHT_AANGEBODEN", "case_worker")


def test_in_a_crisis_the_coordinator_hears_the_same_day(post: Post) -> None:
    """Two hours after a hand-off in a threatening situation the coordinator is told that nobody took it."""
    reference = post.open("aanmelding_geregistreerd", "bedreigend", "eerste_gesprek_gevoerd")
    post.round()
    post.web.arrived.clear()
    post.wait(hours=1, minutes=59)
    post.round()
    assert post.web.sent_to("chef") == []
    post.wait(minutes=1)
    post.round()
    assert [title for title, _ in post.web.sent_to("chef")] == [
        f"SPOED - Zaak {reference}: nog niemand nam hem aan"
    ]


def test_in_a_crisis_nobody_is_disturbed_when_the_hand_off_was_taken(post: Post) -> None:
    """An acceptance within the hours drops the message to the coordinator."""
    reference = post.open("aanmelding_geregistreerd", "bedreigend", "eerste_gesprek_gevoerd")
    post.round()
    post.office.casework.report(reference, "overdracht_aanvaard")
    post.wait(hours=3)
    post.round()
    assert [row.state for row in post.rows(kind="overdracht_niet_aanvaard")] == [DeliveryState.DROPPED]


def test_a_returned_hand_off_that_is_offered_again_has_a_new_date_and_a_new_message(post: Post) -> None:
    """Offering again starts the five working days anew and tells the receiver."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    post.office.casework.report(reference, "overdracht_teruggegeven", data={"reden": "geen ruimte"})
    post.at("2026-03-11T09:00")
    post.office.casework.report(reference, "overdracht_aangeboden")
    post.round()
    assert len([title for title, _ in post.web.sent_to("p2") if "overdracht voor jou" in title]) == 2
    term = post.office.casework.case(reference).case.process("M4").running("OVD")
    assert term is not None
    assert str(term.due) == "2026-03-18"


def test_a_resident_reads_only_that_there_is_a_message(post: Post) -> None:
    """The text to a resident holds no case, no mijlpaal and no word that tells what it is about."""
    reference = post.open("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")
    post.round()
    ((title, text),) = post.web.sent_to("poort")
    assert title == "Bericht van de gemeente"
    assert reference not in text
    assert "M3" not in text


def test_a_sender_that_reveals_the_help_is_not_used_for_residents(post: Post) -> None:
    """A channel whose address shows a revealing word stays silent, and the coordinator is told."""
    post.recipients(sender="?-X-Afzender=Schuldhulp")
    post.open("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")
    for _ in range(9):
        post.round()
        post.wait(hours=24)
    assert post.web.sent_to("poort") == []
    assert any("een bericht kwam niet aan" in title for title, _ in post.web.sent_to("chef"))


def test_without_a_file_of_recipients_messages_go_to_a_file(office: Office, tmp_path: Path) -> None:
    """A newcomer sees each message as a line in the file that `start` names, with the link of a hand-off."""
    reference = office.casework.open("M3", municipality="0518").reference
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report(reference, event)
    with reading(office.engine) as session:
        effects = session.exec(select(OutboxRow).order_by(col(OutboxRow.created_at))).all()
    for effect in effects:
        office.deliveries.plan(effect.id)
    for process in {effect.process_id for effect in effects}:
        for parcel in office.deliveries.due(process):
            office.deliveries.send(parcel)
    lines = map(json.loads, (tmp_path / "berichten.jsonl").read_text().splitlines())
    texts = {line["titel"]: line["tekst"] for line in lines}
    assert f"Zaak {reference}: nieuw" in texts
    token = re.findall(r"/overdracht/(\S+)", texts[f"Zaak {reference}: overdracht voor jou"])[0]
    assert office.handoff_links.use(token, ACCEPTED).status is LinkStatus.USED


def test_a_message_for_a_role_that_nobody_has_is_visible(post: Post) -> None:
    """Without anybody, not even a coordinator, the message stands in the list and is planned anew when sent again."""
    good = post.office.settings.recipients_file
    assert good is not None
    content = good.read_text()
    good.write_text("")
    post.open()
    post.round()
    (line,) = listed(post.office.engine)
    assert line["resultaat"] == "niemand heeft de rol klantmanager in gemeente 0518"
    good.write_text(content + "\n")
    send_again(post.office.engine, post.clock, line["id"])
    post.round()
    assert len(post.mail.arrived) == 1


@ONE_DATABASE
@pytest.mark.parametrize(
    ("before", "after", "who"),
    [
        ('code = "p1"', 'code = "weg"', "chef"),
        ('mail = "{mail}p1@example.org"\nweb = "{web}p1"', 'ander = "{web}p1-nieuw"', "p1-nieuw"),
    ],
)
def test_a_change_in_the_file_counts_for_what_still_waits(
    post: Post, before: str, after: str, who: str
) -> None:
    """Who left the file gets nothing more, and the coordinator hears it; who has a new channel gets it over that."""
    post.mail.behave = lambda: REFUSE
    post.open()
    post.round()
    post.recipients(text=FILE.replace(before, after))
    for _ in range(2):
        post.wait(hours=1)
        post.round()
    assert [to for to, *_ in post.web.arrived] == [who]


@ONE_DATABASE
def test_a_file_that_goes_away_while_we_run_leaves_the_last_good_one(post: Post) -> None:
    """Messages go on to the people of the last good file; the file is named as not to be read, once in the log."""
    post.open()
    file = post.office.settings.recipients_file
    assert file is not None
    post.office.recipients.book()
    file.unlink()
    post.round()
    assert len(post.mail.sent_to("p1@example.org")) == 1
    assert [str(item) for item in post.office.recipients.problems()] == [
        "ontvangers.toml: Dit bestand met ontvangers is niet te lezen."
    ]


def test_a_message_without_a_channel_is_planned_anew_for_him_alone(post: Post) -> None:
    """Sending it again once he has a channel reaches him; those who had it already do not get it twice."""
    both = FILE.replace('case_worker = ["p1"]', 'case_worker = ["p1", "p2"]')
    post.recipients(text=both.replace('mail = "{mail}p1@example.org"\nweb = "{web}p1"', ""))
    reference = post.open()
    post.round()
    assert [title for title, _ in post.web.sent_to("chef")] == [
        f"Zaak {reference}: een bericht kwam niet aan"
    ]
    (lost,) = listed(post.office.engine)
    assert (lost["ontvanger"], lost["resultaat"]) == ("p1", "er is geen bruikbaar kanaal")
    post.recipients(text=both)
    send_again(post.office.engine, post.clock, lost["id"])
    post.round()
    assert (len(post.mail.sent_to("p1@example.org")), len(post.web.sent_to("p2"))) == (1, 1)
    assert listed(post.office.engine) == []


@ONE_DATABASE
def test_a_coordinator_without_a_channel_leaves_the_teamleider(post: Post) -> None:
    """What reached nobody, and a hand-off in a crisis that nobody took, go to the first who can be reached."""
    post.recipients(text=FILE.replace('web = "{web}chef"', ""))
    reference = post.open("aanmelding_geregistreerd", "bedreigend", "eerste_gesprek_gevoerd")
    post.wait(hours=2)
    post.round()
    told = [title for title, _ in post.web.sent_to("leider")]
    assert f"SPOED - Zaak {reference}: nog niemand nam hem aan" in told


def test_no_result_holds_an_address(post: Post) -> None:
    """What is kept and listed names codes and channels, never an address."""
    post.mail.behave = lambda: REFUSE
    post.open()
    post.round()
    kept = json.dumps(listed(post.office.engine, everything=True))
    assert "poging 1 mislukt" in kept
    assert "example.org" not in kept
    assert "127.0.0.1" not in kept


def test_a_due_retry_asks_for_attention_again(post: Post) -> None:
    """A parked process is woken when its retry is due, and not before."""
    post.mail.behave = lambda: REFUSE
    post.open()
    post.round()
    deliveries, attention = post.office.deliveries, post.office.attention
    (row,) = post.rows()
    (held,) = attention.claim(5)
    attention.shown(held, 1)
    attention.release(held)
    deliveries.ask_attention(1)
    assert attention.claim(5) == []
    post.wait(seconds=25)
    deliveries.ask_attention(1)
    assert [item.process_id for item in attention.claim(5)] == [row.process_id]

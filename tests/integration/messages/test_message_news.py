"""Who hears of what: nobody of his own doing, nobody twice at one moment, and half of the notices of before."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, select
from support.receivers import Mailbox, web_address
from support.recipients import recipients

from adapters.messages.causes import line_of
from adapters.messages.message_kinds import NEW_CASE, NOTICE
from adapters.office import Office
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import Settings
from adapters.storage.database import JournalRow, OutboxRow, reading
from adapters.storage.message_tables import DeliveryRow
from milestones.definitions import kept_definition
from milestones.roles import OUTSIDE, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

INSIDE = tuple(role for role in ROLES if role not in OUTSIDE)
CASES = Path(__file__).parents[3] / "deployments" / "demo_cases"


class Town:
    """A town in which each role is one person with the name of the role."""

    def __init__(self, office: Office, clock: SetClock, box: Mailbox) -> None:
        self.office, self.clock, self.box = office, clock, box

    def plan(self) -> None:
        """Make the deliveries of all that is open."""
        with reading(self.office.engine) as session:
            open_ones = session.exec(select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None))).all()
        for effect in open_ones:
            self.office.deliveries.plan(effect)

    def rows(self) -> list[DeliveryRow]:
        """Return every delivery."""
        with reading(self.office.engine) as session:
            return list(session.exec(select(DeliveryRow)))

    def walk(self, steps: list[dict[str, Any]]) -> None:
        """Walk a case; each event is reported by who has the process in which it happens."""
        reference = ""
        for step in steps:
            day = datetime.combine(
                date.fromisoformat((step.get("op") or step["tot"])[:10]), time(10), AMSTERDAM
            )
            while self.clock.moment < day:
                self.clock.moment = min(day, self.clock.moment + timedelta(days=1))
                if reference:
                    self.office.casework.fire_due(reference)
                    self.plan()
            if "tot" in step or step.get("gebeurtenis") == "overdracht_aanvaard":
                continue
            on = date.fromisoformat(step["op"][:10])
            with acts(self._doer(reference, step["mijlpaal"])):
                if step.get("open"):
                    reference = self.office.casework.open(
                        step["mijlpaal"], municipality="0518", reference=reference or None, on=on,
                        data=step.get("gegevens"),
                    ).reference  # fmt: skip
                else:
                    self._accept(reference)
                    self.office.casework.report(
                        reference,
                        step["gebeurtenis"],
                        process=step["mijlpaal"],
                        on=on,
                        data=step.get("gegevens"),
                    )
                self._accept(reference)
            self.plan()
            self.clock.moment += timedelta(minutes=1)

    def _accept(self, reference: str) -> None:
        for process in self.office.casework.case(reference).case.processes:
            if process.state == "OVERDRACHT_AANGEBODEN":
                with acts(self._doer(reference, process.name)):
                    self.office.casework.report(reference, "overdracht_aanvaard", process=process.name)

    def _doer(self, reference: str, process: str) -> Actor:
        rows = self.office.casework.case(reference).rows if reference else {}
        return Actor(ActorKind.PERSON, rows[process].role if process in rows else "case_worker", Way.FORM)


@pytest.fixture
def town(engine: Engine, clock: SetClock, tmp_path: Path) -> Iterator[Town]:
    """A town whose people have one web address each."""
    box = Mailbox()
    with web_address(box) as address:
        people = {role: {"web": f"{address}{role}"} for role in INSIDE}
        roles = {"0518": {role: [role] for role in INSIDE}}
        text = recipients(people, roles, silent=OUTSIDE, bundled_from=100)
        (tmp_path / "ontvangers.toml").write_text(text)
        settings = Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml")
        yield Town(Office(settings, engine, clock), clock, box)


ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ONE_DATABASE
def test_nobody_is_told_what_he_did_himself(town: Town) -> None:
    """Who opens a case hears nothing of it; the same opening by another is told."""
    with acts(Actor(ActorKind.PERSON, "case_worker", Way.ACTION)):
        town.office.casework.open("M3", municipality="0518")
    town.plan()
    assert town.rows() == []
    with acts(Actor(ActorKind.PERSON, "coordinator", Way.ACTION)):
        town.office.casework.open("M3", municipality="0518")
    town.plan()
    assert [row.recipient for row in town.rows()] == ["case_worker"]


@ONE_DATABASE
def test_who_alone_can_act_on_a_crisis_hears_of_it_whoever_reported_it(town: Town) -> None:
    """A message that asks for something reaches somebody, also when he reported it."""
    reference = town.office.casework.open("M3", municipality="0518").reference
    town.office.casework.report(reference, "aanmelding_geregistreerd")
    town.plan()
    with acts(Actor(ActorKind.PERSON, "case_worker", Way.FORM)):
        town.office.casework.report(reference, "bedreigend")
    town.plan()
    told = {row.recipient for row in town.rows() if row.urgent}
    assert told


def two_years() -> list[dict[str, Any]]:
    """Return an ordinary case of two years: the whole route, with a regeling of eighteen months in it."""
    steps = json.loads((CASES / "6_hele_route.json").read_text())["stappen"]
    agreed = next(number for number, step in enumerate(steps) if step.get("gebeurtenis") == "akkoord_allen")
    regeling = [
        ("2026-04-29", "M7", "regeling_gestart", {}),
        ("2026-09-24", "M7", "evaluatie_gedaan", {}),
        ("2027-03-22", "M7", "evaluatie_gedaan", {}),
        ("2027-04-26", "M7", "hercontrole_gedaan", {}),
        ("2027-09-16", "M7", "evaluatie_gedaan", {}),
        ("2027-10-28", "M7", "oplossing_afgerond", {}),
        ("2028-01-27", "M8", "contactmoment_gehouden", {}),
    ]
    rest = [
        {"op": on, "mijlpaal": code, "gebeurtenis": event, "gegevens": data}
        for on, code, event, data in regeling
    ]
    return [*steps[: agreed + 1], *rest, {"tot": "2028-03-09"}]


@ONE_DATABASE
def test_each_role_gets_at_most_half_of_the_notices_and_all_that_asks_for_something(town: Town) -> None:
    """Over two years each role gets at most half as many messages with news as there is news, and all that asks."""
    town.walk(two_years())
    with reading(town.office.engine) as session:
        effects = [row for row in session.exec(select(OutboxRow)) if row.role in INSIDE]
        lines = {row.id: line_of(session, row) for row in effects if row.kind == NOTICE}
    rows = town.rows()
    digests: dict[tuple[str, datetime], list[DeliveryRow]] = {}
    for row in (row for row in rows if row.bundled):
        digests.setdefault((row.recipient, row.next_attempt_at), []).append(row)
    asks = {row.id for row in effects if row.kind not in (NOTICE, NEW_CASE)} | {
        row.id
        for row in effects
        if row.kind == NOTICE and (line := lines[row.id]) and _turn(line) == row.role
    }
    news = Counter(row.role for row in effects if row.kind == NOTICE)
    told = Counter(row.role for row in rows if row.kind == NOTICE and not row.bundled)
    told += Counter(pack[0].role for pack in digests.values() if all(row.kind == NOTICE for row in pack))
    only_asks = {role for role in news if all(row.id in asks for row in effects if row.role == role)}
    assert sum(news.values()) > 10
    assert "quality_reviewer" in only_asks  # its one notice is that a decision waits for it
    too_many = {role: (number, told[role]) for role, number in news.items() if told[role] * 2 > number}
    assert {role: counted for role, counted in too_many.items() if role not in only_asks} == {}
    reached = {row.outbox_id for row in rows}
    doers = {row.id: line.actor_code for row in effects if row.kind == NOTICE and (line := lines[row.id])}
    assert {row.id for row in effects if row.id in asks and doers.get(row.id) != row.role} <= reached


def _turn(line: JournalRow) -> str:
    return kept_definition(line.process.partition("#")[0], line.version).state(line.after).role


@ONE_DATABASE
def test_two_messages_of_one_moment_go_out_as_one_list(town: Town) -> None:
    """A day on which two things fall due for one person gives him one message, with a line for the case."""
    reference = town.office.casework.open("M3", municipality="0518").reference
    town.plan()
    for row in town.rows():
        town.office.deliveries.send(town.office.deliveries.due(row.process_id)[0])
    town.clock.moment += timedelta(days=37)
    town.office.casework.fire_due(reference)
    town.plan()
    town.box.arrived.clear()
    for parcel in (*town.office.deliveries.due(1), *town.office.deliveries.due_elsewhere()):
        town.office.deliveries.send(parcel)
    ((title, text),) = town.box.sent_to("case_worker")
    assert "berichten over jouw zaken" in title
    (line,) = [line for line in text.splitlines() if line.startswith("- Zaak")]
    assert f"/zaak/{reference}" in line

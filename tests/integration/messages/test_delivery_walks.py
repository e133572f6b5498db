"""Random days at the post: whatever fails, changes or goes away, no message is lost and none goes to a wrong person."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import col, select
from support.receivers import REFUSE, TAKE, TAKE_AND_REFUSE, Mailbox, web_address

from adapters.cases.caseload import Caseload
from adapters.messages.delivery_list import send_again
from adapters.messages.message_kinds import UNDELIVERED
from adapters.office import Office
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, ProcessRow, create_engine, migrate, reading
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from milestones.process import NotPossible
from milestones.roles import OUTSIDE

pytestmark = pytest.mark.long

PEOPLE = ("p1", "p2", "chef", "leider")
FILE = """
[standaard]
geen_berichten_aan = [
  "client", "chain_partner", "signal_partner", "creditor", "protective_administrator", "wsnp_trustee",
]
bundel_vanaf = 3
[[team]]
code = "noord"
kanalen = {{ een = "{web}noord" }}
{people}
[[gemeente]]
code = "0518"
[gemeente.rollen]
case_worker = ["p1", "noord"]
debt_counsellor = ["p2"]
coordinator = ["chef"]
team_leader = ["leider"]
"""
EVENTS = ("aanmelding_geregistreerd", "niet_bedreigend", "bedreigend", "eerste_gesprek_gevoerd", "overdracht_aanvaard",
          "overdracht_teruggegeven", "overdracht_aangeboden", "hulpvraag_vastgesteld", "ingetrokken")  # fmt: skip


class Days(RuleBasedStateMachine):
    """Cases, a clock, receivers that refuse, people who go away, and a file that changes."""

    @initialize()
    def begin(self) -> None:
        """Open the office on a Monday morning."""
        self.folder = Path(tempfile.mkdtemp())
        self.engine = create_engine(f"sqlite:///{self.folder / 'zaken.db'}")
        migrate(self.engine)
        self.clock = SetClock(datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM))
        self.office = Office(
            Settings(home=self.folder, recipients_file=self.folder / "ontvangers.toml"),
            self.engine,
            self.clock,
        )
        self.box = Mailbox()
        self.server = web_address(self.box)
        self.web = self.server.__enter__()
        self.cases: list[str] = []
        self.write(second_channel=True, gone="")

    @rule(second_channel=st.booleans(), gone=st.sampled_from(["", "p1", "chef"]))
    def write(self, second_channel: bool, gone: str) -> None:
        """Change the file of recipients: somebody loses his channels, or everyone his second one."""
        people = ""
        for code in PEOPLE:
            names = () if code == gone else ("een", "twee") if second_channel else ("een",)
            listed = ", ".join(f'{name} = "{self.web}{code}"' for name in names)
            people += f'[[persoon]]\ncode = "{code}"\nteam = "noord"\nkanalen = {{ {listed} }}\n'
        (self.folder / "ontvangers.toml").write_text(FILE.format(web=self.web, people=people))

    @rule(urgent=st.booleans())
    def open(self, urgent: bool) -> None:
        """Open a case."""
        data = {"bedreigende_situatie": True} if urgent else {}
        self.cases.append(self.office.casework.open("M3", municipality="0518", data=data).reference)

    @rule(which=st.integers(0, 50), event=st.sampled_from(EVENTS))
    def report(self, which: int, event: str) -> None:
        """Report something that is possible now, or nothing."""
        if self.cases:
            data = {"overdracht_teruggegeven": {"reden": "geen ruimte"}, "ingetrokken": {"motivering": "m-1"}}
            with suppress(NotPossible):
                self.office.casework.report(self.cases[which % len(self.cases)], event, data=data.get(event))

    @rule(minutes=st.sampled_from([0, 1, 3, 10, 40, 150, 600, 1440, 4320]))
    def wait(self, minutes: int) -> None:
        """Let time pass, fire what is due, and send what must go."""
        self.clock.moment += timedelta(minutes=minutes)
        self.go_round()

    @rule(person=st.sampled_from(["p1", "p2", "chef"]), days=st.integers(0, 4))
    def call_in_sick(self, person: str, days: int) -> None:
        """Somebody is away for some days, with a deputy."""
        today, deputy = self.clock.today(), {"p1": "p2", "p2": "p1", "chef": "leider"}[person]
        with suppress(NotPossible):  # he is away already
            Caseload(self.engine, self.office.casework).declare_absence(
                person, "0518", today, today + timedelta(days=days), deputy
            )

    @rule(how=st.sampled_from([TAKE, TAKE, REFUSE, TAKE_AND_REFUSE]))
    def behave(self, how: str) -> None:
        """Let the receivers take, refuse, or take and say no."""
        self.box.behave = lambda: how

    def go_round(self) -> None:
        """Do what the workers do."""
        for reference in self.cases:
            self.office.casework.fire_due(reference)
        with reading(self.engine) as session:
            effects = session.exec(select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None))).all()
            processes = session.exec(select(ProcessRow.id)).all()
        for effect in effects:
            self.office.deliveries.plan(effect)
        due = [parcel for process in processes for parcel in self.office.deliveries.due(process or 0, 500)]
        for parcel in (*due, *self.office.deliveries.due_elsewhere(500)):
            self.office.deliveries.send(parcel)

    @invariant()
    def everything_arrived_at_its_own_address(self) -> None:
        """What a receiver has was a delivery for that very receiver."""
        if not hasattr(self, "box"):
            return
        with reading(self.engine) as session:
            rows = session.exec(select(DeliveryRow)).all()
        mine = {(row.recipient, row.case_reference) for row in rows}
        for to, title, text in self.box.arrived:
            references = set(re.findall(r"FZ-\d{4}-[0-9A-Z]{7}", title + text))
            assert references
            assert all((to, reference) in mine for reference in references)

    def teardown(self) -> None:
        """In the end everyone takes everything: nothing waits, and what was lost is known and can be sent."""
        if not hasattr(self, "box"):
            return
        try:
            self.write(second_channel=True, gone="")
            self.box.behave = lambda: TAKE
            for _ in range(14):
                self.wait(1440)
            with reading(self.engine) as session:
                effects = {row.id: row for row in session.exec(select(OutboxRow))}
                rows = session.exec(select(DeliveryRow)).all()
            assert all(effect.done_at for effect in effects.values())
            waiting = [row for row in rows if row.state == DeliveryState.WAITING and not self._is_new(row)]
            assert [(row.kind, row.recipient, row.result) for row in waiting] == []
            told = {row.outbox_id for row in rows if row.kind == UNDELIVERED}
            reached = {
                row.outbox_id for row in rows if row.state in (DeliveryState.DELIVERED, DeliveryState.DROPPED)
            }
            lost = [row for row in rows if row.state == DeliveryState.UNDELIVERABLE]
            assert {row.outbox_id for row in lost if row.kind != UNDELIVERED} <= told | reached
            new = {row.id for row in effects.values() if self._is_new(row)}
            silent = {row.id for row in effects.values() if row.role in OUTSIDE}
            missing = effects.keys() - reached - new - silent - {row.outbox_id for row in lost}
            assert [(effects[i].kind, effects[i].role, effects[i].result) for i in missing] == []
            for row in lost:
                send_again(self.engine, self.clock, row.id)
            self.go_round()
            self.wait(1440)
            with reading(self.engine) as session:
                lost = session.exec(select(DeliveryRow).where(DeliveryRow.state == "onbestelbaar")).all()
            assert lost == []
        finally:
            self.server.__exit__(None, None, None)
            self.engine.dispose()
            shutil.rmtree(self.folder)

    def _is_new(self, row: DeliveryRow | OutboxRow) -> bool:
        return row.created_at > self.clock.now() - timedelta(days=4)


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a walk takes seconds: no shrinking
)

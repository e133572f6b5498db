"""The messages of a case file, as they go out while its days go by."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from adapters.office import Office
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, ProcessRow, create_engine, reading
from adapters.storage.message_tables import DeliveryRow
from milestones.process import NotPossible
from support.receivers import Mailbox, web_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

APPROVED = Path(__file__).parents[1] / "fixtures" / "messages"
CASES = Path(__file__).parents[1] / "cases"


class Reader:
    """Runs a case on a database whose messages all go to the file, and reads that; or to the people in `recipients`."""

    at, tells = time(9), True

    def __init__(self, folder: Path, database: Path, recipients: str = "", **given: Any) -> None:
        self.clock = SetClock(datetime(2026, 1, 1, 9, tzinfo=AMSTERDAM))
        url = f"sqlite:///{shutil.copy(database, folder / 'zaken.db')}"
        if recipients:
            given["recipients_file"] = folder / "ontvangers.toml"
            (folder / "ontvangers.toml").write_text(recipients, encoding="utf-8")
        self.office = Office(Settings(home=folder, **given), create_engine(url), self.clock)

    def run(self, name: str, called: str = "A-1") -> list[dict[str, Any]]:
        """Let the days of a case file go by, and give every message of it."""
        content = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
        reference = ""
        for step in content["stappen"]:
            day = datetime.fromisoformat(step.get("tot") or step["op"]).date()
            while reference and (due := self._next(reference)) is not None and due <= day:
                self._set(max(due, self.clock.today()))
                self.office.casework.fire_due(reference)
                self.deliver()
            self._set(day)
            if step.get("open"):
                facts = step.get("gegevens") or {}
                reference = self.office.casework.open(
                    step["mijlpaal"], municipality="0518", reference=reference or called, data=facts
                ).reference
            elif "gebeurtenis" in step:
                try:
                    self.office.casework.report(
                        reference,
                        step["gebeurtenis"],
                        process=step.get("mijlpaal"),
                        data=step.get("gegevens"),
                    )
                except NotPossible:
                    continue  # a case file may hold what is refused
            self.deliver()
        return self.messages() if self.office.settings.messages_file.exists() else []

    def messages(self) -> list[dict[str, Any]]:
        """Return every message that was sent."""
        lines = self.office.settings.messages_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _set(self, day: date) -> None:
        self.clock.moment = datetime.combine(day, self.at, AMSTERDAM)

    def _next(self, reference: str) -> date | None:
        view = self.office.casework.case(reference)
        rungs = [term.next_rung() for process in view.case.processes for term in process.terms]
        return min((rung.on for rung in rungs if rung), default=None)

    def deliver(self) -> None:
        """Send all that is due now."""
        if not self.tells:
            return
        with reading(self.office.engine) as session:
            effects = session.exec(
                select(OutboxRow.id)
                .where(col(OutboxRow.done_at).is_(None))
                .order_by(col(OutboxRow.created_at))
            ).all()
            processes = session.exec(select(ProcessRow.id)).all()
        for effect in effects:
            self.office.deliveries.plan(effect)
        for process in processes:
            for parcel in self.office.deliveries.due(process or 0):
                self.office.deliveries.send(parcel)
        for parcel in self.office.deliveries.due_elsewhere():
            self.office.deliveries.send(parcel)


# --- as somebody approved them --------------------------------------------------------------------------------

TOLD = ("A-te-laat", "B", "dwangsom", "verhuizing-overdragen", "anderstalig")
SENT = ("A-te-laat", "B")
# Nobody listens at port 9: what is tried there fails, the first channel of p1 and the only one of poort.
TOWN = """\
[standaard]
geen_berichten_aan = ["chain_partner", "signal_partner"]
bundel_vanaf = 3
[[team]]
code = "noord"
kanalen = { x = "{web}noord" }
[[persoon]]
code = "p1"
team = "noord"
kanalen = { x = "json://127.0.0.1:9/", y = "{web}p1" }
afwezig = [{ van = 2026-03-20, tot = 2026-04-05 }]
vervanger = "p2"
[[persoon]]
code = "p2"
kanalen = { x = "{web}p2" }
voorkeur = { waarschuwing = "bundel", nieuwe_zaak = "niet" }
[[persoon]]
code = "p3"
kanalen = {}
[[persoon]]
code = "p4"
kanalen = { x = "{web}p4" }
werktijden = { dagen = ["ma", "wo"], van = "10:00", tot = "15:00" }
voorkeur = { crisis = "niet" }
[[persoon]]
code = "chef"
kanalen = { x = "{web}chef" }
[[persoon]]
code = "poort"
kanalen = { x = "json://127.0.0.1:9/" }
[[gemeente]]
code = "*"
[gemeente.rollen]
case_worker = ["p1", "p4"]
debt_counsellor = ["p3"]
team_leader = ["p2"]
coordinator = ["chef"]
client = ["poort"]
"""


def told(messages: Iterable[Mapping[str, Any]]) -> str:
    """Return messages as people read them."""
    return _masked(
        "\n".join(f"== {one['op'][:10]} {one['rol']}: {one['titel']}\n{one['tekst']}\n" for one in messages)
    )


def sent(folder: Path, database: Path, name: str) -> str:
    """Return every delivery of a case: to whom, why, when, and what became of it; then what arrived, and where."""
    box = Mailbox()
    with web_address(box) as address:
        reader = Reader(folder, database, TOWN.replace("{web}", address))
        reader.at = time(16, 45)
        reader.run(name)
    with reading(reader.office.engine) as session:
        rows = session.exec(select(DeliveryRow)).all()
    lines = [
        f"{_moment(row.created_at)} {row.process} {row.kind} {row.role} -> {row.recipient}/{row.channel}"
        f" ({row.reason}){' spoed' * row.urgent}{' samen' * row.bundled}: {row.state} na {row.attempts},"
        f" {_moment(row.next_attempt_at)}, {row.result}\n"
        for row in rows
    ]
    arrived = [f"{to}: {title}\n" + f"{text}\n" * ("- Zaak" in text) for to, title, text in box.arrived]
    return _masked("".join([*sorted(lines), "\n", *arrived]))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(AMSTERDAM):%Y-%m-%d %H:%M:%S}"


def _masked(text: str) -> str:
    """Return a text without the signed part of its links."""
    return re.sub(r"(/overdracht/|wie=)[\w.~-]+", r"\1...", text)


def write(folder: Path, database: Path) -> None:
    """Write every approved file of messages anew; `folder` is for the cases, `database` one that was migrated."""
    APPROVED.mkdir(exist_ok=True)
    for name in TOLD:
        (folder / name).mkdir()
        written = told(Reader(folder / name, database).run(name))
        (APPROVED / f"{name}-verteld.txt").write_text(written, encoding="utf-8")
    for name in SENT:
        (folder / f"{name}-bezorgd").mkdir()
        written = sent(folder / f"{name}-bezorgd", database, name)
        (APPROVED / f"{name}-bezorgd.txt").write_text(written, encoding="utf-8")

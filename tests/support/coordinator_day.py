"""What coordinators do and see in Prefect with some cases, as a text: runs, forms, logs and pages."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.sorting import LogSort
from prefect.logging.handlers import APILogHandler
from prefect.states import Cancelled

from adapters.cases.caseload import Caseload
from adapters.storage.database import create_engine, migrate
from flows import actions
from flows.case_page import page_key
from flows.old_pages import oude_paginas_opruimen
from flows.processes import FLOWS
from flows.repair import Repair
from flows.report_pages import DESTRUCTION_LIST, OVERVIEW, monitor_key, overview_key, workload_key
from flows.reports import labels_van_de_dag, monitor, overzicht, werkvoorraad
from flows.retention import bewaartermijnen
from flows.views import ACTION_TAG
from milestones.definitions import DEFINITIONS
from milestones.steering import reportable
from support.prefect_here import at_work_in, prefect_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun

    from support.prefect_here import AtWork

APPROVED = Path(__file__).parents[1] / "fixtures" / "coordinator"
HERE = "0518"
RECIPIENTS = """
[[persoon]]
code = "mw-17"
kanalen = { x = "json://127.0.0.1:9/" }
[[persoon]]
code = "mw-18"
kanalen = { x = "json://127.0.0.1:9/" }
"""
_CHANGING = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "<id>"),
    (re.compile(r"in \d+\.\d s"), "in <tijd>"),
    (re.compile(r"formulier-[0-9a-f]{16}|antwoord-[0-9a-f]{12}"), "<sleutel>"),
)


class Day:
    """Notes what is shown while a coordinator works."""

    def __init__(self, at_work: AtWork) -> None:
        self.at_work, self.client = at_work, at_work.client
        self.lines: list[str] = []
        at_work.deploy("M3", "M4", "M5", "M6", "M7", "BEGELEIDING", "BESLUIT")

    def note(self, text: str) -> None:
        """Note a text without what differs each time."""
        for changing, word in _CHANGING:
            text = changing.sub(word, text)
        self.lines.append(text)

    def run(self, run: FlowRun, what: str = "") -> FlowRun:
        """Note what a run shows: name, state, tags, form and log."""
        run = self.client.read_flow_run(run.id)
        state = run.state
        assert state is not None
        self.note(f"\n=== {what or run.name}")
        self.note(f"naam: {run.name}" if what else "")
        self.note(f"staat: {state.type.value} {state.name}: {state.message}")
        self.note(f"labels: {' '.join(sorted(run.tags))}")
        keys = state.state_details.run_input_keyset
        if keys is not None:
            schema = json.loads(self.client.read_flow_run_input(run.id, keys["schema"]))
            schema = schema if isinstance(schema, dict) else json.loads(schema)
            self.note(f"formulier: {schema.get('title')} {schema.get('required', [])}")
            for name, field in schema["properties"].items():
                self.note(f"  {name}: {json.dumps(field, sort_keys=True, ensure_ascii=False)}")
        APILogHandler().flush()
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        for line in self.client.read_logs(of_run, limit=200, sort=LogSort.TIMESTAMP_ASC):
            if line.task_run_id is None:
                self.note(f"log {line.level}: {line.message}")
        return run

    def act(self, flow: Flow[..., Any], **parameters: Any) -> FlowRun:
        """Do an action, and note its run."""
        return self.run(self.at_work.act(flow, **parameters))

    def answer(self, flow: Flow[..., Any], run: FlowRun, **values: Any) -> FlowRun:
        """Fill in the rest of the form of an action."""
        verdict = self.at_work.resume(run.id, values)
        if verdict != "ACCEPT":
            self.note(f"\n=== {run.name}: {verdict} {values}")
            return run
        return self.run(self.at_work.wake(flow, run))

    def page(self, key: str) -> None:
        """Note the newest version of a page."""
        of_key = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        found = self.client.read_artifacts(artifact_filter=of_key)
        newest = max(found, key=lambda item: str(item.created))
        self.note(f"\n=== pagina {key}: {newest.data}\n{newest.description}")

    def later(self, days: int) -> None:
        """Let some days pass, and what is due then happen."""
        self.at_work.set_time(self.at_work.office.clock.now() + timedelta(days=days))
        self.at_work.queue.fire_terms()
        self.at_work.work()

    def report(self, reference: str, name: str, **values: Any) -> None:
        """Fill in the form of a process; without values, press Resume alone."""
        run = self.at_work.run_of(reference, name)
        if values:
            values["stand"] = str(self.at_work.office.casework.case(reference).case.process(name).sequence)
        verdict = self.at_work.resume(run.id, values or None)
        self.at_work.wake(FLOWS[name.partition("#")[0]], run)
        self.at_work.work()
        self.run(run, f"{name} na {values} {verdict}")


def process(day: Day) -> None:
    """A run of a process: answers that count, that are refused, that are empty; and how it ends."""
    at_work = day.at_work
    day.act(
        actions.zaak_openen, mijlpaal="M3 In contact", zaak="A-1", bedreigende_situatie=True, gemeente=HERE
    )
    at_work.work()
    day.run(at_work.run_of("A-1", "M3"), "nieuw")
    day.report("A-1", "M3", gebeurtenis="Aanmelding geregistreerd", op="2027-01-01")
    day.page(page_key("A-1"))
    day.report("A-1", "M3")
    labels = [spec.label for spec in reportable(DEFINITIONS["M3"]) if spec.name == "aanmelding_geregistreerd"]
    day.report("A-1", "M3", gebeurtenis=labels[0])
    day.page(page_key("A-1"))
    at_work.office.casework.report("A-1", "niet_bedreigend", process="M3")
    at_work.office.casework.report("A-1", "afspraak_gemaakt", process="M3")
    at_work.office.casework.report("A-1", "eerste_gesprek_gevoerd", process="M3")
    done = at_work.run_of("A-1", "M3")
    at_work.work()
    day.run(done, "einde")
    for one in at_work.office.casework.case("A-1").case.processes[1:]:
        day.run(at_work.run_of("A-1", one.name))
    day.page(page_key("A-1"))


def acts(day: Day) -> None:
    """Actions over one case and over many: what they ask, do and refuse."""
    at_work, client = day.at_work, day.client
    for number in (1, 2):
        at_work.office.casework.open("M3", municipality=HERE, reference=f"A-{number}")
    at_work.work()
    day.act(actions.zaak_openen, mijlpaal="M3 In contact", zaak="A-1", gemeente=HERE)
    day.act(actions.zaak_openen, mijlpaal="M4 In gesprek", zaak="A-3", gemeente=HERE, op="2027-01-01")

    asked = day.act(actions.zaak_toewijzen, zaak="A-1")
    day.answer(actions.zaak_toewijzen, asked, medewerker="mw-99", reden="toegewezen")
    day.answer(actions.zaak_toewijzen, asked, medewerker="mw-17", reden="toegewezen")
    day.act(actions.zaak_toewijzen, zaak="A-2", medewerker=" mw-17 ")
    day.act(actions.zaak_toewijzen, zaak="A-2", medewerker="mw-99")
    at_work.work()
    day.run(at_work.run_of("A-1", "M3"))
    day.act(
        actions.afwezigheid_melden, medewerker="mw-17", eerste_dag="2026-03-09", laatste_dag="2026-03-10",
        vervanger="mw-18", gemeente=HERE,
    )  # fmt: skip
    day.run(at_work.run_of("A-1", "M3"))
    day.act(actions.caseload_overdragen, van="mw-17", naar="mw-18", gemeente=HERE)
    day.act(actions.caseload_overdragen, van="mw-17", naar="mw-18", gemeente=HERE)

    asked = day.act(actions.gebeurtenis_melden, zaak="A-1")
    asked = day.answer(
        actions.gebeurtenis_melden, asked, gebeurtenis="Aanmelding geregistreerd", op="2027-01-01"
    )
    day.answer(actions.gebeurtenis_melden, asked, gebeurtenis="Aanmelding geregistreerd")
    day.act(actions.gebeurtenis_melden, zaak="A-2", gebeurtenis="Aanmelding geregistreerd", mijlpaal="M3")
    day.act(actions.gebeurtenis_melden, zaak="A-2", gebeurtenis="Geen vervolg nodig", mijlpaal="M3")
    day.act(actions.gebeurtenis_melden, zaak="A-9")

    asked = day.act(actions.zaak_terugzetten, zaak="A-1")
    day.act(actions.zaak_terugzetten, zaak="A-1", naar="Afgesloten", reden="verkeerd gemeld")
    at_work.office.casework.open("M5", municipality=HERE, reference="A-1")
    day.act(actions.termijn_verlengen, zaak="A-1")
    day.act(actions.termijn_verlengen, zaak="A-1", termijn="T05", motivering="m-1", mijlpaal="M3")
    day.act(actions.termijn_verlengen, zaak="A-1", termijn="T01", motivering="m-1", weken=2, mijlpaal="M3")
    day.act(actions.verhuizing_melden, zaak="A-2")
    day.act(actions.verhuizing_melden, zaak="A-2", wat="Verhuisd, de zaak gaat over", motivering="m-1")
    day.act(actions.verhuizing_melden, zaak="A-2", wat="De andere gemeente neemt de zaak niet over")

    day.act(actions.annulering_beoordelen, zaak="A-1", besluit="Weigeren: de zaak gaat door")
    at_work.work()
    for name, decision in (("M3", "Weigeren: de zaak gaat door"), ("M5", "Bevestigen: de zaak sluit")):
        cancelled = at_work.run_of("A-1", name)
        client.set_flow_run_state(cancelled.id, Cancelled(), force=True)
        at_work.office.attention.ask(
            [row.id or 0 for row in at_work.office.casework.case("A-1").rows.values()]
        )
        Repair(at_work.office, client).look_at_everything()
        at_work.work()
        day.run(at_work.run_of("A-1", name), f"{name} na annuleren")
        day.act(actions.annulering_beoordelen, zaak="A-1", besluit=decision, mijlpaal=name, motivering="m-1")
        day.act(actions.annulering_beoordelen, zaak="A-1")
    day.act(actions.zaak_sluiten, zaak="A-2")
    day.act(actions.zaak_sluiten, zaak="A-2", uitstroomreden="Overig", motivering="m-2")
    day.act(actions.zaak_sluiten, zaak="A-2", uitstroomreden="Overig", motivering="m-2")
    at_work.work()
    day.page(page_key("A-1"))
    day.page(page_key("A-2"))


def reports(day: Day) -> None:
    """The front page, the werkvoorraad, the monitor, the quality sample and what is cleaned up."""
    at_work = day.at_work
    at_work.act(actions.zaak_toewijzen, tags=[ACTION_TAG], zaak="A-9", medewerker="mw-17")
    for number in range(12):
        municipality = HERE if number < 11 else "0599"
        at_work.office.casework.open(
            "M3", municipality=municipality, reference=f"B-{number}",
            data={"bedreigende_situatie": True} if number == 1 else {},
        )  # fmt: skip
        if number % 3 == 0:
            Caseload(at_work.office.engine, at_work.office.casework).assign(
                f"B-{number}", "M3", "mw-17", "toegewezen"
            )
    at_work.office.casework.open("M6", municipality=HERE, reference="C-1")
    at_work.office.casework.report("C-1", "plan_opgesteld", process="M6", data={"beslagvrije_voet": True})
    at_work.work()
    day.later(23)
    for flow in (overzicht, werkvoorraad, monitor, labels_van_de_dag):
        day.act(flow)
    day.act(werkvoorraad, gemeente="0599")
    day.act(monitor, gemeente=HERE, weken=4)
    day.run(at_work.run_of("B-1", "M3"))
    for key in (OVERVIEW, overview_key(HERE), workload_key(HERE), workload_key("0599"), monitor_key(HERE)):
        day.page(key)
    day.later(14)
    day.act(labels_van_de_dag)
    day.act(overzicht)
    day.act(werkvoorraad)
    day.run(at_work.run_of("B-2", "M3"))
    day.page(OVERVIEW)
    day.page(workload_key(HERE))
    at_work.office.casework.report("C-1", "inwoner_akkoord", process="M6")
    at_work.office.casework.report("C-1", "goedgekeurd", process="M6")
    day.later(7)
    day.act(bewaartermijnen)
    day.page(DESTRUCTION_LIST)
    day.act(oude_paginas_opruimen)


SCENES = {"proces": process, "acties": acts, "rapporten": reports}


def shown(name: str, at_work: AtWork) -> str:
    """Return all that a scene shows."""
    day = Day(at_work)
    SCENES[name](day)
    return "\n".join(line for line in day.lines if line) + "\n"


@contextmanager
def recipients_in(home: Path) -> Iterator[None]:
    """Name two people to whom work can be given."""
    file = home / "ontvangers.toml"
    file.write_text(RECIPIENTS)
    os.environ["ROUTEKAART_RECIPIENTS_FILE"] = str(file)
    yield
    del os.environ["ROUTEKAART_RECIPIENTS_FILE"]


def write() -> None:
    """Approve what is shown now."""
    APPROVED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made, prefect_here(lambda: Path(made) / "prefect"):
        migrated = Path(made) / "leeg.db"
        engine = create_engine(f"sqlite:///{migrated}")
        migrate(engine)
        engine.dispose()
        for name in SCENES:
            home = Path(made) / name
            home.mkdir()
            with recipients_in(home), at_work_in(home, migrated) as at_work:
                (APPROVED / f"{name}.txt").write_text(shown(name, at_work), encoding="utf-8")

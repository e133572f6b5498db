"""The reports as flows on a schedule: werkvoorraad, monitor, front page, and the tags that time changes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from prefect import flow, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    DeploymentFilter,
    DeploymentFilterTags,
)
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from pydantic import Field

from adapters.cases.cancellations import open_cancellations
from adapters.cases.caseload import deputy_for
from adapters.cases.clock_guard import held_clocks
from adapters.cases.shown import ShownRuns, Shows
from adapters.exchange.case_system import stopped_zaken
from adapters.exchange.postbak import waiting as waiting_post
from adapters.exchange.postbak_news import is_ruling
from adapters.office import Office, office
from adapters.oversight.monitor import WEEKS_COUNTED, read_monitor
from adapters.oversight.quality import QualitySample
from adapters.oversight.workload import municipalities, read_workload
from flows.page_writing import create_page
from flows.prefect_seam.parameter_forms import with_form
from flows.prefect_seam.parking import this_run
from flows.report_pages import (
    OVERVIEW,
    Mail,
    monitor_key,
    monitor_page,
    overview_key,
    overview_page,
    workload_key,
    workload_page,
)
from flows.tags import CANCEL_ASKED, Facts, duties, with_time
from flows.views import ACTION_TAG, REVIEW_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.client.orchestration import SyncPrefectClient

    from adapters.oversight.workload import Workload

_OWN_PAGES = {
    "Mijn werk": "/mijn",
    "Werkvoorraad": "/werkvoorraad",
    "Zoeken": "/zoeken",
    "Postbak": "/postbak",
}

_Municipality = Annotated[
    str | None,
    Field(
        title="Gemeentecode",
        description="Vier cijfers. Leeg: alle gemeenten.",
        pattern=r"^[0-9]{4}$",
    ),
]


@with_form
@flow(name="Werkvoorraad", flow_run_name="Werkvoorraad", persist_result=False)
def werkvoorraad(gemeente: _Municipality = None) -> None:
    """Wie heeft wat, wat eindigt deze week, wat is te laat, en wat heeft geen eigenaar."""
    here = office()
    for code in [gemeente] if gemeente else municipalities(here):
        began = time.monotonic()
        work = read_workload(here, code)
        publish(workload_key(code), workload_page(work), f"{len(work.items)} open, {len(work.late)} te laat.")
        get_run_logger().info(
            "Gemeente %s: %d open, %d te laat, in %.1f s.",
            code, len(work.items), len(work.late), time.monotonic() - began,
        )  # fmt: skip


@with_form
@flow(name="Monitor", flow_run_name="Monitor", persist_result=False)
def monitor(
    gemeente: _Municipality = None,
    weken: Annotated[
        int, Field(title="Over hoeveel weken?", description="Tot en met gisteren.", ge=1, le=260)
    ] = WEEKS_COUNTED,
) -> None:
    """De cijfers van een gemeente, elk met zijn definitie; kleine aantallen worden niet getoond."""
    here = office()
    for code in [gemeente] if gemeente else municipalities(here):
        figures = read_monitor(here, code, weeks=weken)
        publish(monitor_key(code), monitor_page(figures), f"Monitor over {weken} weken.")
        get_run_logger().info("Monitor van gemeente %s is klaar.", code)


@with_form
@flow(name="Overzicht", flow_run_name="Overzicht", persist_result=False)
def overzicht() -> None:
    """De voorpagina van de coördinator: aantallen, lijsten en acties."""
    publish_overview(office(), get_client(sync_client=True))


@with_form
@flow(name="Labels van de dag", flow_run_name="Labels van de dag", persist_result=False)
def labels_van_de_dag() -> int:
    """Zet de labels goed die met de tijd veranderen: te laat, deze week, en wie waarneemt."""
    changed = refresh_tags(office(), get_client(sync_client=True))
    get_run_logger().info("%d runs kregen andere labels.", changed)
    return changed


def publish_overview(here: Office, client: SyncPrefectClient) -> None:
    """Write the front page, and one of each municipality for who works for that one alone."""
    work = [read_workload(here, code) for code in municipalities(here)]
    for key, page in front_pages(here, client, work).items():
        _write(client, key, page, "Voorpagina.", None)
    _first_pages(here, client, work)


def front_pages(here: Office, client: SyncPrefectClient, work: Sequence[Workload]) -> dict[str, str]:
    """Return the front page and that of each municipality, by their keys."""
    found = client.read_deployments(
        deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[ACTION_TAG]))
    )
    actions = {
        item.name: ((item.description or "").split("\n")[0], f"../../deployments/deployment/{item.id}/run")
        for item in sorted(found, key=lambda item: item.name)
    }
    sample = QualitySample(here.engine, here.clock)
    asked = {item.process_id: item.case_reference for item in open_cancellations(here.engine)}
    waiting = {one.municipality: len(sample.waiting(one.municipality)) for one in work}
    questions = {CANCEL_ASKED: len(asked), REVIEW_TAG: sum(waiting.values())}
    stopped = [row.municipality for row in stopped_zaken(here)]
    alarms = [held.sentence for held in held_clocks(here.engine)]
    now = here.clock.now()
    post = waiting_post(here)
    mail = Mail(here.settings.own_page("/postbak"), len(post), sum(map(is_ruling, post)))
    own = {name: here.settings.own_page(path) for name, path in _OWN_PAGES.items()}
    pages = {
        OVERVIEW: overview_page(work, actions, now, questions, len(stopped), alarms, mail=mail, own_pages=own)
    }
    for one in work:
        cases = {item.reference for item in one.items}
        here_asked = sum(reference in cases for reference in asked.values())
        questions = {CANCEL_ASKED: here_asked, REVIEW_TAG: waiting[one.municipality]}
        here_stopped = stopped.count(one.municipality)
        mine = [row for row in post if row.municipality == one.municipality]
        pages[overview_key(one.municipality)] = overview_page(
            [one], actions, now, questions, here_stopped, alarms, one.municipality,
            mail=replace(mail, number=len(mine), rulings=sum(map(is_ruling, mine))), own_pages=own,
        )  # fmt: skip
    return pages


def _first_pages(here: Office, client: SyncPrefectClient, workloads: Sequence[Workload]) -> None:
    """Write the pages to which the front page leads and that no schedule has written yet."""
    wanted = [key(work.municipality) for work in workloads for key in (workload_key, monitor_key)]
    found = client.read_latest_artifacts(
        artifact_filter=ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=wanted)), limit=200
    )
    known = {item.key for item in found}
    for work in workloads:
        if (key := workload_key(work.municipality)) not in known:
            _write(client, key, workload_page(work), "Eerste werkvoorraad.", None)
        if (key := monitor_key(work.municipality)) not in known:
            _write(client, key, monitor_page(read_monitor(here, work.municipality)), "Eerste monitor.", None)


def publish(key: str, page: str, note: str) -> None:
    """Write a page under a key that stays; earlier versions stay as its history."""
    _write(get_client(sync_client=True), key, page, note, this_run().id)


def _write(client: SyncPrefectClient, key: str, page: str, note: str, run: UUID | None) -> None:
    # The page stands in the description: Prefect shows that at the address of the key, which people can keep.
    made = ArtifactCreate(key=key, type="markdown", description=page, data=note, flow_run_id=run)
    create_page(client, made)


def refresh_tags(here: Office, client: SyncPrefectClient) -> int:
    """Bring the tags that hang on today's date up to date; one request for each run whose tags change."""
    memory, today = ShownRuns(here.engine), here.clock.today()
    away = {code: here.away(code, today) for code in municipalities(here)}
    changed = 0
    for shown in memory.dated():
        policy = here.rules_for(shown.municipality).policy
        facts = Facts(
            code="",
            municipality=shown.municipality,
            role="",
            closed=False,
            deputy=deputy_for(shown.contact, away.get(shown.municipality, {})),
            dues=duties(shown.dues, policy),
            today=today,
        )
        tags = with_time(shown.tags, facts)
        if tags == shown.tags:
            continue
        try:
            client.update_flow_run(UUID(shown.flow_run_id), tags=sorted(tags))
        except ObjectNotFound:
            continue  # a run that was deleted is made anew elsewhere
        memory.remember(shown.process_id, Shows(sorted(tags)))
        changed += 1
    return changed

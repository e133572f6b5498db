"""The pages that the worker keeps as they are now, and those of cases, on a real Prefect server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prefect import flow, get_client
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    ArtifactFilter,
    ArtifactFilterKey,
)
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from adapters.cases.caseload import Caseload
from adapters.cases.shown import ShownRuns
from adapters.storage.database import writing
from adapters.storage.exchange_tables import PostbakRow
from flows import fresh_pages
from flows.display import Shown
from flows.fresh_pages import LOOK_SECONDS, FreshPages
from flows.report_pages import OVERVIEW, workload_key
from flows.window import bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from support.workshop import PrefectServer

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

pytestmark = [pytest.mark.prefect, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
THE_HAGUE = "0518"


@pytest.fixture
def client(server: PrefectServer) -> Iterator[SyncPrefectClient]:
    """A client of a Prefect server on which nobody else works."""
    server.wait_until_it_answers()
    known = {
        PREFECT_API_URL: f"http://127.0.0.1:{server.port}/api",
        PREFECT_API_AUTH_STRING: server.environment["PREFECT_API_AUTH_STRING"],
    }
    with temporary_settings(known), get_client(sync_client=True) as made:
        yield made


def versions(client: SyncPrefectClient, key: str) -> list[str]:
    """Return what the versions of a page say, the newest first."""
    found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    newest_first = sorted(found, key=lambda item: str(item.created), reverse=True)
    return [item.description or "" for item in newest_first]


def test_the_pages_follow_each_change_and_each_day(
    office: Office, clock: SetClock, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change and midnight write them anew; nothing new writes nothing; a day keeps one version of each page."""
    monkeypatch.setattr(fresh_pages, "REST", 0)
    assert LOOK_SECONDS < 60
    pages, neighbour = FreshPages(office, client), FreshPages(office, client)
    office.casework.open("M3", municipality=THE_HAGUE, reference="A-1")
    assert pages.look()
    first = versions(client, OVERVIEW)
    assert "[A-1](zaak-a-1)" in first[0]
    assert "[A-1](zaak-a-1)" in versions(client, workload_key(THE_HAGUE))[0]
    assert not pages.look()
    assert not neighbour.look()

    Caseload(office.engine, office.casework).assign("A-1", "M3", "mw-17", "toegewezen")
    assert pages.look()
    assert "mw-17" in versions(client, OVERVIEW)[0]
    with writing(office.engine) as session:
        session.add(
            PostbakRow(
                municipality=THE_HAGUE, message_hash="a" * 64, kind="nl.rechtspraak.uitspraken.anders",
                source="rechtbank", reason="geen zaak past", candidates=[], received_at=clock.now(),
            )
        )  # fmt: skip
    assert pages.look()
    assert "/postbak): 1 bericht, waarvan 1 van de rechtbank" in versions(client, OVERVIEW)[0]
    assert len(versions(client, OVERVIEW)) == len(first)

    clock.moment += timedelta(days=1)
    assert pages.look()
    newest = versions(client, OVERVIEW)
    assert "De stand van di 10 maart 2026" in newest[0]
    assert len(newest) == len(first) + 1
    assert "De stand van ma 9 maart 2026" in newest[1]


# -- the page of a case --------------------------------------------------------------------------------------------


@pytest.fixture
def show_case(office: Office, client: SyncPrefectClient) -> Callable[[FlowRun, str], None]:
    """Return what lets a flow run show a process of the case, as a wake-up does."""

    def show_case(run: FlowRun, name: str) -> None:
        view = office.casework.case("A-1")
        policy = office.rules_for(THE_HAGUE).policy
        shown = Shown(run.name, "Wacht", "Uiterlijk morgen.", tuple(run.tags))
        number = view.rows[name].id
        assert number is not None
        memory = ShownRuns(office.engine)
        pages = memory.pages_of([row.id or 0 for row in view.rows.values()])
        if (shows := bring_up_to_date(office, run, number, shown, view, policy, pages)) is not None:
            memory.remember(number, shows)

    return show_case


def a_run(client: SyncPrefectClient, name: str) -> FlowRun:
    """Make a flow run that nobody runs."""
    return client.create_flow_run(flow(lambda: None, name=name), name=name)


def newest(client: SyncPrefectClient) -> str:
    """Return what stands at the address of the page of the case."""
    key = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=["zaak-a-1"]))
    (found,) = client.read_latest_artifacts(artifact_filter=key)
    return found.description or ""


def test_the_newest_page_of_a_case_is_written_over(
    office: Office, client: SyncPrefectClient, show_case: Callable[[FlowRun, str], None]
) -> None:
    """Each run makes one page; each change after it is read at the address of the case, whichever process tells it."""
    office.casework.open("M3", municipality=THE_HAGUE, reference="A-1")
    office.casework.open("BEGELEIDING", municipality=THE_HAGUE, reference="A-1")
    first, second = a_run(client, "M3"), a_run(client, "BEGELEIDING")
    show_case(first, "M3")
    office.casework.report("A-1", "aanmelding_geregistreerd", process="M3")
    show_case(first, "M3")
    assert len(versions(client, "zaak-a-1")) == 1
    assert "Aanmelding geregistreerd" in newest(client)

    show_case(second, "BEGELEIDING")
    office.casework.report("A-1", "niet_bedreigend", process="M3")
    show_case(first, "M3")
    assert len(versions(client, "zaak-a-1")) == 2
    assert "Er is geen bedreigende situatie" in newest(client)


def test_a_page_that_somebody_removed_is_made_again(
    office: Office, client: SyncPrefectClient, show_case: Callable[[FlowRun, str], None]
) -> None:
    """What was removed in Prefect comes back at the next change."""
    office.casework.open("M3", municipality=THE_HAGUE, reference="A-1")
    run = a_run(client, "M3 weg")
    show_case(run, "M3")
    for page in client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["zaak-a-1"]))
    ):
        client.delete_artifact(page.id)
    office.casework.report("A-1", "aanmelding_geregistreerd", process="M3")
    show_case(run, "M3")
    assert "Aanmelding geregistreerd" in newest(client)


def test_no_event_says_what_a_page_says(
    office: Office, client: SyncPrefectClient, show_case: Callable[[FlowRun, str], None]
) -> None:
    """Prefect's own client repeats a whole page in an event; ours tells nothing."""
    office.casework.open("M3", municipality=THE_HAGUE, reference="A-1")
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prefect.events.utilities.emit_event", lambda **event: told.append(event["event"]))
        show_case(a_run(client, "M3 stil"), "M3")
    assert told == []

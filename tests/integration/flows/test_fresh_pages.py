"""The pages that the worker keeps as they are now, on a real Prefect server and with a clock that is set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from adapters.cases.caseload import Caseload
from adapters.storage.database import writing
from adapters.storage.exchange_tables import PostbakRow
from flows import fresh_pages
from flows.fresh_pages import LOOK_SECONDS, FreshPages
from flows.report_pages import OVERVIEW, workload_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.client.orchestration import SyncPrefectClient
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

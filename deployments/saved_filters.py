"""Put the coordinators' views into Prefect as saved filters of the run list, and write the front page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.office import office
from flows.reports import publish_overview
from flows.views import BY_MILESTONE, FIRST_DAY, LAST_DAY, VIEWS

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flows.views import View

_MOST = 200


def deploy_views(client: SyncPrefectClient) -> list[str]:
    """Make each saved filter that is not there; one that somebody changed stays as it is."""
    # Prefect's client has no methods for saved searches.
    answer = client.request("POST", "/saved_searches/filter", json={"limit": _MOST}).raise_for_status()
    known = {item["name"] for item in answer.json()}
    missing = [view for view in (*VIEWS, *BY_MILESTONE) if view.name not in known]
    for view in missing:
        body = {"name": view.name, "filters": filters_of(view)}
        client.request("PUT", "/saved_searches/", json=body).raise_for_status()
    publish_overview(office(), client)
    return [view.name for view in missing]


def filters_of(view: View) -> list[dict[str, Any]]:
    """Return a view in the form in which the run list keeps its own filters."""
    always = {"type": "range", "startDate": FIRST_DAY, "endDate": LAST_DAY}
    return [
        {"object": "flowRun", "property": name, "type": "", "operation": "", "value": value}
        for name, value in (("tag", list(view.tags)), ("range", always))
    ]

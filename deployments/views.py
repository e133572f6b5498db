"""Put the coordinators' views into Prefect as saved filters of the run list, and write the front page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.office import office
from flows.reports import publish_overview
from flows.views import BY_MILESTONE, FIRST_DAY, LAST_DAY, VIEWS

if TYPE_CHECKING:
    import httpx
    from prefect.client.orchestration import SyncPrefectClient

    from flows.views import View

_MOST = 200


def deploy_views(client: SyncPrefectClient) -> list[str]:
    """Make each saved filter that is not there; one that somebody changed stays as it is."""
    known = {item["name"] for item in _call(client, "POST", "/saved_searches/filter", {"limit": _MOST})}
    missing = [view for view in (*VIEWS, *BY_MILESTONE) if view.name not in known]
    for view in missing:
        _call(client, "PUT", "/saved_searches/", {"name": view.name, "filters": filters_of(view)})
    publish_overview(office(), client)
    return [view.name for view in missing]


def filters_of(view: View) -> list[dict[str, Any]]:
    """Give a view in the form in which the run list keeps its own filters."""
    always = {"type": "range", "startDate": FIRST_DAY, "endDate": LAST_DAY}
    return [
        {"object": "flowRun", "property": name, "type": "", "operation": "", "value": value}
        for name, value in (("tag", list(view.tags)), ("range", always))
    ]


def _call(client: SyncPrefectClient, method: str, path: str, body: dict[str, Any]) -> Any:
    # Prefect's client has no methods for saved searches; its own connection knows address and key.
    response: httpx.Response = client._client.request(method, path, json=body)  # noqa: SLF001
    response.raise_for_status()
    return response.json()

"""Write pages of Prefect: artifacts, without the event in which Prefect's client repeats all that a page says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate


def create_page(client: SyncPrefectClient, page: ArtifactCreate) -> UUID:
    """Make a page, the newest of its key; return its id. HTTPError when the server does not take it."""
    response = client.request("POST", "/artifacts/", json=page.model_dump(mode="json", exclude_unset=True))
    return UUID(response.json()["id"])


def update_page(client: SyncPrefectClient, page_id: UUID, page: ArtifactUpdate) -> None:
    """Let a page say something else. HTTPStatusError 404 when it is gone."""
    client.request(
        "PATCH",
        "/artifacts/{id}",
        path_params={"id": page_id},
        json=page.model_dump(mode="json", exclude_unset=True),
    )

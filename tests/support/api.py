"""The API for tests: a client of it, a case opened by it, and what it wrote."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlmodel import func, select
from starlette.testclient import TestClient

from adapters.api import create_api
from adapters.exchange.clients import first_key_file
from adapters.storage.database import CaseRow, JournalRow, reading
from adapters.storage.exchange_tables import AnswerRow, OutgoingEventRow

if TYPE_CHECKING:
    from adapters.office import Office

NOW = datetime(2026, 3, 9, 9, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))


def caller(office: Office, key: str | None = None, **options: Any) -> TestClient:
    """Return the API on an office, with the key of the first client or another one."""
    app = create_api(office)
    chosen = key or first_key_file(office).read_text()
    return TestClient(app, headers={"X-API-Key": chosen}, **options)


def whole(described: dict[str, Any]) -> dict[str, Any]:
    """Return a description with every path in full, because not every operation has the address of the others."""
    (server,) = described["servers"]
    paths = {
        path
        if any("servers" in operation for operation in methods.values())
        else f"{server['url']}{path}": methods
        for path, methods in described["paths"].items()
    }
    return {**described, "paths": paths, "servers": [{"url": "/"}]}


def opened(api: TestClient, **fields: Any) -> str:
    """Open a case and give its reference."""
    answer = api.post("/v1/zaken", json={"mijlpaal": "M3", **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["zaak"])


def rows(office: Office) -> list[int]:
    """Count all that an accepted request would have written."""
    with reading(office.engine) as session:
        tables = (CaseRow, JournalRow, OutgoingEventRow, AnswerRow)
        return [session.exec(select(func.count()).select_from(table)).one() for table in tables]

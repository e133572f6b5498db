"""What `routekaart controleer` asks Prefect: does it answer, and is what would overload it switched off."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from sqlmodel import select

from adapters.operations.sentences import said_of_prefect
from adapters.runtime.credential import Credential
from adapters.storage.database import ProcessRow, reading
from deployments.closed import CLIENT
from deployments.environment import names_other_server, prefect_environment
from deployments.prefect_database import refuse_unfit_database
from milestones.counting import is_or_are, so_many
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office
    from adapters.runtime.settings import Settings

# Who is there says so at once; a server on a busy machine may take his time over an answer.
_PATIENCE = httpx.Timeout(30.0, connect=3.0)
_PAGE = 200
_MEANWHILE = "Zaken worden intussen bewaard en niet getoond."
_EXPIRED_PAUSES = "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED"


def stranger_problems(office: Office) -> Iterator[str]:
    """Say how many live runs in Prefect show no process of this case database."""
    environment = prefect_environment(office.settings)
    with reading(office.engine) as session:
        known = set(session.exec(select(ProcessRow.flow_run_id)))
    try:
        strangers = sum(run not in known for run in _live_runs(environment))
    except httpx.ReadTimeout as error:
        yield said_of_prefect(environment["PREFECT_API_URL"], error)
        return
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return  # that it does not answer is said elsewhere
    if strangers:
        yield (
            f"{so_many(strangers, 'flow run')} in Prefect {is_or_are(strangers, 'hoort', 'horen')} bij geen "
            "proces in deze database. Horen Prefect en deze database bij elkaar? Zo ja, beëindig die runs: "
            "routekaart herstel --vreemde-runs."
        )


def _live_runs(environment: dict[str, str]) -> Iterator[str]:
    """Yield the ids of the live runs of our flows; one that was made a moment ago may not be linked yet."""
    before = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    asked = {
        "flow_runs": {
            "state": {"type": {"any_": ["PAUSED", "SCHEDULED", "RUNNING", "PENDING"]}},
            "expected_start_time": {"before_": before},
        },
        "sort": "ID_DESC",
        "limit": _PAGE,
    }
    offset = 0
    while True:
        answer = httpx.post(
            f"{environment['PREFECT_API_URL']}/flow_runs/filter",
            headers=_shown(environment),
            json=asked | {"offset": offset},
            timeout=_PATIENCE,
        )
        runs = answer.raise_for_status().json()
        yield from (run["id"] for run in runs if {"zaak", "proces"} <= set(run["parameters"]))
        if len(runs) < _PAGE:
            return
        offset += _PAGE


def prefect_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with Prefect. The embedded server may simply not run: that is no problem."""
    environment = prefect_environment(settings)
    url = environment["PREFECT_API_URL"]
    try:
        asked = httpx.get(f"{url}/admin/settings", headers=_shown(environment), timeout=_PATIENCE)
        answer = asked.raise_for_status().json()
        expires = answer["server"]["services"]["pause_expirations"]["enabled"]
    except httpx.HTTPError as error:
        if isinstance(error, httpx.HTTPStatusError | httpx.ReadTimeout) or names_other_server(
            environment, settings
        ):
            yield f"{said_of_prefect(url, error)} {_MEANWHILE}"
        else:
            yield from _why_our_own_would_not_start(settings)
        return
    except (ValueError, KeyError, TypeError):
        yield f"Op {url} antwoordt iets dat geen Prefect-server is. {_MEANWHILE}"
        return
    yield from _page_problems(url, environment)
    if expires:
        yield (
            f"De Prefect-server leest elke vijf seconden alle geparkeerde runs. Zet {_EXPIRED_PAUSES} op false, bij "
            "elke server en bij de services."
        )


def _page_problems(url: str, environment: dict[str, str]) -> Iterator[str]:
    """Say so when the server answers and has no pages, as when it could not put them anywhere."""
    try:
        page = httpx.get(
            f"{url.removesuffix('/api')}/v2/",
            headers=_shown(environment),
            timeout=_PATIENCE,
            follow_redirects=True,
        )
    except httpx.HTTPError:
        return
    if page.status_code == httpx.codes.NOT_FOUND:
        yield (
            "De Prefect-server heeft geen pagina's. Noem bij die server in PREFECT_SERVER_UI_STATIC_DIRECTORY een map "
            "waar hij mag schrijven."
        )


def _why_our_own_would_not_start(settings: Settings) -> Iterator[str]:
    try:
        refuse_unfit_database(settings)
    except Refusal as refusal:
        yield str(refusal)


def _shown(environment: dict[str, str]) -> dict[str, str]:
    """Return the header with which a machine comes in at Prefect."""
    credential = environment.get(CLIENT) or os.environ.get(CLIENT)
    return {} if credential is None else {"Authorization": Credential(credential).header.decode()}

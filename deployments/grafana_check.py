"""Whether Grafana, which shows figures of cases, asks who comes: for `controleer` and for every start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.runtime.settings import Settings

_PATIENCE = httpx.Timeout(10.0, connect=2.0)
_FIRST_ACCOUNT = ("admin", "admin")  # what Grafana makes where nobody chose a password


def grafana_problems(settings: Settings) -> Iterator[str]:
    """Yield what would let anybody in at Grafana; one that does not answer lets nobody in."""
    if settings.grafana_url is None:
        return
    asked = f"{settings.grafana_url.rstrip('/')}/api/org"  # which organisation somebody is in: of nobody 401
    try:
        with httpx.Client(timeout=_PATIENCE) as web:
            if web.get(asked).is_success:
                yield (
                    f"Iedereen kan zonder wachtwoord in Grafana op {settings.grafana_url}. Zet daar "
                    "GF_AUTH_ANONYMOUS_ENABLED op false."
                )
            elif web.get(asked, auth=_FIRST_ACCOUNT).is_success:
                yield (
                    f"Grafana op {settings.grafana_url} heeft nog het wachtwoord van de fabriek. Kies een ander met "
                    "GF_SECURITY_ADMIN_PASSWORD, of met: grafana cli admin reset-admin-password"
                )
    except (httpx.HTTPError, httpx.InvalidURL):
        return

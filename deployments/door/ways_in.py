"""How people come in, according to the settings: local accounts, a login service, or a proxy that logs them in.

Whoever can reach a server from another machine has to say who he is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.cases.person_code import default_form
from adapters.runtime.credential import SHORTEST_SECRET
from adapters.runtime.networks import is_loopback
from adapters.runtime.settings import SettingsError
from adapters.runtime.staff import StaffFile
from deployments.door.accounts import FILE, AccountFile, Accounts
from deployments.door.openid_login import OpenIdLogin
from deployments.door.provider import Provider
from deployments.door.trusted_proxy import TrustedProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.runtime.credential import Credential
    from adapters.runtime.settings import Settings
    from deployments.door.sessions import Sessions

_NO_LOGIN = (
    "Prefect is te bereiken vanaf andere machines ({where}), en niemand hoeft te zeggen wie hij is. Zet "
    "ROUTEKAART_STAFF_FILE, en daarbij ROUTEKAART_OIDC_ISSUER, ROUTEKAART_PROXY_SECRET of een account "
    "(routekaart wachtwoord CODE)."
)
_ONE_ADDRESS = (
    "Achter de proxy hebben alle mensen hetzelfde adres: wie een wachtwoord raadt, laat ook anderen wachten. Zet het "
    "adres van de proxy in ROUTEKAART_TRUSTED_PROXIES, en laat hem X-Forwarded-For meesturen."
)


def login_problems(settings: Settings, host: str) -> Iterator[str]:
    """Yield what would let somebody in at a server that listens on this address without a name of his own."""
    try:
        accounts_of(settings)
        _check_service(settings)
        _check_proxy(settings)
    except SettingsError as error:
        yield str(error)
        return
    ui = urlsplit(settings.prefect_ui).hostname or ""
    where = next((name for name in (host, ui) if not is_loopback(name)), None)
    if where is not None and not has_login(settings):
        yield _NO_LOGIN.format(where=where)


def proxy_problems(settings: Settings) -> Iterator[str]:
    """Yield what makes all people look as one, so that who guesses a password makes the others wait."""
    behind = urlsplit(settings.prefect_ui).scheme == "https"  # we have no TLS ourselves
    if behind and not settings.trusted_proxies and accounts_of(settings) is not None:
        yield _ONE_ADDRESS


def has_login(settings: Settings) -> bool:
    """Whether people log in, in whatever way."""
    if settings.oidc_issuer is not None or settings.proxy_secret is not None:
        return True
    return accounts_of(settings) is not None


def accounts_of(settings: Settings) -> Accounts | None:
    """Return the local accounts, when there are any; who has one must stand in the file of staff."""
    file = AccountFile(settings.home_folder / FILE)
    return Accounts(file) if settings.staff_file is not None and file.hashes() else None


def service_of(
    settings: Settings,
    credential: Credential,
    staff: StaffFile,
    sessions: Sessions,
    port: int,
    is_worker: Callable[[str], bool] = default_form,
) -> OpenIdLogin | None:
    """Return the login service, where there is one. Raises SettingsError."""
    provider = _check_service(settings)
    if provider is None:
        return None
    return OpenIdLogin(
        provider,
        credential,
        settings.prefect_ui,
        sessions.once,
        staff.book,
        settings.person_secret,
        settings.oidc_scope,
        port,
        is_worker,
    )


def proxy_of(
    settings: Settings, staff: StaffFile, is_worker: Callable[[str], bool] = default_form
) -> TrustedProxy | None:
    """Return the proxy that logs people in, where there is one. Raises SettingsError."""
    _check_proxy(settings)
    if settings.proxy_secret is None:
        return None
    secret = settings.proxy_secret.get_secret_value().strip()
    return TrustedProxy(secret, staff.book, settings.person_secret, is_worker)


def _check_service(settings: Settings) -> Provider | None:
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise SettingsError(
            "Bij ROUTEKAART_OIDC_ISSUER hoort ROUTEKAART_OIDC_CLIENT_ID: de naam waaronder de inlogdienst ons kent."
        )
    _check_staff(settings, "ROUTEKAART_OIDC_ISSUER")
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer, settings.oidc_client_id, None if secret is None else secret.get_secret_value()
    )


def _check_proxy(settings: Settings) -> None:
    if settings.proxy_secret is None:
        return
    if settings.oidc_issuer is not None:
        raise SettingsError(
            "Kies ROUTEKAART_OIDC_ISSUER of ROUTEKAART_PROXY_SECRET: het bestand van medewerkers is van een van beide."
        )
    if len(settings.proxy_secret.get_secret_value().strip().encode()) < SHORTEST_SECRET:
        raise SettingsError(
            f"ROUTEKAART_PROXY_SECRET is te kort om geheim te blijven: het heeft ten minste {SHORTEST_SECRET} tekens."
        )
    _check_staff(settings, "ROUTEKAART_PROXY_SECRET")


def _check_staff(settings: Settings, name: str) -> None:
    if settings.staff_file is None:
        raise SettingsError(
            f"Bij {name} hoort ROUTEKAART_STAFF_FILE: wie wat mag, staat in het bestand van medewerkers."
        )
    StaffFile(settings.staff_file).book()

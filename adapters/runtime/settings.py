"""Settings: `ROUTEKAART_*` variables, or `routekaart.toml` in the home folder, with safe defaults.

The embedded default needs no setting at all: data in `~/.routekaart`, SQLite, servers on loopback.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import tempfile
from contextlib import suppress
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as PydanticSettingsError,
)
from sqlalchemy.engine import URL

from adapters.runtime.database_address import AddressError, database_address, sqlite_address
from adapters.runtime.home import expanded, home_of_environment
from adapters.runtime.networks import in_url, is_address, loopback
from adapters.runtime.toml_files import TomlError, read_toml
from adapters.runtime.toml_lines import TomlLines
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyName = Literal["person", "link", "integration"]
KEY_FILES: Mapping[KeyName, str] = MappingProxyType(
    {"person": "persoonssleutel", "link": "overdrachtsleutel", "integration": "integratiesleutel"}
)
_Port = Annotated[int, Field(ge=1, le=65535)]


def _network(value: str) -> str:
    ip_network(value)  # a ValueError names no secret
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error:
        raise ValueError("geen patroon") from None
    return value


def _or_none(value: object) -> object:
    """Take an empty variable for none: that is how a list of variables of containers leaves one out."""
    return None if value == "" else value


def _address(value: str) -> str:
    if not is_address(value):
        raise PydanticCustomError("address", "geen adres")
    return value


_Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]


class SettingsError(Refusal, ValueError):
    """Settings that cannot be used: one Dutch sentence that names the setting."""


class DdasContact(BaseModel):
    """Whom CBS may ask about a DDAS delivery; a person of the organisation, not a client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    naam: str
    email: str | None = None
    telefoonnummer: str | None = None
    functietitel: str | None = None


class _HomeFile(TomlConfigSettingsSource):
    """`routekaart.toml` in the home folder, as people save it."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            return read_toml(file_path)[0]
        except TomlError as error:
            raise SettingsError(error.sentence) from None


class Settings(BaseSettings):
    """All that can be set. Each field is a `ROUTEKAART_<FIELD>` variable or a key in routekaart.toml."""

    model_config = SettingsConfigDict(env_prefix="ROUTEKAART_", extra="forbid", frozen=True)

    home: Path = Path("~/.routekaart")
    database_url: str | None = None
    # Where our tables are in PostgreSQL, for a user who may make none in `public`.
    database_schema: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] | None = None
    municipality: Annotated[str, Field(pattern=r"^[0-9]{4}$")] = "0000"
    prefect_port: _Port = 4200
    api_port: _Port = 4280
    refuse_invalid_bsn: bool = False
    recipients_file: Path | None = None
    # Texts of messages of the municipality itself, in the place of ours.
    texts_folder: Path | None = None
    # The colours of our pages: a file of tokens of NL Design System.
    theme_file: Path | None = None
    # The address of the API as receivers of messages reach it, and the key of the links in those messages. API
    # and workers on several machines need the same key.
    api_url: _Address | None = None
    link_key: SecretStr | None = None
    policy_folder: Path | None = None
    # Who works here, with roles per gemeentecode.
    staff_file: Path | None = None
    # The login service (OpenID Connect), as it knows us. A client without a secret is a public one.
    oidc_issuer: Annotated[str | None, BeforeValidator(_or_none)] = None
    oidc_client_id: Annotated[str | None, BeforeValidator(_or_none)] = None
    oidc_client_secret: Annotated[SecretStr | None, BeforeValidator(_or_none)] = None
    oidc_scope: Annotated[str, Field(pattern=r"^openid( [!-~]+)*$")] = "openid"
    # What a proxy that logs people in shows with each request.
    proxy_secret: Annotated[SecretStr | None, BeforeValidator(_or_none)] = None
    # When a session ends: so long after somebody came in, and so long after he last did something himself.
    session_hours: Annotated[float, Field(gt=0, le=24)] = 12
    session_idle_minutes: Annotated[float, Field(gt=0, le=1440)] = 60
    # The key of the keyed hash that stands for a BSN. Without a setting the home folder keeps a random one.
    person_key: SecretStr | None = None
    # Whether each municipality has a key of its own, derived from it: then nobody links a person over municipalities.
    person_key_per_municipality: bool = False
    # The public address of the Prefect UI, for the links in messages.
    ui_url: _Address | None = None
    # Where the API listens, and the port of a worker for figures and health; without a port a worker has none.
    listen: str = Field(default_factory=loopback)
    worker_port: _Port | None = None
    # The name of a worker in Prefect. Two workers on one machine need two names.
    worker_name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    # Whether a worker that starts brings the deployments up to date. With several workers a job does that once.
    deploy_on_start: bool = True
    # Logs: JSON lines, or lines to read; "auto" is to read on a terminal. Services say what they do, commands little.
    log_format: Literal["auto", "json", "tekst"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    worker_concurrency: Annotated[int, Field(ge=1, le=64)] | None = None
    # How long a worker that died keeps others from a process, and how often the runs in Prefect are checked.
    lease_seconds: Annotated[float, Field(ge=2, le=3600)] = 60
    clock_jump_days: Annotated[int, Field(ge=1, le=400)] = 7
    reconcile_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    # How long the case database may keep a writer waiting before the API answers 503.
    database_wait_seconds: Annotated[float, Field(ge=0.1, le=300)] = 20
    # How many versions of each page Prefect keeps; the journal keeps everything.
    page_versions: Annotated[int, Field(ge=1, le=10_000)] = 20
    # How long we keep messages and events that were dealt with, and Prefect the runs of processes that ended.
    keep_messages_days: Annotated[int, Field(ge=31, le=3660)] = 365
    # How long we keep who looked at a case.
    keep_looks_days: Annotated[int, Field(ge=31, le=7320)] = 1826
    keep_ended_runs_days: Annotated[int, Field(ge=1, le=3660)] = 90
    # How long Prefect keeps how a run came where it is: earlier states, lines of its log, task runs.
    keep_run_history_days: Annotated[int, Field(ge=1, le=3660)] = 30
    # Where the signed heads of the journal are kept, such as a disk that the database server does not reach.
    chain_heads_file: Path | None = None
    # Where the records of destroyed cases are kept outside the database, so that no backup brings one back.
    destroyed_cases_file: Path | None = None
    # Whether cases are removed when their archive term is over; without that they stand on a list.
    remove_cases_after_term: bool = False
    # Earlier keys of the hash of a BSN: a person who is known under one of them is still recognised.
    person_keys_old: tuple[SecretStr, ...] = ()
    # The secret behind those of clients and subscribers; without it the home folder keeps one.
    integration_key: SecretStr | None = None
    # Earlier ones, valid beside it until nobody uses them any more.
    integration_keys_old: tuple[SecretStr, ...] = ()
    # Of which gemeentecodes an inwoner may see his own case on a page, with the number that he calls; and for how long.
    resident_pages: dict[
        Annotated[str, Field(pattern=r"^[0-9]{4}$")],
        Annotated[str, Field(pattern=r"^\+?[0-9][0-9 -]{1,18}$")],
    ] = {}
    resident_page_days: Annotated[int, Field(ge=1, le=366)] = 90
    # The API: how much at once, how large, and how old a signed token may be.
    api_requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 100
    api_largest_body: Annotated[int, Field(ge=1_000)] = 1_000_000
    api_largest_delivery: Annotated[int, Field(ge=1_000)] = 500_000_000
    # Who runs the API, for the description: the design rules ask for an address.
    api_contact: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = "beheer@example.nl"
    # The form of references of other systems that are kept readable; any other is kept as a keyed hash.
    reference_pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    # Networks inside that a webhook may go to, such as 10.20.0.0/16; without them only public addresses.
    webhook_networks: tuple[Network, ...] = ()
    # Where Grafana is: a start looks whether it asks for a password.
    grafana_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    # Whose X-Forwarded-For is believed.
    trusted_proxies: tuple[Network, ...] = ()
    api_token_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    # Which message of another system stands for which event; without it the table that comes along.
    events_file: Path | None = None
    # "module:function" that gives the details of a notification, that gives the notifications since a moment,
    # and that gives the person fields of a DDAS delivery.
    notification_plugin: str | None = None
    reconciliation_plugin: str | None = None
    person_plugin: str | None = None
    # To which zaaksysteem we write back, and what stands for which statustype and resultaattype; without it nothing.
    case_system_file: Path | None = None
    # Who delivers to DDAS: the organisation and the persons whom CBS may ask.
    ddas_organisation: str | None = None
    ddas_kvk_number: Annotated[str, Field(pattern=r"^[0-9]{8}$")] | None = None
    # An RSA key and its chain of certificates (PEM) with which what CBS fetches is signed.
    ddas_signing_key: Path | None = None
    ddas_certificates: Path | None = None
    ddas_contacts: tuple[DdasContact, ...] = ()
    # CBS gets the last whole period of so many months when it names none.
    ddas_period_months: Literal[1, 3, 6, 12] = 6
    # A vroegsignaal of the same partner about the same arrears is a repeat for this long.
    repeat_months: Annotated[int, Field(ge=0, le=60)] = 6

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let variables go before the file in the home folder."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _HomeFile(settings_cls, home_of_environment() / "routekaart.toml")

    @property
    def home_folder(self) -> Path:
        """The home folder, absolute; `ensure_home` makes it."""
        return expanded(self.home).absolute()

    def ensure_home(self) -> Path:
        """Make the home folder, for this user alone, and give it."""
        self.home_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.home_folder

    @property
    def database(self) -> URL:
        """The address of the case database; SQLite in the home folder by default. Raises SettingsError."""
        if self.database_url is None:
            return sqlite_address(self.home_folder / "zaken.db")
        try:
            return database_address(self.database_url)
        except AddressError as error:
            raise SettingsError(f"De instelling ROUTEKAART_DATABASE_URL klopt niet. {error}") from None

    @property
    def prefect_ui(self) -> str:
        """The address of the Prefect UI."""
        return (self.ui_url or f"http://{in_url(loopback())}:{self.prefect_port}").rstrip("/")

    def prefect_page(self, path: str) -> str:
        """Return the address of a page in the UI that we lead people to, the second one (decision 9)."""
        return f"{self.prefect_ui}/v2/{path}"

    def own_page(self, path: str) -> str:
        """Return the address of a page of ours behind the door, where who reads Prefect is in already."""
        return f"{self.prefect_ui}{path}"

    @property
    def public_api(self) -> str:
        """The address of the API in the links that messages carry."""
        return (self.api_url or f"http://{in_url(loopback())}:{self.api_port}").rstrip("/")

    def prefect_credential(self) -> str:
        """Return what a machine shows to the embedded Prefect server; made on first use."""
        return f"routekaart:{secret_file(self.ensure_home() / 'prefect-sleutel').decode()}"

    @property
    def messages_file(self) -> Path:
        """Where messages go while nobody is configured to receive them."""
        return self.home_folder / "berichten.jsonl"

    @property
    def heads_file(self) -> Path:
        """Where the signed heads of the journal are kept, outside the database."""
        return self.chain_heads_file or self.home_folder / "journaalkoppen.jsonl"

    @property
    def destroyed_file(self) -> Path:
        """Where the records of destroyed cases are kept, outside the database."""
        return self.destroyed_cases_file or self.home_folder / "vernietigd.jsonl"

    def old_person_secrets(self) -> tuple[bytes, ...]:
        """Return the earlier secrets of the keyed hash: those that were set, and those in the home folder."""
        return self._old_secrets("person", self.person_keys_old)

    def integration_secrets(self) -> tuple[bytes, ...]:
        """Return the secret behind those of clients and subscribers, and after it those that are still recognised."""
        return self.integration_secret(), *self._old_secrets("integration", self.integration_keys_old)

    def _old_secrets(self, kind: KeyName, given: tuple[SecretStr, ...]) -> tuple[bytes, ...]:
        kept = self.key_file(kind).with_suffix(".oud")
        lines = kept.read_bytes().split() if kept.exists() and getattr(self, f"{kind}_key") is None else []
        return (*(key.get_secret_value().encode() for key in given), *reversed(lines))

    def link_secret(self) -> bytes:
        """Return the secret of the links in messages; see `secret` for all three."""
        return self.secret("link")

    def person_secret(self) -> bytes:
        """Return the secret of the keyed hash that stands for a BSN."""
        return self.secret("person")

    def integration_secret(self) -> bytes:
        """Return the secret from which the secrets of clients and subscribers are derived."""
        return self.secret("integration")

    def secret(self, kind: KeyName) -> bytes:
        """Return a secret: that of the setting, or of the home folder.

        A case database in a file of this machine gets one on first use. One that other machines may use as well is a
        SettingsError: a secret of this machine alone would make other pseudonyms and other links than theirs.
        """
        given: SecretStr | None = getattr(self, f"{kind}_key")
        if given is not None:
            return given.get_secret_value().encode()
        file = self.key_file(kind)
        if not file.exists() and self.database.get_backend_name() != "sqlite":
            raise SettingsError(
                f"De instelling ROUTEKAART_{kind.upper()}_KEY ontbreekt. Deze zakendatabase kan van meer machines "
                "zijn: geef elke machine dezelfde sleutel."
            )
        self.ensure_home()
        return secret_file(file)

    def key_file(self, kind: KeyName) -> Path:
        """Return the file in the home folder that holds a secret without a setting."""
        return self.home_folder / KEY_FILES[kind]


def secret_file(path: Path, new: str | None = None) -> bytes:
    """Return the secret in a file, made on first use (this one, or a random one), readable for this user alone.

    Of two that make it at the same time one wins, and neither ever reads a file that is not written yet.
    """
    if not path.exists():
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # for this user alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write((new or secrets.token_hex(32)).encode())
                file.flush()
                os.fsync(handle)
            with suppress(FileExistsError):
                os.link(made, path)
        finally:
            Path(made).unlink()
    if not (secret := path.read_bytes().strip()):
        raise SettingsError(f"Het bestand {path} is leeg: zet de sleutel terug die erin hoort.")
    return secret


@cache
def settings() -> Settings:
    """Return the settings of this process; wrong ones are a SettingsError that says where and what to write."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explained(error.errors(include_url=False)[0])) from None
    except PydanticSettingsError as error:  # a list or a number that is no JSON
        name = next((field for field in Settings.model_fields if f'"{field}"' in str(error)), "")
        raise SettingsError(
            f"De instelling ROUTEKAART_{name.upper()} klopt niet: schrijf een JSON-lijst."
        ) from None


def _explained(first: ErrorDetails) -> str:
    """Say which setting is wrong, where it stands, and what it must be; never its value, which may be a secret."""
    name = str(first["loc"][0])
    variable = f"ROUTEKAART_{name.upper()}"
    if variable in {written.upper() for written in os.environ}:
        return f"De instelling {variable} klopt niet: {_wanted(first)}."
    file = home_of_environment() / "routekaart.toml"
    line = TomlLines(read_toml(file)[1]).of((name,)) if file.exists() else None
    place = f"{file.name}, regel {line}" if line else file.name
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, 1)
        return f"{place}: de instelling {name} bestaat niet" + (f"; bedoelt u {near[0]}?" if near else ".")
    value = first.get("input")
    if (
        first["type"] == "string_type"
        and isinstance(value, int | float)
        and not name.endswith(("key", "keys_old"))
    ):
        return f'{place}: zet de waarde tussen aanhalingstekens: {name} = "{value}".'
    return f"{place}: de instelling {name} klopt niet: {_wanted(first)}."


def _wanted(first: ErrorDetails) -> str:
    """Say in Dutch what a value must be."""
    bounds = first.get("ctx", {})
    kind = first["type"]
    if kind == "literal_error":
        return f"kies uit {bounds['expected'].replace(' or ', ' of ')}"
    for name, words in _BOUNDS.items():
        if name in bounds:
            return words.format(bounds[name])
    for start, words in _WANTED.items():
        if kind.startswith(start):
            return words
    return "deze waarde kan hier niet"


_BOUNDS = {
    "ge": "het moet minstens {} zijn",
    "gt": "het moet meer dan {} zijn",
    "le": "het mag hoogstens {} zijn",
    "lt": "het moet minder dan {} zijn",
    "min_length": "het moet minstens {} tekens hebben",
    "max_length": "het mag hoogstens {} tekens hebben",
}
_WANTED = {
    "string_pattern": "de vorm klopt niet (een gemeentecode heeft vier cijfers, zoals 0518)",
    "int": "schrijf een heel getal",
    "float": "schrijf een getal",
    "bool": "schrijf true of false",
    "path": "schrijf een pad",
    "string": "schrijf tekst",
    "tuple": "schrijf een lijst",
    "address": "schrijf een adres, zoals https://prefect.gemeente.nl",
}

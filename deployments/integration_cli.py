"""The commands around other systems: clients, subscriptions, the postbak, exports and the person key."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from adapters.runtime.settings import KEY_FILES

if TYPE_CHECKING:
    from adapters.office import Office

out = Console(highlight=False, soft_wrap=True)


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


client_app = _group("Systemen die de API mogen gebruiken.")
subscription_app = _group("Systemen die onze gebeurtenissen krijgen.")
postbak_app = _group("Berichten die op een mens wachten.")
export_app = _group("Geeft wat wij hebben aan andere systemen.")
key_app = _group("De sleutel waarmee een BSN onherkenbaar wordt.")
keys_app = _group("De sleutels die bij de zakendatabase horen.")

GROUPS = {
    "client": client_app,
    "abonnement": subscription_app,
    "postbak": postbak_app,
    "exporteer": export_app,
    "persoonssleutel": key_app,
    "sleutel": keys_app,
}

Municipalities = Annotated[
    list[str] | None, typer.Option("--gemeente", metavar="CODE", help="Alleen deze gemeente; mag vaker.")
]


def _office() -> Office:
    from adapters.office import office  # noqa: PLC0415

    return office()


def _say(line: str) -> None:
    out.print(line, markup=False)


def _day(written: str | None) -> date | None:
    from adapters.exchange.refusals import IntegrationError  # noqa: PLC0415
    from milestones.civil_dates import civil_date  # noqa: PLC0415

    if written is None:
        return None
    found = civil_date(written)
    if found is None:
        raise IntegrationError(f"'{written}' is geen datum; schrijf jjjj-mm-dd.")
    return found


def _fields(written: str | None) -> dict[str, object] | None:
    from adapters.exchange.refusals import IntegrationError  # noqa: PLC0415

    if written is None:
        return None
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise IntegrationError('De gegevens zijn geen JSON-object; schrijf bijvoorbeeld {"grond": "fraude"}.')
    return found


# --- clients ------------------------------------------------------------------------------------------------


@client_app.command("nieuw")
def new_client_command(
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID", help="Bijvoorbeeld zaaksysteem.")],
    gemeente: Municipalities = None,
    mag: Annotated[
        list[str] | None,
        typer.Option(metavar="RECHT", help="Een gebeurtenis, open:M3, lezen, vroegsignalen of *; mag vaker."),
    ] = None,
) -> None:
    """Maak een client; de sleutel en het geheim staan er maar een keer."""
    from adapters.exchange.clients import new_client  # noqa: PLC0415

    made = new_client(_office(), client_id, tuple(gemeente or ("*",)), tuple(mag or ("*",)))
    _say(f"client_id    {made.client_id}")
    _say(f"API-sleutel  {made.api_key}")
    _say(f"JWT-geheim   {made.jwt_secret}")
    _say("Bewaar deze gegevens nu: wij kunnen de sleutel niet nog een keer laten zien.")


@client_app.command("lijst")
def list_clients_command() -> None:
    """Toon alle clients en wat ze mogen."""
    from adapters.exchange.clients import clients  # noqa: PLC0415

    for row in clients(_office()):
        state = "ingetrokken" if row.revoked_at else "actief"
        rights = f"gemeenten: {', '.join(row.municipalities)}  mag: {', '.join(row.events)}"
        _say(f"{row.client_id}  {state}  {rights}")


@client_app.command("intrekken")
def revoke_client_command(client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")]) -> None:
    """Laat een client niet meer toe."""
    from adapters.exchange.clients import revoke_client  # noqa: PLC0415

    revoke_client(_office(), client_id)
    _say(f"Client {client_id} is ingetrokken.")


# --- subscriptions ------------------------------------------------------------------------------------------


@subscription_app.command("nieuw")
def subscribe_command(
    naam: Annotated[str, typer.Argument(metavar="NAAM", help="Bijvoorbeeld dashboard.")],
    adres: Annotated[str, typer.Argument(metavar="URL", help="Waar de berichten heen gaan.")],
    soort: Annotated[
        list[str] | None, typer.Option(metavar="SOORT", help="Bijvoorbeeld mijlpaal-bereikt; mag vaker.")
    ] = None,
    gemeente: Municipalities = None,
) -> None:
    """Stuur onze gebeurtenissen naar een adres; het geheim van de handtekening staat er maar een keer."""
    from adapters.exchange.webhooks import subscribe  # noqa: PLC0415

    secret = subscribe(_office(), naam, adres, tuple(soort or ("*",)), tuple(gemeente or ("*",)))
    _say(f"abonnement  {naam}")
    _say(f"geheim      {secret}")


@subscription_app.command("lijst")
def list_subscriptions_command() -> None:
    """Toon alle abonnementen."""
    from adapters.exchange.webhooks import subscriptions  # noqa: PLC0415

    for row in subscriptions(_office()):
        state = "ingetrokken" if row.ended_at else "actief"
        wanted = f"{', '.join(row.types)}  gemeenten: {', '.join(row.municipalities)}"
        _say(f"{row.name}  {state}  {row.url}  {wanted}")


@subscription_app.command("intrekken")
def unsubscribe_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stop met een abonnement."""
    from adapters.exchange.webhooks import unsubscribe  # noqa: PLC0415

    unsubscribe(_office(), naam)
    _say(f"Abonnement {naam} is ingetrokken.")


@subscription_app.command("mislukt")
def dead_letters_command() -> None:
    """Toon de berichten die een abonnee niet aannam."""
    from adapters.exchange.webhooks import dead_letters  # noqa: PLC0415

    for delivery, event in dead_letters(_office()):
        given_up = delivery.gave_up_at.isoformat(timespec="seconds") if delivery.gave_up_at else ""
        _say(
            f"{delivery.subscription}  {event.case_reference}  {event.type}  {event.id}  "
            f"{delivery.attempts} pogingen  {delivery.last_result}  {given_up}"
        )


@subscription_app.command("opnieuw")
def try_again_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stuur alles wat een abonnee niet aannam nog een keer."""
    from adapters.exchange.webhooks import try_again  # noqa: PLC0415

    _say(f"{try_again(_office(), naam)} berichten gaan opnieuw naar {naam}.")


# --- postbak ------------------------------------------------------------------------------------------------


@postbak_app.command("lijst")
def list_postbak_command(
    alles: Annotated[bool, typer.Option("--alles", help="Ook wat al is afgehandeld.")] = False,
) -> None:
    """Toon de berichten die op een mens wachten."""
    from adapters.exchange.postbak import waiting  # noqa: PLC0415

    rows = waiting(_office(), everything=alles)
    for row in rows:
        about = f"  over {row.subject}" if row.subject else ""
        choices = f"  past bij {', '.join(row.candidates)}" if row.candidates else ""
        event = f"  betekent {row.event}" if row.event else ""
        outcome = f"  ({row.outcome})" if row.outcome else ""
        received = row.received_at.isoformat(timespec="seconds")
        origin = f"{row.kind}  van {row.source}{about}"
        _say(f"{row.id}  {received}  {origin}{event}{choices}  {row.reason}{outcome}")
    if not rows:
        _say("De postbak is leeg.")


@postbak_app.command("koppel")
def couple_command(
    nummer: Annotated[int, typer.Argument(metavar="NUMMER")],
    zaak: Annotated[str, typer.Argument(metavar="REF", help="De zaak waar het bericht bij hoort.")],
    gebeurtenis: Annotated[str | None, typer.Option(help="Wat het bericht betekent.")] = None,
    mijlpaal: Annotated[str | None, typer.Option(metavar="M3")] = None,
    op: Annotated[str | None, typer.Option(metavar="DATUM", help="De datum die telt.")] = None,
    gegevens: Annotated[
        str | None, typer.Option(metavar="JSON", help="De velden van de gebeurtenis.")
    ] = None,
    onthoud: Annotated[
        bool,
        typer.Option("--onthoud", help="Volgende berichten met deze verwijzing horen ook bij deze zaak."),
    ] = False,
) -> None:
    """Meld het bericht als gebeurtenis in een zaak."""
    from adapters.exchange.postbak import couple  # noqa: PLC0415

    receipt = couple(
        _office(),
        nummer,
        zaak,
        event=gebeurtenis,
        process=mijlpaal,
        on=_day(op),
        data=_fields(gegevens),
        remember=onthoud,
    )
    process = receipt.case.process(receipt.process)
    _say(f"{zaak} {process.name}: {process.state}")


@postbak_app.command("verwerp")
def put_aside_command(nummer: Annotated[int, typer.Argument(metavar="NUMMER")]) -> None:
    """Leg een bericht weg: er hoeft niets mee te gebeuren."""
    from adapters.exchange.postbak import put_aside  # noqa: PLC0415

    put_aside(_office(), nummer)
    _say(f"Bericht {nummer} is weggelegd.")


# --- export and key -----------------------------------------------------------------------------------------


@export_app.command("ddas")
def export_command(
    van: Annotated[str, typer.Option(metavar="DATUM", help="Eerste dag van de periode.")],
    tot: Annotated[str, typer.Option(metavar="DATUM", help="Laatste dag van de periode.")],
    soort: Annotated[
        str, typer.Option(help="schuldhulptrajecten of vroegsignaalzaken.")
    ] = "schuldhulptrajecten",
    uit: Annotated[Path | None, typer.Option(metavar="BESTAND", help="Anders naar het scherm.")] = None,
) -> None:
    """Geef een DDAS-levering; velden over personen komen uit het zaaksysteem, via een plug-in."""
    from adapters.exchange.ddas_export import Delivery, ExportError, export  # noqa: PLC0415

    if soort not in list(Delivery):
        raise ExportError(f"'{soort}' kan niet worden geleverd; kies uit {', '.join(Delivery)}.")
    start, end = _day(van), _day(tot)
    assert start is not None and end is not None  # noqa: S101, PT018 - both are given
    pieces = export(_office(), Delivery(soort), start, end)
    if uit is None:
        sys.stdout.writelines(pieces)
        return
    try:
        with uit.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError:
        raise ExportError(f"Het bestand {uit.name} is niet te schrijven.") from None


@key_app.command("vernieuw")
def renew_key_command() -> None:
    """Maak een nieuwe sleutel; de oude blijft, alleen om bekende inwoners te herkennen."""
    from adapters.exchange.refusals import IntegrationError  # noqa: PLC0415
    from adapters.runtime.persons import renew_key_file  # noqa: PLC0415
    from adapters.storage.keys import check_keys  # noqa: PLC0415

    office = _office()
    chosen = office.settings
    if chosen.person_key is not None:
        raise IntegrationError(
            "De sleutel staat in ROUTEKAART_PERSON_KEY: zet daar de nieuwe, en de oude in "
            "ROUTEKAART_PERSON_KEYS_OLD."
        )
    renew_key_file(chosen.ensure_home())
    check_keys(office.engine, chosen)
    _say("Er is een nieuwe sleutel. Wie onder de oude bekend is, wordt nog herkend.")


@keys_app.command("vervang")
def replace_key_command(
    naam: Annotated[
        str, typer.Argument(metavar="SLEUTEL", help=f"Een van: {', '.join(KEY_FILES.values())}.")
    ],
    ja: Annotated[bool, typer.Option("--ja", help="Vervang zonder te vragen.")] = False,
) -> None:
    """Vervang een sleutel die voorgoed weg is, of die niemand meer mag gebruiken; zegt eerst wat dat kost."""
    from adapters.exchange.refusals import IntegrationError  # noqa: PLC0415
    from adapters.office import open_office  # noqa: PLC0415
    from adapters.storage.keys import COSTS, replace_key  # noqa: PLC0415

    kind = next((kind for kind, name in KEY_FILES.items() if name == naam), None)
    if kind is None:
        raise IntegrationError(f"'{naam}' is geen sleutel; kies uit {', '.join(KEY_FILES.values())}.")
    office = open_office(any_keys=True)
    _say(COSTS[kind])
    if not ja and not typer.confirm("Doorgaan?"):
        raise typer.Abort
    replace_key(office.engine, office.settings, kind)
    _say(f"De {naam} van deze machine hoort nu bij de zakendatabase. Start elk proces opnieuw.")

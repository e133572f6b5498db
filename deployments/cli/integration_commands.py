"""The commands around other systems: clients, subscriptions, the postbak, exports and the person key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import agrees, data_from, day_from, optional_day_from, say, the_office
from deployments.cli.options import Number
from milestones.counting import is_or_are, so_many


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


client_app = _group("Systemen die de API mogen gebruiken.")
subscription_app = _group("Systemen die onze gebeurtenissen krijgen.")
postbak_app = _group("Berichten die op een mens wachten.")
case_system_app = _group("Het zaaksysteem waarin wij terugschrijven.")
export_app = _group("Geeft wat wij hebben aan andere systemen.")
key_app = _group("De sleutel waarmee een BSN onherkenbaar wordt.")
keys_app = _group("De sleutels die bij de zakendatabase horen.")

GROUPS = {
    "client": client_app,
    "abonnement": subscription_app,
    "postbak": postbak_app,
    "zaaksysteem": case_system_app,
    "exporteer": export_app,
    "persoonssleutel": key_app,
    "sleutel": keys_app,
}

Municipalities = Annotated[
    list[str] | None, typer.Option("--gemeente", metavar="CODE", help="Alleen deze gemeente; mag vaker.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, group in GROUPS.items():
        app.add_typer(group, name=name)


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
    from adapters.exchange.clients import new_client

    made = new_client(the_office(), client_id, tuple(gemeente or ("*",)), tuple(mag or ("*",)))
    say(f"client_id    {made.client_id}")
    say(f"API-sleutel  {made.api_key}")
    say(f"JWT-geheim   {made.jwt_secret}")
    say("Bewaar deze gegevens nu: wij kunnen de sleutel niet nog een keer laten zien.")


@client_app.command("lijst")
def list_clients_command() -> None:
    """Toon alle clients en wat ze mogen."""
    from adapters.exchange.clients import clients

    for row in clients(the_office()):
        state = "ingetrokken" if row.revoked_at else "actief"
        rights = f"gemeenten: {', '.join(row.municipalities)}  mag: {', '.join(row.events)}"
        say(f"{row.client_id}  {state}  {rights}")


@client_app.command("vernieuw")
def rotate_client_command(client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")]) -> None:
    """Geef een client een nieuwe sleutel en een nieuw geheim; de vorige blijven naast de nieuwe gelden."""
    from adapters.exchange.clients import rotate_client

    made = rotate_client(the_office(), client_id)
    say(f"API-sleutel  {made.api_key}")
    say(f"JWT-geheim   {made.jwt_secret}")
    say(
        f"De vorige gelden ook nog. Stop die, zodra ze nergens meer staan: routekaart client oude-weg {client_id}"
    )


@client_app.command("oude-weg")
def end_previous_key_command(client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")]) -> None:
    """Laat een client alleen nog toe met zijn nieuwste sleutel en geheim."""
    from adapters.exchange.clients import end_previous_key

    end_previous_key(the_office(), client_id)
    say(f"Van client {client_id} gelden alleen nog de nieuwste sleutel en het nieuwste geheim.")


@client_app.command("intrekken")
def revoke_client_command(client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID")]) -> None:
    """Laat een client niet meer toe."""
    from adapters.exchange.clients import revoke_client

    revoke_client(the_office(), client_id)
    say(f"Client {client_id} is ingetrokken.")


# --- subscriptions ------------------------------------------------------------------------------------------


@subscription_app.command("nieuw")
def subscribe_command(
    naam: Annotated[str, typer.Argument(metavar="NAAM", help="Bijvoorbeeld dashboard.")],
    adres: Annotated[str, typer.Argument(metavar="URL", help="Waar de berichten heen gaan.")],
    soort: Annotated[
        list[str] | None, typer.Option(metavar="SOORT", help="Bijvoorbeeld mijlpaal-bereikt; mag vaker.")
    ] = None,
    gemeente: Municipalities = None,
    autorisatie: Annotated[
        Path | None,
        typer.Option(metavar="BESTAND", help="TOML met soort = vast, zgw of oauth2, en wat daarbij hoort."),
    ] = None,
) -> None:
    """Stuur onze gebeurtenissen naar een adres; het geheim van de handtekening staat er maar een keer."""
    from adapters.exchange.subscriber_authorization import read_authorization
    from adapters.exchange.webhooks import subscribe

    shown = read_authorization(autorisatie) if autorisatie else None
    secret = subscribe(the_office(), naam, adres, tuple(soort or ("*",)), tuple(gemeente or ("*",)), shown)
    say(f"abonnement  {naam}")
    say(f"geheim      {secret}")


@subscription_app.command("lijst")
def list_subscriptions_command() -> None:
    """Toon alle abonnementen."""
    from adapters.exchange.webhooks import subscriptions

    for row in subscriptions(the_office()):
        state = "ingetrokken" if row.ended_at else "gepauzeerd" if row.paused_at else "actief"
        wanted = f"{', '.join(row.types)}  gemeenten: {', '.join(row.municipalities)}"
        say(f"{row.name}  {state}  {row.url}  {wanted}")


@subscription_app.command("intrekken")
def unsubscribe_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stop met een abonnement."""
    from adapters.exchange.webhooks import unsubscribe

    unsubscribe(the_office(), naam)
    say(f"Abonnement {naam} is ingetrokken.")


@subscription_app.command("pauzeer")
def pause_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stuur een tijd niets; wat er gebeurt, wacht op volgorde."""
    from adapters.exchange.webhooks import pause

    pause(the_office(), naam)
    say(f"Abonnement {naam} is gepauzeerd; verder gaan kan met: routekaart abonnement hervat {naam}")


@subscription_app.command("hervat")
def resume_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Ga verder na een pauze; wat wachtte, gaat eerst."""
    from adapters.exchange.webhooks import take_up_again

    take_up_again(the_office(), naam)
    say(f"Abonnement {naam} gaat verder.")


@subscription_app.command("test")
def try_out_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stuur nu een testbericht; zegt wat de ontvanger antwoordt."""
    from adapters.exchange.webhooks import SubscriptionError, try_out

    sent = try_out(the_office(), naam)
    if not sent.succeeded:
        raise SubscriptionError(f"Abonnement {naam} neemt het testbericht niet aan: {sent.result}.")
    say(f"Abonnement {naam} neemt het testbericht aan: {sent.result}.")


@subscription_app.command("autorisatie")
def authorize_command(
    naam: Annotated[str, typer.Argument(metavar="NAAM")],
    bestand: Annotated[Path | None, typer.Argument(metavar="BESTAND", help="Zonder bestand: geen.")] = None,
) -> None:
    """Geef een abonnement een andere autorisatie, of geen."""
    from adapters.exchange.subscriber_authorization import read_authorization
    from adapters.exchange.webhooks import authorize

    authorize(the_office(), naam, read_authorization(bestand) if bestand else None)
    say(f"Abonnement {naam} heeft {'een andere' if bestand else 'geen'} autorisatie.")


@subscription_app.command("nieuw-geheim")
def renew_secret_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Geef een abonnement een nieuw geheim; het vorige telt nog mee tot de volgende keer."""
    from adapters.exchange.webhooks import renew_secret

    say(f"geheim      {renew_secret(the_office(), naam)}")


@subscription_app.command("oude-weg")
def end_previous_secret_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Onderteken alleen nog met het nieuwste geheim."""
    from adapters.exchange.webhooks import end_previous_secret

    end_previous_secret(the_office(), naam)
    say(f"Berichten voor {naam} zijn alleen nog ondertekend met het nieuwste geheim.")


@subscription_app.command("mislukt")
def dead_letters_command() -> None:
    """Toon de berichten die een abonnee niet aannam."""
    from adapters.exchange.webhooks import dead_letters

    for delivery, event in dead_letters(the_office()):
        given_up = delivery.gave_up_at.isoformat(timespec="seconds") if delivery.gave_up_at else ""
        say(
            f"{delivery.subscription}  {event.case_reference}  {event.type}  {event.id}  "
            f"{delivery.attempts} pogingen  {delivery.last_result}  {given_up}"
        )


@subscription_app.command("opnieuw")
def try_again_command(naam: Annotated[str, typer.Argument(metavar="NAAM")]) -> None:
    """Stuur alles wat een abonnee niet aannam nog een keer."""
    from adapters.exchange.webhooks import try_again

    number = try_again(the_office(), naam)
    say(f"{so_many(number, 'bericht')} {is_or_are(number, 'gaat', 'gaan')} opnieuw naar {naam}.")


# --- the zaaksysteem ----------------------------------------------------------------------------------------


@case_system_app.command("test")
def try_case_system_command(
    gemeente: Annotated[
        str | None, typer.Option("--gemeente", metavar="CODE", help="Van welke gemeente.")
    ] = None,
    zaak: Annotated[
        str | None, typer.Option("--zaak", metavar="URL", help="Kijk ook of deze zaak te lezen is.")
    ] = None,
) -> None:
    """Vraag het zaaksysteem iets, zonder iets te schrijven; zeg wat het antwoordt."""
    from adapters.exchange.case_system import try_out_case_system

    office = the_office()
    say(try_out_case_system(office, gemeente or office.settings.municipality, zaak))


@case_system_app.command("lijst")
def list_case_system_command() -> None:
    """Toon elke zaak waarin wij schrijven, en waarom er een wacht."""
    from adapters.exchange.case_system import linked_zaken

    for row, behind in linked_zaken(the_office()):
        state = "wacht op een mens" if row.stopped_at else f"{behind} te schrijven" if behind else "bij"
        say(f"{row.case_reference}  {row.zaak}  {state}{'  ' + row.last_result if row.last_result else ''}")


@case_system_app.command("opnieuw")
def case_system_again_command(
    zaak: Annotated[str | None, typer.Argument(metavar="ZAAK", help="Zonder nummer: alle zaken.")] = None,
) -> None:
    """Probeer wat op een mens wacht nog een keer."""
    from adapters.exchange.case_system import try_zaken_again

    say(f"Opnieuw: {try_zaken_again(the_office(), zaak)}.")


@case_system_app.command("overslaan")
def skip_case_system_command(zaak: Annotated[str, typer.Argument(metavar="ZAAK")]) -> None:
    """Schrijf niet meer wat het zaaksysteem van deze zaak weigerde, omdat iemand dat zelf deed; ga daarna verder."""
    from adapters.exchange.case_system import skip_for_zaken

    say(f"Overgeslagen: {skip_for_zaken(the_office(), zaak)}.")


# --- postbak ------------------------------------------------------------------------------------------------


@postbak_app.command("lijst")
def list_postbak_command(
    alles: Annotated[bool, typer.Option("--alles", help="Ook wat al is afgehandeld.")] = False,
) -> None:
    """Toon de berichten die op een mens wachten."""
    from adapters.exchange.postbak import waiting

    rows = waiting(the_office(), everything=alles)
    for row in rows:
        about = f"  over {row.subject}" if row.subject else ""
        choices = f"  past bij {', '.join(row.candidates)}" if row.candidates else ""
        event = f"  betekent {row.event}" if row.event else ""
        outcome = f"  ({row.outcome})" if row.outcome else ""
        received = row.received_at.isoformat(timespec="seconds")
        origin = f"{row.kind}  van {row.source}{about}"
        say(f"{row.id}  {received}  {origin}{event}{choices}  {row.reason}{outcome}")
    if not rows:
        say("De postbak is leeg.")


@postbak_app.command("koppel")
def couple_command(
    nummer: Number,
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
    from adapters.exchange.postbak import couple

    receipt = couple(
        the_office(),
        nummer,
        zaak,
        event=gebeurtenis,
        process=mijlpaal,
        on=optional_day_from(op),
        data=None if gegevens is None else data_from(gegevens),
        remember=onthoud,
    )
    process = receipt.case.named(receipt.process)
    say(f"{zaak} {process.name}: {process.state}")


@postbak_app.command("verwerp")
def put_aside_command(nummer: Number) -> None:
    """Leg een bericht weg: er hoeft niets mee te gebeuren."""
    from adapters.exchange.postbak import put_aside

    put_aside(the_office(), nummer)
    say(f"Bericht {nummer} is weggelegd.")


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
    from adapters.exchange.ddas_export import DeliveryKind, ExportError, export
    from adapters.runtime.files import whole_file

    if soort not in list(DeliveryKind):
        raise ExportError(f"'{soort}' kan niet worden geleverd; kies uit {', '.join(DeliveryKind)}.")
    pieces = export(the_office(), DeliveryKind(soort), day_from(van), day_from(tot))
    if uit is None:
        sys.stdout.writelines(pieces)
        return
    try:
        with whole_file(uit) as file:
            file.writelines(pieces)
    except OSError:
        raise ExportError(f"Het bestand {uit.name} is niet te schrijven.") from None


@key_app.command("vernieuw")
def renew_key_command() -> None:
    """Maak een nieuwe sleutel; de oude blijft, alleen om bekende inwoners te herkennen."""
    from adapters.exchange.refusals import IntegrationError
    from adapters.runtime.persons import renew_key_file
    from adapters.storage.keys import check_keys

    office = the_office()
    chosen = office.settings
    if chosen.person_key is not None:
        raise IntegrationError(
            "De sleutel staat in ROUTEKAART_PERSON_KEY: zet daar de nieuwe, en de oude in "
            "ROUTEKAART_PERSON_KEYS_OLD."
        )
    renew_key_file(chosen.ensure_home())
    check_keys(office.engine, chosen)
    say("Er is een nieuwe sleutel. Wie onder de oude bekend is, wordt nog herkend.")


@keys_app.command("vervang")
def replace_key_command(
    naam: Annotated[
        str,
        typer.Argument(metavar="SLEUTEL", help="persoonssleutel, overdrachtsleutel of integratiesleutel."),
    ],
    ja: Annotated[bool, typer.Option("--ja", help="Vervang zonder te vragen.")] = False,
) -> None:
    """Vervang een sleutel die voorgoed weg is, of die niemand meer mag gebruiken; zegt eerst wat dat kost."""
    from adapters.exchange.refusals import IntegrationError
    from adapters.office import open_office
    from adapters.runtime.settings import KEY_FILES
    from adapters.storage.keys import COSTS, replace_key

    kind = next((kind for kind, name in KEY_FILES.items() if name == naam), None)
    if kind is None:
        raise IntegrationError(f"'{naam}' is geen sleutel; kies uit {', '.join(KEY_FILES.values())}.")
    office = open_office(any_keys=True)
    say(COSTS[kind])
    if not ja and not agrees("Doorgaan?"):
        raise typer.Abort
    replace_key(office.engine, office.settings, kind)
    say(f"De {naam} van deze machine hoort nu bij de zakendatabase. Start elk proces opnieuw.")

"""`routekaart vernietiging` and `bewaarplicht`: what may be destroyed, who approved it, what must stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.case_commands import CaseReference, in_name_of
from deployments.cli.console import BadInput, optional_day_from, print_json, say, the_office
from deployments.cli.options import AsJson
from milestones.counting import so_many

if TYPE_CHECKING:
    from datetime import datetime

destruction_app = typer.Typer(
    help="Zaken waarvan de bewaartermijn voorbij is.", no_args_is_help=True, rich_markup_mode=None
)
hold_app = typer.Typer(help="Zaken die moeten blijven.", no_args_is_help=True, rich_markup_mode=None)
DecidedBy = Annotated[str, typer.Option("--door", metavar="CODE", help="Wie dit besluit (mw-17).")]
_Reason = Annotated[str, typer.Option("--reden", help="Waarom, zonder iets over een persoon.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(destruction_app, name="vernietiging")
    destruction_app.command("lijst")(list_command)
    destruction_app.command("goedkeuren")(approve_command)
    destruction_app.command("intrekken")(withdraw_command)
    destruction_app.command("uitvoeren")(destroy_command)
    destruction_app.command("verklaring")(records_command)
    app.add_typer(hold_app, name="bewaarplicht")
    hold_app.command("zet")(hold_command)
    hold_app.command("hef")(lift_command)
    hold_app.command("lijst")(holds_command)


def list_command(als_json: AsJson = False) -> None:
    """Toon de vernietigingslijst: alles is afgesloten, de bewaartermijn is voorbij, en niemand houdt de zaak vast."""
    from adapters.operations.destruction import destroyable

    found = destroyable(the_office())
    if als_json:
        print_json(
            [
                {
                    "zaak": case.reference,
                    "gemeentecode": case.municipality,
                    "termijn": case.term,
                    "voorbijOp": case.over_on.isoformat(),
                    "goedgekeurdDoor": case.approved_by,
                }
                for case in found
            ]
        )
        return
    for case in found:
        approved = f"  goedgekeurd door {case.approved_by}" if case.approved_by else ""
        say(f"{case.reference}  {case.municipality}  {case.term}  voorbij op {case.over_on}{approved}")
    if not found:
        say("Er staat nu niets op de lijst.")


def approve_command(
    door: DecidedBy,
    zaken: Annotated[list[str] | None, typer.Argument(metavar="[REF]...", help="Zaken van de lijst.")] = None,
    alles: Annotated[bool, typer.Option("--alles", help="De hele lijst van nu.")] = False,
) -> None:
    """Keur goed dat zaken worden vernietigd; dat gebeurt met `vernietiging uitvoeren` of in de volgende nacht."""
    from adapters.operations.destruction import approve, destroyable

    office = the_office()
    if bool(zaken) is alles:
        raise BadInput("Noem de zaken, of kies --alles.")
    chosen = zaken or [case.reference for case in destroyable(office)]
    with in_name_of(door):
        number = approve(office, chosen)
    say(f"{so_many(number, 'zaak')} goedgekeurd voor vernietiging.")


def withdraw_command(ref: CaseReference, door: DecidedBy) -> None:
    """Trek een goedkeuring in, zolang de zaak er nog is."""
    from adapters.operations.destruction import withdraw

    office = the_office()
    with in_name_of(door):
        withdraw(office, ref)
    say(f"{ref} is niet meer goedgekeurd voor vernietiging.")


def destroy_command() -> int:
    """Vernietig wat is goedgekeurd: in de database, in Prefect, en in berichten en antwoorden."""
    from deployments.environment import for_who_waits

    office = the_office()
    with for_who_waits(office.settings):
        # Prefect reads its settings on import, so only now.
        from prefect.client.orchestration import get_client

        from flows.destruction import destroy_approved

        with get_client(sync_client=True) as client:
            done = destroy_approved(office, client)
    if not done.allowed:
        raise BadInput(
            "Deze rol mag geen journaal wissen. Voer dit uit als eigenaar van de database: zet zijn adres in "
            "ROUTEKAART_DATABASE_URL."
        )
    say(f"{so_many(done.cases, 'zaak')} vernietigd. De verklaring: routekaart vernietiging verklaring")
    if not done.events_gone:
        say(
            "De database van Prefect is van hier niet te bereiken: daar verdwijnen de laatste regels binnen twee dagen."
        )
    if done.cases:
        say(
            "In backups staan deze zaken nog tot die backups zijn opgeruimd; terugzetten brengt ze niet terug."
        )
    return 0


def records_command(
    sinds: Annotated[str | None, typer.Option(metavar="DATUM", help="Vanaf deze dag.")] = None,
    als_json: AsJson = False,
) -> None:
    """Toon de verklaring van vernietiging: wat, op welke grond, wanneer, en wie het goedkeurde."""
    from adapters.operations.destruction import records
    from adapters.operations.destruction_records import is_ours

    office = the_office()
    found = records(office, optional_day_from(sinds))
    if als_json:
        print_json(
            [row.model_dump(mode="json") | {"ondertekend": is_ours(office.settings, row)} for row in found]
        )
        return
    for row in found:
        signed = "" if is_ours(office.settings, row) else "  HANDTEKENING KLOPT NIET"
        say(
            f"{_moment(row.destroyed_at)}  {row.municipality}  {row.term}  kenmerk {row.mark[:12]}  "
            f"{so_many(row.steps, 'journaalregel')}  "
            f"goedgekeurd door {row.approved_by} op {_moment(row.approved_at)}{signed}"
        )
    say(f"{so_many(len(found), 'zaak')} vernietigd.")


def _moment(at: datetime) -> str:
    from adapters.runtime.clock import AMSTERDAM

    return f"{at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}"


def hold_command(ref: CaseReference, reden: _Reason, door: DecidedBy) -> None:
    """Laat een zaak blijven, wat de bewaartermijn ook zegt."""
    from adapters.operations.destruction import hold

    office = the_office()
    with in_name_of(door):
        hold(office, ref, reden)
    say(f"{ref} blijft, tot iemand de bewaarplicht opheft.")


def lift_command(ref: CaseReference, reden: _Reason, door: DecidedBy) -> None:
    """Hef een bewaarplicht op: de zaak volgt weer haar bewaartermijn."""
    from adapters.operations.destruction import lift

    office = the_office()
    with in_name_of(door):
        lift(office, ref, reden)
    say(f"{ref} volgt weer haar bewaartermijn.")


def holds_command(als_json: AsJson = False) -> None:
    """Toon welke zaken moeten blijven, waarom, en wie dat besloot."""
    from adapters.operations.destruction import holds

    found = holds(the_office())
    if als_json:
        print_json([row.model_dump(mode="json") for row in found])
        return
    for row in found:
        say(f"{row.case_reference}  {row.municipality}  {_moment(row.set_at)}  {row.set_by}  {row.reason}")
    if not found:
        say("Er is geen zaak die moet blijven.")

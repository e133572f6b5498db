"""`routekaart inzage` and `inzageverzoek`: what is held of a case or a person, and until when somebody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.case_commands import in_name_of
from deployments.cli.console import (
    BadInput,
    optional_day_from,
    person_numbers,
    print_json,
    say,
    the_office,
)
from deployments.cli.destruction_commands import DecidedBy
from deployments.cli.options import AsJson, Number

if TYPE_CHECKING:
    from adapters.office import Office

request_app = typer.Typer(
    help="Verzoeken van inwoners om inzage (AVG).", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("inzage")(held_command)
    app.add_typer(request_app, name="inzageverzoek")
    request_app.command("nieuw")(new_command)
    request_app.command("lijst")(requests_command)
    request_app.command("verleng")(extend_command)
    request_app.command("klaar")(answered_command)


def held_command(
    zaak: Annotated[str | None, typer.Option(metavar="REF", help="Alles van deze zaak.")] = None,
    bsn: Annotated[
        str | None, typer.Option(metavar="-", help="Alles van deze inwoner; - leest het BSN van de invoer.")
    ] = None,
    als_json: AsJson = False,
) -> None:
    """Toon alles wat er over een zaak of een inwoner bewaard wordt; het BSN wordt nergens bewaard."""
    from adapters.operations.held_data import held_under

    if (zaak is None) is (bsn is None):
        raise BadInput("Noem een zaak (--zaak REF), of geef een BSN op de invoer (--bsn -).")
    office = the_office()
    references = [zaak] if zaak is not None else _of_person(office, bsn or "")
    found = {}
    for reference in references:
        found[reference] = held_under(office, reference)
        office.looks.note(reference, office.casework.case(reference).municipality, "inzageverzoek")
    if als_json:
        print_json(found)
    else:
        _tell(found)


def _of_person(office: Office, given: str) -> list[str]:
    """Return the cases of whose BSN is on standard input."""
    from adapters.operations.held_data import cases_of_person
    from adapters.runtime.privacy import eleven_test

    if given != "-":
        raise BadInput("Geef een BSN nooit als argument: schrijf - en geef het nummer op de invoer.")
    (number,) = person_numbers([given])
    if not eleven_test(number):
        raise BadInput("Dit is geen BSN.")
    return cases_of_person(office, number)


def _tell(found: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
    from adapters.operations.held_data import WORDS
    from adapters.operations.held_words import in_words

    for reference, tables in found.items():
        say(f"Zaak {reference}")
        for table, rows in tables.items():
            say(f"  {WORDS.get(table, table)} ({len(rows)})")
            for row in rows:
                say("    " + "; ".join(f"{name}: {value}" for name, value in in_words(row)))
    if not found:
        say("Onder dit nummer wordt niets bewaard.")


def new_command(
    door: DecidedBy,
    op: Annotated[str | None, typer.Option(metavar="DATUM", help="Wanneer het verzoek kwam.")] = None,
    gemeente: Annotated[str | None, typer.Option(metavar="CODE", help="De gemeentecode.")] = None,
) -> None:
    """Leg vast dat een inwoner om inzage vroeg; wie dat was, wordt niet bewaard."""
    from adapters.operations.access_requests import note_request

    office = the_office()
    with in_name_of(door):
        row = note_request(office, gemeente or office.settings.municipality, optional_day_from(op))
    say(f"{row.id}")
    say(f"Antwoord uiterlijk op {row.due} (T60, niet geverifieerd).")


def requests_command() -> None:
    """Toon welke verzoeken om inzage op een antwoord wachten."""
    from adapters.operations.access_requests import open_requests

    found = open_requests(the_office())
    for row in found:
        say(f"{row.id}  {row.municipality}  gevraagd op {row.asked_on}  uiterlijk {row.due}")
    if not found:
        say("Er wacht niemand op inzage.")


def extend_command(nummer: Number, door: DecidedBy) -> None:
    """Verleng een verzoek eenmaal; zeg dat tegen de inwoner."""
    from adapters.operations.access_requests import extend_request

    office = the_office()
    with in_name_of(door):
        due = extend_request(office, nummer)
    say(f"Verzoek {nummer}: antwoord uiterlijk op {due}.")


def answered_command(nummer: Number, door: DecidedBy) -> None:
    """Leg vast dat een verzoek is beantwoord."""
    from adapters.operations.access_requests import answered

    office = the_office()
    with in_name_of(door):
        answered(office, nummer)
    say(f"Verzoek {nummer} is beantwoord.")

"""`routekaart open`, `meld` and `zaak`: the commands around a case."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.console import (
    BadInput,
    data_from,
    optional_day_from,
    person_numbers,
    print_json,
    say,
    the_office,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office

CaseReference = Annotated[str, typer.Argument(metavar="REF", help="De referentie van de zaak.")]
_Milestone = Annotated[
    str | None, typer.Option(metavar="M3", help="De mijlpaal, als het er meer dan een kan zijn.")
]
_Door = Annotated[
    str | None,
    typer.Option("--door", metavar="CODE", help="Wie het deed (mw-17); anders de gebruiker van de machine."),
]
_Day = Annotated[
    str | None, typer.Option(metavar="DATUM", help="De datum die telt (jjjj-mm-dd); anders vandaag.")
]
_Data = Annotated[
    str | None, typer.Option(metavar="JSON", help="Gegevens bij de gebeurtenis, als JSON-object.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("open")(open_command)
    app.command("meld")(report_command)
    app.command("zaak")(case_command)


def open_command(
    mijlpaal: Annotated[str, typer.Option(metavar="M3", help="De mijlpaal die begint.")],
    zaak: Annotated[
        str | None, typer.Option(metavar="REF", help="Een bestaande zaak, of je eigen nummer (ZAAK-2026-17).")
    ] = None,
    op: _Day = None,
    gegevens: _Data = None,
    gemeente: Annotated[str | None, typer.Option(metavar="CODE", help="De gemeentecode.")] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE", help="Cliëntnummer; bij twee cliënten twee keer. Met - leest u het van de invoer."
        ),
    ] = None,
    door: _Door = None,
) -> None:
    """Open een zaak in een mijlpaal; de referentie staat op de eerste regel."""
    from adapters.runtime.persons import client_keys

    office = the_office()
    place = gemeente or office.settings.municipality
    clients = client_keys(person_numbers(client or []), office.settings, place)
    with in_name_of(door):
        receipt = office.casework.open(
            mijlpaal,
            municipality=place,
            reference=zaak,
            on=optional_day_from(op),
            data=data_from(gegevens),
            person_key=clients[0],
            partner_key=clients[1],
        )
    say(receipt.reference)


def report_command(
    ref: CaseReference,
    gebeurtenis: Annotated[str, typer.Argument(metavar="GEBEURTENIS", help="Wat er gebeurd is.")],
    mijlpaal: _Milestone = None,
    op: _Day = None,
    gegevens: _Data = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Hetzelfde id telt maar een keer.")
    ] = None,
    medewerker: Annotated[
        str | None,
        typer.Option("--medewerker", metavar="CODE", help="In wiens naam de mijlpaal hierna staat (mw-17)."),
    ] = None,
    door: _Door = None,
) -> None:
    """Meld een gebeurtenis in een zaak."""
    from milestones.case import possible_now

    office = the_office()
    with in_name_of(door or medewerker):
        receipt = office.casework.report(
            ref,
            gebeurtenis,
            process=mijlpaal,
            on=optional_day_from(op),
            data=data_from(gegevens),
            event_id=_kept_id(office, id_),
            person=medewerker or None,
        )
    process = receipt.case.named(receipt.process)
    say(f"{ref} {process.name}: {process.state}" + ("" if receipt.new else " (was al gemeld)"))
    if events := possible_now(process):
        say(f"Nu kan: {', '.join(events)}")


@contextmanager
def in_name_of(person: str | None) -> Iterator[None]:
    """Let a medewerker act who is named; else it is the user of the machine."""
    from adapters.runtime.actor import Actor, ActorKind, Way, acting, acts

    check_named(person)
    with acts(acting() if person is None else Actor(ActorKind.PERSON, person, Way.COMMAND)):
        yield


def check_named(person: str | None) -> None:
    """Refuse whom somebody names who is no medewerker: it may be a name."""
    from adapters.cases.person_code import NO_WORKER
    from adapters.runtime.actor import is_code

    if person is not None and not (is_code(person) and the_office().is_worker(person)):
        raise BadInput(NO_WORKER)


def _kept_id(office: Office, id_: str | None) -> str | None:
    """Return an id as the journal keeps it: one that may say something about a person as a keyed hash."""
    from adapters.exchange.answers import hashed
    from adapters.runtime.privacy import is_reference

    return id_ if id_ is None or is_reference(id_) else f"id:{hashed(office, id_)[:32]}"


def case_command(
    ref: CaseReference,
    als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False,
    doel: Annotated[
        str | None,
        typer.Option(metavar="DOEL", help="Waarvoor je kijkt (klacht-12); het staat in het inzagelog."),
    ] = None,
    door: _Door = None,
) -> None:
    """Toon waar een zaak is, welke termijnen lopen, wie hem heeft, en het journaal."""
    from adapters.cases.looks import is_purpose
    from adapters.cases.presentation import case_as_json
    from deployments.cli.show_case import show_case

    office = the_office()
    if doel is not None and not is_purpose(doel):
        raise BadInput(
            "Zeg in een paar woorden of met een code waarvoor je kijkt, en niets over een persoon."
        )
    view = office.casework.case(ref)
    with in_name_of(door):
        office.looks.note(ref, view.municipality, doel)
    shown = case_as_json(view, office.clock.today(), office.rules_for(view.municipality))
    if als_json:
        print_json(shown)
    else:
        show_case(shown)

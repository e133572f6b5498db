"""`routekaart controleer`, `herstel`, `klok` and `migreer`: is everything right, and make it right."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.answers import say_what_is_wrong
from deployments.cli.console import say, the_office
from deployments.cli.options import LARGEST_NUMBER

move_app = typer.Typer(
    help="Zet lopende processen over naar een nieuwe versie.", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("controleer")(check_command)
    app.command("herstel")(repair_command)
    app.command("klok")(clock_command)
    app.add_typer(move_app, name="migreer")
    move_app.command("definitie")(move_definition_command)
    move_app.command("database")(migrate_database_command)


def check_command() -> int:
    """Controleer instellingen, database en journaal; zegt wat er te doen is."""
    from deployments.cli.check import check
    from deployments.environment import for_a_question, load_prefect

    try:
        office = the_office()
    except Exception as error:  # noqa: BLE001
        return min(1, say_what_is_wrong(error))
    with for_a_question(office.settings):
        load_prefect()
        return check(office)


def clock_command(
    klopt: Annotated[
        bool, typer.Option("--klopt", help="De klok van deze machine klopt: termijnen lopen weer af.")
    ] = False,
    wie: Annotated[bool, typer.Option("--wie", help="Toon wie eerder een klok liet kloppen.")] = False,
) -> int:
    """Zeg of termijnen wachten op een klok die versprong, en laat ze weer aflopen als hij klopt."""
    from adapters.cases.clock_guard import confirmed_clocks, held_clocks

    office = the_office()
    if wie:
        found = [
            f"{row['op']}  {row['machine']}  {row['door']['soort']} {row['door']['code']} ({row['door']['weg']})"
            for row in confirmed_clocks(office.engine)
        ]
        for sentence in found or ["Niemand liet een klok kloppen."]:
            say(sentence)
        return 0
    if klopt:
        now = office.clock_guard.confirm()
        say(f"Vastgelegd: het is {now:%d-%m-%Y %H:%M} uur. Termijnen lopen weer af.")
        return 0
    held = [item.sentence for item in held_clocks(office.engine)]
    for sentence in held or ["Geen termijn wacht op een klok."]:
        say(sentence)
    return 1 if held else 0


def move_definition_command(
    code: Annotated[str, typer.Argument(metavar="CODE", help="De mijlpaal, bijvoorbeeld M3.")],
    van: Annotated[
        int,
        typer.Argument(
            metavar="VAN", min=1, max=LARGEST_NUMBER, help="De versie waarop de processen nu lopen."
        ),
    ],
    naar: Annotated[int, typer.Argument(metavar="NAAR", min=1, max=LARGEST_NUMBER, help="De nieuwe versie.")],
    droog: Annotated[bool, typer.Option("--droog", help="Toon alleen wat er zou veranderen.")] = False,
) -> int:
    """Zet lopende processen over naar een nieuwe versie van hun definitie."""
    from deployments.cli.move_definition import print_moves

    return print_moves(the_office(), code, van, naar, dry=droog)


def migrate_database_command() -> None:
    """Breng de zakendatabase naar het nieuwste schema; nog een keer doen verandert niets."""
    the_office()
    say("De zakendatabase heeft het nieuwste schema.")


def repair_command(
    vreemde_runs: Annotated[
        bool,
        typer.Option(
            "--vreemde-runs", help="Beëindig ook runs van zaken die er niet (meer) zijn, zoals na een backup."
        ),
    ] = False,
) -> int:
    """Maak elke flow run die weg, geannuleerd of blijven hangen is opnieuw, uit het journaal."""
    from deployments.cli.repair import repair

    return repair(the_office(), end_strangers=vreemde_runs)

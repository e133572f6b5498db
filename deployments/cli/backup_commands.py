"""`routekaart backup` and `routekaart terugzetten`: the case database in one file, and back."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.console import BadInput, agrees, say
from milestones.counting import is_or_are, so_many

if TYPE_CHECKING:
    from adapters.operations.backup import Content
    from adapters.runtime.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("backup")(backup_command)
    app.command("terugzetten")(put_back_command)


def backup_command(
    bestand: Annotated[Path, typer.Argument(metavar="BESTAND", help="Een bestand dat er nog niet is.")],
) -> None:
    """Zet de hele zakendatabase in een bestand, terwijl alles doorloopt."""
    from adapters.operations.backup import make_backup

    chosen = _settings()
    size = make_backup(chosen.database, bestand, chosen.database_schema)
    say(f"Backup {bestand}: {size} bytes.")
    say(f"Bewaar de sleutels ergens anders: {_keys(chosen)}.")


def put_back_command(
    bestand: Annotated[Path, typer.Argument(metavar="BESTAND", help="Een bestand van `routekaart backup`.")],
    ja: Annotated[bool, typer.Option("--ja", help="Vervang de zakendatabase zonder te vragen.")] = False,
) -> int:
    """Vervang de zakendatabase door een backup, en maak de flow runs in Prefect daaraan gelijk."""
    from adapters.office import office
    from adapters.operations.backup import put_back
    from adapters.operations.chain_heads import begin_new_file
    from adapters.operations.destruction import remove_again, sweep_free_space
    from adapters.operations.destruction_records import read_outside
    from adapters.runtime.settings import SettingsError
    from deployments.cli.repair import repair

    chosen = _settings()
    _refuse_while_running(chosen)
    if not ja and not agrees("Alles in de zakendatabase wordt vervangen. Doorgaan?"):
        raise typer.Abort
    content = put_back(chosen.database, bestand, chosen.database_schema)
    say(_told(content))
    if (kept := begin_new_file(chosen)) is not None:
        say(f"De koppen van het journaal van daarvoor staan in {kept}; er begint een nieuw bestand.")
    if again := remove_again(office(), read_outside(chosen)):
        sweep_free_space(office().engine)
        say(
            f"{so_many(again, 'zaak')} die na deze backup {is_or_are(again)} vernietigd, "
            f"{is_or_are(again)} opnieuw vernietigd."
        )
    if content.kept is not None:
        say(f"De beschadigde database staat nog als {content.kept}.")
    opened = office()
    opened.clock_guard.confirm()  # an old backup is no clock that jumped
    try:
        return repair(opened, end_strangers=True)
    except SettingsError:
        say("Prefect antwoordt niet. Start Prefect en daarna: routekaart herstel --vreemde-runs")
        return 0


def _settings() -> Settings:
    from adapters.runtime.logs import set_up_logs
    from adapters.runtime.settings import settings

    chosen = settings()
    set_up_logs(chosen, default_level="warning")
    return chosen


def _keys(chosen: Settings) -> str:
    """Say where the keys are: without them nobody is recognised and no client gets in."""
    files = {
        "persoonssleutel": chosen.person_key,
        "overdrachtsleutel": chosen.link_key,
        "integratiesleutel": chosen.integration_key,
    }
    names = [name for name, given in files.items() if given is None]
    if not names:
        return "de instellingen ROUTEKAART_PERSON_KEY, ROUTEKAART_LINK_KEY en ROUTEKAART_INTEGRATION_KEY"
    return f"{', '.join(names)} in {chosen.home_folder}"


def _told(content: Content) -> str:
    rows = so_many(content.journal_rows, "journaalregel")
    return f"Teruggezet: {so_many(content.cases, 'zaak')}, {rows}, de laatste van {content.last}."


def _refuse_while_running(chosen: Settings) -> None:
    """Refuse while `routekaart start` runs on this home folder."""
    lock = chosen.home_folder / "start.lock"
    if chosen.database_url is not None or not lock.exists():
        return
    with lock.open("r+") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput("routekaart draait nog; stop het eerst (Ctrl-C).") from None

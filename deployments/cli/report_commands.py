"""`routekaart werkvoorraad` and `routekaart monitor`: the reports on the terminal and as CSV."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from deployments.cli.console import say, terminal, the_office
from deployments.cli.options import MunicipalityOption

AsCsv = Annotated[bool, typer.Option("--csv", help="Geef alles als CSV.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("werkvoorraad")(workload_command)
    app.command("monitor")(monitor_command)


def workload_command(gemeente: MunicipalityOption = None, als_csv: AsCsv = False) -> None:
    """Toon wie wat heeft, wat deze week eindigt, wat te laat is, en wat geen eigenaar heeft."""
    from rich.table import Table

    from adapters.oversight.workload import read_workload, workload_csv

    here = the_office()
    work = read_workload(here, gemeente or here.settings.municipality)
    if als_csv:
        sys.stdout.write(workload_csv(work))
        return
    say(
        f"Gemeente {work.municipality}, {work.on}: {len(work.items)} open, {len(work.late)} te laat, "
        f"{len(work.this_week)} deze week, {len(work.unowned)} zonder eigenaar."
    )
    people = Table("medewerker", "open", "te laat", "deze week", box=None)
    for row in work.loads:
        people.add_row(row.person, str(row.open), str(row.late), str(row.this_week))
    late = Table("te laat sinds", "termijn", "zaak", "mijlpaal", "wacht op", "bij", box=None)
    for item in work.late:
        late.add_row(
            str(item.due), item.term, item.reference, item.process, item.waits_for, item.holder or item.role
        )
    for shown in (people, late):
        if shown.row_count:
            terminal().print(shown)


def monitor_command(
    gemeente: MunicipalityOption = None,
    als_csv: AsCsv = False,
    weken: Annotated[int, typer.Option(min=1, max=260, help="Over hoeveel weken, tot en met gisteren.")] = 52,
) -> None:
    """Toon de cijfers van een gemeente; kleine aantallen worden niet getoond."""
    from rich.table import Table

    from adapters.oversight.monitor import monitor_csv, read_monitor

    here = the_office()
    figures = read_monitor(here, gemeente or here.settings.municipality, weeks=weken)
    if als_csv:
        sys.stdout.write(monitor_csv(figures))
        return
    say(f"Gemeente {figures.municipality}, {figures.begin} tot en met {figures.end}.")
    shown = Table("cijfer", "onderdeel", "waarde", "eenheid", "over", box=None)
    for cell in figures.cells:
        figure = figures.figures[cell.figure]
        shown.add_row(figure.name, cell.part, cell.shown, figure.unit, cell.of)
    terminal().print(shown)

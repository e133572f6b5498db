"""`routekaart basisdienstverlening` and `routekaart raadsrapport`: what a council can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.console import print_json, say, the_office

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.oversight.document import Block
    from adapters.oversight.periods import Period

Municipality = Annotated[
    str | None, typer.Option("--gemeente", metavar="CODE", help="De gemeentecode; anders de eigen gemeente.")
]
When = Annotated[
    str | None,
    typer.Option("--periode", metavar="2026-K4", help="Een kwartaal of een jaar; anders dit kwartaal."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")]
Folder = Annotated[
    Path | None, typer.Option("--naar", metavar="MAP", help="Schrijf het verslag als Markdown en HTML.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("basisdienstverlening")(basic_service_command)
    app.command("raadsrapport")(council_command)
    app.command("kwaliteit")(quality_command)


def basic_service_command(
    gemeente: Municipality = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Toon de elementen van de basisdienstverlening: wat is gekozen, wat draagt ze, en hoe gaat het."""
    from adapters.oversight.basic_service import (
        basic_service_json,
        basic_service_report,
        read_basic_service,
    )

    here = the_office()
    code = gemeente or here.settings.municipality
    period = _period(periode)
    service = read_basic_service(here, code, period)
    _answer(
        lambda: basic_service_report(service),
        lambda: basic_service_json(service),
        als_json=als_json,
        naar=naar,
        name=f"basisdienstverlening-{code}-{period.name}",
    )


def council_command(
    gemeente: Municipality = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Maak het verslag voor raad en cliëntenraad: doelen, cijfers en wat ze betekenen."""
    from adapters.oversight.council_report import council_json, council_report, read_council_figures

    here = the_office()
    code = gemeente or here.settings.municipality
    period = _period(periode)
    figures = read_council_figures(here, code, period)
    _answer(
        lambda: council_report(figures),
        lambda: council_json(figures),
        als_json=als_json,
        naar=naar,
        name=f"raadsrapport-{code}-{period.name}",
    )


def quality_command(
    gemeente: Municipality = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Toon hoe collega's het werk beoordelen: per vraag en element, over vier kwartalen."""
    from adapters.oversight.quality_trend import read_trend, trend_json, trend_report

    here = the_office()
    code = gemeente or here.settings.municipality
    period = _period(periode)
    trend = read_trend(here, code, period)
    _answer(
        lambda: trend_report(trend),
        lambda: trend_json(trend),
        als_json=als_json,
        naar=naar,
        name=f"kwaliteit-{code}-{period.name}",
    )


def _period(written: str | None) -> Period:
    from adapters.oversight.periods import period_from, quarter_of

    return period_from(written) if written is not None else quarter_of(the_office().clock.today())


def _answer(
    report: Callable[[], Sequence[Block]],
    plain: Callable[[], object],
    *,
    als_json: bool,
    naar: Path | None,
    name: str,
) -> None:
    """Return a report as JSON, as files, or on the terminal."""
    from deployments.cli.show_report import print_report, write_files

    if als_json:
        print_json(plain())
    elif naar is not None:
        say(f"Geschreven: {', '.join(write_files(report(), name, naar, name))}.")
    else:
        print_report(report())

"""`routekaart basisdienstverlening` and `routekaart raadsrapport`: what a council can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from deployments.cli.console import print_json, say, the_office
from deployments.cli.options import AsJson, MunicipalityOption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.office import Office
    from adapters.oversight.document import Block
    from adapters.oversight.periods import Period

Figures = TypeVar("Figures")

When = Annotated[
    str | None,
    typer.Option("--periode", metavar="2026-K4", help="Een kwartaal of een jaar; anders dit kwartaal."),
]
Folder = Annotated[
    Path | None, typer.Option("--naar", metavar="MAP", help="Schrijf het verslag als Markdown en HTML.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("basisdienstverlening")(basic_service_command)
    app.command("raadsrapport")(council_command)
    app.command("kwaliteit")(quality_command)


def basic_service_command(
    gemeente: MunicipalityOption = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Toon de elementen van de basisdienstverlening: wat is gekozen, wat draagt ze, en hoe gaat het."""
    from adapters.oversight.basic_service import (
        basic_service_json,
        basic_service_report,
        read_basic_service,
    )

    asked = _Asked("basisdienstverlening", gemeente, periode, naar, als_json)
    _answer(asked, read_basic_service, basic_service_report, basic_service_json)


def council_command(
    gemeente: MunicipalityOption = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Maak het verslag voor raad en cliëntenraad: doelen, cijfers en wat ze betekenen."""
    from adapters.oversight.council_report import council_json, council_report, read_council_figures

    asked = _Asked("raadsrapport", gemeente, periode, naar, als_json)
    _answer(asked, read_council_figures, council_report, council_json)


def quality_command(
    gemeente: MunicipalityOption = None, periode: When = None, als_json: AsJson = False, naar: Folder = None
) -> None:
    """Toon hoe collega's het werk beoordelen: per vraag en element, over vier kwartalen."""
    from adapters.oversight.quality_trend import read_trend, trend_json, trend_report

    _answer(_Asked("kwaliteit", gemeente, periode, naar, als_json), read_trend, trend_report, trend_json)


class _Asked(NamedTuple):
    """Which report somebody asks for, of which gemeente and period, and in which form."""

    name: str
    municipality: str | None
    period: str | None
    folder: Path | None
    as_json: bool


def _answer(
    asked: _Asked,
    read: Callable[[Office, str, Period], Figures],
    report: Callable[[Figures], Sequence[Block]],
    plain: Callable[[Figures], object],
) -> None:
    """Show a report as JSON, as files, or on the terminal."""
    from adapters.oversight.periods import period_from, quarter_of
    from deployments.cli.show_report import print_report, write_files

    here = the_office()
    code = asked.municipality or here.settings.municipality
    period = quarter_of(here.clock.today()) if asked.period is None else period_from(asked.period)
    figures = read(here, code, period)
    if asked.as_json:
        print_json(plain(figures))
    elif asked.folder is not None:
        name = f"{asked.name}-{code}-{period.name}"
        say(f"Geschreven: {', '.join(write_files(report(figures), name, asked.folder, name))}.")
    else:
        print_report(report(figures))

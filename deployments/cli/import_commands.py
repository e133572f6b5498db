"""`routekaart importeer`: deliveries of other systems."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import BAD_INPUT, complain, say, terminal, the_office
from milestones.counting import so_many

import_app = typer.Typer(
    help="Leest leveringen van andere systemen in.", no_args_is_help=True, rich_markup_mode=None
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(import_app, name="importeer")
    import_app.command("vroegsignalen")(import_signals_command)


def import_signals_command(
    bestand: Annotated[
        Path, typer.Argument(metavar="BESTAND.json", help="Een DDAS-levering van vroegsignalen.")
    ],
    met_historie: Annotated[
        bool,
        typer.Option(
            "--met-historie", help="Neem ook de vroegsignaalzaken over: voor een gemeente die instapt."
        ),
    ] = False,
) -> int:
    """Lees een DDAS-levering: elk signaal telt een keer, bij de zaak van die inwoner (M2)."""
    from rich.progress import track

    from adapters.exchange.ddas import check_structure
    from adapters.exchange.history import take_over
    from adapters.exchange.signal_record import SignalResult
    from adapters.exchange.signals import import_signals
    from adapters.runtime.actor import Way, act_as, acting

    delivery = check_structure(bestand)
    office = the_office()
    act_as(replace(acting(), way=Way.DELIVERY))
    counts = dict.fromkeys(SignalResult, 0)
    reports = (take_over if met_historie else import_signals)(bestand, delivery, office)
    say(f"Levering {delivery.version}: {so_many(delivery.signal_count, 'vroegsignaal')}.")
    for warning in delivery.warnings:
        complain(f"Let op: {warning}")
    for report in track(
        reports,
        total=delivery.signal_count,
        description="Inlezen",
        console=terminal(errors=True),
        transient=True,
    ):
        counts[report.result] += 1
        line = f"{report.position}: {report.result}" + (f" {report.reference}" if report.reference else "")
        say(line)
        for remark in (*report.remarks, *report.of_case):
            complain(f"Signaal {report.position}: {remark}")
    say(", ".join(f"{number} {result}" for result, number in counts.items()) + ".")
    return BAD_INPUT if delivery.signal_count and counts[SignalResult.REFUSED] == delivery.signal_count else 0

"""`routekaart beleid effect`: what a new policy would do, before anybody takes it into use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import print_json, say, terminal, the_office
from deployments.cli.policy_group import policy_app


def register(app: typer.Typer) -> None:
    """Add the command to the group of policy."""
    app.add_typer(policy_app, name="beleid")
    policy_app.command("effect")(effect_command)


def effect_command(
    bestand: Annotated[Path, typer.Argument(metavar="NIEUW.toml", help="Het beleid dat u overweegt.")],
    gemeente: Annotated[
        str | None, typer.Option("--gemeente", metavar="CODE", help="De gemeentecode; anders de eigen.")
    ] = None,
    als_json: Annotated[bool, typer.Option("--json", help="Geef alle aantallen als JSON.")] = False,
    naar: Annotated[
        Path | None, typer.Option("--naar", metavar="MAP", help="Schrijf het verslag als Markdown en HTML.")
    ] = None,
) -> None:
    """Bereken wat een nieuw beleid doet met het afgelopen jaar en de open zaken; er verandert niets."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from adapters.oversight.effect import YEAR, PolicyChange, effect_of
    from adapters.oversight.effect_report import effect_json, effect_report
    from adapters.runtime.policies import policy_in
    from deployments.cli.show_report import print_report, write_files

    here = the_office()
    code = gemeente or here.settings.municipality
    after, _ = policy_in(bestand, code)
    today = here.clock.today()
    change = PolicyChange(code, today - YEAR, today, here.rules_for(code).policy, after)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal(errors=True), transient=True) as bar:
        work = bar.add_task("Zaken opnieuw doorlopen", total=None)
        effect = effect_of(
            here.engine,
            here.settings.database,
            here.settings.database_schema,
            change,
            lambda done, total: bar.update(work, completed=done, total=total, refresh=True),
        )
    if als_json:
        print_json(effect_json(effect, change))
        return
    report = effect_report(effect, change)
    if naar is not None:
        title = f"Effect van nieuw beleid, gemeente {code}"
        say(f"Geschreven: {', '.join(write_files(report, title, naar, f'beleid-effect-{code}'))}.")
        return
    print_report(report)

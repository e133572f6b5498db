"""`routekaart termijn`, `simuleer` and `definitie`: what the law and the definitions say, without any database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import BadInput, day_from, json_text, print_json, say
from deployments.cli.options import LARGEST_NUMBER


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("termijn")(term_command)
    app.command("dpia")(dpia_command)
    app.command("simuleer")(simulate_command)
    app.command("definitie")(definition_command)


def term_command(
    id_: Annotated[str, typer.Argument(metavar="ID", help="De termijn, zoals T01.")],
    vanaf: Annotated[
        str, typer.Option(metavar="DATUM", help="De datum waarop de termijn start, of - voor invoer.")
    ],
    opgeschort: Annotated[
        int, typer.Option(metavar="N", min=0, max=LARGEST_NUMBER, help="Aantal dagen opschorting.")
    ] = 0,
    variant: Annotated[str | None, typer.Option(help="Een variant, bijvoorbeeld ondernemer.")] = None,
) -> None:
    """Bereken een termijn: tot wanneer, waarom die dag, en wanneer er wordt gewaarschuwd."""
    from adapters.runtime.calendar_data import dutch_calendar
    from milestones.term_table import TERMS
    from milestones.terms import describe
    from milestones.watching import not_watched

    term = TERMS.get(id_)
    if term is None:
        raise BadInput(f"'{id_}' is geen termijn (wel: {', '.join(TERMS)}).")
    calendar = dutch_calendar()

    def compute(written: str) -> object:
        start = day_from(written.strip())
        try:
            deadline = calendar.deadline(start, term.length_for(variant), term.basis, opgeschort)
            return {**describe(term, deadline, calendar), "niet_bewaakt": not_watched(term.id)}
        except (ValueError, OverflowError) as wrong:
            raise BadInput(str(wrong)) from None

    if vanaf != "-":
        print_json(compute(vanaf))
        return
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json_text(compute(line.removeprefix("\ufeff"))) + "\n")


def simulate_command(
    bestand: Annotated[Path, typer.Argument(metavar="ZAAK.json", help="Een zaakbestand (README).")],
) -> None:
    """Draai een zaakbestand op een virtuele klok, zonder servers; het resultaat is JSON."""
    from adapters.runtime.calendar_data import dutch_calendar
    from adapters.runtime.case_file import read_case_file
    from milestones.simulation import simulate

    try:
        content = json.loads(bestand.read_text(encoding="utf-8-sig"))
    except OSError:
        raise BadInput(f"Het bestand {bestand.name} is niet te lezen.") from None
    except (ValueError, RecursionError):
        raise BadInput(f"Het bestand {bestand.name} is geen geldige JSON.") from None
    print_json(simulate(read_case_file(content), dutch_calendar()))


def definition_command(
    code: Annotated[str, typer.Argument(metavar="M3", help="De mijlpaal.")],
    formaat: Annotated[
        str, typer.Option(metavar="tabel|mermaid|json", help="Hoe je hem wilt zien.")
    ] = "tabel",
) -> None:
    """Toon de definitie van een mijlpaal: toestanden, gebeurtenissen en termijnen."""
    from flows.show_definition import FORMATS
    from milestones.definitions import current

    if formaat not in FORMATS:
        raise BadInput(f"'{formaat}' is geen formaat; kies uit {', '.join(FORMATS)}.")
    sys.stdout.write(FORMATS[formaat](current(code)) + "\n")


def dpia_command(
    gemeente: Annotated[
        str | None, typer.Option(metavar="CODE", help="De gemeentecode, voor haar eigen beleid.")
    ] = None,
) -> None:
    """Toon een hulp bij een DPIA: wat er verwerkt wordt, op welke grond, hoe lang, en wie het krijgt."""
    from adapters.runtime.policies import read_policy
    from adapters.runtime.settings import settings
    from flows.show_processing import as_dpia

    chosen = settings()
    policy, _ = read_policy(chosen.policy_folder, gemeente or chosen.municipality)
    say(as_dpia(policy))

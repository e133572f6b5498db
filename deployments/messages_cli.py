"""`routekaart berichten`: which messages reached nobody, and sending one again."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)

app = typer.Typer(
    help="Toont berichten die niemand bereikten, en stuurt er een opnieuw.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def list_messages(
    context: typer.Context,
    alles: Annotated[bool, typer.Option("--alles", help="Ook wat bezorgd is of nog wacht.")] = False,
    als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False,
) -> None:
    """Toon de berichten die niemand bereikten; met --alles ook de andere."""
    if context.invoked_subcommand is not None:
        return
    from adapters.messages.delivery_list import listed  # noqa: PLC0415
    from adapters.office import office  # noqa: PLC0415

    lines = listed(office().engine, everything=alles)
    if als_json:
        sys.stdout.write(json.dumps(lines, ensure_ascii=False, indent=2) + "\n")
    elif lines:
        out.print(_table(lines))
        out.print("Opnieuw versturen: routekaart berichten opnieuw NUMMER", markup=False)
    else:
        out.print(
            "Elk bericht is bezorgd of wacht op zijn moment." if not alles else "Er zijn geen berichten."
        )


@app.command("opnieuw")
def send_again_command(
    nummer: Annotated[str, typer.Argument(metavar="NUMMER", help="Het nummer, of de eerste 8 tekens.")],
) -> None:
    """Zet een bericht weer klaar; het gaat weg zodra er een worker draait."""
    from adapters.messages.delivery_list import send_again  # noqa: PLC0415
    from adapters.office import office  # noqa: PLC0415

    here = office()
    out.print(f"{send_again(here.engine, here.clock, nummer)} staat weer klaar.", markup=False)


def _table(lines: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("Nummer", "Zaak", "Bericht", "Toestand"):
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(
            line["id"][:8],
            f"{line['zaak']} {line['mijlpaal']}",
            f"{line['soort']} aan {line['rol']} {line['ontvanger'] or '(niemand)'}, {line['kanaal'] or 'geen kanaal'}",
            line["resultaat"] or line["toestand"],
        )
    return table

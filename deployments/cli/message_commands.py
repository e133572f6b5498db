"""`routekaart berichten`: which messages reached nobody, and sending one again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.console import print_json, say, terminal, the_office

if TYPE_CHECKING:
    from rich.table import Table

messages_app = typer.Typer(
    help="Toont berichten die niemand bereikten, en stuurt er een opnieuw.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(messages_app, name="berichten")


@messages_app.callback()
def list_messages(
    context: typer.Context,
    alles: Annotated[bool, typer.Option("--alles", help="Ook wat bezorgd is of nog wacht.")] = False,
    als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False,
) -> None:
    """Toon de berichten die niemand bereikten; met --alles ook de andere."""
    if context.invoked_subcommand is not None:
        return
    from adapters.messages.delivery_list import listed

    lines = listed(the_office().engine, everything=alles)
    if als_json:
        print_json(lines)
    elif lines:
        terminal().print(_table(lines))
        say("Opnieuw versturen: routekaart berichten opnieuw NUMMER")
    else:
        say("Elk bericht is bezorgd of wacht op zijn moment." if not alles else "Er zijn geen berichten.")


@messages_app.command("opnieuw")
def send_again_command(
    nummer: Annotated[str, typer.Argument(metavar="NUMMER", help="Het nummer, of de eerste 8 tekens.")],
) -> None:
    """Zet een bericht weer klaar; het gaat weg zodra er een worker draait."""
    from adapters.messages.delivery_list import send_again

    here = the_office()
    say(f"{send_again(here.engine, here.clock, nummer)} staat weer klaar.")


def _table(lines: list[dict[str, Any]]) -> Table:
    from rich.table import Table

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

"""`routekaart inzagelog`: who looked at which case, and when."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.console import BadInput, print_json, say, the_office


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inzagelog")(looks_command)


def looks_command(
    zaak: Annotated[str | None, typer.Option(metavar="REF", help="Wie keek in deze zaak.")] = None,
    medewerker: Annotated[
        str | None, typer.Option(metavar="CODE", help="Wat deze medewerker bekeek.")
    ] = None,
    als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False,
) -> None:
    """Toon wie wanneer in een zaak keek, of wat een medewerker bekeek; de laatste eerst."""
    from adapters.cases.looks import look_as_json

    if zaak is None and medewerker is None:
        raise BadInput("Noem een zaak (--zaak REF) of een medewerker (--medewerker CODE).")
    found = [look_as_json(row) for row in the_office().looks.found(zaak, medewerker)[0]]
    if als_json:
        print_json(found)
        return
    for look in found:
        who = look["door"]
        what_for = f"  {look['doel']}" if look["doel"] else ""
        how = f"{who['soort']} {who['code'] or ''} ({who['weg'] or '-'})"
        say(f"{look['op']}  {look['zaak']}  {how}{what_for}")
    if not found:
        say("Niemand heeft gekeken.")

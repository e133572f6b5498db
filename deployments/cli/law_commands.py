"""`routekaart wet toets`: the laws on which terms rest, against texts that you have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.console import complain, print_json, say, the_office
from milestones.counting import so_many

law_app = typer.Typer(
    help="De wetten waarop de termijnen rusten.", no_args_is_help=True, rich_markup_mode=None
)
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(law_app, name="wet")


@law_app.callback()
def law_group() -> None:
    """Keep it a group, also with one command."""


@law_app.command("toets")
def law_command(
    pad: Annotated[Path, typer.Argument(metavar="MAP", help="De map met wetteksten (XML of YAML).")],
    als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False,
    vastleggen: Annotated[
        bool, typer.Option("--vastleggen", help="Leg vast dat u deze teksten hebt nagekeken.")
    ] = False,
) -> int:
    """Vergelijk wetteksten met de teksten die zijn nagekeken; eindigt met 1 als er iets anders is."""
    from adapters.oversight.law_check import check_laws, record
    from adapters.oversight.law_texts import read_law_folder

    folder = read_law_folder(pad)
    here = the_office()
    if vastleggen:
        for line in record(here, folder):
            say(f"Nagekeken: {line}")
        return 0
    check = check_laws(here, folder)
    if als_json:
        print_json(
            {
                "gelijk": check.same,
                "verschillen": [difference.as_json() for difference in check.differences],
                "alleen_op_woorden": list(check.by_words_only),
                "ontbreekt": list(check.missing),
                "geen_wettekst": list(check.others),
            }
        )
        return 1 if check.differences else 0
    for item in check.differences:
        say(f"{item.law.code} art. {item.article} (tekst van {item.text_of}): {item.what}.")
        say(f"  termijnen: {', '.join(item.terms) or '-'}; open zaken: {len(item.cases)}")
        for case in item.cases[:_SHOWN]:
            say(f"  {case.reference} (gemeente {case.municipality}, {case.term})")
        if len(item.cases) > _SHOWN:
            say(f"  en nog {len(item.cases) - _SHOWN} (alles met --json)")
    say(f"{so_many(check.same, 'artikel')} gelijk, {len(check.differences)} anders.")
    if check.by_words_only:
        say(f"Alleen op woorden vergeleken (leg eerst een tekst vast): {', '.join(check.by_words_only)}.")
    for name in check.missing:
        say(f"Geen tekst in deze map: {name}.")
    for sentence in check.others:
        complain(f"Overgeslagen: {sentence}")
    return 1 if check.differences else 0

"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

LARGEST_NUMBER = 2**31 - 1  # what both databases keep as a whole number
Number = Annotated[
    int, typer.Argument(metavar="NUMMER", min=1, max=LARGEST_NUMBER, help="Het nummer uit de lijst.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")]
MunicipalityOption = Annotated[
    str | None, typer.Option("--gemeente", metavar="CODE", help="De gemeentecode; anders de eigen gemeente.")
]

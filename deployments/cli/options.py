"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")]
MunicipalityOption = Annotated[
    str | None, typer.Option("--gemeente", metavar="CODE", help="De gemeentecode; anders de eigen gemeente.")
]

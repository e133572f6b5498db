"""Answers as CSV: where a client asks for it with a parameter or with `Accept`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import Response

if TYPE_CHECKING:
    from fastapi import Request

Format = Annotated[
    Literal["json", "csv"] | None,
    Query(description="Anders wat `Accept` vraagt. Als csv komt alles in een keer."),
]
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")


def wants_csv(request: Request, asked: str | None) -> bool:
    """Whether a client asks for CSV."""
    if asked is not None:
        return asked == "csv"
    wanted = dict(map(_weighed, request.headers.get("accept", "").lower().split(",")))
    return wanted.get("text/csv", 0.0) > wanted.get("application/json", 0.0)


def _weighed(kind: str) -> tuple[str, float]:
    """Return a kind of content that `Accept` names, with how much it is wanted: 1, unless its `q` says less."""
    name, *parameters = (part.strip() for part in kind.split(";"))
    weights = [_WEIGHT.fullmatch(parameter) for parameter in parameters]
    return name, next((float(found[1]) for found in weights if found), 1.0)


def csv_answer(content: str, name: str) -> Response:
    """Return a file with this name."""
    # The mark at the start tells spreadsheets that this is UTF-8.
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response("\ufeff" + content, media_type="text/csv; charset=utf-8", headers=headers)

"""One way to answer: what goes out is checked against the model that the description names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.api.models import Answered


def answer(
    model: type[Answered],
    body: Mapping[str, object],
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    repeated: bool = False,
) -> Response:
    """Return a body as JSON after its model has read it: what does not fit is a fault of ours, and never goes out.

    A field that the body leaves out stays out. The answer to a repeat goes out as it was kept, perhaps by an earlier
    release.
    """
    more = dict(headers or {})
    if repeated:
        return JSONResponse(body, status, more | {"Idempotent-Replayed": "true"})
    shown = model.model_validate(body).model_dump_json(exclude_unset=True)
    return Response(shown, status, more, media_type="application/json")

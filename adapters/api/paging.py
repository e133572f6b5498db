"""Lists in pages: how many there are, and where the next and the previous page are."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Query, Request
from starlette.datastructures import URL

PageNumber = Annotated[int, Query(ge=1, le=100_000)]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=1000)]


def page_of(request: Request, count: int, page: int, size: int) -> dict[str, Any]:
    """Return the numbers of a page, with whole addresses of its neighbours that keep all that was asked for."""
    here = whole_address(request)

    def link(number: int) -> str:
        return str(here.include_query_params(page=number, pageSize=size))

    return {
        "count": count,
        "next": link(page + 1) if page * size < count else None,
        "previous": link(page - 1) if page > 1 else None,
    }


def whole_address(request: Request) -> URL:
    """Return the address that was asked for, as it is known outside: that of the setting, or of the request itself."""
    outside = request.app.state.office.settings.api_url
    if not outside:
        return request.url
    known = urlsplit(outside)
    return request.url.replace(
        scheme=known.scheme, netloc=known.netloc, path=known.path.rstrip("/") + request.url.path
    )


def case_address(request: Request, reference: str) -> str:
    """Return the whole address of a case."""
    path = request.url.path
    case = f"/v1/zaken/{quote(reference)}"
    here = whole_address(request)
    return str(here.replace(path=here.path.removesuffix(path) + case, query=""))

"""Lists in pages: how many there are, and where the next and the previous page are."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

PageNumber = Annotated[int, Query(ge=1, le=100_000)]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, le=1000)]


def page_of(path: str, count: int, page: int, size: int, **asked: object) -> dict[str, Any]:
    """Give the numbers of a page; `asked` is what else the caller asked for, and stays in the links."""
    rest = {name: value for name, value in asked.items() if value is not None}

    def link(number: int) -> str:
        return f"{path}?{urlencode({'page': number, 'pageSize': size} | rest)}"

    return {
        "count": count,
        "next": link(page + 1) if page * size < count else None,
        "previous": link(page - 1) if page > 1 else None,
    }

"""Whether a column has one of many values: one parameter, so that the statement is the same however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, JSON, Boolean, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine


class _Values(TypeDecorator["Collection[Any]"]):
    """Values of a column as one parameter: an array in PostgreSQL, a text in SQLite."""

    impl = JSON
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the parameter."""
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> list[Any]:
        """Return the values as a list."""
        del dialect
        return [*(value or ())]


class OneOf(FunctionElement[bool]):
    """True where a column of text or of numbers has one of the values of the parameter with this name."""

    type = Boolean()
    name = "one_of"
    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, type_=_Values(column.type)))


@compiles(OneOf)
def _as_sqlite(element: OneOf, compiler: SQLCompiler, **more: Any) -> str:
    column, values = (compiler.process(part, **more) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - both are SQLAlchemy's


@compiles(OneOf, "postgresql")
def _as_postgresql(element: OneOf, compiler: SQLCompiler, **more: Any) -> str:
    column, values = (compiler.process(part, **more) for part in element.clauses)
    return f"{column} = ANY ({values})"

"""A fact of a process as text, written so that an index of either database is used for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import literal_column
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class FactText(FunctionElement[str]):
    """The text under a name in a JSON object; NULL where there is none."""

    type = String()
    name = "fact_text"
    inherit_cache = True

    def __init__(self, facts: Any, name: str) -> None:
        if not name.isidentifier():
            raise ValueError(name)  # it becomes part of the statement: an index knows no parameters
        super().__init__(facts, literal_column(f"'{name}'"), literal_column(f"'$.{name}'"))


@compiles(FactText)
def _as_sqlite(element: FactText, compiler: SQLCompiler, **more: Any) -> str:
    facts, _, path = element.clauses
    return f"json_extract({compiler.process(facts, **more)}, {compiler.process(path, **more)})"


@compiles(FactText, "postgresql")
def _as_postgresql(element: FactText, compiler: SQLCompiler, **more: Any) -> str:
    facts, name, _ = element.clauses
    return f"({compiler.process(facts, **more)} ->> {compiler.process(name, **more)})"

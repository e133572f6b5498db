"""Leans on (Prefect 3.8.8): `parameter_schema` reads the signature of the flow object.

Without it the forms of deployments have no Dutch titles, no help, and a choice between two types for an optional
date.

The form of a flow, from its signature: Dutch titles, help, and simple inputs for what may stay empty.

Prefect's own schema of a flow forgets titles and help, and shows an optional date as a choice between two types.
Prefect reads the signature of the flow object, so that is where the form is said. `routekaart deploy` and
`prefect deploy` then give a deployment the same form.
"""

from __future__ import annotations

import inspect
from functools import partial
from types import MappingProxyType, NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from prefect import Flow
from prefect.utilities.callables import parameter_schema
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

F = TypeVar("F", bound=Flow[..., Any])


def with_form(made: F, asks_first: Collection[str] = ()) -> F:
    """Let Prefect show the parameters of this flow as its author titled them; return the flow.

    With `asks_first` the form shows those alone; a machine may give the others too.
    """
    hints = get_type_hints(made.fn, include_extras=True)
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            _input(parameter, hints[name])
            for name, parameter in inspect.signature(made.fn).parameters.items()
            if not asks_first or name in asks_first
        ]
    )
    return made


def whole_form_of(made: Flow[..., Any]) -> dict[str, Any]:
    """Return the JSON schema of all parameters: those that the form does not show are told by a pattern alone."""
    shown = form_of(made)
    hints = get_type_hints(made.fn, include_extras=True)
    everything = inspect.Signature(
        [_input(parameter, hints[name]) for name, parameter in inspect.signature(made.fn).parameters.items()]
    )

    def whole() -> None: ...

    whole.__signature__ = everything  # type: ignore[attr-defined]
    known = parameter_schema(whole).model_dump_for_openapi()
    hidden = {name: said for name, said in known["properties"].items() if name not in shown["properties"]}
    if not hidden:
        return shown
    shown["patternProperties"] = {f"^{name}$": said for name, said in hidden.items()}
    return shown | ({"definitions": known["definitions"]} if known.get("definitions") else {})


def form_of_work(
    work: Callable[..., Any],
    asked: Collection[str],
    needed: Collection[str] = (),
    choices: Mapping[str, Sequence[str]] = MappingProxyType({}),
    explanation: str = "",
) -> type[BaseModel]:
    """Return some parameters of a function as a form of its own, with an explanation at the first.

    `choices` are what can be chosen where it is asked.
    """
    hints = get_type_hints(work, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(work).parameters.items():
        if name not in asked:
            continue
        about = _about(getattr(hints[name], "__metadata__", ())) | {"position": len(fields)}
        if not fields:
            about["description"] = f"{explanation} {about.get('description', '')}".strip()
        kind = Literal[tuple(choices[name])] if name in choices else _filled(hints[name])
        if name in needed:
            fields[name] = (kind, Field(json_schema_extra=about))
        elif parameter.default is None:
            fields[name] = (kind, Field(default=None, json_schema_extra=partial(_without_default, about)))
        else:
            fields[name] = (kind, Field(default=parameter.default, json_schema_extra=about))
    config = ConfigDict(title="Vul aan", extra="forbid")
    return create_model("Vervolgvragen", __config__=config, **fields)


def _without_default(about: dict[str, Any], schema: dict[str, Any]) -> None:
    schema.pop("default", None)
    schema.update(about)


def form_of(made: Flow[..., Any]) -> dict[str, Any]:
    """Return the JSON schema of the parameters of a flow, as Prefect's forms read it."""
    schema = parameter_schema(made).model_dump_for_openapi()
    return {name: value for name, value in schema.items() if name != "definitions" or value}


def _input(parameter: inspect.Parameter, hint: Any) -> inspect.Parameter:
    """Return a parameter as one input of a form: what may stay empty has no default and no second type."""
    about = _about(getattr(hint, "__metadata__", ()))
    default: Any = parameter.default
    if default is None:
        default, hint = MISSING, _filled(hint)
    if default is not inspect.Parameter.empty:
        field = FieldInfo(default=default, json_schema_extra=about)
    else:
        field = FieldInfo(json_schema_extra=about)
    return parameter.replace(annotation=hint, default=field)


def _about(metadata: Iterable[object]) -> dict[str, Any]:
    """Return the title and the help of an annotation; the last one counts."""
    found: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            said = {"title": item.title, "description": item.description}
            found |= {name: text for name, text in said.items() if text}
    return found


def _filled(hint: Any) -> Any:
    """Return a type without the choice of nothing at all."""
    if get_origin(hint) is Annotated:
        inner, *metadata = get_args(hint)
        return Annotated[(_filled(inner), *metadata)]
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(kind for kind in get_args(hint) if kind is not NoneType)]  # noqa: UP007
    return hint

"""The form of an action, from its signature: Dutch titles, help, and simple inputs for what may stay empty.

Prefect's own schema of a flow forgets titles and help, and shows an optional date as a choice between two types.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, create_model

if TYPE_CHECKING:
    from collections.abc import Callable


def parameter_form(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the JSON schema of the parameters of a function, as Prefect's forms read it."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is inspect.Parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    }
    model: type[BaseModel] = create_model("Parameters", **fields)
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    for form in (schema, *schema.get("$defs", {}).values()):
        for position, field in enumerate(form.get("properties", {}).values()):
            _simplify(field)
            field["position"] = position
    return {
        "title": "Parameters",
        "type": "object",
        "properties": schema.get("properties", {}),
        "required": schema.get("required", []),
        "definitions": schema.get("$defs", {}),
    }


def _simplify(field: dict[str, Any]) -> None:
    """Let a field that may be None simply stay empty."""
    choices = [item for item in field.get("anyOf", ()) if item.get("type") != "null"]
    if len(choices) == 1:
        del field["anyOf"]
        for name, value in choices[0].items():
            field.setdefault(name, value)
    if field.get("default", ...) is None:
        del field["default"]

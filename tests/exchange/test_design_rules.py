"""The kept description against the NL API Design Rules, each by its own name.

The published linter checks the same where it can be had (`.ci/lint-api`); this needs no network.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DESCRIBED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "integration" / "openapi.json").read_text(encoding="utf-8")
)
PROBLEM = "application/problem+json"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every operation with its path and method."""
    for path, methods in DESCRIBED["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def properties(node: Any = DESCRIBED) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of every schema, with its name."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield from node["properties"].items()
        for inner in node.values():
            yield from properties(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from properties(inner)


def formats(shown: dict[str, Any]) -> set[str]:
    """Return the formats that a property may have."""
    return {choice["format"] for choice in (shown, *shown.get("anyOf", ())) if "format" in choice}


def failed_responses() -> Iterator[dict[str, Any]]:
    """Yield every described refusal."""
    for _, _, operation in operations():
        yield from (answer for status, answer in operation["responses"].items() if int(status) >= 400)


def problem_members() -> bool:
    """Whether every refusal says at least status, title and detail."""
    found = set()
    for answer in failed_responses():
        found.add(answer["content"][PROBLEM]["schema"]["$ref"].rpartition("/")[2])
    schemas = DESCRIBED["components"]["schemas"]
    return all({"status", "title", "detail"} <= set(schemas[name]["required"]) for name in found)


def unique_operations() -> bool:
    """Whether every operation has an id of its own."""
    found = [operation["operationId"] for _, _, operation in operations()]
    return len(found) == len(set(found))


RULES: dict[str, Callable[[], bool]] = {
    "/core/doc-openapi": lambda: re.fullmatch(r"3(\.\d+){1,2}", DESCRIBED["openapi"]) is not None,
    "/core/doc-openapi-contact": lambda: {"name", "url", "email"} <= set(DESCRIBED["info"]["contact"]),
    "/core/semver": lambda: re.fullmatch(r"\d+\.\d+\.\d+", DESCRIBED["info"]["version"]) is not None,
    "/core/uri-version": lambda: all(
        re.search(r"/v\d+$", server["url"]) is not None for server in DESCRIBED["servers"]
    ),
    "/core/version-header": lambda: all(
        "API-Version" in answer["headers"]
        for _, _, operation in operations()
        for answer in operation["responses"].values()
    ),
    "/core/no-trailing-slash": lambda: not any(path.endswith("/") for path in DESCRIBED["paths"]),
    "/core/path-segments-kebab-case": lambda: all(
        re.fullmatch(r"(/[a-z0-9-]+|/\{[a-z]+\})+", path) is not None for path in DESCRIBED["paths"]
    ),
    "/core/query-keys-camel-case": lambda: all(
        re.fullmatch(r"[a-z][a-z\d]*([A-Z][a-z\d]*)*", given["name"]) is not None
        for _, _, operation in operations()
        for given in operation.get("parameters", ())
        if given["in"] == "query"
    ),
    "/core/http-methods": lambda: all(
        method in {"get", "post", "put", "patch", "delete"} for _, method, _ in operations()
    ),
    "/core/publish-openapi, unique operationId": unique_operations,
    "/core/publish-openapi, path parameters": lambda: all(
        set(re.findall(r"\{(\w+)\}", path))
        == {given["name"] for given in operation.get("parameters", ()) if given["in"] == "path"}
        for path, _, operation in operations()
    ),
    "/core/error-handling/problem-details": lambda: all(
        list(answer["content"]) == [PROBLEM] for answer in failed_responses()
    ),
    "/core/error-handling/problem-details, members": problem_members,
    "/core/error-handling/invalid-input": lambda: all(
        "400" in operation["responses"]
        for _, method, operation in operations()
        if operation.get("parameters") or method != "get"
    ),
    "/core/date-time/timezone": lambda: all(
        not formats(shown) & {"time", "date-time-local"} for _, shown in properties()
    ),
    "/core/date-time/date-omit-time-portion": lambda: all(
        formats(shown) == {"date"}
        for name, shown in properties()
        if re.fullmatch(r"date|datum|.+(D|_d)(ate|atum)", name)
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_description_follows_this_design_rule(rule: str) -> None:
    """The kept description follows this rule of the published standard."""
    assert RULES[rule](), rule


def shown() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each property of a schema and each parameter, with its place."""
    for name, schema in DESCRIBED["components"]["schemas"].items():
        yield from ((f"{name}.{item}", found) for item, found in schema.get("properties", {}).items())
    for path, method, operation in operations():
        for given in operation.get("parameters", ()):
            yield f"{method} {path} {given['name']}", given["schema"]


def test_each_field_and_parameter_shows_what_it_takes() -> None:
    """There is an example, a choice or a yes or no everywhere, and each example fits what it is an example of."""
    bare = []
    for place, schema in shown():
        for example in schema.get("examples", ()):
            whole = schema | {"components": DESCRIBED["components"]}
            Draft202012Validator(whole, format_checker=FormatChecker()).validate(example)
        if not any(word in str(schema) for word in ("'examples'", "'enum'", "'$ref'", "'const'", "boolean")):
            bare.append(place)
    assert bare == []


def test_every_answer_is_told_of_in_dutch_with_one_type() -> None:
    """No answer has the words of the framework, and of one operation all answers of data have one type."""
    for path, method, operation in operations():
        types = set()
        for status, answer in operation["responses"].items():
            assert "Response" not in answer["description"], (method, path, status)
            if int(status) < 300:
                found = answer.get("content", {}).get("application/json", {}).get("schema")
                types |= {str(found)} if found else set()
        assert len(types) <= 1, (method, path)

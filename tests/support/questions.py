"""Every request that the description of the API allows, made from its examples: a new address is there by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.other_systems import notification
from support.signal_deliveries import delivery, signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

HERE = "0518"
ASKS_NOTHING = {"/metrics"}  # its figures count these requests


@dataclass(frozen=True)
class Subject:
    """What somebody asks about, under the names of the examples in the description."""

    zaak: str
    verwijzing: str
    burgerservicenummer: str
    naam: str
    gemeentecode: str

    def of(self, name: str) -> Any:
        """Return what stands for a parameter or property with this name; None where it is about nothing."""
        found = {"reference": self.zaak, "subject": self.zaak, "verwijzingen": [self.verwijzing]}
        found |= {"hoofdObject": self.verwijzing, "resourceUrl": self.verwijzing}
        return found.get(name, getattr(self, name, None))


@dataclass(frozen=True)
class Question:
    """One request about something."""

    method: str
    path: str
    query: dict[str, Any]
    body: Any = None
    kind: str = "application/json"

    def asked(self, api: TestClient) -> Any:
        """Return the answer."""
        more = (
            {}
            if self.body is None
            else {"content": json.dumps(self.body), "headers": {"Content-Type": self.kind}}
        )
        return api.request(self.method, self.path, params=self.query, **more)


def _example(
    name: str, schema: dict[str, Any], about: Subject, parts: dict[str, Any], *, all_of_it: bool
) -> Any:
    """Return what a schema takes, about something: its example, or each of its properties that has one."""
    if "$ref" in schema:
        schema = parts[schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        wanted = schema["properties"] if all_of_it else schema.get("required", ())
        made = {
            one: _example(one, schema["properties"][one], about, parts, all_of_it=all_of_it) for one in wanted
        }
        return {one: value for one, value in made.items() if value is not None}
    if (found := about.of(name)) is not None:
        return found
    if schema.get("type") == "array" and "items" in schema and not schema.get("examples"):
        return [_example(name, schema["items"], about, parts, all_of_it=all_of_it)]
    return next(iter(schema.get("examples") or schema.get("enum") or [None]))


# What the description says nothing of: its form is that of DDAS, or either of two.
def _bodies_of_others(path: str, about: Subject) -> list[Any]:
    signals = [
        delivery(signal("A-1", about.burgerservicenummer), code=HERE),
        delivery(signal("A-2", about.burgerservicenummer, crisissignaal=True), code=HERE),
        delivery(signal("A-3", about.burgerservicenummer, status="Afgesloten"), code=HERE),
        delivery(
            signal("A-4", about.burgerservicenummer),
            cases=[{"vroegsignalen": [{"ID": "A-4"}], "resultaat": "Geen hulp"}],
        ),
    ]
    died = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "urn:nld:brp",
        "type": "nl.brp.personen.overleden",
        "subject": about.zaak,
        "data": {"datumOverlijden": "2026-03-01", "burgerservicenummer": about.burgerservicenummer},
    }
    status = notification(hoofdObject=about.verwijzing, resourceUrl=f"{about.verwijzing}/status")
    return {
        "/v1/vroegsignalen": signals,
        "/v1/cloudevents": [died, status],
        "/v1/notificaties": [status],
    }.get(path, [])


def questions(described: dict[str, Any], about: Subject, *, place: bool) -> Iterator[Question]:
    """Yield every request that the description allows about something; `place`: also with the gemeente of it."""
    parts = described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if path in ASKS_NOTHING:
                continue
            given = operation.get("parameters", ())
            inside = {one["name"]: about.of(one["name"]) or "M3" for one in given if one["in"] == "path"}
            asked = {one["name"]: about.of(one["name"]) for one in given if one["in"] == "query"}
            asked = {one: value for one, value in asked.items() if value is not None}
            if not place:
                asked.pop("gemeentecode", None)
            address = path.format(**inside)
            bodies: list[tuple[str, Any]] = [
                (kind, _example("", content["schema"], about, parts, all_of_it=all_of_it))
                for kind, content in operation.get("requestBody", {}).get("content", {}).items()
                for all_of_it in (False, True)
            ]
            bodies += [("application/json", one) for one in _bodies_of_others(path, about)]
            for query in [{}, asked] if asked else [{}]:
                for kind, body in bodies or [("", None)]:
                    if isinstance(body, dict) and not place:
                        body.pop("gemeentecode", None)
                    yield Question(method.upper(), address, query, body, kind)
            if "metHistorie" in {one["name"] for one in given}:
                for body in _bodies_of_others(path, about):
                    yield Question(method.upper(), address, {"metHistorie": "true"}, body)

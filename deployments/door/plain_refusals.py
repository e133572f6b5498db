"""What Prefect says of a form that does not fit, in Dutch and in the words of the form.

Prefect holds an answer against the schema of its form and repeats what the checker says: a regular expression, and what
somebody typed. The door puts a sentence in its place for people; machines hear what Prefect says.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from adapters.runtime.policies import DEFAULT
from flows.forms import OLDER_REFERENCE, PERSON_CODE, PROCESS, REFERENCE
from milestones.code_forms import CODE_FIELDS
from milestones.codes import form_in_all
from milestones.events import SPECS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

_CHECKED = re.compile(
    r"/api/(ui/schemas/validate|deployments/[0-9a-f-]{36}/create_flow_run|flow_runs/[0-9a-f-]{36}/resume)",
    re.IGNORECASE,
)
_OF_A_FIELD = re.compile(r"Validation failed(?: for field '([^']*)')?\. Failure reason: (.*)", re.DOTALL)
_FITS_NOT = "Dit past hier niet. Kijk wat er bij het veld staat."
_PATTERNS = {
    **dict.fromkeys(
        (REFERENCE, OLDER_REFERENCE),
        "Dit is geen nummer van een zaak, zoals FZ-2026-7K2M9QD of ZAAK-2026-17. Een BSN of een naam mag hier niet.",
    ),
    PERSON_CODE: "Dit is geen code van een medewerker, zoals mw-17.",
    PROCESS: "Dit is geen mijlpaal, zoals M3.",
    **{
        form_in_all((DEFAULT,), name): "Schrijf een code uit de lijst van de gemeente, zoals m-07."
        for name in CODE_FIELDS
    },
    form_in_all((DEFAULT,), "termijn"): "Dit is geen termijn, zoals T13-2.",
    r"^[0-9]{4}$": "Een gemeentecode heeft vier cijfers.",
}
_SENTENCES = (
    (re.compile(r"is a required property$"), "Vul dit in."),
    (re.compile(r"is not one of \["), "Kies een van de mogelijkheden."),
    (re.compile(r"was expected$"), "Een collega meldde intussen iets. Open het formulier opnieuw."),
    (re.compile(r"is not of type '(integer|number)'"), "Vul een getal in."),
    (re.compile(r"is less than the minimum of"), "Dit getal is te klein."),
    (re.compile(r"is greater than the maximum of"), "Dit getal is te groot."),
    (re.compile(r"is too long$"), "Dit is te lang."),
    (re.compile(r"is too short$|should be non-empty$"), "Vul dit in."),
    (re.compile(r"^None is not|is not of type"), "Vul dit in zoals het veld vraagt."),
)


def is_checked(method: str, path: str) -> bool:
    """Whether Prefect holds a form against its schema at this address."""
    return method == "POST" and _CHECKED.fullmatch(path) is not None


def said_plainly(send: Send) -> Send:
    """Return what sends an answer of Prefect on, with sentences for what its checker says."""
    begun: Message = {}
    body = b""

    async def sent(message: Message) -> None:
        nonlocal begun, body
        if message["type"] == "http.response.start":
            begun = message
            return
        body += message.get("body", b"")
        if message.get("more_body"):
            return
        plain = _plain(body)
        headers = [(name, value) for name, value in begun["headers"] if name.lower() != b"content-length"]
        await send({**begun, "headers": [*headers, (b"content-length", str(len(plain)).encode())]})
        await send({"type": "http.response.body", "body": plain})

    return sent


def _plain(body: bytes) -> bytes:
    try:
        said = json.loads(body)
    except ValueError:
        return body
    if not isinstance(said, dict):
        return body
    if said.get("valid") is False:
        said["errors"] = _errors(said.get("errors", []))
    elif isinstance(detail := said.get("detail"), str) and (found := _OF_A_FIELD.search(detail)):
        said["detail"] = f"Niet gestart. {_about(found)}"
    elif isinstance(details := said.get("details"), dict) and isinstance(
        reason := details.get("reason"), str
    ):
        if found := _OF_A_FIELD.search(reason):
            details["reason"] = f"Niet overgenomen. {_about(found)}"
    else:
        return body
    return json.dumps(said).encode()


def _errors(errors: Iterable[Any]) -> list[Any]:
    """Return the errors of the checker, each in a sentence at its own field."""
    return [
        {**one, "errors": _errors(one.get("errors", []))} if isinstance(one, dict) else _sentence(str(one))
        for one in errors
    ]


def _about(found: re.Match[str]) -> str:
    name = (found[1] or "").rpartition(".")[2]
    label = _labels().get(name)
    return f"{label.rstrip('?')}: {_sentence(found[2])}" if label else _sentence(found[2])


def _sentence(error: str) -> str:
    """Return what a message of the checker means, without what was typed."""
    for pattern, said in _PATTERNS.items():
        if error.endswith((f"does not match {pattern!r}", f'does not match "{pattern}"')):
            return said
    if "does not match" in error:
        return _FITS_NOT
    return next((said for known, said in _SENTENCES if known.search(error)), _FITS_NOT)


@cache
def _labels() -> Mapping[str, str]:
    """Return what the forms call their fields; a server on which no form was ever wrong loads no flow for it."""
    from deployments.planned import planned  # noqa: PLC0415

    fields = {item.name: item.label for spec in SPECS for item in spec.fields}
    forms = {
        name: shown["title"]
        for item in planned()
        for name, shown in item.form["properties"].items()
        if "title" in shown
    }
    return fields | forms | {"gebeurtenis": "Wat is er gebeurd", "stand": "Stand van de zaak", "op": "Datum"}

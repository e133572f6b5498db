"""A person in every field of every address of the description: found in no table, free page, log or answer."""

from __future__ import annotations

import copy
import json
import re
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jwt
import pytest
from support.api import NOW, caller, opened, whole
from support.questions import Question, Subject, questions
from support.signal_deliveries import SAMIRA, valid_bsn
from support.stack import home_with_keys

from adapters.exchange.inbox import work_on_inbox
from adapters.office import open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

BSN = valid_bsn("9033445")
IBAN, TELEPHONE, MAIL, NAME = "NL91ABNA0417164300", "0612345678", "m.merkteken@voorbeeld.nl", "Merkteken-1983"
MARKS = (f"B{BSN}", f"0{BSN}", f"Z-{BSN}", IBAN, f"R-{TELEPHONE}", MAIL)
TRACES = (BSN, "NL91ABNA", TELEPHONE, "merkteken")


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where a text or the name of a field stands in a body."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*place, number))
    elif isinstance(value, str):
        yield place


def _marked(question: Question, mark: str) -> Iterator[Question]:
    """Yield a request for each text in it, with a person in that place."""
    for name in question.query:
        yield Question(
            question.method, question.path, {**question.query, name: mark}, question.body, question.kind
        )
    for place in _places(question.body):
        body = copy.deepcopy(question.body)
        *way, last = place
        inner = body
        for step in way:
            inner = inner[step]
        inner[last] = mark
        yield Question(question.method, question.path, question.query, body, question.kind)


def _elsewhere(api: TestClient, paths: Iterable[str]) -> Iterator[str]:
    """Yield what is answered to a person in an address, a header, a key, a token, and the name of a client."""
    for mark in (*MARKS, NAME):
        for path in paths:
            place = re.sub(r"\{(reference|code|naam)\}", quote(mark), path)
            for name in ("doel", "idempotency-key", "digest"):
                yield api.get(place, headers={name: mark}).text
        claimed = "".join(filter(str.isalnum, mark))
        for given in (f"rk_{claimed}_x", jwt.encode({"iss": claimed, "iat": 1}, "k" * 32, "HS256")):
            yield api.get("/v1/zaken", headers={"X-API-Key": given}).text
        form = {"grant_type": "client_credentials", "client_id": claimed, "client_secret": "x"}
        yield api.post("/v1/oauth2/token", data=form).text


def test_no_field_of_any_address_keeps_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """BSN, IBAN, telephone, e-mail and name, bare and behind other signs, in bodies, parameters, paths and headers."""
    office = open_office(
        Settings(home=home_with_keys(tmp_path), municipality="0518", webhook_networks=()), SetClock(NOW)
    )
    office.settings = office.settings.model_copy(update={"api_requests_per_minute": 1_000_000})
    api = caller(office)
    case = opened(api)
    described = whole(api.get("/v1/openapi.json").json())
    about = Subject(case, "ZAAK-2026-17", SAMIRA, "dashboard", "0518")
    seen: set[str] = set()
    answers: list[str] = []
    numbers = cycle(MARKS)
    for question in questions(described, about, place=True):
        for mark in (NAME, next(numbers)):
            for marked in _marked(question, mark):
                once = json.dumps([marked.method, marked.path, marked.query, marked.body], sort_keys=True)
                if once in seen:
                    continue
                seen.add(once)
                answer = marked.asked(api)
                if "batch" not in marked.kind:  # its sender finds his messages in the answer by their ids
                    answers.append(f"{answer.text} {answer.headers}")
                assert answer.status_code != 500, once
    answers += _elsewhere(api, described["paths"])
    work_on_inbox(office)
    assert len(seen) > 150
    office.engine.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode("latin-1")
    for where, text in (
        ("files", kept),
        ("log", "".join(capsys.readouterr()) + caplog.text),
        ("answers", str(answers)),
    ):
        for trace in TRACES:
            number = text.lower().find(trace.lower())
            assert number < 0, f"{trace} in {where}: {text[max(0, number - 200) : number + 60]}"

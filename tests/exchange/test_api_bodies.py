"""Hostile bodies: refused with a 4xx, and nothing written."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support.api import caller, rows
from support.effort import grows_in_step

from adapters.api import create_api
from adapters.api.problems import Problem
from adapters.api.strict_json import MOST_LEVELS, read_json
from adapters.exchange.clients import first_key_file

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.settings import Settings

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"mijlpaal": "M3", "mijlpaal": "M1"}', 400),
        (b'{"mijlpaal": ' + b"[" * 10_000, 400),
        (b'{"gegevens": ' + b'{"a":' * 30 + b"1" + b"}" * 31, 400),
        ('{"mijlpaal": "M3"}'.encode("utf-16"), 400),
        (b'{"mijlpaal": "\xff"}', 400),
        (b'{"mijlpaal": "M3", "gegevens": {"weken": ' + b"9" * 5000 + b"}}", 400),
        (b'{"mijlpaal": "M3", "gegevens": {"weken": 1e999}}', 400),
        (b'{"mijlpaal": "M3", "gegevens": {"weken": NaN}}', 400),
        (b'{"mijlpaal": "M3\\u0000"}', 400),
        (b'{"mijlpaal": "\\ud800"}', 400),
        (b'{"mijlpaal": "M3"', 400),
        (b"", 400),
        (b"null", 400),
    ],
)
def test_tricks_in_a_body_are_refused(api: TestClient, office: Office, body: bytes, expected: int) -> None:
    """Double names, deep nesting, other encodings, huge numbers and half characters are refused."""
    before = rows(office)
    answer = api.post("/v1/zaken", content=body, headers=JSON)
    assert answer.status_code == expected
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows(office) == before


@pytest.mark.parametrize("repeated", [b'\\"', b"\\", b'"', b"[", b"{", b"9", b"\\u0041", b'"a', b'":"'])
def test_no_body_takes_long(repeated: bytes) -> None:
    """The longest body that is allowed is refused in time that grows with it, also a text in it that never ends."""

    def refused(size: int) -> None:
        with pytest.raises(Problem):
            read_json(b'{"mijlpaal": "' + repeated * (size // len(repeated)))

    assert grows_in_step(refused, 1_000_000)


@pytest.mark.parametrize("path", ["/v1/zaken", "/v1/cloudevents", "/v1/notificaties", "/v1/vroegsignalen"])
def test_who_hangs_up_half_way_is_no_fault_of_ours(office: Office, path: str) -> None:
    """A caller that breaks off its body changes nothing, and is not logged as a fault."""
    app, before = create_api(office), rows(office)
    given = iter([{"type": "http.request", "body": b'{"mij', "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(given)

    async def send(message: Any) -> None:
        sent.append(message)

    key = first_key_file(office).read_text().encode()
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"x-api-key", key), (b"content-type", b"application/json")],
    }  # fmt: skip
    with capture_logs() as logged:
        asyncio.run(app(scope, receive, send))
    assert [message["status"] for message in sent if "status" in message] == [400]
    assert [line for line in logged if line["log_level"] not in ("info", "debug")] == []
    assert rows(office) == before


@pytest.mark.parametrize("path", ["/v1/zaken", "/v1/cloudevents", "/v1/notificaties"])
def test_a_body_over_the_limit_is_413(settings: Settings, office: Office, path: str) -> None:
    """A body over the limit answers 413, also when its length was not announced."""
    office.settings = settings.model_copy(update={"api_largest_body": 2_000})
    api = caller(office)
    body = json.dumps({"mijlpaal": "M3", "zaak": "x" * 3_000}).encode()
    assert api.post(path, content=body, headers=JSON).status_code == 413
    assert api.post(path, content=iter([body]), headers=JSON).status_code == 413


def test_a_delivery_over_its_limit_is_413(settings: Settings, office: Office) -> None:
    """A delivery has a limit of its own, and leaves no file behind."""
    office.settings = settings.model_copy(update={"api_largest_delivery": 2_000})
    api = caller(office)
    answer = api.post("/v1/vroegsignalen", content=iter([b" " * 1_500] * 3), headers=JSON)
    assert answer.status_code == 413
    assert list((settings.home_folder / "inkomend").iterdir()) == []


def test_another_kind_of_content_is_refused(api: TestClient) -> None:
    """Content that is not JSON is refused as such."""
    for path in ("/v1/zaken", "/v1/vroegsignalen", "/v1/notificaties", "/v1/cloudevents"):
        assert api.post(path, content=b"<a/>", headers={"Content-Type": "text/xml"}).status_code == 415


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


@given(JSON_VALUES)
def test_ordinary_json_is_read_as_it_is(value: Any) -> None:
    """Whatever is ordinary JSON is read as any reader would."""
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Any bytes are either read or refused with a 400; nothing else happens."""
    with contextlib.suppress(Problem):
        read_json(body)


def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    """Brackets count up to the limit, and those inside texts do not count."""
    text = "[" * 50
    read_json(("[" * MOST_LEVELS + json.dumps(text) + "]" * MOST_LEVELS).encode())
    with pytest.raises(Problem):
        read_json(("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1)).encode())

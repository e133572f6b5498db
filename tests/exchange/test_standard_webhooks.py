"""A subscriber verifies our messages with the libraries of Standard Webhooks and the secret that we print."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from support.api import opened
from support.other_systems import Receiver
from support.peers import npm_packages, run_node

from adapters.exchange.clients import derived_secret
from adapters.exchange.webhooks import (
    OLD_FORM,
    deliver_due,
    end_previous_secret,
    fan_out,
    renew_secret,
    subscribe,
    subscriptions,
)
from adapters.runtime.clock import SetClock
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import SubscriptionRow, WebhookDeliveryRow

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office

SCRIPT = """
import { Webhook } from "standardwebhooks";
const { secret, headers, body } = JSON.parse(process.env.MESSAGE);
console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
"""


@pytest.fixture
def clock() -> SetClock:
    """Return a clock at this moment: a library takes no message that is older than five minutes."""
    return SetClock(datetime.now(UTC))


def one_message(api: TestClient, office: Office, receiver: Receiver) -> tuple[dict[str, str], bytes]:
    """Let one event go out; give its headers and body."""
    opened(api)
    fan_out(office)
    deliver_due(office)
    return receiver.received[-1]


def test_the_library_for_python_verifies_with_what_we_print(
    api: TestClient, office: Office, receiver: Receiver
) -> None:
    """The printed secret verifies a message; another secret and another body do not."""
    secret = subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",))
    assert secret.startswith("whsec_")
    headers, body = one_message(api, office, receiver)
    assert Webhook(secret).verify(body, headers)["type"].endswith("mijlpaal-bereikt")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


@pytest.mark.long
def test_the_library_for_javascript_verifies_too(
    api: TestClient, office: Office, receiver: Receiver, tmp_path: Path
) -> None:
    """The library of npm takes the same secret."""
    folder = npm_packages(tmp_path, "standardwebhooks@^1.1")
    secret = subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",))
    headers, body = one_message(api, office, receiver)
    message = json.dumps({"secret": secret, "headers": headers, "body": body.decode()})
    assert run_node(folder, SCRIPT, MESSAGE=message) == json.loads(body)


def test_two_secrets_are_valid_at_a_time(api: TestClient, office: Office, receiver: Receiver) -> None:
    """After a new secret the one before it still verifies, until the next one."""
    first = subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",))
    second = renew_secret(office, "dashboard")
    headers, body = one_message(api, office, receiver)
    for secret in (first, second):
        Webhook(secret).verify(body, headers)
    third = renew_secret(office, "dashboard")
    headers, body = one_message(api, office, receiver)
    for secret in (second, third):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(body, headers)
    end_previous_secret(office, "dashboard")
    headers, body = one_message(api, office, receiver)
    Webhook(third).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(second).verify(body, headers)


def test_who_subscribed_before_still_verifies(api: TestClient, office: Office, receiver: Receiver) -> None:
    """A subscriber with a secret in the old form finds the signature that he knows beside the new one."""
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",))
    with writing(office.engine) as session:
        row = session.get_one(SubscriptionRow, "dashboard")
        row.previous_salt = OLD_FORM
        old = derived_secret(office.settings.integration_secret(), "webhook", "dashboard", row.salt)
    headers, body = one_message(api, office, receiver)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(old.encode(), signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in headers["webhook-signature"].split()


def test_410_ends_a_subscription_and_a_rest_is_heeded(
    api: TestClient, office: Office, clock: SetClock, receiver: Receiver
) -> None:
    """A receiver that asks for a rest gets it; one that is gone gets nothing any more."""
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",))
    receiver.status, receiver.headers = 503, {"Retry-After": "7200"}
    one_message(api, office, receiver)
    with reading(office.engine) as session:
        delivery = session.get_one(WebhookDeliveryRow, 1)
        assert delivery.next_at is not None
        assert delivery.next_at >= clock.moment + timedelta(hours=2)
    receiver.status, receiver.headers = 410, {}
    clock.moment += timedelta(hours=3)
    deliver_due(office)
    assert [row.ended_at is not None for row in subscriptions(office)] == [True]
    assert deliver_due(office) == 0

"""CBS fetches trajecten by the published description: with a token of OAuth2, page by page, with a digest, signed."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from starlette.testclient import TestClient
from support.api import caller
from support.peers import serving

from adapters.api import create_api
from adapters.exchange.clients import new_client

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office

PERIOD = {"aanleverperiodeStartdatum": "2026-01-01", "aanleverperiodeEinddatum": "2026-12-31"}


def opened(office: Office, number: int, municipality: str = "0518") -> None:
    """Open so many trajecten."""
    for _ in range(number):
        office.casework.open("M3", municipality=municipality, on=date(2026, 3, 2))


def test_a_client_of_oauth2_gets_a_token_and_every_page(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library of requests fetches a token with client credentials, and all pages with it."""
    opened(office, 5)
    opened(office, 2, "0363")
    made = new_client(office, "cbs", ("0518", "0363"), ("ddas",))
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with serving(office) as address:
        session = OAuth2Session(client=BackendApplicationClient("cbs", scope=["read"]))
        session.fetch_token(f"{address}/v1/oauth2/token", client_id="cbs", client_secret=made.api_key)
        pages = [
            session.post(f"{address}/v1/ddas/gegevens", json=PERIOD | {"page": page, "pageSize": 3})
            for page in (1, 2, 3, 4)
        ]
    assert [answer.status_code for answer in pages] == [200] * 4
    sizes = []
    for number, answer in enumerate(pages, start=1):
        assert answer.json()["paginering"] == {
            "pageSize": 3, "currentPage": number, "totalPages": 3, "totalRecords": 7,
        }  # fmt: skip
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert answer.headers["Digest"] == f"SHA-256={digest}"
        assert "nlgov-adr-payload-sig" not in answer.headers
        parts = answer.json()["gegevens"]["leveringen"]
        sizes.append([len(part["schuldhulptrajecten"]) for part in parts])
    assert sizes == [[2, 1], [3], [1], [0]]


def test_only_who_may_gets_what_he_may_see(office: Office) -> None:
    """Another right is no right to fetch, another municipality is not there, and guesses at the token are counted."""
    opened(office, 1)
    opened(office, 1, "0363")
    narrow = caller(office, new_client(office, "cbs", ("0363",), ("ddas",)).api_key)
    found = narrow.post("/v1/ddas/gegevens", json=PERIOD).json()
    assert found["paginering"]["totalRecords"] == 1
    assert found["gegevens"]["leveringen"][0]["aanleverende_organisatie"]["gemeentecode"] == "GM0363"
    reader = caller(office, new_client(office, "lezer", ("*",), ("lezen",)).api_key)
    assert reader.post("/v1/ddas/gegevens", json=PERIOD).status_code == 403
    stranger = TestClient(create_api(office))
    form = {"grant_type": "client_credentials", "client_id": "cbs", "client_secret": "rk_cbs_fout"}
    answers = [stranger.post("/v1/oauth2/token", data=form) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[0].json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changed",
    [
        {"aanleverperiodeEinddatum": "2025-01-01"},
        {"aanleverperiodeStartdatum": "01-01-2026"},
        {"aanleverperiodeStartdatum": None},
        {"pageSize": 25_001},
        {"page": 0},
        {"aanleverendeOrganisatie": "Een ander"},
        {"meer": 1},
    ],
)
def test_a_wrong_question_is_refused(api: TestClient, changed: dict[str, Any]) -> None:
    """What is no question of the description is 400; so is a digest that does not fit."""
    assert api.post("/v1/ddas/gegevens", json=PERIOD | changed).status_code == 400
    wrong = api.post("/v1/ddas/gegevens", json=PERIOD, headers={"Digest": "SHA-256=" + "A" * 43 + "="})
    assert wrong.status_code == 400


def test_what_is_fetched_is_signed_where_a_key_is_set(office: Office, tmp_path: Path) -> None:
    """The detached signature over the digest is verified with the certificate that comes along."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "proef")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "sleutel.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "keten.pem").write_bytes(certificate.public_bytes(pem))
    office.settings = office.settings.model_copy(
        update={
            "ddas_signing_key": tmp_path / "sleutel.pem",
            "ddas_certificates": tmp_path / "keten.pem",
        }
    )
    opened(office, 1)
    answer = caller(office).post("/v1/ddas/gegevens", json=PERIOD)
    head, payload, signature = answer.headers["nlgov-adr-payload-sig"].split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    assert payload == ""
    assert (header["alg"], header["b64"], set(header["crit"])) == ("PS256", False, {"sigD", "b64"})
    assert header["sigD"] == {"mId": "http://uri.etsi.org/19182/HttpHeaders", "pars": ["digest"]}
    shown = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    public = shown.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    given = base64.urlsafe_b64decode(signature + "==")
    as_said = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signed = f"{head}.digest: {answer.headers['Digest']}".encode()
    public.verify(given, signed, as_said, hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(given, signed + b" ", as_said, hashes.SHA256())

"""CBS fetches trajecten by the published description: with a token of OAuth2, page by page, with a digest, signed."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jsonschema import Draft202012Validator, FormatChecker
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from sqlmodel import select
from starlette.testclient import TestClient
from support.api import caller
from support.peers import serving

from adapters.api import create_api
from adapters.exchange.clients import new_client
from adapters.exchange.ddas_pull import ddas_problems, last_period
from adapters.runtime.settings import Settings
from adapters.storage.database import reading
from adapters.storage.oversight_tables import LookRow

if TYPE_CHECKING:
    from adapters.office import Office

PERIOD = {"aanleverperiodeStartdatum": "2026-01-01", "aanleverperiodeEinddatum": "2026-12-31"}
PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "fixtures/ddas/shv-1.0.0.json").read_text(encoding="utf-8")
)


def fits(name: str, given: Any) -> None:
    """Hold something against the published description."""
    Draft202012Validator(PUBLISHED[name], format_checker=FormatChecker()).validate(given)


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
    for number, answer in zip((1, 2, 3, 1), pages, strict=True):  # what is not there is the first page
        fits("answer", answer.json())
        fits("digest", answer.headers["Digest"])
        assert answer.json()["paginering"] == {
            "pageSize": 3, "currentPage": number, "totalPages": 3, "totalRecords": 7,
        }  # fmt: skip
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert answer.headers["Digest"] == f"SHA-256={digest}"
        assert "nlgov-adr-payload-sig" not in answer.headers
        parts = answer.json()["gegevens"]["leveringen"]
        sizes.append([len(part["schuldhulptrajecten"]) for part in parts])
    assert sizes == [[2, 1], [3], [1], [2, 1]]


def test_every_question_of_the_description_is_answered(office: Office) -> None:
    """Each field may be left out; without a period the last whole half-year counts, without pages all is on one."""
    settings = office.settings
    opened(office, 2)
    named = {"ddas_organisation": "Gemeente Voorbeeldstad"}
    office.settings = settings.model_copy(update=named)
    whole = {name: field["example"] for name, field in PUBLISHED["request"]["properties"].items()}
    for left_out in (*whole, None):
        asked = {name: value for name, value in whole.items() if name != left_out}
        fits("request", asked)
        answer = caller(office).post("/v1/ddas/gegevens", json=asked)
        assert answer.status_code == 200, answer.text
        fits("answer", answer.json())
    for months, first, last in ((6, "2025-07-01", "2025-12-31"), (1, "2026-02-01", "2026-02-28")):
        office.settings = settings.model_copy(update={"ddas_period_months": months})
        answer = caller(office).post("/v1/ddas/gegevens", json={}).json()
        found = answer["gegevens"]
        assert (found["startdatumLevering"], found["einddatumLevering"]) == (first, last)
        assert answer["paginering"]["pageSize"] == 25_000
        assert answer["paginering"]["totalRecords"] == 0


@pytest.mark.parametrize(
    ("today", "months", "first", "last"),
    [
        (date(2026, 7, 15), 6, date(2026, 1, 1), date(2026, 6, 30)),
        (date(2026, 7, 15), 3, date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 1, 1), 12, date(2025, 1, 1), date(2025, 12, 31)),
        (date(2026, 12, 31), 3, date(2026, 7, 1), date(2026, 9, 30)),
        (date(2026, 1, 31), 1, date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_the_last_period_is_a_whole_one(today: date, months: int, first: date, last: date) -> None:
    """Who asks in July for the last half-year gets January to June."""
    assert last_period(today, months) == (first, last)


def test_what_others_see_is_not_looked_at(office: Office) -> None:
    """The log of looks names only cases of the municipalities that the client sees."""
    opened(office, 1)
    opened(office, 1, "0363")
    narrow = caller(office, new_client(office, "cbs", ("0363",), ("ddas",)).api_key)
    assert narrow.post("/v1/ddas/gegevens", json=PERIOD).status_code == 200
    with reading(office.engine) as session:
        assert [row.municipality for row in session.exec(select(LookRow))] == ["0363"]


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
        {"pageSize": 25_001},
        {"page": 0},
        {"aanleverendeOrganisatie": "Een ander"},
        {"aanleverende_organisatie": "Een ander"},
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
    assert set(PUBLISHED["signature_header"]) <= set(header)
    assert len(base64.urlsafe_b64decode(header["x5t#S256"] + "==")) == 32
    assert header["iat"] <= time.time()
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        ({"ddas_contacts": ({"naam": "Team cijfers", "email": "cijfers@example.nl"},)}, []),
        ({"ddas_contacts": ({"naam": "Team cijfers"},)}, ["met een email"]),
        ({"ddas_organisation": "Gemeente Zandkasteel"}, ["met een email"]),
        ({"ddas_signing_key": "sleutel.pem"}, ["horen bij elkaar"]),
        ({"ddas_certificates": "keten.pem"}, ["horen bij elkaar"]),
        ({"ddas_signing_key": "weg.pem", "ddas_certificates": "weg.pem"}, ["niet te lezen"]),
        ({"ddas_signing_key": "sleutel.pem", "ddas_certificates": "sleutel.pem"}, ["geen certificaat"]),
    ],
)
def test_a_delivery_that_cbs_cannot_use_is_told_of(
    tmp_path: Path, given: dict[str, Any], said: list[str]
) -> None:
    """`controleer` says that CBS can mail nobody its report, and that what is fetched would go out unsigned."""
    (tmp_path / "sleutel.pem").write_text("geen sleutel")
    placed = {
        name: tmp_path / value if str(value).endswith(".pem") else value for name, value in given.items()
    }
    found = list(ddas_problems(Settings(home=tmp_path, **placed)))
    assert [word in sentence for word, sentence in zip(said, found, strict=True)] == [True] * len(said)

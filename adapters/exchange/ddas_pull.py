"""What CBS fetches of DDAS (SHV): a page of schuldhulptrajecten, with a digest and, with a key, a signature.

The signature is that of the ADR module for JAdES as DDAS uses it: a detached JWS (PS256, b64 false) over the header
`digest` alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from jwt.api_jws import PyJWS

from adapters.exchange.ddas_export import DeliveryKind, export
from adapters.exchange.refusals import IntegrationError
from milestones.dutch import dutch_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from adapters.cases.case_office import CaseOffice
    from adapters.runtime.settings import Settings

LARGEST_PAGE = 25_000
_TOLD_BEFORE = timedelta(days=30)
_MECHANISM = "http://uri.etsi.org/19182/HttpHeaders"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class SigningError(IntegrationError):
    """A key or a certificate with which nothing can be signed: one Dutch sentence."""


def ddas_problems(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each setting with which a delivery goes out, and not as CBS needs it."""
    contacts = settings.ddas_contacts
    if (contacts or settings.ddas_organisation) and not any(person.email for person in contacts):
        yield "CBS mailt zijn rapport over een DDAS-levering: noem in ROUTEKAART_DDAS_CONTACTS iemand met een email."
    key, certificates = settings.ddas_signing_key, settings.ddas_certificates
    if (key is None) != (certificates is None):
        yield (
            "DDAS wordt niet ondertekend: ROUTEKAART_DDAS_SIGNING_KEY en ROUTEKAART_DDAS_CERTIFICATES horen bij elkaar."
        )
    try:
        signature_headers("", key, certificates)
    except SigningError as error:
        yield error.sentence
    except (OSError, ValueError):
        yield "DDAS wordt niet ondertekend: de sleutel of het certificaat is niet te lezen."


def last_period(today: date, months: int) -> tuple[date, date]:
    """Return the first and the last day of the last whole period of so many months of a year."""
    next_one = date(today.year, (today.month - 1) // months * months + 1, 1)
    last = next_one - timedelta(days=1)
    return date(last.year, last.month - months + 1, 1), last


def page_of_trajects(
    office: CaseOffice, sees: Callable[[str], bool], start: date, end: date, page: int, size: int
) -> dict[str, Any]:
    """Return one page of the trajecten of a period, of the municipalities that may be seen."""
    delivery = json.loads("".join(export(office, DeliveryKind.TRAJECTS, start, end, sees)))
    parts = delivery["leveringen"]
    total = sum(len(part["schuldhulptrajecten"]) for part in parts)
    pages = max(1, math.ceil(total / size))
    page = page if page <= pages else 1  # DDAS: a page that is not there is answered with the first
    first = (page - 1) * size
    shown: list[dict[str, Any]] = []
    for part in parts:
        items = part["schuldhulptrajecten"]
        chosen = items[max(first, 0) : max(first + size, 0)]
        first -= len(items)
        if chosen or not total:
            shown.append(part | {"teller": len(shown) + 1, "schuldhulptrajecten": chosen})
    return {
        "gegevens": delivery | {"leveringen": shown},
        "paginering": {"pageSize": size, "currentPage": page, "totalPages": pages, "totalRecords": total},
    }


def certificate_problems(certificates: Path | None, now: datetime) -> Iterator[str]:
    """Say so when the certificates with which is signed cannot be read, or one of them ends soon or ended."""
    if certificates is None:
        return
    try:
        chain = x509.load_pem_x509_certificates(certificates.read_bytes())
    except (OSError, ValueError):
        yield f"In {certificates} (ROUTEKAART_DDAS_CERTIFICATES) staan geen certificaten die te lezen zijn."
        return
    ends = min(one.not_valid_after_utc for one in chain)
    if ends < now + _TOLD_BEFORE:
        said = "is verlopen" if ends < now else "verloopt"
        yield (
            f"Een certificaat waarmee gegevens voor DDAS worden ondertekend, {said} op {dutch_date(ends)}. Zet een "
            f"nieuw in {certificates} (ROUTEKAART_DDAS_CERTIFICATES)."
        )


def digest_of(body: bytes) -> str:
    """Return the value of the header `Digest` (RFC 3230)."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def signature_headers(digest: str, key: Path | None, certificates: Path | None) -> dict[str, str]:
    """Return the header with the signature over a digest; nothing where no key is set."""
    if key is None or certificates is None:
        return {}
    chain = [
        "".join(found.split()) for found in _CERTIFICATE.findall(certificates.read_text(encoding="ascii"))
    ]
    if not chain:
        raise SigningError(f"In {certificates.name} staat geen certificaat.")
    thumb = hashlib.sha256(base64.b64decode(chain[0]))
    header = {
        "b64": False,
        "crit": ["sigD", "b64"],
        "iat": int(time.time()),
        "kid": thumb.hexdigest(),
        "x5c": chain,
        "x5t#S256": base64.urlsafe_b64encode(thumb.digest()).decode().rstrip("="),
        "sigD": {"mId": _MECHANISM, "pars": ["digest"]},
        "typ": "JOSE",
    }
    try:
        signed = PyJWS().encode(
            f"digest: {digest}".encode(),
            key.read_text(encoding="ascii"),
            "PS256",
            header,
            is_payload_detached=True,
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise SigningError(
            f"Met de sleutel in {key.name} is niet te ondertekenen; geef een RSA-sleutel."
        ) from None
    return {"nlgov-adr-payload-sig": signed}

"""A zaaksysteem for tests: one in memory whose every question and answer is held against the published description.

Each request and response goes past `openapi-core` with the descriptions in `tests/fixtures/zgw`; what does not fit is a
500 and stands in `faults`. Where ROUTEKAART_TEST_OPEN_ZAAK names the file of a running Open Zaak, that one is a peer as
well; `tests/fixtures/zgw/open_zaak.md` says how to start it.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = tuple[int, dict[str, Any]]

CLIENT, SECRET, RSIN = "routekaart", "geheim-geheim-geheim-geheim-geheim", "002564440"
OPEN_ZAAK = os.environ.get("ROUTEKAART_TEST_OPEN_ZAAK")
KEYS = ("M3", "M4", "M6", "M6.BESCHIKT_GEWEIGERD", "einde")
_FOLDER = Path(__file__).parents[1] / "fixtures" / "zgw"
_PER_PAGE = 2
_CONFIG = Config(extra_media_type_deserializers={"application/problem+json": json.loads})


class Peer:
    """A zaaksysteem as a test sees it."""

    adres: str
    kinds: dict[str, Any]

    def file(self, folder: Path, more: str = "") -> Path:
        """Write the file that leads to it, with its authorization beside it."""
        (folder / "zaaksysteem-autorisatie.toml").write_text(
            f'soort = "zgw"\nclient_id = "{CLIENT}"\ngeheim = "{SECRET}"\n', encoding="utf-8"
        )
        path = folder / "zaaksysteem.toml"
        statuses = "\n".join(f'"{key}" = "{url}"' for key, url in self.kinds["statussen"].items())
        path.write_text(
            f"""[[zaaksysteem]]
gemeente = "0518"
adres = "{self.adres}/zaken/api/v1"
autorisatie = "zaaksysteem-autorisatie.toml"
vanaf = 2026-01-01
besluiten_adres = "{self.adres}/besluiten/api/v1"
rsin = "{RSIN}"

[[zaaksysteem.zaaktype]]
zaaktype = ["{self.kinds["zaaktype"]}"]
{more}
[zaaksysteem.zaaktype.statussen]
{statuses}

[zaaksysteem.zaaktype.resultaten]
Ingetrokken = "{self.kinds["ingetrokken"]}"
"M6.BESCHIKT_GEWEIGERD" = "{self.kinds["geweigerd"]}"

[zaaksysteem.zaaktype.besluiten]
"M6.weigering_besloten" = "{self.kinds["besluittype"]}"
""",
            encoding="utf-8",
        )
        return path

    def call(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """Ask or say something as the municipality itself."""
        token = jwt.encode(
            {"iss": CLIENT, "client_id": CLIENT, "iat": int(datetime.now(UTC).timestamp())}, SECRET, "HS256"
        )
        headers = {"Authorization": f"Bearer {token}", "Accept-Crs": "EPSG:4326", "Content-Crs": "EPSG:4326"}
        answer = httpx.request(method, url, headers=headers, timeout=30, **more)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def listed(self, path: str, zaak: str) -> list[dict[str, Any]]:
        """Return all that is known of a zaak at a path."""
        found: list[dict[str, Any]] = []
        for page in range(1, 20):
            more = {"page": page} if page > 1 else {}
            answer = self.call("GET", f"{self.adres}/{path}", params={"zaak": zaak, **more})
            found += answer["results"]
            if not answer.get("next"):
                break
        return found

    def statuses(self, zaak: str) -> list[str]:
        """Return the keys of the statuses of a zaak, in the order of their moments."""
        names = {url: key for key, url in self.kinds["statussen"].items()}
        found = self.listed("zaken/api/v1/statussen", zaak)
        return [
            names[item["statustype"]] for item in sorted(found, key=lambda item: item["datumStatusGezet"])
        ]

    def new_zaak(self) -> str:
        """Make a zaak; give its address."""
        raise NotImplementedError

    def name_of(self, url: str) -> str:
        """Return the omschrijving of a type."""
        raise NotImplementedError


class RunningOpenZaak(Peer):
    """An Open Zaak that somebody started."""

    def __init__(self) -> None:
        self.kinds = json.loads(Path(str(OPEN_ZAAK)).read_text(encoding="utf-8"))
        self.adres = "{0.scheme}://{0.netloc}".format(urlsplit(self.kinds["zaaktype"]))

    def new_zaak(self) -> str:
        """Make a zaak; give its address."""
        made = self.call(
            "POST",
            f"{self.adres}/zaken/api/v1/zaken",
            json={
                "zaaktype": self.kinds["zaaktype"],
                "bronorganisatie": RSIN,
                "verantwoordelijkeOrganisatie": RSIN,
                "startdatum": "2026-03-09",
                "vertrouwelijkheidaanduiding": "zaakvertrouwelijk",
            },
        )
        return str(made["url"])

    def name_of(self, url: str) -> str:
        """Return the omschrijving of a type."""
        return str(self.call("GET", url)["omschrijving"])


class DescribedCaseSystem(Peer, ThreadingHTTPServer):
    """A zaaksysteem in memory that obeys the published description.

    `trouble` answers the next requests in the place of the system; `lose` breaks off after a write.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.adres = f"http://127.0.0.1:{self.server_port}"
        kinds = f"{self.adres}/catalogi/api/v1"
        self.kinds = {
            "zaaktype": f"{kinds}/zaaktypen/{uuid.uuid4()}",
            "statussen": {key: f"{kinds}/statustypen/{uuid.uuid4()}" for key in KEYS},
            "ingetrokken": f"{kinds}/resultaattypen/{uuid.uuid4()}",
            "geweigerd": f"{kinds}/resultaattypen/{uuid.uuid4()}",
            "besluittype": f"{kinds}/besluittypen/{uuid.uuid4()}",
        }
        self.descriptions = {
            name: OpenAPI.from_dict(json.loads((_FOLDER / file).read_text(encoding="utf-8")), config=_CONFIG)
            for name, file in (("zaken", "zaken-1.5.1.json"), ("besluiten", "besluiten-1.0.2.json"))
        }
        self.rows: dict[str, list[dict[str, Any]]] = {
            "zaken": [], "statussen": [], "resultaten": [], "besluiten": []
        }  # fmt: skip
        self.faults: list[str] = []
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.trouble: list[Answer] = []
        self.retry_after: str | None = None
        self.lose = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def new_zaak(self) -> str:
        """Make a zaak; give its address."""
        name = str(uuid.uuid4())
        url = f"{self.adres}/zaken/api/v1/zaken/{name}"
        self.rows["zaken"].append(
            {
                "url": url, "uuid": name, "identificatie": f"ZAAK-{len(self.rows['zaken'])}",
                "bronorganisatie": RSIN, "verantwoordelijkeOrganisatie": RSIN, "zaaktype": self.kinds["zaaktype"],
                "startdatum": "2026-03-09", "einddatum": None, "uiterlijkeEinddatumAfdoening": "2026-04-08",
                "opschorting": {"indicatie": False, "reden": ""}, "verlenging": None, "status": None,
                "resultaat": None, "betalingsindicatieWeergave": "", "deelzaken": [], "eigenschappen": [],
                "rollen": [], "zaakinformatieobjecten": [], "zaakobjecten": [],
            }
        )  # fmt: skip
        return url

    def name_of(self, url: str) -> str:
        """Return the omschrijving of a type, which is its key."""
        keys = {known: key for key, known in self.kinds["statussen"].items()}
        keys |= {self.kinds[key]: key for key in ("ingetrokken", "geweigerd")}
        return f"Stap {keys.get(url, 'besluit')}"

    def catalogued(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        """Return the types of a zaaktype, as the Catalogi API lists them; their omschrijving is their key."""
        kinds = self.kinds
        found: dict[str, dict[str, str]] = {
            "statustypen": kinds["statussen"],
            "resultaattypen": {key: kinds[key] for key in ("ingetrokken", "geweigerd")},
            "besluittypen": {"besluit": kinds["besluittype"]},
        }
        zaaktype = {"besluittypen": "zaaktypen"}.get(path, "zaaktype")
        rows = found[path].items() if asked == {zaaktype: kinds["zaaktype"]} else ()
        return {
            "count": len(rows),
            "next": None,
            "previous": None,
            "results": [{"url": url, "omschrijving": f"Stap {key}"} for key, url in rows],
        }

    # --- what it does -----------------------------------------------------------------------------------------

    def handle_call(self, method: str, path: str, asked: dict[str, str], body: dict[str, Any]) -> Answer:
        """Do what is asked, as the real one does."""
        parts = path.strip("/").split("/")
        name = parts[3]
        if name == "zaken" and len(parts) > 4:
            found = next((row for row in self.rows["zaken"] if row["uuid"] == parts[4]), None)
            if found is None:
                return 404, problem(404, "not_found")
            if method == "PATCH":
                self.writes.append((path, body))
                found |= body
            return 200, found
        if method == "GET":
            return 200, self._page(name, path, asked)
        self.writes.append((path, body))
        return self._new(name, path, body)

    def _page(self, name: str, path: str, asked: dict[str, str]) -> dict[str, Any]:
        number = int(asked.pop("page", "1"))
        rows = [row for row in self.rows[name] if all(row.get(key) == value for key, value in asked.items())]
        end = number * _PER_PAGE
        more = len(rows) > end
        return {
            "count": len(rows),
            "next": f"{self.adres}{path}?page={number + 1}" if more else None,
            "previous": None,
            "results": rows[end - _PER_PAGE : end],
        }

    def _new(self, name: str, path: str, body: dict[str, Any]) -> Answer:
        zaak = next(row for row in self.rows["zaken"] if row["url"] == body["zaak"])
        ends = body.get("statustype") == self.kinds["statussen"]["einde"]
        same = [row for row in self.rows[name] if row.get("zaak") == body["zaak"]]
        if ends and zaak["resultaat"] is None:
            return 400, problem(400, "invalid", ("nonFieldErrors", "resultaat-does-not-exist"))
        if name == "statussen" and any(row["datumStatusGezet"] == body["datumStatusGezet"] for row in same):
            return 400, problem(400, "invalid", ("nonFieldErrors", "unique"))
        if name == "resultaten" and same:
            return 400, problem(400, "invalid", ("zaak", "unique"))
        id_ = str(uuid.uuid4())
        row = {"url": f"{self.adres}{path.rstrip('/')}/{id_}", "uuid": id_, **body}
        if name == "statussen":
            row |= {"indicatieLaatstGezetteStatus": True, "zaakinformatieobjecten": []}
            zaak["status"] = row["url"]
            zaak["einddatum"] = body["datumStatusGezet"][:10] if ends else None
        if name == "resultaten":
            zaak["resultaat"] = row["url"]
        if name == "besluiten":
            row |= {"vervalredenWeergave": "-"}
        self.rows[name].append(row)
        return 201, row


def problem(status: int, code: str, *wrong: tuple[str, str]) -> dict[str, Any]:
    """Return a problem as a zaaksysteem tells it, with a name in its texts."""
    return {
        "type": "https://zaken.example.nl/ref/fouten/", "code": code, "title": "Fout", "status": status,
        "detail": "Samira Voorbeeld staat hier", "instance": "urn:uuid:1",
        "invalidParams": [{"name": name, "code": word, "reason": "Samira Voorbeeld"} for name, word in wrong],
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: DescribedCaseSystem

    def _answer(self) -> None:
        place = urlsplit(self.path)
        api, path = place.path.split("/", 2)[1], "/" + place.path.split("/", 4)[4]
        asked = dict(parse_qsl(place.query))
        if api == "catalogi":
            self._send(200, self.server.catalogued(path.strip("/"), asked))
            return
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        described = self.server.descriptions[api]
        request = MockRequest(
            "http://localhost", self.command.lower(), path, args=dict(asked), headers=dict(self.headers.items()),
            data=content or None, content_type=self.headers.get("content-type") or "",
        )  # fmt: skip
        status, said = 403, problem(403, "not_authenticated")
        if self._is_known():
            status, said = self._said(lambda: described.validate_request(request), asked, content)
        written = json.dumps(said).encode()
        self._held(lambda: described.validate_response(request, MockResponse(
            written, status, {"API-version": "1.5.1"},
            "application/json" if status < 400 else "application/problem+json",
        )) if status < 500 else None)  # fmt: skip
        if self.server.lose and self.command != "GET" and status < 400:
            self.server.lose -= 1
            self.close_connection = True
            self.connection.close()
            return
        self._send(status, said)

    def _send(self, status: int, said: dict[str, Any]) -> None:
        written = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(written)))
        if self.server.retry_after is not None:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(written)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that http.server asks for

    def _said(self, check: Callable[[], object], asked: dict[str, str], content: bytes) -> Answer:
        if self.server.trouble:
            return self.server.trouble.pop(0)
        if not self._held(check):
            return 500, problem(500, "error")
        body = json.loads(content) if content else {}
        return self.server.handle_call(self.command, urlsplit(self.path).path, asked, body)

    def _held(self, check: Callable[[], object]) -> bool:
        try:
            check()
        except OpenAPIError as error:
            self.server.faults.append(f"{self.command} {self.path}: {error!r} {error.__cause__!r}")
            return False
        return True

    def _is_known(self) -> bool:
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        try:
            return bool(jwt.decode(token, SECRET, algorithms=["HS256"])["client_id"] == CLIENT)
        except jwt.PyJWTError:
            return False

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

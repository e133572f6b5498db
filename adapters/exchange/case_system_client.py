"""The ZGW Zaken API (1.4 and later) and the Besluiten API as we use them: read first, write what is not there yet.

What a zaak says that is not ours stays: a result of another kind or a suspension of somebody else is never replaced.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import httpx

from adapters.exchange.case_system_story import OURS, Besluit, LegalTerm, Status, Story
from adapters.exchange.refusals import IntegrationError
from adapters.exchange.subscriber_authorization import NO_TOKEN
from adapters.exchange.webhook_addresses import webhook_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from adapters.exchange.case_system_file import CaseSystem, CaseType
    from adapters.exchange.subscriber_authorization import Authorization

_TIMEOUT_SECONDS = 5.0
_WORTH_TRYING = {408, 409, 423, 425, 429}
_SERVER_FAULT = 500
_NOT_FOUND = (404, 410)
_NO_ENTRY = (401, 403)
_CODE = re.compile(r"[A-Za-z][A-Za-z_.\-]{0,59}")  # no digits: a number may be of a person
_MOST_PAGES = 100
UNREADABLE = "Het zaaksysteem geeft een antwoord dat wij niet kunnen lezen."
_CLOCKS = "date-in-future"  # heals by itself when its clock is behind ours


class CaseSystemError(IntegrationError):
    """Something that the zaaksysteem does not take: one Dutch sentence. `passes`: it may take it later."""

    def __init__(self, sentence: str, *, passes: bool = False, retry_after: str | None = None) -> None:
        super().__init__(sentence)
        self.passes = passes
        self.retry_after = retry_after


class CaseSystemClient:
    """The zaaksysteem of one municipality, as long as it is open."""

    def __init__(self, system: CaseSystem, authorization: Authorization, networks: Sequence[str]) -> None:
        self._system = system
        self._authorization = authorization
        self._networks = networks
        self._http = webhook_client(networks, _TIMEOUT_SECONDS)
        self._types: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.made: list[str] = []
        """The addresses of what was made there."""

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        self._http.close()

    # --- reading ----------------------------------------------------------------------------------------------

    def zaak(self, url: str) -> dict[str, Any]:
        """Return a zaak; CaseSystemError when it is not there, or not for us."""
        return self._call("GET", url)

    def with_addresses(self, kind: CaseType, case_type: str) -> CaseType:
        """Return what we write in zaken of this zaaktype with the address of each type that the file names otherwise.

        An omschrijving is looked up in the catalogus of the zaaktype, so that one line serves each version of it.
        """
        try:
            return kind.model_copy(
                update={
                    "statussen": self._placed(kind.statussen, "statustypen", "zaaktype", case_type),
                    "resultaten": self._placed(kind.resultaten, "resultaattypen", "zaaktype", case_type),
                    "besluiten": self._placed(kind.besluiten, "besluittypen", "zaaktypen", case_type),
                }
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise CaseSystemError(UNREADABLE) from error

    def _placed(self, named: Mapping[str, str], path: str, asked: str, case_type: str) -> dict[str, str]:
        if all("://" in value for value in named.values()):
            return dict(named)
        if (path, case_type) not in self._types:
            place = f"{case_type.rsplit('/zaaktypen/', 1)[0]}/{path}"
            self._types[path, case_type] = [
                (item["omschrijving"].strip(), item["url"])
                for item in self._list(place, **{asked: case_type})
            ]
        return {key: self._place(value, path, case_type) for key, value in named.items()}

    def _place(self, value: str, path: str, case_type: str) -> str:
        if "://" in value:
            return value
        found = [url for name, url in self._types[path, case_type] if name.lower() == value.lower()]
        if len(found) != 1:
            what = "geen" if not found else "meer dan een"
            raise CaseSystemError(f"Het zaaktype heeft {what} van de {path} die het bestand noemt.")
        return str(found[0])

    def try_out(self) -> None:
        """Ask for zaken, as a test that address and authorization are right."""
        self._call("GET", f"{self._system.adres}/zaken")

    # --- telling ----------------------------------------------------------------------------------------------

    def tell(self, place: str, zaak: dict[str, Any], story: Story) -> None:
        """Write what the zaak at this address does not say yet, its end last."""
        try:
            self._told(place, zaak, story)
        except (LookupError, TypeError, AttributeError) as error:
            raise CaseSystemError(UNREADABLE) from error

    def _told(self, place: str, zaak: dict[str, Any], story: Story) -> None:
        url = str(zaak["url"])
        if story.term is not None and (changes := _changes(zaak, story.term)):
            self._call("PATCH", place, changes)
        for decision in story.decisions:
            self._tell_decision(url, decision)
        if story.result is not None:
            self._tell_result(url, story.result)
        if story.statuses or story.end is not None:
            self._tell_statuses(url, story)

    def _tell_statuses(self, url: str, story: Story) -> None:
        known = [
            Status(item["statustype"].rstrip("/"), _moment(item["datumStatusGezet"]))
            for item in self._list(f"{self._system.adres}/statussen", zaak=url)
        ]
        new = [item for item in story.statuses if item not in known]
        last = max((*known, *new), key=lambda item: item.at, default=None)
        if story.end is not None and (last is None or last.kind != story.end.kind):
            # It is the last one, also when the day that counts lies before.
            at = story.end.at if last is None else max(story.end.at, last.at + timedelta(milliseconds=1))
            new.append(Status(story.end.kind, at))
        for item in new:
            self._make(
                f"{self._system.adres}/statussen",
                {
                    "zaak": url,
                    "statustype": item.kind,
                    "datumStatusGezet": item.at.isoformat(timespec="milliseconds"),
                },
            )

    def _tell_result(self, url: str, kind: str) -> None:
        known = [
            item["resultaattype"].rstrip("/")
            for item in self._list(f"{self._system.adres}/resultaten", zaak=url)
        ]
        if kind in known:
            return
        if known:
            raise CaseSystemError("De zaak heeft daar al een ander resultaat; dat blijft staan.")
        self._make(f"{self._system.adres}/resultaten", {"zaak": url, "resultaattype": kind})

    def _tell_decision(self, url: str, decision: Besluit) -> None:
        place = f"{self._system.besluiten_adres}/besluiten"
        asked = {
            "identificatie": decision.identification,
            "verantwoordelijkeOrganisatie": str(self._system.rsin),
        }
        if any(True for _ in self._list(place, **asked)):
            return
        on = decision.on.isoformat()
        self._make(
            place, {**asked, "besluittype": decision.kind, "zaak": url, "datum": on, "ingangsdatum": on}
        )

    # --- calling ----------------------------------------------------------------------------------------------

    def _list(self, place: str, **asked: str) -> Iterator[dict[str, Any]]:
        """Yield all that is listed, page after page; a next page lies at the same address."""
        for number in range(1, _MOST_PAGES + 1):
            page = self._call("GET", place, asked=asked | ({"page": str(number)} if number > 1 else {}))
            yield from page["results"]
            if not page.get("next"):
                return
        raise CaseSystemError("De lijst van het zaaksysteem houdt niet op.")

    def _make(self, place: str, body: dict[str, Any]) -> None:
        self.made.append(str(self._call("POST", place, body)["url"]))

    def _call(
        self, method: str, url: str, body: dict[str, Any] | None = None, asked: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            shown = self._authorization.root.header(self._networks)
        except NO_TOKEN as error:
            raise CaseSystemError(f"Er is geen autorisatie ({type(error).__name__}).", passes=True) from None
        headers = {
            "Authorization": shown,
            "Accept": "application/json",
            "Accept-Crs": "EPSG:4326",
            "Content-Crs": "EPSG:4326",
            "User-Agent": "routekaart",
        }
        try:
            answer = self._http.request(method, url, json=body, params=asked, headers=headers)
        except httpx.HTTPError as error:
            raise CaseSystemError(
                f"Het zaaksysteem antwoordt niet ({type(error).__name__}).", passes=True
            ) from None
        if answer.is_success:
            return _content(answer)
        if answer.status_code in _NO_ENTRY:
            self._authorization.root.refused()
        raise _refusal(answer)


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise CaseSystemError(UNREADABLE)
    return content


def _refusal(answer: httpx.Response) -> CaseSystemError:
    """Return why the zaaksysteem refused: its codes and the names of fields, never its texts, which hold values."""
    codes = list(_codes(answer))
    status = answer.status_code
    if status >= _SERVER_FAULT or status in _WORTH_TRYING or any(_CLOCKS in code for code in codes):
        asked = answer.headers.get("retry-after")
        return CaseSystemError(
            f"Het zaaksysteem geeft nu een fout ({status}).", passes=True, retry_after=asked
        )
    if status in _NOT_FOUND:
        return CaseSystemError(f"Het zaaksysteem kent deze zaak niet ({status}).")
    if status in _NO_ENTRY:
        return CaseSystemError(f"Het zaaksysteem laat ons dit niet doen ({status}{_said(codes)}).")
    return CaseSystemError(f"Het zaaksysteem weigert dit ({status}{_said(codes)}).")


def _said(codes: Sequence[str]) -> str:
    return f"; {', '.join(codes)}"[:120] if codes else ""


def _codes(answer: httpx.Response) -> Iterator[str]:
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return
    if not isinstance(content, dict):
        return
    wrong = content.get("invalidParams")
    for item in wrong if isinstance(wrong, list) and wrong else [{"code": content.get("code")}]:
        words = [str(item.get(name, "")) for name in ("name", "code")] if isinstance(item, dict) else []
        if said := " ".join(word for word in words if _CODE.fullmatch(word)):
            yield said


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _changes(zaak: dict[str, Any], term: LegalTerm) -> dict[str, Any]:
    """Return what must change in a zaak so that it says what the term says; nothing when it does."""
    changes: dict[str, Any] = {}
    now = zaak.get("opschorting") or {}
    stands, reason = bool(now.get("indicatie")), str(now.get("reden") or "")
    if term.suspended is not None and not stands:
        changes["opschorting"] = {"indicatie": True, "reden": term.suspended}
    elif term.suspended is None and stands and reason.startswith(OURS):
        changes["opschorting"] = {"indicatie": False, "reden": ""}
    said = zaak.get("uiterlijkeEinddatumAfdoening")
    if term.due is not None and said != term.due.isoformat():
        changes["uiterlijkeEinddatumAfdoening"] = term.due.isoformat()
        longer = (term.due - date.fromisoformat(said)).days if said else 0
        if term.extended is not None and longer > 0:
            changes["verlenging"] = {"reden": term.extended, "duur": f"P{longer}D"}
    return changes

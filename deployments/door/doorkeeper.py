"""What a person who is in may ask of Prefect: the right of the route, and only runs of the own gemeenten.

A gemeente stands on a run as a tag. Lists and counts get that tag in their filter; a single run, its pages, logs and
events are looked up first. What cannot be narrowed is refused to who works for some gemeenten only.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from adapters.runtime.staff import EVERY_PLACE, Right, StaffMember
from deployments.door.bodies import PackedError, read_body, sized, unpacked, whole_body
from deployments.door.named_cases import NAMES_SOMEBODY, NamesSomebodyError, check_case
from deployments.door.prefect_routes import API, Reach, route_of
from flows.views import ACTION_TAG, REVIEW_TAG
from milestones.definitions import DEFINITIONS
from milestones.four_eyes import is_judged
from milestones.refusal import Refusal
from milestones.steering import reportable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence

    from adapters.runtime.credential import Credential
    from deployments.door.prefect_routes import PrefectRoute

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TAG = "gemeente:"
_OVERVIEW = "overzicht"
_RUN_RESOURCE = re.compile(r"prefect\.flow-run\.([0-9a-f-]{36})", re.IGNORECASE)
_PAGE_OF = re.compile(rf"(?:{_OVERVIEW}|werkvoorraad|monitor)-([0-9]{{4}})", re.ASCII)
_LATEST = f"{API}/artifacts/{_OVERVIEW}/latest"
LISTS_OF_PAGES = (f"{API}/artifacts/filter", f"{API}/artifacts/latest/filter")
_REPORTING_EVENT = "gebeurtenis-melden"
_STOPPING = frozenset({"CANCELLING", "CANCELLED"})
_STARTED_WITH = frozenset({"parameters", "name", "idempotency_key", "labels", "enforce_parameter_schema"})
_DIVIDING = frozenset({"caseload-overdragen", "zaak-toewijzen", "afwezigheid-melden"})
_REVIEWING = frozenset({"kwaliteitstoets", "annulering-beoordelen"})
_MANAGING = frozenset(
    {"beleidswacht", "bewaartermijnen", "oude-paginas-opruimen", "labels-van-de-dag", "kwaliteitssteekproef"}
)
_REPORTING = frozenset({"werkvoorraad", "overzicht", "monitor"})
_HERE = ("gemeente", "gemeentecode")
_NOT_YOURS = "Deze gegevens zijn van een andere gemeente, of zij bestaan niet."
_TOO_WIDE = "Dit overzicht toont alle gemeenten. Het is alleen voor wie in elke gemeente mag kijken."
_OF_ALL = "Dit is van alle gemeenten samen. Het is alleen voor een beheerder van elke gemeente."
_PACKED = "Vul gewone waarden in. Een sjabloon of een variabele van Prefect kan hier niet."


_MOST_AT_ONCE = 200
_KNOWN_SECONDS = 10.0
_MOST_KNOWN = 1000


class ForbiddenError(Refusal):
    """What a person may not do: one Dutch sentence."""


@dataclass(frozen=True)
class Doorkeeper:
    """Passes or refuses the requests of people; `municipality_of` tells of which gemeente a case is."""

    app: App
    credential: Credential
    municipality_of: Callable[[str], Awaitable[str | None]]
    own_municipality: str = "0000"
    known_tags: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)

    async def passed(self, scope: Scope, receive: Receive, member: StaffMember) -> tuple[Scope, Receive]:
        """Return the request as it may go on to Prefect; ForbiddenError when it may not."""
        method, path = scope["method"], scope["path"]
        if not path.startswith(f"{API}/"):
            if method not in ("GET", "HEAD"):
                raise ForbiddenError("Dit kan hier niet.")
            check_member(member, Right.LOOK)
            return scope, receive
        found = route_of(method, path)
        if found is None or not found[0].rights:
            raise ForbiddenError("Dit kan een medewerker niet doen; het is alleen voor machines.")
        route, named = found
        check_member(member, *route.rights)
        if route.reach is Reach.SET_STATE:
            await self._check_run(member, named["id"], Right.ACT)
            return await self._stop(scope, receive, member, named["id"])
        if route.reach is Reach.START:
            return await self._start(scope, receive, member, named["id"])
        if route.reach is Reach.ANSWER:
            return await self._answer(scope, receive, member, named["id"])
        if member.municipalities is None and _may(member, route.rights, EVERY_PLACE):
            return scope, receive
        return await self._narrowed(scope, receive, member, route, named)

    async def _narrowed(
        self,
        scope: Scope,
        receive: Receive,
        member: StaffMember,
        route: PrefectRoute,
        named: Mapping[str, str],
    ) -> tuple[Scope, Receive]:
        """Let a request reach only what belongs to the gemeenten of a person."""
        reach = route.reach
        if reach is Reach.NONE:
            if route.rights == (Right.MANAGE,):
                raise ForbiddenError(_OF_ALL)
            return scope, receive
        if reach is Reach.ALL:
            raise ForbiddenError(_TOO_WIDE)
        if reach is Reach.ONE_RUN:
            await self._check_run(member, named["id"], *route.rights)
            return scope, receive
        if reach is Reach.TASK:
            task = await self._ask("GET", f"/task_runs/{named['id']}")
            await self._check_run(member, str((task or {}).get("flow_run_id")), *route.rights)
            return scope, receive
        if reach is Reach.PAGE:
            return await self._page(scope, receive, member, route.rights)
        if reach is Reach.QUERY:
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("flow_run_id", [])
            await self._check_runs(member, asked)
            return scope, receive
        return await self._narrowed_body(scope, receive, member, reach)

    async def _narrowed_body(
        self, scope: Scope, receive: Receive, member: StaffMember, reach: Reach
    ) -> tuple[Scope, Receive]:
        body, given = await read_body(receive)
        if given is None:
            raise ForbiddenError("Deze vraag is niet te lezen.")
        if reach is Reach.VIA_RUNS and not (given.get("flow_runs") or given.get("task_runs")):
            pass  # it is about no run
        elif reach is Reach.FILTERED and (own := of_own_pages(given, member)) is not None:
            body = json.dumps(own).encode()
        elif reach in (Reach.FILTERED, Reach.VIA_RUNS):
            body = json.dumps(with_municipalities(given, member)).encode()
        else:
            await self._check_runs(member, runs_named(reach, given))
        return {**scope, "headers": sized(scope, body)}, whole_body(body)

    async def check_socket(self, path: str, given: Mapping[str, Any], member: StaffMember) -> None:
        """Refuse a stream that shows more than the gemeenten of a person."""
        check_member(member, Right.LOOK)
        if member.municipalities is not None:
            await self._check_runs(member, runs_of_socket(path, given))

    # -- one run -------------------------------------------------------------------------------------------------

    async def _check_run(self, member: StaffMember, run: str, *rights: Right) -> None:
        tags = await self._tags_of(run)
        if not _reaches(member, tags, *rights):
            raise ForbiddenError(_NOT_YOURS if not _reaches(member, tags, Right.LOOK) else _missing(*rights))

    async def _answer(
        self, scope: Scope, receive: Receive, member: StaffMember, run: str
    ) -> tuple[Scope, Receive]:
        """Pass on the answer to a form: any of who works on cases; of who judges what is his to judge."""
        _, given = await read_body(receive)
        given = _with_plain(given, "run_input")
        values, tags = given.get("run_input"), await self._tags_of(run)
        filled = values if isinstance(values, dict) else {}
        if REVIEW_TAG in tags:
            rights: tuple[Right, ...] = (Right.ACT, Right.REVIEW)
        elif ACTION_TAG in tags:
            rights = await self._rights_to_go_on(run, filled)
        else:
            rights = rights_to_report(filled.get("gebeurtenis"))
        check_member(member, *rights)
        if not _may(member, rights, EVERY_PLACE):
            await self._check_run(member, run, *rights)
        body = json.dumps(given).encode()
        return {**scope, "headers": sized(scope, body)}, whole_body(body)

    async def _rights_to_go_on(self, run: str, filled: Mapping[str, Any]) -> tuple[Right, ...]:
        """Return the rights of which one is enough to fill in the rest of an action: those that start it."""
        read = await self._ask("GET", f"/flow_runs/{run}") or {}
        action = await self._ask("GET", f"/deployments/{read.get('deployment_id')}") or {}
        return rights_to_start(str(action.get("name")), {"gebeurtenis": "", **filled})

    async def _tags_of(self, run: str) -> tuple[str, ...]:
        """Return the tags of a run; for some seconds from memory, since a page asks several times for one run."""
        read_at, tags = self.known_tags.get(run, (0.0, ()))
        if tags and time.monotonic() - read_at < _KNOWN_SECONDS:
            return tags
        read = await self._ask("GET", f"/flow_runs/{run}")
        tags = tuple((read or {}).get("tags") or ())
        if any(tag.startswith(_TAG) for tag in tags):  # its gemeente does not change
            if len(self.known_tags) >= _MOST_KNOWN:
                self.known_tags.clear()
            self.known_tags[run] = (time.monotonic(), tags)
        return tags

    async def _check_runs(self, member: StaffMember, runs: Iterable[str]) -> None:
        asked = sorted(set(runs))
        if not asked:
            raise ForbiddenError(_TOO_WIDE)
        for run in asked:
            await self._check_run(member, run, Right.LOOK)

    async def _page(
        self, scope: Scope, receive: Receive, member: StaffMember, rights: Sequence[Right]
    ) -> tuple[Scope, Receive]:
        """Pass on the question for a page of the own gemeenten; for the front page it becomes one for several."""
        if scope["path"] == _LATEST:
            asked = json.dumps({"artifacts": {"key": {"any_": _own_overviews(member)}}}).encode()
            path = LISTS_OF_PAGES[1]
            made = {"method": "POST", "path": path, "raw_path": path.encode(), "headers": sized(scope, asked)}
            return {**scope, **made}, whole_body(asked)
        read = await self._ask("GET", scope["path"].removeprefix(API)) or {}
        about = _PAGE_OF.fullmatch(str(read.get("key")))
        if not (about and _may(member, rights, about[1])):
            await self._check_run(member, str(read.get("flow_run_id")), *rights)
        return scope, receive

    async def _stop(
        self, scope: Scope, receive: Receive, member: StaffMember, run: str
    ) -> tuple[Scope, Receive]:
        """Pass on a state that a person gives to a run: its kind and words, and never data that a worker loads."""
        _, given = await read_body(receive)
        state = (given or {}).get("state")
        if not isinstance(state, dict):
            raise ForbiddenError("Deze vraag is niet te lezen.")
        manages = _reaches(member, await self._tags_of(run), Right.MANAGE)
        if state.get("type") not in _STOPPING and not manages:
            raise ForbiddenError(
                "Alleen een beheerder mag de stand van een run zelf zetten. Annuleren mag wel."
            )
        kept = {name: state[name] for name in ("type", "name", "message") if state.get(name) is not None}
        body = json.dumps({"state": kept, "force": False}).encode()
        return {**scope, "headers": sized(scope, body)}, whole_body(body)

    # -- starting ------------------------------------------------------------------------------------------------

    async def _start(
        self, scope: Scope, receive: Receive, member: StaffMember, deployment: str
    ) -> tuple[Scope, Receive]:
        """Pass on the start of an action: its parameters, and nothing that changes where or how code runs."""
        _, given = await read_body(receive)
        given = _with_plain(given, "parameters")
        if given.get("job_variables") or given.get("infrastructure_document_id"):
            raise ForbiddenError("Een medewerker kan niet kiezen hoe de code draait. Laat die velden leeg.")
        read = await self._ask("GET", f"/deployments/{deployment}") or {}
        parameters = found if isinstance(found := given.get("parameters"), dict) else {}
        try:
            await check_case(parameters, self.municipality_of)
        except NamesSomebodyError:
            raise ForbiddenError(NAMES_SOMEBODY) from None
        rights = rights_to_start(str(read.get("name")), parameters)
        check_member(member, *rights)
        place = await self._place(str(read.get("name")), parameters)
        if not _may(member, rights, place):
            raise ForbiddenError(_NOT_YOURS)
        kept = {name: value for name, value in given.items() if name in _STARTED_WITH}
        if place != EVERY_PLACE:
            kept["tags"] = [f"{_TAG}{place}"]  # so that whoever starts it also sees what came of it
        state = given.get("state")
        if isinstance(state, dict) and state.get("type") == "SCHEDULED":
            details = state.get("state_details")
            moment = details.get("scheduled_time") if isinstance(details, dict) else None
            kept["state"] = {"type": "SCHEDULED"} | (
                {"state_details": {"scheduled_time": moment}} if moment else {}
            )
        body = json.dumps(kept).encode()
        return {**scope, "headers": sized(scope, body)}, whole_body(body)

    async def _place(self, deployment: str, parameters: Mapping[str, Any]) -> str:
        """Return the gemeente in which an action does something; `*` when that is every one."""
        reference = parameters.get("zaak")
        if isinstance(reference, str) and (found := await self.municipality_of(reference)):
            return found
        named = next((parameters[name] for name in _HERE if parameters.get(name)), None)
        if deployment in _REPORTING | _MANAGING and named is None:
            return EVERY_PLACE
        return str(named or self.own_municipality)

    async def runs(self, runs: Iterable[str]) -> list[dict[str, Any]]:
        """Return runs as Prefect has them; one that is not there is left out."""
        asked = list(runs)
        found: list[dict[str, Any]] = []
        for place in range(0, len(asked), _MOST_AT_ONCE):
            part = {
                "flow_runs": {"id": {"any_": asked[place : place + _MOST_AT_ONCE]}},
                "limit": _MOST_AT_ONCE,
            }
            found += await self._ask("POST", "/flow_runs/filter", part) or []
        return found

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask Prefect itself, as a machine; None for whatever it does not give."""
        sent = b"" if body is None else json.dumps(body).encode()
        answer: list[Message] = []

        async def heard(message: Message) -> None:
            answer.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": API + path,
            "raw_path": (API + path).encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"authorization", self.credential.header),
                (b"host", b"127.0.0.1"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(sent)).encode()),
            ],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        await self.app(scope, whole_body(sent), heard)
        if answer[0]["status"] != 200:  # noqa: PLR2004
            return None
        return json.loads(b"".join(message.get("body", b"") for message in answer[1:]))


def _with_plain(given: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Return what somebody sent with the values under this name as Prefect will read them."""
    if given is None:
        raise ForbiddenError("Deze vraag is niet te lezen.")
    values = given.get(name)
    if not isinstance(values, dict):
        return dict(given)
    try:
        return {**given, name: unpacked(values)}
    except PackedError:
        raise ForbiddenError(_PACKED) from None


def check_member(member: StaffMember, *rights: Right) -> None:
    """Refuse who has none of these rights anywhere."""
    if not any(member.may(right) for right in rights):
        raise ForbiddenError(_missing(*rights))


def _missing(*rights: Right) -> str:
    named = "' of '".join(rights)
    return f"U mag dit niet: het recht '{named}' ontbreekt. Vraag de beheerder erom."


def _may(member: StaffMember, rights: Iterable[Right], place: str) -> bool:
    return any(member.may(right, place) for right in rights)


def rights_to_start(deployment: str, parameters: Mapping[str, Any]) -> tuple[Right, ...]:
    """Return the rights of which one is enough to start a deployment with these parameters."""
    if deployment == _REPORTING_EVENT:
        # Without an event yet it changes nothing; the form that asks for one is guarded in its turn.
        label = parameters.get("gebeurtenis")
        return (Right.ACT, Right.REVIEW) if label is None else rights_to_report(label)
    if deployment in _DIVIDING:
        return (Right.DIVIDE,)
    if deployment in _REVIEWING:
        return (Right.REVIEW,)
    if deployment in _MANAGING:
        return (Right.MANAGE,)
    return (Right.LOOK,) if deployment in _REPORTING else (Right.ACT,)


def rights_to_report(label: object) -> tuple[Right, ...]:
    """Return the rights of which one is enough to report the event with this label in a form."""
    # Where several processes are open, a form names the process before the event.
    judged = isinstance(label, str) and not judged_labels().isdisjoint((label, label.partition(": ")[2]))
    return (Right.ACT, Right.REVIEW) if judged else (Right.ACT,)


@cache
def judged_labels() -> frozenset[str]:
    """Return the labels of the events that are for who judges, in every process that has one so called."""
    known = [spec for definition in DEFINITIONS.values() for spec in reportable(definition)]
    return frozenset(spec.label for spec in known) - {spec.label for spec in known if not is_judged(spec)}


def with_municipalities(given: Mapping[str, Any], member: StaffMember) -> dict[str, Any]:
    """Return a question to Prefect that finds only runs of the gemeenten of a person."""
    seen = sorted(f"{_TAG}{code}" for code in member.municipalities or ())
    runs = given.get("flow_runs") or {}
    if not isinstance(runs, dict) or runs.get("operator", "and_") != "and_":
        raise ForbiddenError("Dit filter kan niet samen met uw gemeenten. Maak het eenvoudiger.")
    tags = runs.get("tags") or {}
    if not isinstance(tags, dict) or tags.get("operator", "and_") != "and_" or tags.get("is_null_"):
        raise ForbiddenError("Dit filter kan niet samen met uw gemeenten. Maak het eenvoudiger.")
    every, some = list(tags.get("all_") or []), list(tags.get("any_") or [])
    if len(seen) == 1:
        every = [*every, *seen]
    elif not some:
        some = seen
    elif not set(some) <= set(seen):
        chosen = [tag for tag in every if tag in seen]
        if not chosen:
            raise ForbiddenError(
                "Kies bij dit filter ook een van uw gemeenten, bijvoorbeeld " + seen[0] + "."
            )
    return {**given, "flow_runs": {**runs, "tags": {**tags, "all_": every or None, "any_": some or None}}}


def of_own_pages(given: Mapping[str, Any], member: StaffMember) -> dict[str, Any] | None:
    """Return a question for pages of the own gemeenten by their keys; None when it is about anything else.

    No run stands behind the tag of such a page. Who asks for the front page gets those of his own gemeenten.
    """
    asked = given.get("artifacts")
    named = asked.get("key") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or asked.get("operator", "and_") != "and_" or not isinstance(named, dict):
        return None
    keys = named.get("any_")
    if not isinstance(keys, list):
        return None
    own = [one for key in keys for one in (_own_overviews(member) if key == _OVERVIEW else [str(key)])]
    about = [_PAGE_OF.fullmatch(key) for key in own]
    if not own or not all(match and member.sees(match[1]) for match in about):
        return None
    return {**given, "artifacts": {**asked, "key": {**named, "any_": own}}}


def _own_overviews(member: StaffMember) -> list[str]:
    """Return the keys of the front pages of somebody who does not see every gemeente."""
    return [f"{_OVERVIEW}-{place}" for place in sorted(member.municipalities or {"0000"})]


def front_page(path: str, member: StaffMember) -> Callable[[Any], Any] | None:
    """Return what makes one front page of what Prefect answers at a path; None where there is nothing to make.

    Somebody of several gemeenten, but not of all, reads the newest page of each of them, below each other.
    """
    if member.municipalities is None or path not in (_LATEST, *LISTS_OF_PAGES):
        return None
    return _only_front if path == _LATEST else _one_front


def _one_front(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    fronts: dict[str, dict[str, Any]] = {}
    for page in sorted(found, key=lambda page: str(page.get("created")), reverse=True):
        if str(page.get("key")).startswith(f"{_OVERVIEW}-"):
            fronts.setdefault(page["key"], page)
    if len(fronts) < 2:  # noqa: PLR2004
        return found
    newest = next(iter(fronts.values()))
    words = "\n\n".join(str(fronts[key].get("description")) for key in sorted(fronts))
    rest = [page for page in found if not str(page.get("key")).startswith(f"{_OVERVIEW}-")]
    return [{**newest, "key": _OVERVIEW, "description": words}, *rest]


def _only_front(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next(iter(_one_front(found)), None)


def runs_named(reach: Reach, given: Mapping[str, Any]) -> list[str]:
    """Return the runs that a question names; empty when it could be about any."""
    if reach is Reach.LISTED:
        found = given.get("flow_run_ids")
        return [str(run) for run in found] if isinstance(found, list) else []
    inner = given.get("logs" if reach is Reach.LOGS else "filter")
    asked = inner if isinstance(inner, dict) else {}
    if asked.get("operator", "and_") != "and_":
        return []
    if reach is Reach.LOGS:
        named = asked.get("flow_run_id")
        runs = named.get("any_") if isinstance(named, dict) else None
        return [str(run) for run in runs] if isinstance(runs, list) else []
    for kind in ("any_resource", "resource"):
        named = asked.get(kind)
        ids = named.get("id") if isinstance(named, dict) else None
        found = [_RUN_RESOURCE.fullmatch(str(one)) for one in ids] if isinstance(ids, list) else []
        if found and all(found):
            return [match[1] for match in found if match]
    return []


def runs_of_socket(path: str, given: Mapping[str, Any]) -> list[str]:
    """Return the runs that the filter of a web socket names; empty when it could be about any."""
    reach = Reach.LOGS if path.endswith("/logs/out") else Reach.EVENTS
    return runs_named(reach, {"logs" if reach is Reach.LOGS else "filter": given.get("filter")})


def _reaches(member: StaffMember, tags: Iterable[str], *rights: Right) -> bool:
    """Whether a person has one of these rights over a run; one without a gemeente belongs to every one."""
    places = [tag.removeprefix(_TAG) for tag in tags if tag.startswith(_TAG)] or ["*"]
    return any(_may(member, rights, place) for place in places)

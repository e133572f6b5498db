"""What an inwoner may see of his own case: the step, what is waited for and on whom, until when, whom to call.

Off unless a gemeente set the number to call (`resident_pages`). Somebody of the gemeente makes the address with one
press, which the journal names. It ends by itself and can be taken back. There is nothing on it about debts or
reasons, and whatever is wrong with an address gets the same answer.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from adapters.api.page_parts import PersonRoute, html_page, notice
from adapters.cases.store import UnknownCaseError
from adapters.messages.page_keys import KeyKind
from adapters.runtime.actor import acts
from adapters.runtime.calendar_data import dutch_calendar
from adapters.storage.database import writing
from milestones.case import closed, exactly
from milestones.definition import OFFERED, RETURNED
from milestones.definitions import DEFINITIONS, definition_of
from milestones.dutch import without_weekday
from milestones.running import reservation
from milestones.steering import RESIDENT_PAGE
from milestones.terms import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.api.visitor import Visitor
    from adapters.cases.casework import CaseView
    from adapters.office import Office
    from milestones.policy import Policy
    from milestones.process import Snapshot

_PATH = "/volgen"
GIVEN, TAKEN_BACK = "gegeven", "ingetrokken"
_ON_WHOM = {
    "gemeente": "De gemeente is aan zet.",
    "u": "U bent aan zet.",
    "ander": "Wij wachten op een ander.",
}
_BUSY = "Wij werken aan deze stap."
_PASSED_ON = "Een collega neemt dit over."
_GONE = [
    "Misschien klopt het adres niet. Misschien is het te oud.",
    "Bel uw gemeente. Dan krijgt u een nieuw adres.",
]


@dataclass(frozen=True, slots=True)
class PlainStep:
    """Where a case is, in plain words."""

    name: str
    said: str
    on_whom: str
    until: str = ""
    late: bool = False
    moves: bool = False  # not all days off of that year are known yet


@cache
def resident_texts() -> Mapping[str, Mapping[str, Any]]:
    """Return what an inwoner reads of each step."""
    return tomllib.loads(files("adapters.api").joinpath("resident_texts.toml").read_text(encoding="utf-8"))


def resident_router(office: Office) -> APIRouter:
    """Return the route that an inwoner opens, with nothing but the key."""
    router = APIRouter(
        prefix=_PATH, include_in_schema=False, default_response_class=HTMLResponse, route_class=PersonRoute
    )

    @router.api_route("/{key}", methods=["GET", "HEAD"])
    def look(key: str) -> Response:
        reference = office.page_keys.subject_of(KeyKind.RESIDENT, key)
        view = _case(office, reference) if reference else None
        phone = office.settings.resident_pages.get(view.municipality) if view else None
        if view is None or phone is None:
            return notice("Deze pagina is er niet", _GONE, 404)
        policy = office.rules_for(view.municipality).policy
        steps = list(plain_steps(view, policy, office.clock.today()))
        here = {process.code for process in view.case.processes if not closed(process)}
        return html_page(
            "resident.html", 200, title="Uw traject", steps=steps, reference=view.reference, phone=phone,
            route=[(resident_texts()[code]["stap"], code in here) for code in DEFINITIONS if code.startswith("M")],
        )  # fmt: skip

    return router


def _case(office: Office, reference: str) -> CaseView | None:
    try:
        return office.casework.case(reference)
    except UnknownCaseError:
        return None


def plain_steps(view: CaseView, policy: Policy, today: date) -> Iterator[PlainStep]:
    """Yield each open process of a case as a step in plain words."""
    order = list(DEFINITIONS)
    for process in sorted(view.case.processes, key=lambda item: order.index(item.code)):
        if not closed(process):
            yield _step(process, policy, today)


def _step(process: Snapshot, policy: Policy, today: date) -> PlainStep:
    of_code = resident_texts()[process.code]
    state = definition_of(process).state(process.state)
    found = of_code.get(process.state) or {
        "tekst": _PASSED_ON if process.state in (OFFERED, RETURNED) else _BUSY,
        "op": "ander" if state.waits_on_partner else "gemeente",
    }
    ends = [
        (term.due, term)
        for term in process.terms
        if term.runs and term.due is not None and policy.term(term.term).kind is Kind.DUTY
    ]
    first, term = min(ends, key=lambda end: end[0], default=(None, None))
    late = first is not None and first < today
    until = without_weekday(first) if first is not None and not late else ""
    moves = term is not None and reservation(term, policy, dutch_calendar()) is not None
    return PlainStep(
        of_code["stap"], found["tekst"], _ON_WHOM[found.get("op", "gemeente")], until, late, moves
    )


# --- for who works at the gemeente ----------------------------------------------------------------------------


def hand_out(office: Office, visitor: Visitor, view: CaseView, *, give: bool) -> str:
    """Make the address of the page of a case, or take it back; return the address, or nothing.

    The journal names who did it. The address before it works no more. Raises NotPossible; then nothing changed.
    """
    process = next((item for item in view.case.processes if not closed(item)), view.case.processes[-1])
    keys, days = office.page_keys, timedelta(days=office.settings.resident_page_days)
    with acts(visitor.actor), writing(office.engine) as session:
        office.casework.report(
            view.reference, RESIDENT_PAGE, process=exactly(process.name),
            data={"inzage": GIVEN if give else TAKEN_BACK}, session=session,
        )  # fmt: skip
        key = keys.make(KeyKind.RESIDENT, view.reference, days, session) if give else ""
        if not give:
            keys.take_back(KeyKind.RESIDENT, view.reference, session)
    return f"{office.settings.public_api}{_PATH}/{key}" if key else ""

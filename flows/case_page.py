"""The page of a case in the Prefect UI: its route as a picture, running terms, hand-offs, and its journal.

One artifact with a stable key, so that it has a history and costs one request; written only when it says
something new. It holds references, dates, states and roles, and nothing about a person.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.cases.handoffs import handoffs
from adapters.cases.journal_words import actor_label, event_label
from adapters.cases.presentation import process_title
from adapters.oversight.markdown import bullets, picture, short_date, table, text
from adapters.runtime.calendar_data import dutch_calendar
from flows.display import running_terms
from flows.pictures import Stage, Stop, route
from milestones.case import closed
from milestones.counting import so_many
from milestones.definition import OFFERED, RETURNED
from milestones.definitions import DEFINITIONS, definition_of
from milestones.four_eyes import waits_for
from milestones.penalty import penalties
from milestones.roles import dutch_role
from milestones.running import reservation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from adapters.cases.casework import CaseView
    from adapters.storage.database import JournalRow, ProcessRow
    from milestones.case import Case
    from milestones.policy import Policy
    from milestones.process import RunningTerm, Snapshot

MILESTONES = tuple(code for code in DEFINITIONS if re.fullmatch(r"M\d", code))
BESIDE = tuple(code for code in DEFINITIONS if code not in MILESTONES)
MOST_JOURNAL_LINES = 25
PAGE_PREFIX = "zaak-"
_KEY_LENGTH = 60
_SATURDAY = 5


def page_key(reference: str) -> str:
    """Return the artifact key of a case: lower case, digits and dashes, and different for different cases."""
    plain = re.sub(r"[^a-z0-9]+", "-", reference.lower()).strip("-")
    if plain.upper() != reference:
        plain = f"{plain[:_KEY_LENGTH]}-{hashlib.sha256(reference.encode()).hexdigest()[:6]}"
    return f"{PAGE_PREFIX}{plain}"


def case_page(view: CaseView, policy: Policy, today: date, refused: str = "", own_page: str = "") -> str:
    """Return the page as Markdown, as it reads today.

    `refused` says why the last answer was not taken up; `own_page` is the page where one acts on this case.
    """
    return _page(view, policy, today, refused, own_page)


def page_mark(view: CaseView, policy: Policy, refused: str = "") -> str:
    """Return a hash of all that the page says but for what changes with the day."""
    return hashlib.sha256(_page(view, policy, None, refused).encode()).hexdigest()


def _page(view: CaseView, policy: Policy, today: date | None, refused: str, own_page: str = "") -> str:
    case = view.case
    stops, beside = stops_of(case, policy)
    said = "; ".join(f"{stop.code} {stop.name}: {stop.stage}" for stop in (*stops, *beside))
    return text(
        f"# Zaak {view.reference}",
        f"[Meld wat er gebeurde, of lees alles van deze zaak]({own_page})" if own_page else "",
        f"**Het laatste antwoord is niet overgenomen.** {refused}" if refused else "",
        picture(route(stops, beside), f"De route van deze zaak. {said}."),
        "## Waar is de zaak?",
        table(("mijlpaal", "wacht op", "bij", "sinds"), _places(view, policy)),
        "## Lopende termijnen",
        table(
            ("uiterlijk", "termijn", "mijlpaal", "bron"),
            (row for process in case.processes for row in _terms(process, policy, today)),
        )
        or "Er loopt geen termijn.",
        # The first UI breaks no line in a table.
        bullets(line for process in case.processes for line in _reasons(process, policy)),
        bullets(_penalties(case, today)),
        "## Overdrachten",
        table(("van", "naar", "aangeboden op", "hoe staat het ervoor"), _handoffs(case, view.journal))
        or "Deze zaak is nog niet overgedragen.",
        "## Journaal",
        _journal(view.journal, policy),
    )


# --- the route ------------------------------------------------------------------------------------------------


def stops_of(case: Case, policy: Policy) -> tuple[list[Stop], list[Stop]]:
    """Return the stops of the route, and what runs beside it as far as the case has it."""

    def stop(code: str) -> Stop:
        return Stop(code, policy.name_of(DEFINITIONS[code]), _stage(case, code))

    stops = [stop(code) for code in MILESTONES]
    furthest = max((number for number, one in enumerate(stops) if one.stage is not Stage.TO_COME), default=0)
    stops = [
        replace(one, stage=Stage.SKIPPED) if one.stage is Stage.TO_COME and number < furthest else one
        for number, one in enumerate(stops)
    ]
    return stops, [stop(code) for code in BESIDE if any(item.code == code for item in case.processes)]


def _stage(case: Case, code: str) -> Stage:
    mine = [item for item in case.processes if item.code == code]
    running = [item for item in mine if not closed(item)]
    if running and all(item.state in (OFFERED, RETURNED) for item in running):
        return Stage.OFFERED
    if running:
        return Stage.RUNNING
    return Stage.DONE if mine else Stage.TO_COME


# --- tables ---------------------------------------------------------------------------------------------------


def _places(view: CaseView, policy: Policy) -> list[tuple[str, ...]]:
    since: dict[str, date] = {}
    for row in view.journal:
        if row.before != row.after:
            since[row.process] = row.on
    return [
        (
            _linked(process, view.rows, policy),
            waits_for(definition_of(process), process),
            "" if closed(process) else _holder(process, policy.role(process.role(definition_of(process)))),
            short_date(since[process.name]) if process.name in since else "",
        )
        for process in view.case.processes
    ]


def _holder(process: Snapshot, role: str) -> str:
    named = process.facts.get("houder")
    return f"{dutch_role(role)} {named}" if isinstance(named, str) else dutch_role(role)


def _linked(process: Snapshot, rows: Mapping[str, ProcessRow], policy: Policy) -> str:
    title = process_title(process.name, policy.name_of(definition_of(process)))
    run = rows[process.name].flow_run_id
    return f"[{title}](../../runs/flow-run/{run})" if run else title


def _terms(process: Snapshot, policy: Policy, today: date | None) -> list[tuple[str, ...]]:
    return [
        (
            _last_day(term, today),
            f"{term.term} {policy.term(term.term).name}",
            process.name,
            policy.term(term.term).source_text,
        )
        for term in running_terms(process)
    ]


def _last_day(term: RunningTerm, today: date | None) -> str:
    """Return the last day of a term; a count of days would be wrong tomorrow."""
    if term.due is None:
        return "staat stil"
    late = today is not None and term.is_overdue(today)
    return f"{short_date(term.due)}{', **te laat**' if late else ''}"


def _reasons(process: Snapshot, policy: Policy) -> Iterator[str]:
    """Say of each running term why its last day is that day, where that is not plain."""
    for term in running_terms(process):
        if known_so_far := reservation(term, policy, dutch_calendar()):
            yield f"{term.term} in {process.name}: {known_so_far}"
        if term.shifted_by:
            reason = f"verschoven van {short_date(term.nominal)} door {term.shifted_by}"
        elif term.suspended_days:
            reason = f"{so_many(term.suspended_days, 'dag')} stilgestaan"
        elif term.due is not None and term.due.weekday() >= _SATURDAY:
            reason = (term.not_shifted_because or "").rstrip(".")
        else:
            continue
        if reason:
            yield f"{term.term} in {process.name}: {reason}."


def _penalties(case: Case, today: date | None) -> Iterator[str]:
    """Say from when a dwangsom is owed and until when; what grows by the day would be wrong tomorrow."""
    everything = (
        owed for process in case.processes for owed in penalties(process, today or process.opened_on)
    )
    for owed in everything:
        line = f"Dwangsom in {owed.process} (Awb art. 4:17): vanaf {short_date(owed.first_day)}"
        if owed.last_day:
            yield f"{line} tot en met {short_date(owed.last_day)}: {so_many(owed.days, 'dag')}, {owed.euros} euro."
        else:
            yield f"{line}, uiterlijk tot en met {short_date(owed.at_most_until)}. Beslis nu: elke dag kost meer."


def _handoffs(case: Case, journal: Sequence[JournalRow]) -> Iterator[tuple[str, ...]]:
    for one in handoffs(case, journal):
        day = f" {short_date(one.day)}" if one.day else ""
        by = f" door {one.by}" if one.by else ""
        yield one.sender, one.receiver, short_date(one.offered_on), f"{one.how}{day}{by}"


# --- the journal ----------------------------------------------------------------------------------------------


def _journal(journal: Sequence[JournalRow], policy: Policy) -> str:
    shown = list(reversed(journal))[:MOST_JOURNAL_LINES]
    left = len(journal) - len(shown)
    return text(
        table(
            ("op", "mijlpaal", "wat er gebeurde", "daarna", "door"),
            (
                (short_date(row.on), row.process, event_label(row, policy), _after(row), actor_label(row))
                for row in shown
            ),
        ),
        f"En nog {so_many(left, 'eerdere regel')}: `routekaart zaak {journal[0].case_reference}`."
        if left > 0
        else "",
    ).strip()


def _after(row: JournalRow) -> str:
    if row.before == row.after:
        return "blijft hier"
    code, _, _ = row.process.partition("#")
    state = DEFINITIONS[code].state_by_code.get(row.after) if code in DEFINITIONS else None
    return state.waits_for if state else row.after

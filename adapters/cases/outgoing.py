"""What other systems hear of a transition: CloudEvents with the types of domain 7.2.

The events are rows, written in the transaction of the transition. `adapters.exchange.webhooks` sends them on. An event
holds the zaak, the mijlpaal, a term and dates; never a reason, a result, a group or anything of a person.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from adapters.runtime.actor import shown_actor
from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import closed
from milestones.running import reservation_at
from milestones.term_table import TERMS
from milestones.terms import EXPIRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from adapters.storage.database import CaseRow
    from adapters.storage.exchange_tables import OutgoingEventRow
    from milestones.case import Case, Step
    from milestones.process import RunningTerm, Snapshot

PREFIX = "nl.schuldhulpverlening.mijlpalen."
REACHED = f"{PREFIX}mijlpaal-bereikt"
HANDED_OVER = f"{PREFIX}mijlpaal-overgedragen"
STATE_CHANGED = f"{PREFIX}toestand-gewijzigd"
_ENDED = f"{PREFIX}mijlpaal-afgesloten"
TERM_STARTED = f"{PREFIX}termijn-gestart"
TERM_WARNING = f"{PREFIX}termijn-waarschuwing"
TERM_OVER = f"{PREFIX}termijn-verlopen"
TERM_SUSPENDED = f"{PREFIX}termijn-opgeschort"
TYPES = (REACHED, HANDED_OVER, STATE_CHANGED, _ENDED, TERM_STARTED, TERM_WARNING, TERM_OVER, TERM_SUSPENDED)

TEST = f"{PREFIX}test"  # with which a subscription is tried; it is about no case
_MOST_OF_ONE_INPUT = 1000

_SOURCE = re.compile(r"urn:nld:gemeentecode:([0-9]{4}):systeem:routekaart")
_CASES = uuid.UUID("0f4f5b6e-6a0e-4bb4-9a43-1d9a5a3f5b1f")
_EVENTS = uuid.UUID("a2f6d1c4-0a0a-4b3e-8d55-5f1a3c1f7c9e")


def case_uuid(municipality: str, reference: str) -> str:
    """Return the UUID that stands for a case outside: always the same one."""
    return str(uuid.uuid5(_CASES, f"{municipality}/{reference}"))


def source(municipality: str) -> str:
    """Return the CloudEvents source of a municipality."""
    return f"urn:nld:gemeentecode:{municipality}:systeem:routekaart"


def sending_municipality(written: str) -> str | None:
    """Return the municipality of a CloudEvents source of ours; None when it is another source."""
    found = _SOURCE.fullmatch(written)
    return found[1] if found else None


def outgoing_events(
    case_row: CaseRow,
    before: Case,
    after: Case,
    steps: Sequence[Step],
    line: Mapping[str, Any],
    at: datetime,
) -> list[dict[str, Any]]:
    """Return the rows of the events of one input; `line` is its first journal row."""
    name = f"{case_row.municipality}/{case_row.reference}/{line['number']}"
    by = shown_actor(line["actor_kind"], line["actor_code"], line["actor_way"])
    zaak = case_uuid(case_row.municipality, case_row.reference)
    return [
        {
            "id": str(uuid.uuid5(_EVENTS, f"{name}/{index}")),
            "type": kind,
            "municipality": case_row.municipality,
            "case_reference": case_row.reference,
            "sequence": line["number"] * _MOST_OF_ONE_INPUT + index,
            "data": {"zaak": zaak, "zaakreferentie": case_row.reference, **data, "door": by},
            "created_at": at,
        }
        for index, (kind, data) in enumerate(_events(before, after, steps))
    ]


def as_cloudevent(row: OutgoingEventRow) -> dict[str, Any]:
    """Return an event in the structured form of CloudEvents 1.0 (NL GOV profile).

    Its subject is the reference that the API takes; `sequence` puts the events of a case in order, as text.
    """
    order = {} if row.sequence is None else {"sequence": f"{row.sequence:012d}"}
    return {
        "specversion": "1.0",
        "id": row.id,
        "source": source(row.municipality),
        "type": row.type,
        "subject": row.case_reference,
        "time": row.created_at.isoformat(timespec="seconds"),
        **order,
        "datacontenttype": "application/json",
        "data": row.data,
    }


def _events(before: Case, after: Case, steps: Sequence[Step]) -> Iterator[tuple[str, dict[str, str]]]:
    old = {process.name: process for process in before.processes}
    new = {process.name: process for process in after.processes}
    for step in steps:
        if step.event == "geopend":
            if step.derived:
                yield HANDED_OVER, {"mijlpaal": steps[0].process, "naar": step.process}
            yield REACHED, {"mijlpaal": step.process}
        elif step.event == "overgedragen":
            yield HANDED_OVER, {"mijlpaal": steps[0].process, "naar": step.process}
        if step.before not in (None, step.after):
            yield STATE_CHANGED, {"mijlpaal": step.process}
        if step.rung is not None and step.term is not None:
            kind = TERM_OVER if step.rung == EXPIRY else TERM_WARNING
            yield kind, _term(step.process, _find(new, step.process, step.term), step.term)
    for name, process in new.items():
        was = old.get(name)
        if was is not process and closed(process) and not (was is not None and closed(was)):
            yield _ENDED, {"mijlpaal": name}
        yield from _changed_terms(name, was, process)


def _changed_terms(
    name: str, before: Snapshot | None, after: Snapshot
) -> Iterator[tuple[str, dict[str, str]]]:
    known = {term.key: term for term in before.terms} if before else {}
    for term in after.terms:
        was = known.get(term.key)
        if was is term or not term.runs:
            continue
        if was is None:
            yield TERM_STARTED, _term(name, term, term.key)
        elif term.suspended_since is not None and was.suspended_since is None:
            yield TERM_SUSPENDED, _term(name, term, term.key)


def _find(processes: Mapping[str, Snapshot], name: str, key: str) -> RunningTerm | None:
    return next((term for term in processes[name].terms if term.key == key), None)


def _term(name: str, term: RunningTerm | None, key: str) -> dict[str, str]:
    data = {"mijlpaal": name, "termijn": key}
    if term is not None and term.due is not None:
        data["uiterlijk"] = term.due.isoformat()
        if term.until is None and reservation_at(TERMS[term.term], term.due, dutch_calendar()):
            data["voorbehoud"] = dutch_calendar().caution
    return data

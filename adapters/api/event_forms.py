"""The fields of an event as a form: what was filled in, and which field a refusal is about."""

from __future__ import annotations

import secrets
from datetime import date
from typing import TYPE_CHECKING

from adapters.messages.handoff_links import ACCEPTED
from adapters.runtime.actor import acts
from milestones.case import exactly
from milestones.civil_dates import civil_date
from milestones.definition import FieldKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.api.visitor import Visitor
    from adapters.office import Office
    from milestones.definition import EventSpec
    from milestones.definition import Field as EventField
    from milestones.refusal import Refusal

Form = dict[str, list[str]]
_YES_NO = {"ja": True, "nee": False}
_MOST_DIGITS = 9
_LONGEST_KEY = 150


def last(form: Mapping[str, list[str]], name: str, otherwise: str = "") -> str:
    """Return what a field of a form says; of several the last."""
    return (form.get(name) or [otherwise])[-1]


def number_of(text: str) -> int | None:
    """Return the whole number that a field or address says, of as many digits as a database counts; else None."""
    return int(text) if len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal() else None


def key_of(form: Mapping[str, list[str]]) -> str:
    """Return the key under which a form was made, so that sending it twice counts once."""
    return (last(form, "sleutel") or secrets.token_urlsafe(9))[:_LONGEST_KEY]


def day_in_form(form: Mapping[str, list[str]], name: str = "op") -> date | None:
    """Return the day that was filled in; None when it was left empty. What is no date is a ValueError."""
    written = last(form, name)
    day = civil_date(written) if written else None
    if written and day is None:
        raise ValueError(name)
    return day


def filled_in(spec: EventSpec, form: Mapping[str, list[str]]) -> dict[str, object]:
    """Return what was filled in, as the mijlpalen know it; without the fields that were left empty."""
    found = {item.name: _value(item, form.get(item.name, [])) for item in spec.fields}
    return {name: value for name, value in found.items() if value is not None}


def field_named(refusal: Refusal, spec: EventSpec) -> str:
    """Return the name of the field of an event that a refusal is about, if any."""
    return next((item.name for item in spec.fields if f"'{item.name}'" in refusal.reason), "")


def report_as(
    office: Office,
    visitor: Visitor,
    reference: str,
    process: str,
    event: str,
    given: tuple[date | None, dict[str, object]],
    event_id: str,
) -> None:
    """Report an event, on the day and with the data given, as done by who looks.

    Who accepts a hand-off has the process in his name from then on. Raises what `Casework.report` raises; then
    nothing was written.
    """
    on, data = given
    takes = event == ACCEPTED and not visitor.team
    with acts(visitor.actor):
        office.casework.report(
            reference, event, process=exactly(process), on=on, data=data, event_id=event_id,
            person=visitor.code if takes else None,
        )  # fmt: skip


def _value(item: EventField, given: list[str]) -> object | None:
    filled = [value for value in given if value]
    if not filled:
        return None
    match item.kind:
        case FieldKind.CHOICES:
            return filled
        case FieldKind.YES_NO:
            return _YES_NO.get(filled[-1], filled[-1])
        case FieldKind.NUMBER if (number := number_of(filled[-1])) is not None:
            return number
        case _:
            return filled[-1]

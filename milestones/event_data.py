"""Check the data that travel with an event against the fields that the event has."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from milestones.civil_dates import civil_date
from milestones.definition import FieldKind
from milestones.snapshot import InvalidData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from milestones.definition import EventSpec, Field


def checked(spec: EventSpec, data: Mapping[str, object], *, kept: bool = False) -> Mapping[str, object]:
    """Check an event's data against its fields and give it with dates as dates.

    `kept`: the event comes from the journal; what is asked since then is not asked of it.
    Raises InvalidData with a sentence that names the field, never its value.
    """
    fields = {item.name: item for item in spec.fields}
    for name in data:
        if name not in fields:
            known = ", ".join(fields) or "geen"
            raise InvalidData(f"Een veld hoort niet bij '{spec.name}' (bekende velden: {known}).")
    clean: dict[str, object] = {}
    for name, item in fields.items():
        value = data.get(name)
        if value is None or value == "":
            if item.required and not (kept and item.asked_since):
                raise InvalidData(f"Bij '{spec.name}' is '{name}' nodig.")
            continue
        clean[name] = _check_field(item, value)
    return clean


CODE = r"^(?=.*[A-Za-z])(?!.*[0-9]{8})[A-Za-z0-9][A-Za-z0-9._#-]{0,39}$"
_CODE = re.compile(CODE)
_MOST = 10_000
_FIRST_YEAR, _LAST_YEAR = (
    1900,
    2199,
)  # room for a date of birth and for any term; 0001 and 9999 stand for nothing


def _check_field(item: Field, value: object) -> object:
    """Return a value as it is kept; one that does not fit is an InvalidData that names the field only."""
    read, wanted = _READERS[item.kind]
    clean = read(item, value)
    if clean is None:
        choices = ", ".join(item.choices)
        raise InvalidData(f"'{item.name}' {wanted.format(keuzes=choices, hoogste=item.most or _MOST)}.")
    return clean


def _date(_: Field, value: object) -> date | None:
    found = civil_date(value)
    return found if found is not None and _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def _yes_no(_: Field, value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(item: Field, value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= (item.most or _MOST)
    return value if fits and isinstance(value, int) else None


def _choice(item: Field, value: object) -> str | None:
    return value if isinstance(value, str) and value in item.choices else None


def _choices(item: Field, value: object) -> tuple[str, ...] | None:
    fits = isinstance(value, list | tuple) and all(choice in item.choices for choice in value)
    return tuple(value) if fits and isinstance(value, list | tuple) else None


def _code(_: Field, value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.match(value) else None


_READERS: Mapping[FieldKind, tuple[Callable[[Field, object], object], str]] = {
    FieldKind.DATE: (_date, "moet een datum zijn (jjjj-mm-dd)"),
    FieldKind.YES_NO: (_yes_no, "moet ja (true) of nee (false) zijn"),
    FieldKind.NUMBER: (_number, "moet een geheel getal van 0 tot en met {hoogste} zijn"),
    FieldKind.CHOICE: (_choice, "moet een van deze zijn: {keuzes}"),
    FieldKind.CHOICES: (_choices, "mag alleen deze bevatten: {keuzes}"),
    FieldKind.CODE: (_code, "moet een korte code zijn (letters, cijfers, streepjes)"),
}

"""The table that says which message of another system stands for which event of ours."""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError, model_validator

from adapters.exchange.refusals import IntegrationError
from adapters.runtime.toml_files import TomlError, read_toml
from milestones.civil_dates import civil_date
from milestones.definition import EventSpec, FieldKind
from milestones.definitions import DEFINITIONS
from milestones.event_fields import DECIDED_BY, MOTIVATION, OVERRULE
from milestones.events import meanings_of
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from milestones.definition import Field as EventField

USUAL_PLACES = (
    "subject",
    "data.zaak",
    "data.zaakreferentie",
    "data.zaakUrl",
    "data.zaak_url",
    "data.hoofdObject",
    "hoofdObject",
)
_YES_NO = {"ja": True, "nee": False, "true": True, "false": False}
# Without these no case ends, the last no-show included: who gives them decides.
DECIDING = frozenset(item.name for item in (MOTIVATION, OVERRULE, DECIDED_BY))


class EventsFileError(IntegrationError):
    """A table that cannot be used: one Dutch sentence with the place."""


class IfUnknown(StrEnum):
    """What becomes of a message that is about no case of ours."""

    WAIT = "postbak"
    IGNORE = "negeer"
    OPEN = "open"


class Rule(BaseModel):
    """One line of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Annotated[str, Field(min_length=1, max_length=255)]
    bron: str = "*"
    gebeurtenis: str | None = None
    mijlpaal: str | None = None
    datum: str | None = None
    zaak: tuple[str, ...] = USUAL_PLACES
    gegevens: dict[str, str] = {}
    vast: dict[str, StrictBool | StrictInt | str] = {}
    negeer: bool = False
    onbekend: IfUnknown = IfUnknown.WAIT
    opent: str | None = None

    @model_validator(mode="after")
    def _known_names(self) -> Rule:
        if (self.onbekend is IfUnknown.OPEN) != (self.opent is not None):
            raise ValueError("'onbekend = \"open\"' en 'opent' horen bij elkaar")
        if self.opent is not None and self.opent not in DEFINITIONS:
            raise ValueError(f"mijlpaal '{self.opent}' bestaat niet")
        if self.gebeurtenis is None:
            return self
        if self.mijlpaal is not None and self.mijlpaal not in DEFINITIONS:
            raise ValueError(f"mijlpaal '{self.mijlpaal}' bestaat niet")
        spec = _meaning(self.gebeurtenis, self.mijlpaal)
        if spec.by_timer or spec.decision:
            raise ValueError(
                f"gebeurtenis '{self.gebeurtenis}' is een besluit van een mens of van een termijn"
            )
        known = {item.name for item in spec.fields}
        for name in (*self.gegevens, *self.vast):
            if name not in known:
                raise ValueError(f"veld '{name}' hoort niet bij '{self.gebeurtenis}'")
            if name in DECIDING:
                raise ValueError(f"'{name}' geeft een mens die beslist, geen ander systeem")
        return self

    def fits(self, kind: str, source: str) -> bool:
        """Whether this rule is for messages of this kind from this source."""
        return fnmatchcase(kind, self.type) and fnmatchcase(source, self.bron)


class EventsTable(BaseModel):
    """The whole table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bericht: tuple[Rule, ...] = ()

    def rule_for(self, kind: str, source: str) -> Rule | None:
        """Return the first rule that fits."""
        return next((rule for rule in self.bericht if rule.fits(kind, source)), None)


@cache
def read_rules(path: Path | None) -> EventsTable:
    """Read a table, that of the product without a path; a wrong one is an EventsFileError."""
    chosen = path or Path(__file__).with_name("incoming_events.toml")
    try:
        return EventsTable.model_validate(read_toml(chosen)[0])
    except OSError:
        raise EventsFileError(f"Het bestand met berichten {chosen.name} is niet te lezen.") from None
    except TomlError as error:
        raise EventsFileError(error.sentence) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EventsFileError(
            f"{chosen.name}, {place}: {first['msg'].removeprefix('Value error, ')}."
        ) from None


def texts_at(values: Mapping[str, Any], places: tuple[str, ...]) -> Iterator[str]:
    """Yield the texts that stand at these places of a message, such as `data.zaak`."""
    for place in places:
        value = _at(values, place)
        if isinstance(value, str) and value.strip():
            yield value.strip()


class UnreadableError(Refusal, ValueError):
    """A message in which something that counts cannot be read: one Dutch sentence with the place, never the value."""


def day_of(rule: Rule, values: Mapping[str, Any], received: date) -> date:
    """Return the date that counts: where the rule says that it stands, or the day of receipt for a rule without one.

    A date that is not there or cannot be read is an UnreadableError: no other date stands in for it.
    """
    if rule.datum is None:
        return received
    value = _at(values, rule.datum)
    found = civil_date(value) if isinstance(value, str) else None
    if found is None:
        raise UnreadableError(f"De datum op '{rule.datum}' {_fault_of(value)}.")
    return found


def _meaning(event: str, process: str | None) -> EventSpec:
    """Return what an event means in a process, or everywhere; a ValueError says what is wrong with the name."""
    meanings = meanings_of(event)
    if not meanings:
        raise ValueError(f"gebeurtenis '{event}' bestaat niet")
    if process is not None:
        if not DEFINITIONS[process].knows(event):
            raise ValueError(f"gebeurtenis '{event}' komt in {process} niet voor")
        return DEFINITIONS[process].event(event)
    if len(meanings) > 1:
        raise ValueError(f"gebeurtenis '{event}' betekent niet overal hetzelfde: noem de mijlpaal")
    return meanings[0]


def data_of(rule: Rule, values: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of the event that the rule finds in a message; one that does not fit is an UnreadableError."""
    spec = _meaning(rule.gebeurtenis or "", rule.mijlpaal)
    found: dict[str, object] = dict(rule.vast)
    for item in spec.fields:
        place = rule.gegevens.get(item.name)
        given = _at(values, place) if place else None
        if given is None:
            continue
        value = _fitting(item, given)
        if value is None:
            raise UnreadableError(
                f"Het veld '{item.name}' van '{rule.gebeurtenis}', op '{place}', {_fault_of(given)}."
            )
        found[item.name] = value
    return found


def _fault_of(value: object) -> str:
    return "ontbreekt" if value is None or value == "" else "is niet te lezen"


def _fitting(item: EventField, value: Any) -> object:
    """Return a value in the form of its field; None when it does not fit, so that no free text comes in."""
    match item.kind:
        case FieldKind.DATE:
            found = civil_date(value) if isinstance(value, str) else None
            return found.isoformat() if found else None
        case FieldKind.YES_NO:
            return value if isinstance(value, bool) else _YES_NO.get(str(value).lower())
        case FieldKind.NUMBER:
            return value if isinstance(value, int) and not isinstance(value, bool) else None
        case FieldKind.CHOICE:
            return value if value in item.choices else None
        case FieldKind.CHOICES:
            given = value if isinstance(value, list) else [value]
            return given if given and all(choice in item.choices for choice in given) else None
        case FieldKind.CODE:
            return None  # a code is chosen by us, never taken over from a message


def _at(values: Mapping[str, Any], place: str) -> Any:
    value: Any = values
    for name in place.split("."):
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value

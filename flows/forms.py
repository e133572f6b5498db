"""The Resume form of a state: only the events that are possible now, in Dutch, with the fields that they need."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from adapters.runtime.policies import DEFAULT
from adapters.runtime.privacy import LONGEST_WORD, OWN_FORM
from flows.prefect_seam.parking import form_schema
from milestones.case import possible_now
from milestones.civil_dates import civil_date
from milestones.code_forms import CODE_FIELDS, WORKER
from milestones.codes import codes_of, example_of, form_in_all
from milestones.definition import OFFERED, FieldKind
from milestones.definitions import DEFINITIONS, definition_of, kept_definition
from milestones.event_fields import READER
from milestones.policy import Policy
from milestones.process import InvalidData
from milestones.steering import reportable, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from milestones.definition import EventSpec
    from milestones.definition import Field as EventField
    from milestones.process import Snapshot

_HOW_TO = (
    "Kies wat er gebeurd is. Vul daarna alleen in wat daarbij hoort. Klopt er iets niet, dan komt dit formulier "
    "terug en staat hier waarom."
)
# Events that any state knows, with many fields of their own: each has an action with a form for itself, so that
# this form stays short (flows/actions.py).
WITH_OWN_ACTION = frozenset(
    {"termijn_verlengd", "uitgestroomd", "verhuizing", "overname_aanvaard", "overname_geweigerd"}
)
HOLDER = "houder"
STAND = "stand"  # the number of the last change, which the form carries
PERSON_CODE = rf"^\s*(?:{WORKER})\s*$"  # spaces around a code do no harm
_YES_NO = {"ja": True, "nee": False}
_LONG = 5  # fields of one event
_MOST_FORMS = 2_000

# What may be a reference of a case, so that Prefect's server refuses to keep a BSN or a name as a parameter: of new
# cases where no gemeente set another form, and of cases that were there before that rule.
OLDER_REFERENCE = (
    r"^(?:[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*|(?:[._-]*\d){1,7}[._-]*|(?:[._-]*\d){10,}[._-]*)$"
)
_UUID = r"(?:[A-Za-z0-9]{1,5}[._-])?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_TELEPHONE = r"(?:^|.*[^0-9])0[1-9](?:[._-]?[0-9]){8}(?![0-9])"
_IBAN = r".*[A-Za-z]{2}[0-9]{2}[._-]?[A-Za-z]{4}[._-]?(?:[0-9][._-]?){7}"
REFERENCE = (  # a BSN behind letters the door sees (named_cases.py)
    rf"^(?:{OWN_FORM}|{_UUID}|(?!.*[A-Za-z]{{{LONGEST_WORD + 1}}})(?!{_TELEPHONE})(?!{_IBAN})"
    rf"(?=.*[0-9]|.{{1,3}}$)(?:{OLDER_REFERENCE[1:-1]}))$"
)
FormReference = Annotated[str, WithJsonSchema({"type": "string", "pattern": REFERENCE, "maxLength": 60})]
PROCESS = rf"^({'|'.join(DEFINITIONS)})(#\d{{1,3}})?$"

# Prefect keeps what its own check of a form lets through, and that check knows patterns, but no dates. So that
# it never keeps free text, every text in a form has a pattern.
_DAY = r"^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-][\d:]+)?)?$"
FormDay = Annotated[date, WithJsonSchema({"type": "string", "format": "date", "pattern": _DAY})]


def reference_in(pattern: str | None) -> str:
    """Return the pattern of a reference where the gemeenten set this form, or none."""
    return REFERENCE if pattern is None else rf"^(?:{OWN_FORM}|{pattern})$"


def patterns(policies: Sequence[Policy], reference: str = REFERENCE) -> dict[str, str]:
    """Return by the pattern of each code where no gemeente set another, what it is in these gemeenten.

    `reference` is the pattern of a case there.
    """
    alike: dict[str, list[str]] = {}
    for name in CODE_FIELDS:
        alike.setdefault(form_in_all((DEFAULT,), name), []).append(name)
    return {REFERENCE: reference, PERSON_CODE: person_code(policies)} | {
        pattern: form_in_all(policies, *names) for pattern, names in alike.items()
    }


def person_code(policies: Iterable[Policy]) -> str:
    """Return the pattern of the code of a medewerker in any of these gemeenten."""
    return rf"^\s*(?:{form_in_all(policies, HOLDER)[1:-1]})\s*$"


# A gemeente may set other codes: Prefect's check of a form knows them, and the case looks at them once more.
FormCode = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": form_in_all((DEFAULT,), "motivering")})
]
FormPerson = Annotated[str, WithJsonSchema({"type": "string", "pattern": PERSON_CODE})]


class EmptyForm(BaseModel):
    """Hier is nu niets te melden. Er zijn wel acties voor deze zaak: zie Deployments."""

    model_config = ConfigDict(title="Niets in te vullen")


@dataclass(frozen=True)
class _Codes:
    """The codes of a gemeente as forms show them: gemeenten with the same are the same."""

    forms: tuple[str, ...]
    policy: Policy = field(compare=False)

    @classmethod
    def of(cls, policy: Policy) -> _Codes:
        """Take them from its policy."""
        return cls(tuple(form_in_all((policy,), name) for name in (*CODE_FIELDS, HOLDER)), policy)


def form_for(
    process: Snapshot, explanation: str = "", people: Sequence[str] = (), policy: Policy = DEFAULT
) -> dict[str, Any]:
    """Return the form of a process as it stands, as a JSON schema, with a text above it that says what it waits for.

    `people` are those to whom work can be given; without any, everybody may fill in a code. `policy` has the codes that
    can be chosen.

    The form carries the number of the last change. Who answers a form that was opened before another change
    is refused by Prefect, so that two people who look at the same case do not answer over each other.
    """
    events = tuple(name for name in possible_now(process) if name not in WITH_OWN_ACTION)
    if not events:
        return form_schema(EmptyForm)
    offered_to = tuple(people) if process.state == OFFERED else None
    schema = _form_of(process.code, process.version, events, offered_to, _Codes.of(policy))
    fields, now = schema["properties"], str(process.sequence)
    above = fields["gebeurtenis"] | {"description": f"{explanation} {_HOW_TO}".strip()}
    stand = fields[STAND] | {"const": now, "default": now}
    return schema | {"properties": fields | {"gebeurtenis": above, STAND: stand}}


@lru_cache(_MOST_FORMS)
def _form_of(
    code: str, version: int, events: tuple[str, ...], offered_to: tuple[str, ...] | None, codes: _Codes
) -> dict[str, Any]:
    """Return the form of every process that knows these events now: making one takes a tenth of a wake-up."""
    definition = kept_definition(code, version)
    specs = [spec_of(definition, name) for name in events]
    fields = _fields_for({spec.label: spec for spec in specs}, "", codes.policy)
    if offered_to is not None:
        help_text = "Leeg: de zaak komt op naam van wie dit invult. Alleen bij aanvaarden."
        any_code = Annotated[str, Field(pattern=person_code((codes.policy,)))]
        kind = Literal[offered_to] if offered_to else any_code
        fields[HOLDER] = (kind, _optional(len(fields), "Op wiens naam?", help_text))
    fields[STAND] = (
        Literal[""],
        Field(
            default="",
            title="Stand van de zaak (zo laten)",
            description="Zo merk je het als een collega intussen iets meldde.",
            json_schema_extra={"position": len(fields)},
        ),
    )
    config = ConfigDict(title="Meld wat er gebeurd is", extra="forbid")
    return form_schema(create_model(f"Vorm{code}", __config__=config, **fields))


def form_for_case(
    processes: Sequence[Snapshot], explanation: str, policy: Policy = DEFAULT
) -> type[BaseModel]:
    """Return the form of what can happen now in the open processes of a case."""
    fields = _fields_for(
        {label: spec for label, (_, spec) in choices_of_case(processes).items()}, explanation, policy
    )
    config = ConfigDict(title="Meld wat er gebeurd is", extra="forbid")
    return create_model("VormZaak", __config__=config, **fields)


def choices_of_case(processes: Sequence[Snapshot]) -> dict[str, tuple[Snapshot, EventSpec]]:
    """Return what can happen now in these processes, by what a form calls it: of several each is named."""
    able = [
        (process, spec_of(definition_of(process), name))
        for process in processes
        for name in possible_now(process)
        if name not in WITH_OWN_ACTION
    ]
    several = len(processes) > 1
    return {
        f"{process.name}: {spec.label}" if several else spec.label: (process, spec) for process, spec in able
    }


def _fields_for(events: Mapping[str, EventSpec], explanation: str, policy: Policy) -> dict[str, Any]:
    """Return what happened, on which day, and the fields of all these events, as the fields of a form."""
    fields: dict[str, Any] = {
        "gebeurtenis": (
            Literal[tuple(events)],
            # The UI hides a text above a long form, so the explanation stands with the first field.
            Field(
                title="Wat is er gebeurd?",
                description=f"{explanation} {_HOW_TO}".strip(),
                json_schema_extra={"position": 0},
            ),
        ),
        "op": (FormDay, _optional(1, "Op welke datum? (leeg = vandaag)")),
    }
    specs = list(events.values())
    # The nine scores of a meetinstrument come last, so that they are in nobody's way.
    for item in fields_of(sorted(specs, key=lambda spec: len(spec.fields) > _LONG)).values():
        highest = f"Van 0 tot en met {item.most}." if item.most else ""
        like = f" {_like(item, policy)}" if item.kind is FieldKind.CODE else ""
        help_text = f"{highest} {_asked_for(item.name, specs)}{like}".strip()
        fields[item.name] = (type_of(item, policy), _optional(len(fields), item.label, help_text))
    return fields


def fields_of(events: Iterable[EventSpec]) -> dict[str, EventField]:
    """Return the fields that people fill in at these events, each once and with the choices of every event.

    Who judges is not among them: the door knows who answers.
    """
    found: dict[str, EventField] = {}
    for item in (item for spec in events for item in spec.fields if item != READER):
        before = found.setdefault(item.name, item)
        if before.choices != item.choices:
            labels, choices = (
                dict.fromkeys((before.label, item.label)),
                dict.fromkeys(before.choices + item.choices),
            )
            found[item.name] = replace(before, label=" / ".join(labels), choices=tuple(choices))
    return found


def _asked_for(name: str, events: Sequence[EventSpec]) -> str:
    """Say at which events a field must or may be filled in."""
    uses = [(event.label, item.required) for event in events for item in event.fields if item.name == name]
    said = [
        f"{how} bij: {'; '.join(labels)}."
        for how, wanted in (("Nodig", True), ("Mag", False))
        if (labels := [label for label, needed in uses if needed is wanted])
    ]
    return " ".join(said)


def _like(item: EventField, policy: Policy) -> str:
    """Say what a code looks like, where a gemeente has no list of them to choose from."""
    example = example_of(item.name) if codes_of(policy, item.name) is None else None
    return f"Een code, zoals {example}." if example else ""


def _optional(position: int, title: str, description: str | None = None) -> Any:
    """Return a field that may stay empty, without a null in its schema: the UI shows it as one simple input.

    The UI orders fields by `position`, and by name where that is missing.
    """

    def simplify(schema: dict[str, Any]) -> None:
        schema.pop("default", None)
        schema["position"] = position

    return Field(default=None, title=title, description=description, json_schema_extra=simplify)


def type_of(item: EventField, policy: Policy | None = None) -> Any:
    """Return the type of a field in a form. Yes or no is a choice: a box that nobody ticks would say no.

    With the policy of a gemeente a code is chosen from its list, where it has one.
    """
    match item.kind:
        case FieldKind.DATE:
            return FormDay
        case FieldKind.YES_NO:
            return Literal["ja", "nee"]
        case FieldKind.NUMBER:
            return int
        case FieldKind.CHOICE:
            return Literal[item.choices]
        case FieldKind.CHOICES:
            choices: Any = Literal[item.choices]
            return list[choices]
        case FieldKind.CODE:
            return _type_of_code(item.name, policy)


def _type_of_code(name: str, policy: Policy | None) -> Any:
    codes = None if policy is None else codes_of(policy, name)
    pattern = form_in_all((policy or DEFAULT,), name)
    return Literal[codes] if codes else Annotated[str, WithJsonSchema({"type": "string", "pattern": pattern})]


def event_from(process: Snapshot, answer: dict[str, Any]) -> tuple[str, date | None, dict[str, object]]:
    """Return the event, its date and its data from a filled-in form.

    The process may have moved on since the form was shown: the label is looked up in its whole definition.
    A field that does not belong to the chosen event is left out: the form shows the fields of all events. What
    no form of ours could have sent (Prefect checks no dates, and anybody may call its API) is InvalidData.
    """
    definition = definition_of(process)
    spec = next((spec for spec in reportable(definition) if spec.label == answer.get("gebeurtenis")), None)
    if spec is None:
        raise InvalidData("Kies in het formulier wat er gebeurd is.")
    own = {item.name: item for item in spec.fields}
    data: dict[str, object] = {}
    for name, item in own.items():
        value = answer.get(name)
        if value in (None, ""):
            continue
        data[name] = said(item, value)
    return spec.name, _day(answer.get("op")), data


def said(item: EventField, value: object) -> object:
    """Return what somebody chose in a field, with yes and no as the mijlpalen know them."""
    return _YES_NO.get(value, value) if item.kind is FieldKind.YES_NO and isinstance(value, str) else value


def _day(written: object) -> date | None:
    if written in (None, ""):
        return None
    found = civil_date(written)
    if found is None:
        raise InvalidData("De datum in het formulier is geen datum.")
    return found

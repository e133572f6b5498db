"""Two flows for who speaks Prefect: open a case, and report an event, from a form, the API or an automation.

The id of the flow run is the id of what it reports, so a run that is tried again reports nothing twice.
"""

# Without `from __future__ import annotations`: Prefect makes the form out of the real types.
from collections.abc import Callable
from typing import Annotated, Any, Literal

from prefect import Flow, State, flow
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field, create_model

from adapters.cases.casework import Receipt
from adapters.office import office
from adapters.runtime.actor import acts
from flows.answered_by import starter_of
from flows.forms import PROCESS, FormDay, FormReference, fields_of, said, type_of
from flows.prefect_seam.parameter_forms import with_form
from flows.prefect_seam.parking import this_run
from flows.refusals import NOT_TAKEN_IN, refused_run
from milestones.definition import EventSpec
from milestones.definition import Field as EventField
from milestones.definitions import DEFINITIONS
from milestones.events import SPECS
from milestones.four_eyes import GIVEN, SECOND_OPINION
from milestones.refusal import CaseRefusal

_MILESTONES = tuple(DEFINITIONS)
_EVENTS = (*SPECS, SECOND_OPINION[GIVEN])
_FIELDS: dict[str, EventField] = fields_of(_EVENTS)
_REPORTABLE = tuple(dict.fromkeys(spec.name for spec in _EVENTS if not spec.by_timer))

_Milestone = Literal[_MILESTONES]  # type: ignore[valid-type]
_EventName = Literal[_REPORTABLE]  # type: ignore[valid-type]


def details_form(name_of: Callable[[EventSpec], str]) -> type[BaseModel]:
    """Make the form of all fields that any event has, each with its label, its type and the events it is for."""
    users: dict[str, list[str]] = {}
    for spec in _EVENTS:
        for item in spec.fields:
            users.setdefault(item.name, []).append(name_of(spec))
    fields: dict[str, Any] = {
        name: (
            type_of(item) | None,
            Field(
                default=None, title=item.label, description=f"Bij: {'; '.join(dict.fromkeys(users[name]))}."
            ),
        )
        for name, item in _FIELDS.items()
    }
    config = ConfigDict(
        extra="forbid", title="Gegevens bij de gebeurtenis", json_schema_extra=_one_input_a_field
    )
    return create_model("Gegevens", __config__=config, **fields)


def _one_input_a_field(schema: dict[str, Any]) -> None:
    """Let a field that may stay empty be one simple input."""
    for position, shown in enumerate(schema["properties"].values()):
        shown["position"] = position
        filled = [choice for choice in shown.get("anyOf", ()) if choice.get("type") != "null"]
        if len(filled) == 1:
            del shown["anyOf"], shown["default"]
            shown.update(filled[0])


def details_of(form: BaseModel | None) -> dict[str, object]:
    """Return what somebody filled in, with yes and no as the mijlpalen know them."""
    filled = form.model_dump(exclude_none=True) if form is not None else {}
    return {name: said(_FIELDS[name], value) for name, value in filled.items()}


Details: Any = details_form(lambda spec: spec.name)


@with_form
@flow(name="aanmelding", persist_result=False)
def registration(
    mijlpaal: Annotated[_Milestone, Field(title="Mijlpaal", description="Waar de zaak begint.")] = "M3",
    zaak: Annotated[
        FormReference | None,
        Field(
            title="Referentie",
            description="Je eigen zaaknummer; leeg geeft een nieuw nummer. Geen BSN en geen naam.",
        ),
    ] = None,
    op: Annotated[
        FormDay | None, Field(title="Datum", description="De datum die telt voor de wet; leeg is vandaag.")
    ] = None,
    gemeentecode: Annotated[
        str | None,
        Field(
            title="Gemeentecode",
            description="Vier cijfers; leeg is de ingestelde gemeente.",
            pattern=r"^[0-9]{4}$",
        ),
    ] = None,
    bedreigende_situatie: Annotated[
        bool, Field(title="Bedreigende situatie", description="Bijvoorbeeld ontruiming of afsluiting.")
    ] = False,
) -> State[Any]:
    """Open een zaak in een mijlpaal."""
    here = office()
    return _answer(
        lambda key: here.casework.open(
            mijlpaal,
            municipality=gemeentecode or here.settings.municipality,
            reference=zaak or None,
            on=op,
            data={"bedreigende_situatie": True} if bedreigende_situatie else {},
            key=key,
        )
    )


@with_form
@flow(name="meld-gebeurtenis", persist_result=False)
def report_event(
    zaak: Annotated[FormReference, Field(title="Zaak", description="De referentie van de zaak.")],
    gebeurtenis: Annotated[_EventName, Field(title="Gebeurtenis", description="Wat er gebeurd is.")],
    mijlpaal: Annotated[
        str | None,
        Field(title="Mijlpaal", description="Alleen als het er meer dan een kan zijn.", pattern=PROCESS),
    ] = None,
    op: Annotated[
        FormDay | None, Field(title="Datum", description="De datum die telt voor de wet; leeg is vandaag.")
    ] = None,
    gegevens: Annotated[
        Details | None, Field(title="Gegevens", description="De velden die bij de gebeurtenis horen.")
    ] = None,
) -> State[Any]:
    """Meld een gebeurtenis in een zaak."""
    data = details_of(gegevens)
    return _answer(
        lambda key: office().casework.report(
            zaak, gebeurtenis, process=mijlpaal or None, on=op, data=data, event_id=key
        )
    )


def _answer(report: Callable[[str], Receipt]) -> State[Any]:
    """Report, and end the run with what came of it: a refusal is a failed run with one Dutch sentence."""
    try:
        with acts(starter_of(this_run())):
            receipt = report(f"prefect:{this_run().id}")
    except CaseRefusal as refusal:
        return refused_run(refusal, NOT_TAKEN_IN, in_codes=True)
    states = ", ".join(f"{item.name} {item.state}" for item in receipt.case.processes)
    get_run_logger().info("Zaak %s: %s.", receipt.reference, states)
    return Completed(name="Verwerkt", message=f"Zaak {receipt.reference}: {states}.")


INTAKE_FLOWS: dict[str, Flow[..., Any]] = {"registration": registration, "report_event": report_event}

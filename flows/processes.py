"""The flows: one for each mijlpaal, and one for each process beside them.

A flow run lives as long as its process. What happens in it stands in the definition of the mijlpaal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from prefect import Flow, State, flow
from pydantic import Field

from flows.forms import PROCESS, FormReference
from flows.process_run import run_process
from flows.show_definition import as_table
from milestones.definitions import DEFINITIONS

ProcessFlow = Flow[..., State[Any]]
Process = Annotated[str, Field(pattern=PROCESS)]


def _process_flow(code: str) -> Callable[[Callable[..., State[Any]]], ProcessFlow]:
    definition = DEFINITIONS[code]
    name = " · ".join(
        (f"{code} {definition.name}" if code != definition.name else code, *definition.route_names)
    )

    def make(work: Callable[..., State[Any]]) -> ProcessFlow:
        return flow(
            name=name,
            version=str(definition.version),
            description=f"{inspect.getdoc(work)}\n\n{as_table(definition)}",
            persist_result=False,
            validate_parameters=False,
        )(work)

    return make


@_process_flow("M1")
def m1_op_zoek(zaak: FormReference, proces: Process) -> State[Any]:
    """Een inwoner zoekt hulp, misschien nog zonder naam."""
    return run_process(zaak, proces)


@_process_flow("M2")
def m2_in_beeld(zaak: FormReference, proces: Process) -> State[Any]:
    """Vroegsignalering: een signaal wordt gematcht en de inwoner wordt benaderd."""
    return run_process(zaak, proces)


@_process_flow("M3")
def m3_in_contact(zaak: FormReference, proces: Process) -> State[Any]:
    """Aanmelding: van hulpvraag tot eerste gesprek, binnen vier weken of drie werkdagen."""
    return run_process(zaak, proces)


@_process_flow("M4")
def m4_in_gesprek(zaak: FormReference, proces: Process) -> State[Any]:
    """Intake: van eerste gesprek tot een volledig beeld."""
    return run_process(zaak, proces)


@_process_flow("M5")
def m5_rust_en_overzicht(zaak: FormReference, proces: Process) -> State[Any]:
    """Rust en overzicht: crisis afwenden, inkomsten en uitgaven in balans."""
    return run_process(zaak, proces)


@_process_flow("M6")
def m6_plan(zaak: FormReference, proces: Process) -> State[Any]:
    """Plan: de beschikking met een plan van aanpak, of een weigering, en bezwaar."""
    return run_process(zaak, proces)


@_process_flow("M7")
def m7_uitvoering(zaak: FormReference, proces: Process) -> State[Any]:
    """Uitvoering: schuldregeling of saneringskrediet, met evaluaties."""
    return run_process(zaak, proces)


@_process_flow("M8")
def m8_nazorg(zaak: FormReference, proces: Process) -> State[Any]:
    """Nazorg: contact houden, en reageren op terugval."""
    return run_process(zaak, proces)


@_process_flow("BEGELEIDING")
def begeleiding(zaak: FormReference, proces: Process) -> State[Any]:
    """Begeleiding naast de mijlpalen, van het eerste gesprek tot en met de nazorg."""
    return run_process(zaak, proces)


@_process_flow("WSNP")
def wsnp(zaak: FormReference, proces: Process) -> State[Any]:
    """Wsnp: van verklaring tot het einde met of zonder schone lei."""
    return run_process(zaak, proces)


@_process_flow("BESLUIT")
def besluit(zaak: FormReference, proces: Process) -> State[Any]:
    """Een besluit naast de zaak, met eigen bezwaar en beroep: voor wie vertrok, of over een dwangsom."""
    return run_process(zaak, proces)


FLOWS: Mapping[str, ProcessFlow] = MappingProxyType(
    {
        "M1": m1_op_zoek,
        "M2": m2_in_beeld,
        "M3": m3_in_contact,
        "M4": m4_in_gesprek,
        "M5": m5_rust_en_overzicht,
        "M6": m6_plan,
        "M7": m7_uitvoering,
        "M8": m8_nazorg,
        "BEGELEIDING": begeleiding,
        "WSNP": wsnp,
        "BESLUIT": besluit,
    }
)

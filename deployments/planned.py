"""Every deployment that Prefect is given, as data: `routekaart deploy` and `prefect.yaml` both read this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from adapters.runtime.policies import DEFAULT
from flows.actions import ACTIONS
from flows.case_queue import DEPLOYMENT
from flows.forms import PERSON_CODE, REFERENCE, patterns
from flows.intake import INTAKE_FLOWS
from flows.old_pages import oude_paginas_opruimen
from flows.policy_watch import beleidswacht
from flows.prefect_seam.parameter_forms import form_of, whole_form_of
from flows.processes import FLOWS
from flows.quality import kwaliteitssteekproef, kwaliteitstoets
from flows.reports import labels_van_de_dag, monitor, overzicht, werkvoorraad
from flows.retention import bewaartermijnen
from flows.views import ACTION_TAG
from milestones.definitions import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect import Flow

    from milestones.policy import Policy

POOL = "routekaart"
QUEUE = "default"
TIMEZONE = "Europe/Amsterdam"
REPORT_TAG = "rapport"
INTAKE_TAG = "aanleveren"


@dataclass(frozen=True, slots=True)
class Planned:
    """One deployment: a flow under a name, and perhaps when Prefect starts it. People read the flow's description."""

    name: str
    flow: Flow[..., Any]
    tags: tuple[str, ...]
    cron: str | None = None

    @property
    def full_name(self) -> str:
        """The name as Prefect's command line takes it."""
        return f"{self.flow.name}/{self.name}"

    @property
    def entrypoint(self) -> str:
        """Where a worker finds the flow: an importable module and a name in it."""
        return f"{self.flow.fn.__module__}:{self.flow.fn.__name__}"

    @property
    def form(self) -> dict[str, Any]:
        """The JSON schema of the parameters that its form shows."""
        return form_of(self.flow)

    def whole_form(
        self,
        people: Sequence[str] = (),
        policies: Sequence[Policy] = (DEFAULT,),
        reference: str = REFERENCE,
    ) -> dict[str, Any]:
        """Return the JSON schema of all parameters, with these people to choose from where it asks for one.

        A code has the form that one of these policies sets, and a case that of `reference`.
        """
        form: dict[str, Any] = whole_form_of(self.flow)
        for shown in form["properties"].values():
            if people and shown.get("pattern") == PERSON_CODE:
                del shown["pattern"]
                shown["enum"] = list(people)
        changed: dict[str, Any] = _with_patterns(form, patterns(policies, reference))
        return changed


def _with_patterns(part: Any, others: Mapping[str, str]) -> Any:
    """Return a part of a schema with other patterns."""
    if isinstance(part, list):
        return [_with_patterns(item, others) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: others.get(value, value)
        if key == "pattern" and isinstance(value, str)
        else _with_patterns(value, others)
        for key, value in part.items()
    }


# Labels first, so that the lists are right when the day begins. The times can be changed in the UI. The worker
# itself keeps the front page and the werkvoorraad as they are now (flows/fresh_pages.py).
_REGULAR: Mapping[str, tuple[Flow[..., Any], str | None]] = MappingProxyType(
    {
        "labels-van-de-dag": (labels_van_de_dag, "5 0 * * *"),
        "werkvoorraad": (werkvoorraad, None),
        "overzicht": (overzicht, None),
        "monitor": (monitor, "0 7 * * 1"),
        "kwaliteitssteekproef": (kwaliteitssteekproef, "15 7 * * 1"),
        "kwaliteitstoets": (kwaliteitstoets, None),
        "oude-paginas-opruimen": (oude_paginas_opruimen, "20 3 * * *"),
        "beleidswacht": (beleidswacht, "30 7 * * 1"),
        "bewaartermijnen": (bewaartermijnen, "50 3 * * *"),
    }
)


def planned() -> tuple[Planned, ...]:
    """Return every deployment: the processes, what opens and reports, the reports, and the actions."""
    processes = [
        Planned(DEPLOYMENT, flow, (code, *DEFINITIONS[code].route_names)) for code, flow in FLOWS.items()
    ]
    intake = [Planned(flow.name, flow, (INTAKE_TAG,)) for flow in INTAKE_FLOWS.values()]
    reports = [Planned(name, flow, (REPORT_TAG,), cron) for name, (flow, cron) in _REGULAR.items()]
    actions = [Planned(name, flow, (ACTION_TAG,)) for name, flow in ACTIONS.items()]
    return (*processes, *intake, *reports, *actions)

"""The roles and the code of who acts reach the decision, and stay out of what makes a repeat a repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.runtime.actor import Actor, ActorKind, Way, acts
from milestones.process import NotPossible

if TYPE_CHECKING:
    from adapters.cases.casework import Casework

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def person(code: str, *roles: str) -> Actor:
    """Return a person; without roles they are not known."""
    return Actor(ActorKind.PERSON, code, Way.FORM, {"*": roles} if roles else None)


@SQLITE
def test_the_roles_of_the_actor_decide(casework: Casework) -> None:
    """Who is logged in with another role cannot end help; nothing is written."""
    reference = casework.open("M7", municipality="0518").reference
    with acts(person("mw-1", "case_worker")), pytest.raises(NotPossible, match="coördinator"):
        casework.report(reference, "beeindiging_voorgenomen", data={"motivering": "m-1"})
    assert len(casework.case(reference).journal) == 1
    with acts(person("mw-2", "coordinator")):
        casework.report(reference, "beeindiging_voorgenomen", data={"motivering": "m-1"})


@SQLITE
def test_the_code_of_the_actor_is_the_second_pair_of_eyes(casework: Casework) -> None:
    """One person cannot be both pairs of eyes, and a repeat by whoever it is changes nothing."""
    reference = casework.open("M4", municipality="0518").reference
    casework.report(reference, "hulpvraag_vastgesteld")
    with acts(person("mw-1")):
        casework.report(reference, "weigeringsgrond_gevonden", data={"motivering": "m-1"})
        with pytest.raises(NotPossible, match="tweede paar ogen"):
            casework.report(reference, "weigering_besloten", process="M6")
        with pytest.raises(NotPossible, match="Wie beoordeelt, meldt het zelf"):
            casework.report(reference, "weigering_besloten", process="M6", data={"beoordelaar": "mw-2"})
    with acts(person("mw-2")):
        casework.report(reference, "weigering_besloten", process="M6", event_id="besluit")
    assert not casework.report(reference, "weigering_besloten", process="M6", event_id="besluit").new

"""No ending passes the zorgplicht unseen: it asks who decides, why, and whether a partner is waited for."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from itertools import product
from typing import TYPE_CHECKING

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy, Rules
from milestones.process import Event, NotPossible, advance
from milestones.snapshot import Snapshot

if TYPE_CHECKING:
    from milestones.definition import Definition, Row, State

RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
DAY = date(2026, 3, 2)

# What ends a process without touching the zorgplicht, and why: one of M2 ends an offer, and no help.
_OFFER = "een vroegsignaal is een aanbod (Wgs art. 3 lid 1 onder b); het eindresultaat van DDAS is de reden"
_COURT = "de rechter beslist, niet de gemeente (Fw art. 350, 354, 354a; Awb art. 8:70)"
_DIED = "na een overlijden is er niemand meer om voor te zorgen"
UNTOUCHED = {
    ("M2", "geen_inwoner"): "het college heeft alleen een taak voor inwoners (Wgs art. 3 lid 1)",
    ("M2", "verhuizing"): "het college heeft alleen een taak voor inwoners (Wgs art. 3 lid 1)",
    ("M2", "onterecht"): _OFFER,
    ("M2", "herhaald"): _OFFER,
    ("M2", "bekend_bij_shv"): "de hulp die loopt, gaat door",
    ("M2", "T10_verlopen"): _OFFER,
    ("M2", "hulp_geweigerd"): _OFFER,
    ("M2", "quick_fix"): _OFFER,
    ("M2", "afgesloten_met_resultaat"): _OFFER,
    **{(code, "overleden"): _DIED for code, item in DEFINITIONS.items() if item.knows("overleden")},
    ("BESLUIT", "vertrokken_client_overleden"): _DIED,
    # The other college has the zorgplicht then, and who leaves gets a beschikking where help runs (Wgs art. 4a lid 6).
    **{
        (code, "overname_aanvaard"): "de zorgplicht gaat mee" for code in ("M3", "M4", "M5", "M6", "M7", "M8")
    },
    # What follows a decision that was taken with all three.
    **{
        (code, event): "na een besluit dat dit al vroeg"
        for code in ("M4", "M5", "M6", "M7", "M8", "BESLUIT")
        for event in ("bezwaar_ingetrokken", "beroep_ongegrond", "beroep_niet_ontvankelijk")
    },
    **{
        ("WSNP", event): _COURT
        for event in ("cassatie_verworpen", "uitspraak_bekrachtigd", "beroep_ingetrokken")
    },
}


def hands_over(row: Row) -> bool:
    """Whether another process always goes on where this one stops."""
    return any(opening.when is None for opening in row.opens)


def is_ending(definition: Definition, row: Row) -> bool:
    """Whether a row ends a case or a part of it: a final state, a reason of uitstroom, or an end told to the others."""
    target = definition.state_by_code.get(row.to)
    if definition.event(row.event).by_timer or hands_over(row):
        return False
    return (
        (target is not None and target.final)
        or row.ends
        or row.sets.get("uitstroomreden") is not None
        or "uitstroomreden" in row.keeps
        or any(report.event == "traject_beeindigd" for report in row.reports)
    )


ENDINGS = [
    (definition, row)
    for definition in DEFINITIONS.values()
    for row in definition.rows
    if is_ending(definition, row)
]
PROTECTED = [
    (definition, row) for definition, row in ENDINGS if (definition.code, row.event) not in UNTOUCHED
]


def name(item: object) -> str:
    """Return what names a definition or row in a report."""
    return getattr(item, "code", None) or f"{'/'.join(item.sources)[:40]}-{item.event}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("definition", "row"), PROTECTED, ids=name)
def test_an_ending_asks_for_a_person_a_reason_and_whether_a_partner_waits(
    definition: Definition, row: Row
) -> None:
    """Who may decide it is named, a motivation is needed, and a partner for whom is waited stands in the way."""
    spec = definition.event(row.event)
    motivated = any(field.name == "motivering" and field.required for field in spec.fields)
    assert "duty_of_care" in row.guards
    assert spec.decided_by
    assert motivated or "motivated" in row.guards
    assert {"motivering", "overrulereden", "beslist_door"} <= set(row.keeps)
    assert {"wachttijd_partner", "overrulereden", "beslist_door"} <= {field.name for field in spec.fields}


def _states_before(definition: Definition, row: Row) -> list[State]:
    """Return the open states in which a row stands."""
    return [
        state for state in definition.states if not state.final and row in definition.rows_from(state.code)
    ]


def _may_end(definition: Definition, row: Row, without: str = "") -> bool:
    """Whether a row is taken in one of its states, whatever is chosen; perhaps without what protects the inwoner."""
    facts: dict[str, object] = {"niet_verschenen": 9}
    facts |= {"wacht_op_partner": "rechter"} if without == "zorgplicht" else {}
    asked = {"alle_kanalen_geprobeerd"}  # a guard asks it, the form does not
    fields = [field for field in definition.event(row.event).fields if field.required or field.name in asked]
    for values in product(*(field.choices or (True,) for field in fields)):
        data = dict(zip((field.name for field in fields), values, strict=True)) | {"motivering": "m-1"}
        if without == "motivering":
            del data["motivering"]
        for state in _states_before(definition, row):
            before = Snapshot(definition.code, definition.version, state.code, DAY, facts=facts)
            with suppress(NotPossible):
                outcome = advance(definition, before, Event(row.event, DAY, data), DAY, RULES)
                if outcome.after.state == row.to:
                    return True
    return False


@pytest.mark.parametrize(("definition", "row"), PROTECTED, ids=name)
@pytest.mark.parametrize("without", ["motivering", "zorgplicht"])
def test_without_them_nothing_ends(definition: Definition, row: Row, without: str) -> None:
    """Without a motivation, or while a partner keeps somebody waiting, the process stays in a state that goes on."""
    assert _states_before(definition, row)
    assert not _may_end(definition, row, without)


@pytest.mark.parametrize(("definition", "row"), PROTECTED, ids=name)
def test_with_both_the_same_case_ends(definition: Definition, row: Row) -> None:
    """With a motivation, and with nobody who waits, it is possible: so what stood in the way was one of them."""
    assert _may_end(definition, row)


@pytest.mark.parametrize(
    "definition", [item for item in DEFINITIONS.values() if item.knows("overname_aanvaard")]
)
def test_a_takeover_is_reported_by_a_person_who_says_why(definition: Definition) -> None:
    """With it help ends, or the case does: no system reports it, and the decision has a motivation (Awb art. 3:46)."""
    spec = definition.event("overname_aanvaard")
    assert spec.decision
    assert spec.decided_by
    assert any(field.name == "motivering" and field.required for field in spec.fields)
    assert all("motivering" in row.keeps for row in definition.rows if row.event == "overname_aanvaard")


def test_each_exception_is_an_ending() -> None:
    """An exception that no row needs any more goes out of the table."""
    assert set(UNTOUCHED) <= {(definition.code, row.event) for definition, row in ENDINGS}

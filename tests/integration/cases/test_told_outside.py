"""What other systems hear of a case, to the letter: one event for each thing that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from adapters.storage.database import reading
from adapters.storage.exchange_tables import OutgoingEventRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapters.office import Office

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

_WHAT = ("mijlpaal", "naar", "termijn", "uiterlijk")


def _ids(office: Office) -> set[Any]:
    with reading(office.engine) as session:
        return set(session.exec(select(OutgoingEventRow.id)))


def _told(office: Office, known: Collection[Any] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Return what was told that is not known, in the order of its number in the case."""
    with reading(office.engine) as session:
        rows = [row for row in session.exec(select(OutgoingEventRow)) if row.id not in known]
    return [
        (row.type.rpartition(".")[2], {name: row.data[name] for name in _WHAT if name in row.data})
        for row in sorted(rows, key=lambda row: row.sequence or 0)
    ]


def test_an_opening_tells_of_the_mijlpaal_and_its_terms(office: Office) -> None:
    """Each term that began has its last day; the opening itself comes first."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    (opened, *terms) = _told(office)
    assert opened == ("mijlpaal-bereikt", {"mijlpaal": "M3"})
    running = office.casework.case("A-1").case.process("M3").terms
    assert {told["termijn"]: told["uiterlijk"] for _, told in terms if "uiterlijk" in told} == {
        term.key: term.due.isoformat() for term in running if term.due is not None and term.runs
    }
    assert {kind for kind, _ in terms} <= {"termijn-gestart"}


def test_an_end_is_told_once_and_of_that_process_alone(office: Office) -> None:
    """Who ends a mijlpaal tells that its state changed, that it ended, and that its archive term began."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    office.casework.report("A-1", "aanmelding_geregistreerd")
    known = _ids(office)
    office.casework.report("A-1", "ingetrokken", data={"motivering": "m-1"})
    kinds = [kind for kind, _ in _told(office, known)]
    assert sorted(kinds) == ["mijlpaal-afgesloten", "termijn-gestart", "toestand-gewijzigd"]
    assert {told["mijlpaal"] for _, told in _told(office, known)} == {"M3"}


def test_a_hand_over_names_both_mijlpalen(office: Office) -> None:
    """Where one mijlpaal opens the next, the event says from which to which."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        known = _ids(office)
        office.casework.report("A-1", event)
    told = dict(_told(office, known))
    assert told["mijlpaal-overgedragen"] == {"mijlpaal": "M3", "naar": "M4"}
    assert told["mijlpaal-bereikt"] == {"mijlpaal": "M4"}

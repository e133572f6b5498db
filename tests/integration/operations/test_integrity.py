"""The check of the journal names the first bad row, on one core and on all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.office import open_office
from adapters.operations.integrity import broken_journals
from adapters.runtime.settings import Settings
from adapters.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office

CASES = [f"KEUR-{number}" for number in range(9)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Cases with three rows each."""
    made = open_office(Settings(home=tmp_path))
    for reference in CASES:
        made.casework.open("M3", municipality="0518", reference=reference)
        made.casework.report(reference, "aanmelding_geregistreerd")
        made.casework.report(reference, "niet_bedreigend")
    yield made
    made.engine.dispose()


def _change(office: Office, statement: str) -> None:
    with writing(office.engine) as session:
        session.connection().exec_driver_sql(statement)


def test_a_whole_journal_has_nothing_to_name(office: Office) -> None:
    """Nothing is broken."""
    assert list(broken_journals(office)) == []


def test_the_first_bad_row_of_each_case_is_named(office: Office) -> None:
    """Changed, removed and swapped rows and a changed snapshot are named, the same on one core and on two."""
    _change(office, "UPDATE journal SET event = 'bedreigend' WHERE case_reference = 'KEUR-2' AND number = 2")
    _change(office, "DELETE FROM journal WHERE case_reference = 'KEUR-4' AND number = 3")
    _change(
        office, "UPDATE journal SET on_date = '2020-01-01' WHERE case_reference = 'KEUR-6' AND number > 1"
    )
    _change(office, "UPDATE processes SET state = 'SPOED' WHERE case_reference = 'KEUR-8'")
    broken = list(broken_journals(office))
    assert broken == [
        "Zaak KEUR-2: journaalregel 2 is veranderd, of een regel ontbreekt.",
        "Zaak KEUR-4: journaalregel 3 is veranderd, of een regel ontbreekt.",
        "Zaak KEUR-6: journaalregel 2 is veranderd, of een regel ontbreekt.",
        "Zaak KEUR-8: de stand van M3 volgt niet uit het journaal.",
    ]
    assert list(broken_journals(office, processes=2)) == broken

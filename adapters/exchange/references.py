"""Which case another system means: by our reference, by its own number, or by a zaak URL. Never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from adapters.runtime.privacy import is_reference
from adapters.storage.database import CaseRow
from adapters.storage.exchange_tables import ExternalReferenceRow
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


def add_reference(session: Session, case: CaseRow, value: str, at: datetime) -> None:
    """Remember another system's reference to a case; the same one twice changes nothing."""
    written = normal(value)
    if not is_reference(written):
        raise InvalidData("Een verwijzing is een nummer of adres zonder spaties, en geen BSN.")
    query = select(ExternalReferenceRow).where(
        ExternalReferenceRow.value == written, ExternalReferenceRow.case_reference == case.reference
    )
    if session.exec(query).first() is None:
        session.add(
            ExternalReferenceRow(
                municipality=case.municipality, value=written, case_reference=case.reference, added_at=at
            )
        )


def references_of(session: Session, reference: str) -> Sequence[str]:
    """Give what other systems call a case."""
    query = (
        select(ExternalReferenceRow.value)
        .where(ExternalReferenceRow.case_reference == reference)
        .order_by(col(ExternalReferenceRow.id))
    )
    return session.exec(query).all()


def find_cases(session: Session, values: Iterable[str], municipalities: Sequence[str]) -> list[str]:
    """Give the cases that any of these values points at, within these municipalities (`*` is all)."""
    wanted = [normal(value) for value in values]
    if not wanted:
        return []
    own = select(CaseRow.reference).where(col(CaseRow.reference).in_(wanted))
    other = select(ExternalReferenceRow.case_reference).where(col(ExternalReferenceRow.value).in_(wanted))
    if "*" not in municipalities:
        own = own.where(col(CaseRow.municipality).in_(municipalities))
        other = other.where(col(ExternalReferenceRow.municipality).in_(municipalities))
    return sorted({*session.exec(own), *session.exec(other)})


def normal(value: str) -> str:
    """Give a reference without what makes the same one look different."""
    return value.strip().rstrip("/").removeprefix("urn:uuid:")

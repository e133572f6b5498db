"""Messages that wait for a person: he couples one to a case, or puts it aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from adapters.cases.store import lock_case
from adapters.exchange.incoming import BY_HAND, NO_RULE
from adapters.exchange.references import add_reference
from adapters.exchange.refusals import IntegrationError
from adapters.runtime.actor import acting
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import PostbakRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adapters.cases.case_office import CaseOffice
    from adapters.cases.casework import Receipt


class PostbakError(IntegrationError):
    """A message that is not there, or that cannot be dealt with like this: one Dutch sentence."""


def waiting(office: CaseOffice, *, everything: bool = False) -> Sequence[PostbakRow]:
    """Return the messages that wait, the oldest first; with `everything` those that were dealt with too."""
    query = select(PostbakRow).order_by(col(PostbakRow.id))
    if not everything:
        query = query.where(col(PostbakRow.closed_at).is_(None))
    with reading(office.engine) as session:
        return session.exec(query).all()


def couple(
    office: CaseOffice,
    number: int,
    reference: str,
    *,
    event: str | None = None,
    process: str | None = None,
    on: date | None = None,
    data: dict[str, object] | None = None,
    remember: bool = False,
) -> Receipt:
    """Report the event of a message in this case; with `remember` its reference leads there from now on.

    What a rule wanted and could not be read has to be given: no other date or value stands in for it. Of a kind
    without a rule a person says what it means, on what day, today by default.
    Raises PostbakError, UnknownCaseError or NotPossible; then nothing was written.
    """
    with writing(office.engine) as session:
        row = _open_row(session, number)
        chosen = event or row.event
        if chosen is None:
            raise PostbakError("Zeg met --gebeurtenis wat dit bericht betekent.")
        day = on or row.on
        if day is None and row.reason not in (NO_RULE, BY_HAND):
            raise PostbakError("Zeg met --op welke datum telt: die van dit bericht weten wij niet.")
        case = lock_case(session, reference)
        receipt = office.casework.report(
            reference,
            chosen,
            process=process or row.process,
            on=day,
            data=data if data is not None else row.data if chosen == row.event else {},
            event_id=f"bericht:{row.message_hash[:32]}",
            session=session,
        )
        if remember and row.subject is not None:
            add_reference(session, office, case, row.subject, office.clock.now())
        row.closed_at, row.outcome = office.clock.now(), f"gekoppeld aan {reference}"
        session.add(row)
        return receipt


def keep_opening(
    session: Session,
    office: CaseOffice,
    message_hash: str,
    code: str,
    *,
    municipality: str,
    on: date | None,
    reason: str,
    other: str | None,
) -> None:
    """Let an opening wait for a person whose client may not hear why it cannot be; the same one waits once."""
    known = select(PostbakRow.id).where(PostbakRow.message_hash == message_hash)
    if session.exec(known).first() is None:
        session.add(
            PostbakRow(
                municipality=municipality,
                message_hash=message_hash,
                kind=f"zaak.openen.{code}",
                source=f"client:{acting().code}",
                reason=reason[:200],
                candidates=[other] if other else [],
                on=on,
                received_at=office.clock.now(),
            )
        )


def put_aside(office: CaseOffice, number: int) -> None:
    """Note that a person decided that a message needs nothing."""
    with writing(office.engine) as session:
        row = _open_row(session, number)
        row.closed_at, row.outcome = office.clock.now(), "verworpen"
        session.add(row)


def _open_row(session: Session, number: int) -> PostbakRow:
    row = session.exec(select(PostbakRow).where(PostbakRow.id == number).with_for_update()).first()
    if row is None:
        raise PostbakError(f"Er is geen bericht {number} in de postbak.")
    if row.closed_at is not None:
        raise PostbakError(f"Bericht {number} is al afgehandeld.")
    return row

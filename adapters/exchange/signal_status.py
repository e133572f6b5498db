"""What the status of a vroegsignaal at its sender means here: what is closed there opens no pursuit here.

`CLOSING` leads each DDAS status of a closed signal to the event that exists for it. A death and a move are about the
person, and so end the vroegsignaalzaak that runs; the others are about the one signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import Session, col, select

from adapters.cases.store import load_case
from adapters.storage.database import ProcessRow
from adapters.storage.exchange_tables import SignalRow
from milestones.case import closed, exactly, possible_now
from milestones.process import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.cases.case_office import CaseOffice
    from adapters.cases.casework import Receipt
    from adapters.exchange.ddas_signal import Signal

CLOSED_AT_SENDER = "gesloten_bij_aanleveraar"  # the fact with which M2 opens without its term
OTHER_REASON = "Niet opgepakt: andere reden"
CLOSING_REASONS = {
    "Persoon is geen inwoner (meer) in de gemeente": "geen_inwoner",
    "Inwoner is overleden": "overleden",
    "Niet opgepakt: onterecht signaal": "onterecht",
    "Niet opgepakt: herhaalde melding": "herhaald",
    "Inwoner al bekend bij schuldhulpverlening": "bekend_bij_shv",
    OTHER_REASON: "afgesloten_met_resultaat",
}
# Where the first is not possible any more, the second says the same in a later state.
_ABOUT_THE_PERSON = {"overleden": ("overleden",), "geen_inwoner": ("geen_inwoner", "verhuizing")}
NOT_CLOSED = "De aanleveraar heeft dit signaal gesloten, maar de zaak loopt door: een mens beslist."


def is_closed_at_sender(signal: Signal) -> bool:
    """Whether nobody has to pursue a signal any more, as its sender says."""
    return signal.status in CLOSING_REASONS


def is_about_the_person(signal: Signal) -> bool:
    """Whether a closed signal says something of its person, and so of all his signals."""
    return CLOSING_REASONS[signal.status or ""] in _ABOUT_THE_PERSON


def closing_event(signal: Signal, on: date) -> Event:
    """Return the event that stands for the status of a closed signal."""
    name = CLOSING_REASONS[signal.status or ""]
    return Event(name, on, {"eindresultaat": OTHER_REASON} if name == "afgesloten_met_resultaat" else {})


def open_closed(
    session: Session,
    office: CaseOffice,
    signal: Signal,
    event_id: str,
    *,
    person: str | None,
    reference: str | None,
) -> Receipt:
    """Keep a closed signal as a vroegsignaalzaak that ended elsewhere: no term, no message, no work for anybody.

    With `reference` it stands in the case of a person whom debt help knows; a death there is told to all.
    """
    quiet = reference is None or CLOSING_REASONS[signal.status or ""] != "overleden"
    receipt = office.casework.open(
        "M2",
        municipality=signal.municipality_code,
        reference=reference,
        on=signal.signal_date,
        data={CLOSED_AT_SENDER: True},
        person_key=person,
        event_id=event_id,
        then=(closing_event(signal, signal.signal_date),),
        quiet=quiet,
        session=session,
    )
    if quiet:
        session.execute(
            update(ProcessRow)
            .where(
                col(ProcessRow.case_reference) == receipt.reference, col(ProcessRow.name) == receipt.process
            )
            .values(attention=False, finished=True)
        )
    return receipt


def close_running(
    session: Session, office: CaseOffice, signal: Signal, reference: str, process: str, event_id: str
) -> Receipt | None:
    """End a vroegsignaalzaak that runs, as the status of a signal in it says; None when a person has to decide.

    He has to when the zaak holds other signals, which this status says nothing of, or is too far for the event.
    """
    case, _ = load_case(session, reference)
    snapshot = case.named(process)
    event = closing_event(signal, office.clock.today())
    if event.name not in _ABOUT_THE_PERSON and _holds_others(session, signal, reference, process):
        return None
    able = possible_now(snapshot)
    for name in _ABOUT_THE_PERSON.get(event.name, (event.name,)):
        if name in able and not closed(snapshot):
            return office.casework.report(
                reference,
                name,
                process=exactly(process),
                on=max(event.on, snapshot.opened_on),
                data=event.data,
                event_id=f"{event_id}:status",
                session=session,
            )
    return None


def _holds_others(session: Session, signal: Signal, reference: str, process: str) -> bool:
    others = select(SignalRow.id).where(
        SignalRow.case_reference == reference,
        SignalRow.process == process,
        SignalRow.signal_id != signal.signal_id,
    )
    return session.exec(others).first() is not None


def correction(
    session: Session,
    office: CaseOffice,
    reference: str,
    process: str,
    event_id: str,
    data: Mapping[str, object],
) -> Receipt:
    """Note in the journal what a sender corrected of a signal, and tell who works on its zaak."""
    return office.casework.report(
        reference,
        "signaal_gecorrigeerd",
        process=exactly(process),
        data=data,
        event_id=event_id,
        session=session,
    )

"""What is kept and said of a vroegsignaal: the row that recognises it when it comes again, and its line in a report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from adapters.exchange.matching import Match
from adapters.runtime.persons import NO_DIGITS, keyed_hash
from adapters.runtime.privacy import shows_nobody
from adapters.storage.exchange_tables import SignalRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.cases.case_office import CaseOffice
    from adapters.exchange.ddas_signal import Signal
    from adapters.exchange.matching import MarksByKey

_SUPPLIER = re.compile(r"(?!.*[0-9]{8})[A-Z0-9_-]{1,12}")
_LONGEST_NAME = 120  # leaves room in an event id for what follows from a signal


class SignalResult(StrEnum):
    """What became of one signal."""

    OPENED = "geopend"
    JOINED = "toegevoegd"
    REPEATED = "herhaalde melding"
    IN_DEBT_HELP = "al in schuldhulp"
    CLOSED = "gesloten bij de aanleveraar"
    CORRECTED = "gecorrigeerd"
    KNOWN = "al bekend"
    REFUSED = "geweigerd"


RESULTS = {
    Match.NEW: SignalResult.OPENED,
    Match.JOIN: SignalResult.JOINED,
    Match.REPEAT: SignalResult.REPEATED,
    Match.KNOWN_TO_DEBT_HELP: SignalResult.IN_DEBT_HELP,
}


@dataclass(frozen=True, slots=True)
class SignalReport:
    """One line of the report of an import; names a signal by its place, and nobody by name.

    `first` is what became of the signal when it first came in; a repeat says "al bekend" in `result`. `remarks` follow
    from what was delivered; `of_case` tell of the case that it met, to who may read that.
    """

    position: int
    result: SignalResult
    reference: str | None = None
    remarks: tuple[str, ...] = ()
    first: SignalResult | None = None
    of_case: tuple[str, ...] = ()


def name_of(signal: Signal) -> tuple[str, str, str]:
    """Return the name that a signal has by itself: its municipality, its supplier and its id."""
    return (signal.municipality_code, signal.supplier or "", signal.signal_id)


def under_kept_names(session: Session, signals: Sequence[Signal], secrets: Sequence[bytes]) -> list[Signal]:
    """Return signals under names that tell of nobody: an id or a supplier of another form becomes a keyed hash.

    One that was kept under its own name, by a release before this one, or under an earlier key keeps that name.
    """
    present = secrets[0]
    odd = {signal.position: signal for signal in signals if _kept_name(signal, present) != name_of(signal)}
    if not odd:
        return list(signals)
    names = {
        place: [name_of(signal), *(_kept_name(signal, secret) for secret in secrets)]
        for place, signal in odd.items()
    }
    query = select(SignalRow.municipality, SignalRow.supplier, SignalRow.signal_id).where(
        col(SignalRow.signal_id).in_({name[2] for several in names.values() for name in several})
    )
    known = set(session.exec(query))
    chosen = {
        place: next((name for name in several if name in known), several[1])
        for place, several in names.items()
    }
    return [
        replace(signal, supplier=chosen[signal.position][1] or None, signal_id=chosen[signal.position][2])
        if signal.position in chosen
        else signal
        for signal in signals
    ]


def _kept_name(signal: Signal, secret: bytes) -> tuple[str, str, str]:
    municipality, supplier, signal_id = name_of(signal)
    if supplier and not _SUPPLIER.fullmatch(supplier):
        supplier = f"kenmerk:{keyed_hash(secret, 'leverancier', supplier)[:16].translate(NO_DIGITS)}"
    if not shows_nobody(signal_id):
        signal_id = f"kenmerk:{keyed_hash(secret, 'signaal', signal_id).translate(NO_DIGITS)}"
    return municipality, supplier, signal_id


def opening_key(signal: Signal) -> str:
    """Return what makes a signal the same one when it comes again."""
    name = f"{signal.supplier}:{signal.signal_id}"
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"ddas:{signal.municipality_code}:{name}"


def known_signal(session: Session, signal: Signal) -> SignalRow | None:
    """Return the signal with this id, when it came in before."""
    return session.exec(
        select(SignalRow).where(
            SignalRow.municipality == signal.municipality_code,
            SignalRow.supplier == (signal.supplier or ""),
            SignalRow.signal_id == signal.signal_id,
        )
    ).first()


def note_signal(
    session: Session,
    office: CaseOffice,
    signal: Signal,
    marks: MarksByKey,
    result: SignalResult,
    reference: str,
    process: str,
    known: SignalRow | None = None,
) -> None:
    """Remember a signal and the vroegsignaalzaak that it belongs to; `known` is the row of a corrected signal."""
    values: dict[str, Any] = {
        "content": marks.present.content,
        "person_key": marks.present.person,
        "partner": marks.present.partner,
        "arrears": marks.present.arrears,
        "signal_date": signal.signal_date,
        "result": result,
        "case_reference": reference,
        "process": process,
        "accepted_at": office.clock.now(),
    }
    municipality, supplier, signal_id = name_of(signal)
    row = known or SignalRow(municipality=municipality, supplier=supplier, signal_id=signal_id, **values)
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)

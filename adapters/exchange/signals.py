"""Take in the vroegsignalen of a DDAS delivery: each signal once, in the zaak that it belongs to.

Signals are written in batches, because a transaction for each would make a large delivery wait for the disk
most of the time. A signal is reported as taken in only after its batch was committed.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import count, islice
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from adapters.exchange.ddas import read_signals
from adapters.exchange.signal_intake import SignalIntake
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    ProcessRow,
    SettingRow,
    TimerRow,
    reading,
    renew_statistics,
    writing,
)
from adapters.storage.exchange_tables import SignalRow
from adapters.storage.storage_trouble import trouble_of
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.cases.case_office import CaseOffice
    from adapters.exchange.ddas import Delivery
    from adapters.exchange.ddas_signal import BadSignal, Signal
    from adapters.exchange.signal_record import SignalReport

_BATCH = 200
_COUNTED_AFTER = (5, 25, 125)  # batches: in a new database they made the tables many times larger
_GROWN = (CaseRow, ProcessRow, TimerRow, JournalRow, SignalRow)
_IMPORT_LOCK = "vroegsignalen"


def import_signals(path: Path, delivery: Delivery, office: CaseOffice) -> Iterator[SignalReport]:
    """Take in every signal of a delivery and report on each, in the order of the file.

    Raises NotADelivery for a file that changed since it was checked.
    """
    records = read_signals(path, today=office.clock.today(), delivery=delivery)
    return take_in_all(records, office)


def take_in_all(
    records: Iterator[Signal | BadSignal], office: CaseOffice, done: int = 0
) -> Iterator[SignalReport]:
    """Take in these signals, batch by batch; `done` is how many of this delivery were dealt with before."""
    secret, old = office.settings.person_secret(), office.settings.old_person_secrets()
    make_import_lock(office)
    for number in count(1):
        batch = list(islice(records, _BATCH))
        if not batch:
            return
        with half_way_said(done + (number - 1) * _BATCH), writing(office.engine) as session:
            hold_import_lock(session)
            reports = SignalIntake(session, office, secret, old).reports_on(batch)
        if number in _COUNTED_AFTER:
            renew_statistics(office.engine, _GROWN)
        yield from reports


class HalfTakenInError(Refusal):
    """A delivery that stopped half way, while what came before was committed: one Dutch sentence."""


@contextmanager
def half_way_said(done: int) -> Iterator[None]:
    """Say how many signals were dealt with when the database or its disk stops a delivery after the first batch."""
    try:
        yield
    except Exception as error:
        trouble = trouble_of(error)
        if not done or trouble is None:
            raise
        cause = str(trouble).partition(". ")[0].rstrip(".")
        raise HalfTakenInError(
            f"{cause}. De levering stopte half: {_first(done)} verwerkt en vastgelegd, de rest niet. "
            "Lees dezelfde levering later opnieuw in; wat er al is, telt niet dubbel."
        ) from error


def _first(done: int) -> str:
    return "het eerste signaal is" if done == 1 else f"de eerste {done} signalen zijn"


def make_import_lock(office: CaseOffice) -> None:
    """Make the row that lets one import at a time decide where a person's signals belong."""
    with reading(office.engine) as session:
        if session.get(SettingRow, _IMPORT_LOCK) is not None:
            return
    # Two first imports at the same moment both find no row; the second then finds that of the first.
    with suppress(IntegrityError), writing(office.engine) as session:
        session.add(SettingRow(name=_IMPORT_LOCK, value={}))


def hold_import_lock(session: Session) -> None:
    """Keep other imports waiting until this transaction ends: two would open two zaken for one person."""
    session.exec(select(SettingRow).where(SettingRow.name == _IMPORT_LOCK).with_for_update()).one()

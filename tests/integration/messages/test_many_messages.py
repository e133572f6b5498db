"""Many messages while one call in five fails: all arrive, none to a wrong person."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select
from support.receivers import REFUSE, TAKE_AND_REFUSE, Mailbox, mail_server, one_in, web_address
from support.recipients import recipients

from adapters.office import Office
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, reading
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from deployments.cli.check import disk_problems

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

MUNICIPALITIES = ("0344", "0363", "0518", "0599")


def _file(mail: str, web: str) -> str:
    """Half of the people have mail first, half have a web address first; nothing is bundled."""
    people = {}
    for number, code in enumerate(MUNICIPALITIES):
        channels = {"mail": f"{mail}p{code}@example.org", "web": f"{web}p{code}"}
        people[f"p{code}"] = channels if number % 2 else dict(reversed(channels.items()))
    roles = {code: {"case_worker": [f"p{code}"]} for code in MUNICIPALITIES}
    return recipients(people, roles, bundled_from=100_000)


@pytest.mark.parametrize("messages", [60, pytest.param(1_000, marks=pytest.mark.long)])
def test_all_messages_arrive_and_none_at_a_wrong_person(
    engine: Engine, tmp_path: Path, clock: SetClock, messages: int
) -> None:
    """With 20% failures, half of them after the message was taken, every message arrives at its own person."""
    office = Office(Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml"), engine, clock)
    mail, web = (Mailbox(one_in(5, (REFUSE, TAKE_AND_REFUSE), seed)) for seed in (1, 2))
    with mail_server(mail) as mail_address, web_address(web) as address:
        (tmp_path / "ontvangers.toml").write_text(_file(mail_address, address))
        for number in range(messages):
            office.casework.open("M3", municipality=MUNICIPALITIES[number % len(MUNICIPALITIES)])
        with reading(engine) as session:
            expected = {row.id: row.municipality for row in session.exec(select(OutboxRow))}
        for effect in expected:
            office.deliveries.plan(effect)
        with ThreadPoolExecutor(4) as workers:
            while (waiting := _waiting(office)) and clock.now().year == 2026:
                clock.moment = max(clock.now(), min(row.next_attempt_at for row in waiting))
                processes = {row.process_id for row in waiting if row.next_attempt_at <= clock.now()}
                parcels = [parcel for process in processes for parcel in office.deliveries.due(process)]
                list(workers.map(office.deliveries.send, parcels))

    arrived: dict[str, set[str]] = defaultdict(set)
    for (to, *_), id_ in zip((*mail.arrived, *web.arrived), (*mail.ids, *web.ids), strict=True):
        arrived[id_].add(to.removesuffix("@example.org"))
    wrong = {message: who for message, who in arrived.items() if who != {f"p{expected[message]}"}}
    calls, failed = mail.calls + web.calls, mail.calls + web.calls - messages
    print(f"{calls} calls, {failed} failed, {len(mail.arrived) + len(web.arrived)} arrived")
    assert len(expected) == messages
    assert arrived.keys() == expected.keys()
    assert wrong == {}
    assert failed > messages / 10
    with reading(engine) as session:
        states = Counter(row.state for row in session.exec(select(DeliveryRow)))
    assert states[DeliveryState.DELIVERED] == messages
    assert set(states) <= {DeliveryState.DELIVERED, DeliveryState.NEXT_CHANNEL}


def test_a_full_disk_delivers_what_it_could_write_and_keeps_the_rest(
    engine: Engine, small_disk: Path, clock: SetClock
) -> None:
    """Of forty messages to the file, delivered are those that can be read there; with room again all are."""
    office = Office(Settings(home=small_disk), engine, clock)
    filler = small_disk / "vulling"
    filler.write_bytes(bytes(48_000))
    for _ in range(40):
        office.casework.open("M3", municipality="0518")
    with reading(engine) as session:
        effects = session.exec(select(OutboxRow.id)).all()
    for effect in effects:
        office.deliveries.plan(effect)

    _send_due(office)
    written = _lines(office)
    assert 0 < len(written) < len(effects)
    assert len(written) + len(_waiting(office)) == len(effects)
    assert list(disk_problems(office)) != []

    filler.unlink()
    while waiting := _waiting(office):
        clock.moment = max(clock.now(), min(row.next_attempt_at for row in waiting))
        _send_due(office)
    assert sorted(_lines(office)) == sorted(set(effects))


def _lines(office: Office) -> list[str]:
    """Return the ids of the messages in the file; each line can be read."""
    return [json.loads(line)["id"] for line in office.settings.messages_file.read_text().splitlines()]


def _send_due(office: Office) -> None:
    for process in {row.process_id for row in _waiting(office)}:
        for parcel in office.deliveries.due(process):
            office.deliveries.send(parcel)


def _waiting(office: Office) -> list[DeliveryRow]:
    with reading(office.engine) as session:
        return list(session.exec(select(DeliveryRow).where(DeliveryRow.state == DeliveryState.WAITING)))

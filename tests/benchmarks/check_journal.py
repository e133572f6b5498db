"""How long `routekaart controleer` takes to verify chain and replay over a journal of 100,000 rows.

    python tests/benchmarks/check_journal.py [--rows 100000] [--database URL] [--processes N]

Fills a database with cases that walk from M3 to the intake with warnings and a suspension, then checks it: as it
is, and with one row in the middle changed by somebody who knows SQL.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func
from sqlmodel import col, select

from adapters.cases.casework import Casework
from adapters.cases.journal import journal_hash
from adapters.office import Office
from adapters.operations.integrity import broken_journals
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM, SetClock, SystemClock
from adapters.runtime.settings import Settings
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    ProcessRow,
    TimerRow,
    create_engine,
    migrate,
    reading,
    writing,
)
from milestones.policy import Policy, Rules

WALK = (
    (0, "aanmelding_geregistreerd"),
    (1, "niet_bedreigend"),
    (15, "afspraak_gemaakt"),
    (7, "eerste_gesprek_gevoerd"),
    (0, "hulpvraag_vastgesteld"),
    (1, "vish_gemeld"),
    (1, "doorlooptijd_medegedeeld"),
    (30, "gegevens_ontbreken"),
    (5, "gegevens_ontvangen"),
)


TEMPLATES = 100  # cases that really walk, each from another day; the others are copies under their own names


def fill(engine: Engine, rows: int) -> None:
    """Let some cases walk, and copy them, with a chain of their own, until the journal has this many rows."""
    rules = Rules(dutch_calendar(), Policy())
    begin = datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM)
    for number in range(TEMPLATES):
        clock = SetClock(begin + timedelta(days=number * 2))
        casework = Casework(engine, clock, lambda _: rules)
        reference = casework.open("M3", municipality="0518", reference=f"MEET-{number:06}").reference
        for days, name in WALK:
            clock.moment += timedelta(days=days)
            casework.fire_due(reference)
            casework.report(reference, name)
        clock.moment += timedelta(days=60)
        casework.fire_due(reference)
    with reading(engine) as session:
        cases = session.exec(select(CaseRow)).all()
        processes = session.exec(select(ProcessRow)).all()
        timers = session.exec(select(TimerRow)).all()
        journal = session.exec(select(JournalRow).order_by(col(JournalRow.number))).all()
    copies = -(-rows // len(journal))
    next_process = max(row.id or 0 for row in processes) + 1
    for copy in range(1, copies):
        with writing(engine) as session:
            new_id: dict[int, int] = {}
            chains: dict[str, str] = {}
            lines = []
            for row in journal:
                values = row.model_dump(exclude={"id"})
                values["case_reference"] = f"{row.case_reference}-{copy}"
                values["previous"] = chains.get(row.case_reference, "")
                fresh = JournalRow(**values)
                fresh.hash = chains[row.case_reference] = journal_hash(fresh)
                lines.append(fresh)
            session.add_all(
                CaseRow(
                    **case.model_dump()
                    | {"reference": f"{case.reference}-{copy}", "chain": chains[case.reference]}
                )
                for case in cases
            )
            session.flush()
            for row in processes:
                new_id[row.id or 0] = next_process
                next_process += 1
                session.add(
                    ProcessRow(
                        **row.model_dump()
                        | {"id": new_id[row.id or 0], "case_reference": f"{row.case_reference}-{copy}"}
                    )
                )
            session.flush()
            session.add_all(
                TimerRow(**row.model_dump(exclude={"id"}) | {"process_id": new_id[row.process_id]})
                for row in timers
            )
            session.add_all(lines)


def main() -> None:
    """Fill, check, and print the figures."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--database")
    arguments.add_argument("--processes", type=int)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/zaken.db"
        engine = create_engine(url)
        migrate(engine)
        with reading(engine) as session:
            known = session.exec(select(func.count()).select_from(JournalRow)).one()
        if known < given.rows:
            began = time.monotonic()
            fill(engine, given.rows)
            print(f"filled in {time.monotonic() - began:.1f} s")
        with reading(engine) as session:
            rows = session.exec(select(func.count()).select_from(JournalRow)).one()
            cases = session.exec(select(func.count()).select_from(CaseRow)).one()
        print(f"{rows} rows of {cases} cases")
        office = Office(Settings(home=Path(folder), database_url=url), engine, SystemClock())
        _check(office, given.processes)
        middle = rows // 2
        with engine.connect().execution_options(writes=True) as connection:
            changed = f"UPDATE journal SET on_date = {{}} WHERE id = {middle}"
            before = connection.exec_driver_sql(
                f"SELECT on_date FROM journal WHERE id = {middle}"
            ).scalar_one()
            connection.exec_driver_sql(changed.format("'2026-01-01'"))
            connection.commit()
            _check(office, given.processes)
            connection.exec_driver_sql(changed.format(f"'{before}'"))
            connection.commit()


def _check(office: Office, processes: int | None) -> None:
    began, cpu = time.monotonic(), _cpu()
    broken = list(broken_journals(office, processes))
    print(f"checked in {time.monotonic() - began:.1f} s ({_cpu() - cpu:.1f} s of CPU), {len(broken)} broken")
    for line in broken[:5]:
        print(line)


def _cpu() -> float:
    """Return the CPU time of this process and of those that it started and that ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


if __name__ == "__main__":
    main()

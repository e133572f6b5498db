"""The saved home of every release starts under this one, with Prefect, and all its cases go on there."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support import stack
from support.saved import REST, SAVED, WHY, copy_to_postgresql
from support.stack import Stack, home_with_keys, wait_until

from adapters.office import set_clock
from adapters.operations.integrity import broken_journals
from adapters.runtime.clock import AMSTERDAM, AcceleratedClock
from adapters.storage.database import create_engine

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.prefect]

# The interpreter of an installation with an older Prefect, on which the home stood first; `nox` names one.
OLDER = os.environ.get("ROUTEKAART_TEST_OLDER_PREFECT")
AT_REST = ("PAUSED", "COMPLETED")


def _runs(made: Stack) -> dict[tuple[str, str], str]:
    """Return the run of each process when Prefect shows all of them as they are."""

    def shown() -> dict[tuple[str, str], str] | None:
        rows = {(ref, name): row for ref in REST for name, row in made.cases.casework.case(ref).rows.items()}
        if any(row.flow_run_id is None or row.attention for row in rows.values() if not row.finished):
            return None
        return {key: row.flow_run_id for key, row in rows.items() if row.flow_run_id is not None}

    found = wait_until(shown, 300, made.logs)
    for run in found.values():
        assert made.prefect("GET", f"/flow_runs/{run}")["state_type"] in AT_REST
    return found


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def test_a_saved_home_starts_and_its_cases_go_on_in_prefect(
    saved: Path,
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Migrated by the start itself; each case keeps its run, comes to its end, and the journal is whole."""
    home = home_with_keys(tmp_path / "home")
    url = f"sqlite:///{home / 'zaken.db'}"
    (home / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    made = Stack(home)
    if database == "postgresql":
        target = request.getfixturevalue("bare_postgresql_url")
        copy_to_postgresql(url, target)
        (home / "zaken.db").unlink()
        made.extra["ROUTEKAART_DATABASE_URL"] = url = target
    engine = create_engine(url)
    set_clock(engine, AcceleratedClock(datetime(2026, 4, 1, 9, tzinfo=AMSTERDAM), datetime.now(UTC), speed=0))
    engine.dispose()
    before: dict[tuple[str, str], str] = {}
    if OLDER is not None:
        with monkeypatch.context() as patch:
            patch.setattr(stack, "ROUTEKAART", [OLDER, *stack.ROUTEKAART[1:]])
            patch.setattr(stack, "give_prefect_database", lambda _: None)
            made.start()
            before = _runs(made)
            assert made.stop() == 0
    made.start()
    try:
        assert before.items() <= _runs(made).items()
        for reference, (steps, end) in REST.items():
            for process, event in steps:
                made.cases.casework.report(reference, event, process=process, data=WHY.get(event, {}))
            case = made.cases.casework.case(reference).case
            states = {item.name: item.state for item in case.processes}
            assert {name: states.get(name) for name in end} == end
        after = _runs(made)
        assert before.items() <= after.items()
        for (reference, name), run in after.items():
            row = made.cases.casework.case(reference).rows[name]
            shown = made.prefect("GET", f"/flow_runs/{run}")["state_type"]
            assert shown == ("COMPLETED" if row.finished else "PAUSED"), (reference, name)
        assert list(broken_journals(made.cases)) == []
    finally:
        assert made.stop() == 0
        made.cases.engine.dispose()

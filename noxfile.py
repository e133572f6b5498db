"""The tests of the seam on the oldest and the newest Prefect and Python that we promise: `nox`.

A Python that this machine has not is skipped. `nox -s seam -- -k parked` gives words to pytest; `nox -s homes` takes
the better part of an hour.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False

SEAM = (
    "tests/unit/test_seam.py",
    "tests/unit/flows/test_forms.py",
    "tests/unit/flows/test_worker.py",
    "tests/integration/flows/test_prefect_on_sqlite.py",
    "tests/integration/flows/test_parking.py",
)


EACH_PREFECT = nox.parametrize("prefect", ["==3.8.8", ">=3.9,<3.10"], ids=["oldest", "newest"])


@nox.session(python=["3.11", "3.12", "3.13"])
@EACH_PREFECT
def seam(session: nox.Session, prefect: str) -> None:
    """Install ours with this Prefect, and test what leans on it."""
    session.install("-e", ".[test]", f"prefect{prefect}")
    session.run("python", "-m", "pytest", "-n", "0", *(session.posargs or SEAM))


@nox.session(python=["3.11"], default=False)
@EACH_PREFECT
def homes(session: nox.Session, prefect: str) -> None:
    """Start the saved home of every release: on the oldest Prefect, then on the newest where the oldest went before."""
    session.install("-e", ".[test]", f"prefect{prefect}")
    older = Path(session.virtualenv.location).with_name("homes-3-11-oldest") / "bin" / "python"
    first = {} if older.parent == Path(session.bin) else {"ROUTEKAART_TEST_OLDER_PREFECT": str(older)}
    words = ("-m", "pytest", "-n", "0", "-m", "long", "tests/durability/test_saved_homes.py")
    session.run("python", *words, *session.posargs, env=first)

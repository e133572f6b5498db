"""The tests of the seam on the oldest and the newest Prefect and Python that we promise: `nox`.

A Python that this machine has not is skipped. `nox -s seam -- -k parked` gives words to pytest.
"""

from __future__ import annotations

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


@nox.session(python=["3.11", "3.12", "3.13"])
@nox.parametrize("prefect", ["==3.8.8", ">=3.9,<3.10"], ids=["oldest", "newest"])
def seam(session: nox.Session, prefect: str) -> None:
    """Install ours with this Prefect, and test what leans on it."""
    session.install("-e", ".[test]", f"prefect{prefect}")
    session.run("python", "-m", "pytest", "-n", "0", *(session.posargs or SEAM))

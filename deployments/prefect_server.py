"""Prefect's own command for a server that lives long: `python -m deployments.prefect_server server start`."""

from __future__ import annotations

from prefect.cli import app

from deployments.garbage import collect_less
from deployments.sqlite_visits import visit_once


def main() -> None:
    """Run Prefect's command line."""
    visit_once()
    collect_less()
    app()


if __name__ == "__main__":
    main()

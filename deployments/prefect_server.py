"""Prefect's own command for a server that lives long: `python -m deployments.prefect_server server start`."""

from __future__ import annotations

from prefect.cli import app

from deployments.garbage import collect_less
from deployments.sqlite_visits import visit_once
from deployments.sqlite_writing import claim_before_writing


def main() -> None:
    """Run Prefect's command line."""
    visit_once()
    claim_before_writing()
    collect_less()
    app()


if __name__ == "__main__":
    main()

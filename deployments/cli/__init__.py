"""The command line `routekaart` (contract 1). Bad input: one Dutch sentence, exit 2, nothing written.

Each `*_commands.py` holds the commands around one subject. A command imports what it works with when it runs, so
that `--help` and a refused word load neither SQLAlchemy nor Prefect.
"""

from deployments.cli.application import main, run

__all__ = ["main", "run"]

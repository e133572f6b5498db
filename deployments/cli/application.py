"""The commands put together, and the exit code of whatever happens."""

from __future__ import annotations

import os
import sys
from contextvars import copy_context

import typer

from deployments.cli import (
    access_commands,
    backup_commands,
    case_commands,
    council_commands,
    definition_commands,
    destruction_commands,
    effect_commands,
    import_commands,
    integration_commands,
    law_commands,
    look_commands,
    message_commands,
    policy_commands,
    report_commands,
    service_commands,
    upkeep_commands,
)
from deployments.cli.answers import INTERRUPTED, answer_to
from deployments.cli.console import carry_any_text
from deployments.cli.dutch_help import in_dutch
from deployments.secret_files import take_secret_files

_FOR_THIS_USER = 0o077

app = typer.Typer(
    name="routekaart",
    help="Elke zaak langs de Routekaart Financiële Zorgen, zonder er een te vergeten.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _commands in (
    service_commands,
    case_commands,
    import_commands,
    definition_commands,
    report_commands,
    effect_commands,
    council_commands,
    message_commands,
    policy_commands,
    integration_commands,
    law_commands,
    look_commands,
    upkeep_commands,
    backup_commands,
    destruction_commands,
    access_commands,
):
    _commands.register(app)


def main() -> None:
    """Run a command; turn every refusal into one Dutch sentence and exit 2."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command with these arguments and give its exit code."""
    os.umask(_FOR_THIS_USER)
    return run_application(app, "routekaart", arguments)


def run_application(app: typer.Typer, name: str, arguments: list[str]) -> int:
    """Run what these arguments say, with help and errors in Dutch, and give the exit code."""
    carry_any_text()
    try:
        take_secret_files()
        if any(variable.lower().endswith("_proxy") for variable in os.environ):
            from adapters.runtime.networks import keep_proxies_away

            keep_proxies_away()
        # Who acts is said in a context of this command alone.
        command = in_dutch(app)
        result = copy_context().run(command, args=arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001
        return answer_to(error)
    return result if isinstance(result, int) else 0

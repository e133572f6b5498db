"""The group `routekaart beleid`, to which several files add commands."""

import typer

policy_app = typer.Typer(
    help="Het eigen beleid van de gemeente.", no_args_is_help=True, rich_markup_mode=None
)


@policy_app.callback()
def policy_group() -> None:
    """Keep it a group, also with one command."""

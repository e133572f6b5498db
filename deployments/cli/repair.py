"""`routekaart herstel`: compare every open process with its flow run, and mend what is not right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.cli.console import say
from deployments.environment import for_who_waits
from milestones.counting import is_or_are, so_many

if TYPE_CHECKING:
    from adapters.office import Office

_MOST_LINES = 20


def repair(office: Office, *, end_strangers: bool = False) -> int:
    """Put the deployments back, mend the runs, and print what was done; the worker makes the new runs.

    With `end_strangers`, runs that show no process of this database end: only for a Prefect of its own.
    """
    with for_who_waits(office.settings):
        # Prefect reads its settings on import, so only now.
        from prefect.client.orchestration import get_client

        from deployments.deploy import deploy
        from flows.repair import Repair, counted

        deploy(office)
        with get_client(sync_client=True) as client:
            mender = Repair(office, client)
            looked, mended = mender.look_at_everything()
            strangers = mender.end_strangers() if end_strangers else 0
            others = 0 if end_strangers else len(mender.strangers())
    freed = office.leases.release_dead()
    for item in mended[:_MOST_LINES]:
        say(f"{item.case_reference} {item.process}: {item.finding}.")
    if len(mended) > _MOST_LINES:
        for finding, number in counted(mended).items():
            say(f"{number} keer: {finding}.")
    if freed:
        say(
            f"{so_many(freed, 'proces')} {is_or_are(freed, 'was', 'waren')} nog in handen van "
            "een worker die er niet meer is."
        )
    if strangers:
        say(
            f"{so_many(strangers, 'flow run')} {is_or_are(strangers, 'hoorde', 'hoorden')} bij geen proces "
            f"in het journaal en {is_or_are(strangers)} beëindigd."
        )
    if others:
        say(
            f"{so_many(others, 'flow run')} in Prefect {is_or_are(others, 'hoort', 'horen')} bij geen proces "
            "in deze database. Horen deze twee bij elkaar? Zo ja, "
            "beëindig die runs: routekaart herstel --vreemde-runs."
        )
    say(f"{so_many(looked, 'open proces')} bekeken, {len(mended)} hersteld.")
    if mended:
        say("De worker zet de flow runs nu klaar.")
    return 0

"""`routekaart herstel`: compare every open process with its flow run, and mend what is not right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.environment import for_who_waits

if TYPE_CHECKING:
    from rich.console import Console

    from adapters.office import Office

_MOST_LINES = 20


def repair(office: Office, out: Console) -> int:
    """Put the deployments back, mend the runs, and print what was done; the worker makes the new runs."""
    with for_who_waits(office.settings):
        # Prefect reads its settings on import, so only now.
        from prefect.client.orchestration import get_client  # noqa: PLC0415

        from deployments.deploy import deploy  # noqa: PLC0415
        from flows.repair import Repair, counted  # noqa: PLC0415

        deploy()
        with get_client(sync_client=True) as client:
            looked, mended = Repair(office, client).look_at_everything()
    freed = office.attention.release_dead()
    for item in mended[:_MOST_LINES]:
        out.print(f"{item.case_reference} {item.process}: {item.finding}.", markup=False)
    if len(mended) > _MOST_LINES:
        for finding, number in counted(mended).items():
            out.print(f"{number} keer: {finding}.", markup=False)
    if freed:
        out.print(f"{freed} processen waren nog in handen van een worker die er niet meer is.", markup=False)
    out.print(f"{looked} open processen bekeken, {len(mended)} hersteld.", markup=False)
    if mended:
        out.print("De worker zet de flow runs nu klaar.")
    return 0

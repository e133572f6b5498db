"""`routekaart controleer`: is everything in order, and if not, what is there to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.cases.clock_guard import held_clocks
from adapters.exchange.case_system import case_system_problems
from adapters.exchange.ddas_pull import certificate_problems, ddas_problems
from adapters.exchange.event_mapping import EventsFileError, read_rules
from adapters.exchange.refusals import IntegrationError
from adapters.messages.message_check import message_problems
from adapters.operations.chain_heads import head_problems
from adapters.operations.integrity import broken_journals
from adapters.oversight.policies_that_wait import policies_that_wait
from adapters.runtime.calendar_data import kb_alarm
from adapters.runtime.files import has_room
from adapters.runtime.policies import policy_problems
from adapters.storage.database_file import damage_in
from adapters.storage.keys import key_problems
from deployments.cli.console import complain, say
from deployments.closed import SERVER, open_problems
from deployments.door.ways_in import login_problems, proxy_problems
from deployments.environment import LOOPBACK, names_other_server, prefect_environment
from deployments.grafana_check import grafana_problems
from deployments.prefect_check import prefect_problems, stranger_problems
from flows.prefect_seam.leaned_on import SERVER_PARTS, WORKER_PARTS, part_problems, version_problems
from milestones.defects import defects
from milestones.definitions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office
    from adapters.runtime.settings import Settings


def check(office: Office) -> int:
    """Print what is wrong and what to do; give 1 when anything is, else 0."""
    problems = list(dict.fromkeys(_problems(office)))  # each once
    for problem in problems:
        complain(problem)
    if not problems:
        say("Alles is in orde: instellingen, definities, ontvangers, teksten en journaal.")
    return 1 if problems else 0


def _problems(office: Office) -> Iterator[str]:
    if alarm := kb_alarm(office.clock.today()):
        yield alarm
    yield from defects(VERSIONS)
    yield from policy_problems(office.settings.policy_folder)
    yield from policies_that_wait(office)
    yield from message_problems(office)
    try:
        read_rules(office.settings.events_file)
    except EventsFileError as error:
        yield str(error)
    if damage := damage_in(office.engine):
        yield damage
        return
    try:
        yield from case_system_problems(office)
    except IntegrationError as error:
        yield error.sentence
    yield from ddas_problems(office.settings)
    yield from (held.sentence for held in held_clocks(office.engine))
    yield from certificate_problems(office.settings.ddas_certificates, office.clock.now())
    yield from disk_problems(office)
    yield from key_problems(office.engine, office.settings)
    yield from open_problems(office.settings)
    yield from server_login_problems(office.settings)
    yield from grafana_problems(office.settings)
    yield from prefect_problems(office.settings)
    yield from stranger_problems(office)
    yield from version_problems()
    yield from part_problems(WORKER_PARTS + SERVER_PARTS)
    yield from broken_journals(office)
    yield from head_problems(office)


def server_login_problems(settings: Settings) -> Iterator[str]:
    """Yield a sentence when a Prefect server of this machine lets others in without a login."""
    if SERVER in os.environ or not names_other_server(prefect_environment(settings), settings):
        yield from login_problems(settings, os.environ.get("PREFECT_SERVER_API_HOST", LOOPBACK))
        yield from proxy_problems(settings)


def disk_problems(office: Office) -> Iterator[str]:
    """Yield a sentence when nothing can be written in the home folder."""
    if not has_room(office.settings.ensure_home()):
        yield (
            f"De schijf van {office.settings.home_folder} is vol of alleen te lezen. Berichten die daar in een bestand "
            "komen, wachten tot er ruimte is."
        )

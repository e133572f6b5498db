"""The weekly watch on policy and law: who is responsible hears in time what ends, and what a release changed."""

from __future__ import annotations

from prefect import flow
from prefect.logging import get_run_logger

from adapters.messages.announcements import Announcement, announce
from adapters.office import office
from adapters.oversight.policy_watch import changed_terms, remember_terms, remember_told, warnings_for
from adapters.oversight.workload import municipalities

OFFICER = "legal_officer"  # the jurist guards the policy; a municipality may name another role for that work


@flow(name="Beleidswacht", flow_run_name="Beleidswacht", persist_result=False)
def beleidswacht() -> str:
    """Waarschuw wie over het beleid gaat: wat afloopt, wat weer nagekeken moet worden, en wat een release wijzigt."""
    here = office()
    changed = changed_terms(here.engine)
    everyone = sent = 0
    for municipality in municipalities(here):
        warning = warnings_for(here, municipality, changed)
        if warning is None:
            continue
        everyone += 1
        role = here.rules_for(municipality).policy.role(OFFICER)
        title = "routekaart: kijk het beleid na"
        body = "\n".join(warning.sentences)
        if announce(here, Announcement(warning.id, role, municipality, title, body, warning.page)):
            remember_told(here.engine, warning)
            sent += 1
    if everyone == sent:
        remember_terms(here.engine)
    line = f"Gewaarschuwd: {sent} van {everyone} gemeenten. Gewijzigde termijnen: {len(changed)}."
    get_run_logger().info(line)
    return line

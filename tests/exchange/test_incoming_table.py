"""The table of messages that comes with the product leads what partners send to the right event."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office

DAY = date(2026, 3, 2)
STEPS: dict[str, tuple[str, ...]] = {
    "M2": (),
    "M5": ("crisis_actief", "moratorium_verzocht", "zitting_gehouden"),
    "M7 saldo": ("overeenkomst_getekend", "saldoverzoek_verstuurd"),
    "M7 akkoord": ("overeenkomst_getekend", "saldoverzoek_verstuurd", "betaalvoorstel_verstuurd", "akkoord_allen"),
    "M7 dwang": (
        "overeenkomst_getekend",
        "saldoverzoek_verstuurd",
        "betaalvoorstel_verstuurd",
        "geweigerd_deels",
        "dwangakkoord_verzocht",
        "zitting_gehouden",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("start", "kind", "data", "event"),
    [
        ("M2", "nl.brp.personen.overleden.v1", {"datumOverlijden": "2026-03-05"}, "overleden"),
        (
            "M2",
            "nl.brp.personen.verhuisd-naar-andere-gemeente.v1",
            {"datumVerhuizing": "2026-03-05"},
            "verhuizing",
        ),
        (
            "M5",
            "nl.rechtspraak.uitspraken.moratorium-toegewezen.v1",
            {"datumUitspraak": "2026-03-05", "einddatum": "2026-09-05"},
            "toegewezen",
        ),
        (
            "M5",
            "nl.rechtspraak.uitspraken.moratorium-afgewezen.v1",
            {"datumUitspraak": "2026-03-05"},
            "afgewezen",
        ),
        (
            "M7 dwang",
            "nl.rechtspraak.uitspraken.dwangakkoord-toegewezen.v1",
            {"datumUitspraak": "2026-03-05"},
            "dwangakkoord_toegewezen",
        ),
        (
            "M7 saldo",
            "nl.schuldenknooppunt.berichten.saldoverzoek-antwoord.v2",
            {},
            "saldoverzoek_beantwoord",
        ),
        (
            "M7 akkoord",
            "nl.kredietbank.uitbetalingen.uitbetaald.v1",
            {"datumUitbetaling": "2026-03-05", "einddatum": "2029-03-05"},
            "krediet_uitbetaald",
        ),
    ],
)
def test_what_a_partner_sends_is_an_event_of_its_own_date(
    api: TestClient, office: Office, start: str, kind: str, data: dict[str, Any], event: str
) -> None:
    """A mutation of the BRP, a ruling, an answer of a creditor and a payout each become their event."""
    reference = office.casework.open(start[:2], municipality="0518", on=DAY).reference
    for step in STEPS[start]:
        office.casework.report(reference, step, on=DAY)
    answer = send(api, kind, {"zaak": reference, **data})
    assert answer["zaak"] == reference, answer
    last = [row for row in office.casework.case(reference).journal if not row.derived][-1]
    assert (last.event, last.on) == (event, date(2026, 3, 5))


@pytest.mark.parametrize(
    "kind",
    [
        "nl.brp.personen.verhuisd.v1",
        "nl.rechtspraak.uitspraken.overig.v1",
        "nl.schuldenknooppunt.berichten.saldoverzoek-antwoord-vooraf-akkoord.v2",
        "nl.schuldenknooppunt.berichten.geen-medewerking.v2",
        "nl.kredietbank.uitbetalingen.aangehouden.v1",
    ],
)
def test_what_the_table_cannot_know_waits_for_a_person(api: TestClient, office: Office, kind: str) -> None:
    """A message whose meaning depends on what it says is kept for a person and changes nothing."""
    reference = office.casework.open("M7", municipality="0518", on=DAY).reference
    assert "postbak" in str(send(api, kind, {"zaak": reference}))
    assert len(office.casework.case(reference).journal) == 1


def send(api: TestClient, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Send a CloudEvent of this kind about what happened on 5 March."""
    content = {
        "specversion": "1.0",
        "id": kind,
        "source": "urn:nld:oin:1:systeem:partner",
        "type": kind,
        "time": "2026-03-05T08:00:00Z",
        "data": data,
    }
    answer = api.post(
        "/v1/cloudevents", json=content, headers={"Content-Type": "application/cloudevents+json"}
    )
    assert answer.status_code in {201, 202}, answer.text
    found: dict[str, Any] = answer.json()
    return found

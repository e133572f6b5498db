"""Marked persons for tests: whoever sees one of these marks afterwards has seen something personal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from milestones.vocabulary import Theme
from support.other_systems import notification
from support.signal_deliveries import delivery, signal, valid_bsn

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx import Client

BSN = valid_bsn("9087654")


PERSON: dict[str, Any] = {
    "burgerservicenummer": BSN,
    "voorletters": "M.",
    "achternaam": "Merkteken",
    "geboortedatum": "1983-04-27",
    "straatnaam": "Dwarsliggersteeg",
    "postcode": "9999ZZ",
    "huisnummer": "12",
}


AMOUNT = 87654321


# As people write them in a field for a code.
DRESSED = (
    "Merkteken", "merkteken", "m.merkteken-83", "Merkteken1983", "MERKTEKEN", f"{BSN[:3]}-{BSN[3:6]}-{BSN[6:]}",
    f"{BSN[:4]}.{BSN[4:6]}.{BSN[6:]}", f"mw-{BSN}", "06-12345678", "tel-0612345678", "NL91-ABNA-0417-1643-00",
)  # fmt: skip
MARKS = (
    BSN, BSN.lstrip("0"), "Merkteken", "Dwarsliggersteeg", "9999ZZ", "87654321", "1983-04-27", *DRESSED,
)  # fmt: skip
CODE_FIELDS = (
    ("M3", "ingetrokken", "motivering", {}),
    ("M3", "ingetrokken", "overrulereden", {"motivering": "m-1"}),
    ("M3", "profiel_bepaald", "levensfase", {}),
    ("M3", "profiel_bepaald", "persona", {}),
    ("M3", "termijn_verlengd", "termijn", {"tot": "2026-04-30", "motivering": "m-1"}),
    ("M3", "termijn_verlengd", "motivering", {"tot": "2026-04-30", "termijn": "T01"}),
    ("BEGELEIDING", "contactpersoon_toegewezen", "contactpersoon", {}),
    ("BEGELEIDING", "meting_gedaan", "meetinstrument", dict.fromkeys(get_args(Theme), 1)),
    ("M4", "weigeringsgrond_gevonden", "beoordelaar", {"motivering": "m-1", "grond": "fraude"}),
    ("M7", "bericht_opgehaald", "termijn", {}),
)
"""Each field with a code: in which mijlpaal and event it is, and what else that event needs."""


STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def drive(api: Client) -> list[str]:
    """Send marked persons in by every way of the API, right and wrong, and give all that was answered."""
    answers: list[str] = []

    def note(answer: Any) -> Any:
        answers.append(answer.text + str(dict(answer.headers)))
        return answer

    marked_signal = signal("S-1", None, bedrag=AMOUNT, client=PERSON)
    bad = signal("S-2", None, bedrag="Merkteken", client=PERSON, onbekend={"Merkteken": BSN})
    own_id = signal(BSN, None, client=PERSON)
    repeated = signal("S-3", None, bedrag=AMOUNT, client=PERSON, partner="Huur")
    zaak = {
        "resultaat": "Merkteken",
        "vroegsignalen": [{"ID": "S-4"}],
        "contactpogingen": [{"soort": "Merkteken", "datum": "2026-01-20", "opmerking": "Dwarsliggersteeg"}],
        "opmerking": BSN,
    }
    note(
        api.post(
            "/v1/vroegsignalen",
            json=delivery(marked_signal, bad, own_id, repeated),
            headers={"Idempotency-Key": BSN},
        )
    )
    with_history = delivery(
        signal("S-4", None, client=PERSON | {"burgerservicenummer": valid_bsn("9011111")}), cases=[zaak]
    )
    note(api.post("/v1/vroegsignalen?metHistorie=true", json=with_history))
    note(
        api.post(
            "/v1/vroegsignalen",
            content=f'{{"Merkteken": "{BSN}", '.encode(),
            headers={"Content-Type": "application/json"},
        )
    )

    _codes(api, note)
    body = {"mijlpaal": "M3", "burgerservicenummer": BSN}
    reference = note(
        api.post("/v1/zaken", json=body, headers={"Idempotency-Key": f"Merkteken {BSN}"})
    ).json()["zaak"]
    for wrong in (
        {"zaak": BSN},
        *({"zaak": mark} for mark in DRESSED),
        *({"verwijzingen": [mark]} for mark in DRESSED),
        {"gegevens": {"naam": "Merkteken"}},
        {"gegevens": {"doelgroep": "Merkteken"}},
        {"Merkteken": BSN},
        {"verwijzingen": [BSN, "Merkteken Dwarsliggersteeg"]},
        {"op": "Merkteken"},
        {"mijlpaal": "Merkteken"},
    ):
        note(api.post("/v1/zaken", json={"mijlpaal": "M3"} | wrong))
    for event in (
        {"gebeurtenis": "Merkteken"},
        {"gebeurtenis": "aanmelding_geregistreerd", "gegevens": {"Merkteken": BSN}},
        {"gebeurtenis": "bedreigend", "gegevens": {"bedreiging": "Dwarsliggersteeg"}},
        {"gebeurtenis": "ingetrokken", "mijlpaal": "Merkteken"},
        {"gebeurtenis": "aanmelding_geregistreerd"},
    ):
        note(
            api.post(
                f"/v1/zaken/{reference}/gebeurtenissen", json=event, headers={"Idempotency-Key": str(event)}
            )
        )
    note(api.post(f"/v1/zaken/{reference}/verwijzingen", json={"verwijzing": BSN}))
    for address in (BSN, "Merkteken", reference):
        note(api.get(f"/v1/zaken/{address}"))
        note(api.get(f"/v1/zaken/{address}/journaal"))
    note(api.get("/v1/zaken", params={"verwijzing": BSN}))

    cloudevent = {
        "specversion": "1.0",
        "id": BSN,
        "source": f"urn:nld:persoon:{BSN}",
        "type": "nl.brp.personen.overleden",
        "subject": BSN,
        "merkteken": "Merkteken",
        "data": {"persoon": PERSON, "bedrag": AMOUNT, "zaak": reference, "datumOverlijden": "Merkteken"},
    }
    note(api.post("/v1/cloudevents", json=cloudevent, headers=STRUCTURED))
    note(
        api.post(
            "/v1/cloudevents",
            json=cloudevent | {"id": "2", "type": "Merkteken van dit", "data": PERSON},
            headers=STRUCTURED,
        )
    )
    note(api.post("/v1/cloudevents", json=cloudevent | {"specversion": BSN}, headers=STRUCTURED))
    for number, mark in enumerate(DRESSED):
        named = {"id": f"{mark}-{number}", "source": f"urn:{mark}", "type": f"nl.{mark}.{mark}", "data": {}}
        note(api.post("/v1/cloudevents", json=cloudevent | named | {"subject": mark}, headers=STRUCTURED))
        note(api.post("/v1/notificaties", json=notification(kanaal=mark, resource=mark, actie=mark)))
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "3",
        "ce-source": "s",
        "ce-type": "t",
        "ce-subject": BSN,
        "ce-naam": "Merkteken",
        "Content-Type": "application/json",
    }
    note(api.post("/v1/cloudevents", json=PERSON, headers=headers))
    right = {"ce-id": f"{BSN}-4", "ce-type": "nl.brp.personen.overleden", "ce-subject": reference}
    note(api.post("/v1/cloudevents", json=PERSON | {"bedrag": AMOUNT}, headers=headers | right))
    note(api.post("/v1/notificaties", json=notification(kenmerken={"naam": "Merkteken", "bsn": BSN})))
    note(api.post("/v1/notificaties", json=notification(hoofdObject=f"https://zaken.example.nl/{BSN}")))
    note(api.post("/v1/notificaties", json=notification(actie="Merkteken is weg")))
    for name in ("werkvoorraad", "monitor"):
        note(api.get(f"/v1/{name}", params={"gemeentecode": BSN, "formaat": "Merkteken"}))
        note(api.get(f"/v1/{name}"))
    note(api.get(f"/v1/definities/{BSN}"))
    note(api.get("/overdracht/Merkteken"))
    note(api.post("/overdracht/Merkteken", data={"keuze": "Merkteken", "reden": BSN}))
    note(api.post("/v1/beheermeldingen", json={"soort": "Merkteken", "onderwerp": BSN, "id": "Merkteken"}))
    note(api.request("MERKTEKEN", "/Merkteken", params={"naam": "Merkteken"}))
    note(api.get("/v1/zaken", headers={"X-API-Key": "", "Authorization": f"Bearer rk_{BSN}_Merkteken"}))
    note(api.get("/metrics"))
    return answers


def _codes(api: Client, note: Callable[[Any], Any]) -> None:
    """Send marks in every field with a code, and as the medewerker in whose name something is done."""
    cases = {
        code: note(api.post("/v1/zaken", json={"mijlpaal": code})).json()["zaak"]
        for code in dict.fromkeys(code for code, *_ in CODE_FIELDS)
    }
    for mark in DRESSED:
        for code, event, field, others in CODE_FIELDS:
            told = {"gebeurtenis": event, "mijlpaal": code, "gegevens": {**others, field: mark}}
            note(api.post(f"/v1/zaken/{cases[code]}/gebeurtenissen", json=told))
        told = {"gebeurtenis": "aanmelding_geregistreerd", "medewerker": mark}
        note(api.post(f"/v1/zaken/{cases['M3']}/gebeurtenissen", json=told))

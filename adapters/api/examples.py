"""An example for each name in the description of the API: of a made-up case on a Monday in March."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from milestones.vocabulary import FIRST_TALK

_CASE, _EVENT, _STATE = "FZ-2026-7K2M9QX", "aanmelding_geregistreerd", "CRISISCHECK"
_ZAKEN = "https://zaken.gemeente.example/zaken/api/v1"
_ZAAK = f"{_ZAKEN}/zaken/4f693a3c-212f-4ed5-bdb0-192df06c085e"
_LIST = "https://api.gemeente.example/v1/zaken?page="

EXAMPLES = MappingProxyType(
    {
        "aanleverende_organisatie": "Kredietbank Zandkasteel",
        "aanmaakdatum": "2026-03-09T08:00:00Z",
        "aantal": 1,
        "aantallen": {"open": 12, "te_laat": 1},
        "abonnement": "dashboard",
        "actie": "create",
        "artikel": "4",
        "bedrag_euro": 23,
        "begint_in": "NIEUW",
        "beleid": "standaard",
        "betekenis": "Dit kan nu niet.",
        "bron": "Wgs art. 4 lid 1",
        "bron_voluit": "Wet gemeentelijke schuldhulpverlening, artikel 4 lid 1",
        "burgerservicenummer": "999990007",
        "cijfer": "doorlooptijd",
        "code": "M3",
        "ActorShown.code": "mw-17",
        "count": 1,
        "currentPage": 1,
        "dagen": 14,
        "dagen_te_laat": 0,
        "data": {"datumUitspraak": "2026-03-09"},
        "data_base64": "eyJkYXR1bVVpdHNwcmFhayI6ICIyMDI2LTAzLTA5In0=",
        "datacontenttype": "application/json",
        "definitie": "Dagen van aanmelding tot beschikking.",
        "detail": "Dit kan nu niet.",
        "digest": "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "doel": "klacht-12",
        "door": "mw-17",
        "eenheid": "dagen",
        "eerste_dag": "2026-03-09",
        "eindresultaat": "Definitief geen contact kunnen krijgen",
        "gebeurtenis": _EVENT,
        "gebeurtenissen": [_EVENT],
        "geeindigd_op": "2026-03-20",
        "gegevens": {"bedreiging": "ontruiming"},
        "DataAnswer.gegevens": {"codeGegevensleverancier": "routekaart-1.0.0", "leveringen": []},
        "gemeente": "0518",
        "gemeentecode": "0518",
        "geopend_op": "2026-03-09",
        "CaseLine.geopend_op": "2026-03-09T08:00:00+01:00",
        "gestart_op": "2026-03-09",
        "gewijzigdSinds": "2026-03-09T08:00:00Z",
        "groei": 2,
        "hoofdObject": _ZAAK,
        "id": "uitspraak-1",
        "TermState.id": FIRST_TALK,
        "DefinitionTerm.id": FIRST_TALK,
        "idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324",
        "kanaal": "zaken",
        "kenmerken": {"bronorganisatie": "002564440"},
        "keuzes": ["gas", "water"],
        "laatste_dag": "2026-03-22",
        "label": "Aanmelding geregistreerd",
        "lengte": "4 weken",
        "lid": "1",
        "medewerker": "mw-17",
        "mijlpaal": "M3",
        "mogelijke_gebeurtenissen": ["bedreigend", "niet_bedreigend"],
        "naam": "Aanmelding",
        "naar": _STATE,
        "next": f"{_LIST}3",
        "niet_verschoven_omdat": "de Algemene termijnenwet geldt hier niet",
        "nominaal": "2026-04-06",
        "nummer": 1,
        "ProblemDetails.nummer": "7K2M9QXA",
        "onderdeel": "M4",
        "op": "2026-03-09",
        "LookLine.op": "2026-03-09T08:00:00+01:00",
        "opgeschort_dagen": 0,
        "opmerkingen": ["De ontstaansdatum ligt na de signaaldatum."],
        "over_aantal": "25",
        "page": 1,
        "pageSize": 100,
        "postbak": 7,
        "previous": f"{_LIST}1",
        "reden": "Geen zaak gevonden bij dit bericht.",
        "reference": _CASE,
        "resource": "status",
        "resourceUrl": f"{_ZAKEN}/statussen/9c6b2f11-3a6f-4a7e-8f0c-2f1d6a0b7e11",
        "resultaat": "bezorgd",
        "rol": "case_worker",
        "rollen": ["quality_reviewer"],
        "score": 3,
        "source": "urn:nld:oin:00000001001299992000:systeem:rb",
        "status": 409,
        "Health.status": "ok",
        "subject": _CASE,
        "tekst_van": "2026-01-01",
        "termijn": FIRST_TALK,
        "thema": "inkomen",
        "time": "2026-03-09T08:00:00Z",
        "title": "Nu niet mogelijk",
        "toestand": _STATE,
        "toestanden": {"M3": _STATE},
        "tot_en_met": "2026-03-31",
        "totalPages": 1,
        "totalRecords": 1,
        "type": "nl.rechtspraak.uitspraken.moratorium-toegewezen",
        "ProblemDetails.type": "/v1/problemen#gebeurtenis-niet-mogelijk",
        "ProblemLine.type": "/v1/problemen#gebeurtenis-niet-mogelijk",
        "uiterlijk": "2026-04-07",
        "uiterlijk_atw": "2026-04-07",
        "uiterlijk_tot_en_met": "2026-04-19",
        "uitstroomreden": "Afgerond",
        "url": "https://api.gemeente.example/v1/definities/M3",
        "van": "NIEUW",
        "MonitorReport.van": "2026-03-01",
        "vastgelegd_op": "2026-03-09T08:00:00+01:00",
        "veld": "bedreiging",
        "velden": ["body.op"],
        "verschoven_door": "tweede Paasdag",
        "versie": 3,
        "DeliveryAnswer.versie": "v1.2",
        "vervanger": "mw-18",
        "verwijzing": _ZAAK,
        "verwijzingen": [_ZAAK],
        "voorbehoud": "de rechter kan een andere termijn bepalen",
        "waarde": "41",
        "waarschuwingen": ["2026-03-24", "2026-03-31", "2026-04-01"],
        "wacht_op": "Wacht op crisischeck",
        "weken": 13,
        "wet": "Wet gemeentelijke schuldhulpverlening",
        "zaak": _CASE,
    }
)
_SAYS_ITSELF = ("example", "examples", "enum", "const", "$ref")


def add_examples(described: dict[str, Any]) -> None:
    """Add an example to each parameter and property of a description that does not show by itself what it takes."""
    for name, schema in described["components"]["schemas"].items():
        _properties(schema, f"{name}.")
    for methods in described["paths"].values():
        for operation in methods.values():
            for given in operation.get("parameters", ()):
                _one(given["schema"], given["name"], "")
            for content in operation.get("requestBody", {}).get("content", {}).values():
                _properties(content["schema"], "")
                _properties(content["schema"].get("items", {}), "")


def _properties(schema: dict[str, Any], place: str) -> None:
    for name, shown in schema.get("properties", {}).items():
        _one(shown, name, place)


def _one(shown: dict[str, Any], name: str, place: str) -> None:
    example = EXAMPLES.get(f"{place}{name}", EXAMPLES.get(name))
    if example is not None and not any(f"'{word}':" in str(shown) for word in _SAYS_ITSELF):
        shown["examples"] = [example]

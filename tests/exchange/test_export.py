"""The DDAS delivery of what we hold: valid by the schema, and without what we cannot know."""

from __future__ import annotations

import json
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from support.signal_deliveries import attempt, case, delivery, signal, take_in

from adapters.exchange.ddas_export import DeliveryKind, ExportError, export
from adapters.runtime.settings import DdasContact, SettingsError

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

SHARED = Path(__file__).parents[3] / "shared" / "data"
SCHEMAS = {
    DeliveryKind.TRAJECTS: SHARED / "ddas-v1.0" / "json_schema_Uitwisselmodel.json",
    DeliveryKind.SIGNAL_CASES: SHARED / "ddas-vroegsignalering-v0.9" / "json_schema_Uitwisselmodel.json",
}
DAY = {"type": "string", "format": "date"}
PART = {
    "type": "object",
    "properties": {"startdatum": DAY, "einddatum": DAY, "crisisinterventie": {"type": "boolean"}},
    "additionalProperties": False,
}
# What these tests need of the published schema, for a machine that does not have it.
OWN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        "startdatumLevering",
        "einddatumLevering",
        "aanleverdatumEnTijd",
        "codeGegevensleverancier",
        "leveringen",
    ],
    "properties": {
        "startdatumLevering": DAY,
        "einddatumLevering": DAY,
        "aanleverdatumEnTijd": {"type": "string", "format": "date-time"},
        "leveringen": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["teller", "aanleverende_organisatie"],
                "properties": {
                    "teller": {"type": "integer"},
                    "schuldhulptrajecten": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["gemeentecode"],
                            "properties": {
                                "gemeentecode": {"type": "string"},
                                "startdatum": DAY,
                                "einddatum": DAY,
                                "aanmelding": PART,
                                "intake": {"type": "object", "properties": PART["properties"]},
                            },
                        },
                    },
                },
            },
        },
    },
}


def exported(office: Office, kind: DeliveryKind, start: str = "2026-01-01", end: str = "2026-12-31") -> Any:
    """Return a delivery, after it was checked against the schema."""
    found = json.loads("".join(export(office, kind, date.fromisoformat(start), date.fromisoformat(end))))
    schema = json.loads(SCHEMAS[kind].read_text()) if SCHEMAS[kind].exists() else OWN_SCHEMA
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(found)
    return found


def test_a_traject_is_delivered_with_its_dates(office: Office, clock: SetClock) -> None:
    """A case in M4 is a traject with its aanmelding and its intake; nothing of the client is made up."""
    report = office.casework.report
    office.casework.open("M3", municipality="0518", reference="A", data={"bedreigende_situatie": True})
    report("A", "aanmelding_geregistreerd")
    report("A", "bedreigend")
    clock.moment += timedelta(days=2)
    report("A", "eerste_gesprek_gevoerd")
    (part,) = exported(office, DeliveryKind.TRAJECTS)["leveringen"]
    assert part["schuldhulptrajecten"] == [
        {
            "gemeentecode": "GM0518",
            "startdatum": "2026-03-09",
            "aanmelding": {"startdatum": "2026-03-09", "einddatum": "2026-03-11", "crisisinterventie": True},
            "intake": {"startdatum": "2026-03-11"},
        }
    ]


def test_a_schuldregeling_is_delivered_as_vng_explains_it(office: Office, clock: SetClock) -> None:
    """The day of granting is that of the schuldregeling, not of the admission; who delivers is named with a version."""
    clock.moment += timedelta(days=90)
    report = office.casework.report
    office.casework.open("M6", municipality="0518", reference="A", on=date(2026, 3, 2))
    for event, day in (
        ("plan_opgesteld", "2026-03-03"),
        ("inwoner_akkoord", "2026-03-04"),
        ("goedgekeurd", "2026-03-05"),
        ("bekendgemaakt", "2026-03-06"),
    ):
        report("A", event, on=date.fromisoformat(day))
    assert (
        "toekenningsdatum"
        not in exported(office, DeliveryKind.TRAJECTS)["leveringen"][0]["schuldhulptrajecten"][0]
    )
    for event, day in (
        ("overeenkomst_getekend", "2026-03-10"),
        ("saldoverzoek_verstuurd", "2026-03-11"),
        ("saldoverzoek_beantwoord", "2026-03-20"),
        ("betaalvoorstel_verstuurd", "2026-04-01"),
        ("betaalvoorstel_beantwoord", "2026-05-01"),
        ("akkoord_allen", "2026-05-04"),
        ("eerste_aflossing_gedaan", "2026-05-25"),
    ):
        report("A", event, process="M7", on=date.fromisoformat(day))
    office.settings = office.settings.model_copy(
        update={
            "ddas_organisation": "Kredietbank Zandkasteel",
            "ddas_kvk_number": "12345678",
            "ddas_contacts": (DdasContact(naam="Team cijfers", email="cijfers@example.nl"),),
        }
    )
    found = exported(office, DeliveryKind.TRAJECTS)
    assert found["codeGegevensleverancier"] == f"routekaart-{version('routekaart')}"
    (part,) = found["leveringen"]
    assert part["aanleverende_organisatie"] == {  # no gemeente, so without a gemeentecode
        "(Statutaire) Naam": "Kredietbank Zandkasteel",
        "KvK-nummer": "12345678",
        "contactpersonen": [{"naam": "Team cijfers", "email": "cijfers@example.nl"}],
    }
    (traject,) = part["schuldhulptrajecten"]
    assert traject["schuldregeling"] == {"datum": "2026-03-10", "toegekend": "2026-05-04"}
    assert traject["toekenningsdatum"] == "2026-05-04"
    assert traject["gemeentecode"] == "GM0518"
    assert traject["intake"] == {
        "beschikkingsdatum": "2026-03-06",
        "beschikkingssoort": "Toelatingsbeschikking",
        "einddatum": "2026-03-06",
    }
    assert traject["oplossing"] == {"startdatum": "2026-05-25", "soort": "Schuldbemiddeling"}


def test_a_moratorium_is_delivered_with_every_date(office: Office, clock: SetClock) -> None:
    """A crisis, a petition and a ruling give their dates; a second petition is a second moratorium."""
    clock.moment += timedelta(days=90)
    office.casework.open("M5", municipality="0518", reference="A", on=date(2026, 3, 2))
    for event, day, data in (
        ("crisis_actief", "2026-03-03", {}),
        ("moratorium_verzocht", "2026-03-04", {}),
        ("zitting_gehouden", "2026-03-10", {}),
        ("toegewezen", "2026-03-12", {"einddatum": "2026-09-12"}),
    ):
        office.casework.report("A", event, process="M5", on=date.fromisoformat(day), data=data)
    (traject,) = exported(office, DeliveryKind.TRAJECTS)["leveringen"][0]["schuldhulptrajecten"]
    assert traject["crisisinterventies"] == [{"startdatum": "2026-03-03"}]
    assert traject["moratoria"] == [
        {
            "datumAanvraag": "2026-03-04",
            "datumGoedkeuring": "2026-03-12",
            "startdatum": "2026-03-12",
            "einddatum": "2026-09-12",
        }
    ]


def test_an_ended_traject_has_its_exit(office: Office) -> None:
    """A traject that ended carries its end and the reason of DDAS."""
    office.casework.open("M3", municipality="0518", reference="A")
    office.casework.report("A", "ingetrokken", data={"motivering": "m-1"})
    (part,) = exported(office, DeliveryKind.TRAJECTS)["leveringen"]
    (traject,) = part["schuldhulptrajecten"]
    assert traject["uitstroom"] == {
        "datum": "2026-03-09",
        "datumBeeindigingsbeschikking": "2026-03-09",
        "reden": "Ingetrokken",
    }
    assert traject["einddatum"] == "2026-03-09"


MOTIVATED = {"motivering": "m-1"}


def reported(office: Office, process: str, *steps: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> Any:
    """Report these events in a process of case A, each with its day; give the traject that is delivered."""
    for event, day, *data in steps:
        office.casework.report(
            "A", event, process=process, on=date.fromisoformat(day), data=data[0] if data else {}
        )
    return exported(office, DeliveryKind.TRAJECTS)["leveringen"][0]["schuldhulptrajecten"][0]


def test_the_three_end_dates_are_that_of_the_beschikking(office: Office, clock: SetClock) -> None:
    """Help ends with the beschikking and not with the bezwaartermijn; after a bezwaar that was right it runs again."""
    clock.moment += timedelta(days=90)
    office.casework.open("M8", municipality="0518", reference="A", on=date(2026, 3, 9))
    ended = reported(office, "M8", ("inwoner_wil_geen_nazorg", "2026-04-01", MOTIVATED))
    assert ended["einddatum"] == ended["nazorg"]["einddatum"] == "2026-04-01"
    assert ended["uitstroom"] == {
        "datum": "2026-04-01",
        "datumBeeindigingsbeschikking": "2026-04-01",
        "reden": "Afgerond",
    }
    attacked = reported(office, "M8", ("bezwaar_ontvangen", "2026-04-08"))
    assert attacked["einddatum"] == "2026-04-01"
    runs = reported(office, "M8", ("gegrond", "2026-04-20"))
    assert not {"einddatum", "uitstroom"} & set(runs)
    again = reported(office, "M8", ("inwoner_wil_geen_nazorg", "2026-05-04", MOTIVATED))
    assert again["einddatum"] == again["uitstroom"]["datumBeeindigingsbeschikking"] == "2026-05-04"


def test_an_intake_ends_with_its_beschikking(office: Office, clock: SetClock) -> None:
    """Between the intake and the beschikking its end is not known; the day of M4's end is not given for it."""
    clock.moment += timedelta(days=90)
    office.casework.open("M4", municipality="0518", reference="A", on=date(2026, 3, 9))
    waits = reported(office, "M4", ("hulpvraag_vastgesteld", "2026-03-09"), ("beeld_compleet", "2026-03-20"))
    assert waits["intake"] == {"startdatum": "2026-03-09"}
    decided = reported(
        office,
        "M6",
        ("plan_opgesteld", "2026-03-23"),
        ("inwoner_akkoord", "2026-03-24"),
        ("goedgekeurd", "2026-03-25"),
        ("bekendgemaakt", "2026-03-27"),
    )
    assert decided["intake"] == {
        "startdatum": "2026-03-09",
        "einddatum": "2026-03-27",
        "beschikkingsdatum": "2026-03-27",
        "beschikkingssoort": "Toelatingsbeschikking",
    }


def test_an_oplossing_begins_when_all_agreed(office: Office, clock: SetClock) -> None:
    """An aflossing before the agreement is no oplossing yet."""
    clock.moment += timedelta(days=90)
    office.casework.open("M7", municipality="0518", reference="A", on=date(2026, 3, 9))
    before = reported(
        office, "M7", ("overeenkomst_getekend", "2026-03-10"), ("eerste_aflossing_gedaan", "2026-03-12")
    )
    assert "oplossing" not in before
    after = reported(
        office,
        "M7",
        ("saldoverzoek_verstuurd", "2026-03-16"),
        ("vooraf_akkoord", "2026-03-20"),
        ("eerste_aflossing_gedaan", "2026-04-01"),
    )
    assert after["oplossing"]["startdatum"] == "2026-04-01"


def test_begeleiding_of_m5_is_delivered_with_its_end(office: Office, clock: SetClock) -> None:
    """A bewind that the judge ends, another one, budgetbeheer and long guidance: each with what is known of it."""
    clock.moment += timedelta(days=90)
    office.casework.open("M5", municipality="0518", reference="A", on=date(2026, 3, 2))
    traject = reported(
        office,
        "M5",
        ("stabilisatie_gestart", "2026-03-03"),
        ("bewind_ingesteld", "2026-03-05"),
        ("bewind_beeindigd", "2026-03-16"),
        ("niet_haalbaar", "2026-03-17"),
        ("bewind_ingesteld", "2026-04-02"),
    )
    assert traject["begeleiding"] == [
        {"soort": "Beschermingsbewind", "startdatum": "2026-03-05", "einddatum": "2026-03-16"},
        {"soort": "Beschermingsbewind", "startdatum": "2026-04-02"},
        {"soort": "Lange Termijn Begeleiding (DFD)", "startdatum": "2026-03-17"},
    ]


def test_light_help_is_delivered(office: Office) -> None:
    """Who can go on with information and advice has its day under InformatieEnAdvies."""
    office.casework.open("M3", municipality="0518", reference="A")
    traject = reported(
        office,
        "M3",
        ("aanmelding_geregistreerd", "2026-03-09"),
        ("niet_bedreigend", "2026-03-09"),
        ("informatie_en_advies_gegeven", "2026-03-09", {"inwoner_stemt_in": True, "motivering": "m-1"}),
    )
    assert traject["informatieEnAdvies"] == {"einddatum": "2026-03-09"}


def test_the_wsnp_keeps_a_traject_open(office: Office, clock: SetClock) -> None:
    """The model of DDAS has no field for the Wsnp: the minnelijke regeling was afgewezen, and the traject runs on."""
    clock.moment += timedelta(days=90)
    office.casework.open("M7", municipality="0518", reference="A", on=date(2026, 3, 9))
    traject = reported(
        office, "M7", ("overeenkomst_getekend", "2026-03-10"), ("minnelijk_mislukt", "2026-04-01")
    )
    assert traject["schuldregeling"] == {"datum": "2026-03-10", "afgewezen": "2026-04-01"}
    assert not {"einddatum", "uitstroom", "toekenningsdatum"} & set(traject)


def test_only_the_period_and_each_municipality_apart(office: Office) -> None:
    """A traject outside the period is left out; each municipality is a levering of its own."""
    for reference, municipality in (("A", "0518"), ("B", "0363")):
        office.casework.open("M3", municipality=municipality, reference=reference)
        office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    found = exported(office, DeliveryKind.TRAJECTS)["leveringen"]
    assert [part["aanleverende_organisatie"] for part in found] == [
        {"gemeentecode": "GM0363"},
        {"gemeentecode": "GM0518"},
    ]
    later = exported(office, DeliveryKind.TRAJECTS, "2026-04-01")["leveringen"]
    assert [part["schuldhulptrajecten"] for part in later] == [[], []]


def test_a_gemeente_that_nobody_named_is_unknown(office: Office) -> None:
    """DDAS has a word for a gemeentecode that is not known; the default of the settings is no code."""
    office.casework.open("M3", municipality="0000", reference="A")
    (part,) = exported(office, DeliveryKind.TRAJECTS)["leveringen"]
    assert part["aanleverende_organisatie"] == {}
    assert part["schuldhulptrajecten"][0]["gemeentecode"] == "Onbekend"


def test_a_vroegsignaalzaak_comes_out_as_it_came_in(office: Office) -> None:
    """A vroegsignaalzaak that was taken over is delivered with the same dates, attempts and result."""
    zaak = case(
        "Inwoner hoeft geen hulp vanuit vroegsignalering",
        "A",
        attempts=[attempt("2026-01-14"), attempt("2026-01-20", reached=True)],
    )
    take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    (part,) = exported(office, DeliveryKind.SIGNAL_CASES)["leveringen"]
    assert part["vroegsignaalzaken"] == [zaak]


def clients(reference: str) -> list[dict[str, Any]]:
    """Return the client fields of a case: the plug-in of these tests."""
    return [{"Postcode": "1234AB", "Achternaam": reference, "Geboortedatum": None}]


def another_word(_: str) -> list[dict[str, Any]]:
    """Return a sex as other systems write it."""
    return [{"Geslachtsaanduiding": "V"}]


def test_a_plugin_gives_the_client_fields(office: Office) -> None:
    """Client fields come from the plug-in, and only those that DDAS has."""
    office.casework.open("M3", municipality="0518", reference="A")
    office.settings = office.settings.model_copy(update={"person_plugin": "test_export:clients"})
    (part,) = exported(office, DeliveryKind.TRAJECTS)["leveringen"]
    assert part["schuldhulptrajecten"][0]["client"] == [{"Postcode": "1234AB"}]
    office.settings = office.settings.model_copy(update={"person_plugin": "test_export:another_word"})
    with pytest.raises(ExportError, match="Man, Vrouw, Onbekend, Leeg"):
        exported(office, DeliveryKind.TRAJECTS)
    office.settings = office.settings.model_copy(update={"person_plugin": "test_export:bestaat_niet"})
    with pytest.raises(SettingsError):
        exported(office, DeliveryKind.TRAJECTS)


def test_a_period_that_ends_before_it_starts_is_refused(office: Office) -> None:
    """A wrong period is refused in one sentence."""
    with pytest.raises(ExportError):
        exported(office, DeliveryKind.TRAJECTS, "2026-02-01", "2026-01-01")


def test_an_empty_database_gives_an_empty_delivery(office: Office) -> None:
    """Without cases there is one levering with nothing in it."""
    assert exported(office, DeliveryKind.TRAJECTS)["leveringen"][0]["schuldhulptrajecten"] == []

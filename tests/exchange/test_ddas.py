"""Reading DDAS deliveries: every version, every kind of bad signal, hostile files, and no personal data."""

import json
import tracemalloc
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.effort import grows_in_step

from adapters.exchange import ddas_signal
from adapters.exchange.ddas import Delivery, DeliveryPart, check_structure, read_signals
from adapters.exchange.ddas_signal import ELEVEN_TEST_WARNING, BadSignal, Signal
from adapters.exchange.ddas_stream import NotADelivery, ReadableFile
from adapters.runtime.privacy import eleven_test

FIXTURES = Path(__file__).parent.parent / "fixtures"
SHARED = Path(__file__).parent.parent.parent / ".." / "shared" / "data"
SHARED_EARLY_SIGNALS = SHARED / "ddas-vroegsignalering-v0.9"
TODAY = date(2026, 2, 10)
INVALID_BSN = "900000001"

needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared data folder is not here")


def valid_bsn(start: str) -> str:
    """Complete seven digits to a BSN that passes the eleven test."""
    return next(bsn for tail in range(100) if eleven_test(bsn := f"{start}{tail:02}"))


def signal(**changes: Any) -> dict[str, Any]:
    """Make a signal as it stands in a file; a change to `...` leaves the field out."""
    members: dict[str, Any] = {
        "ID": "T-1",
        "crisissignaal": False,
        "warmeOverdracht": False,
        "bedrag": 450,
        "ontstaansdatum": "2025-12-10",
        "signaaldatum": "2026-01-05",
        "status": "Nog niet opgepakt",
        "signaalpartner": {"type": "Energie"},
        "client": {"burgerservicenummer": valid_bsn("9000001")},
    }
    return {name: value for name, value in (members | changes).items() if value is not ...}


def delivery(*signals: Any, **changes: Any) -> dict[str, Any]:
    """Make a file with one levering; changes are to the levering."""
    part = {
        "teller": 1,
        "gemeentecode": "9901",
        "aanleverendeOrganisatie": {"naam": "Gemeente Zandkasteel"},
        "vroegsignalen": list(signals),
    }
    return {
        "codeGegevensleverancier": "PROEF",
        "startdatumLevering": "2026-01-01",
        "einddatumLevering": "2026-01-31",
        "aanleverdatumEnTijd": "2026-02-02T08:00:00Z",
        "leveringen": [{name: value for name, value in (part | changes).items() if value is not ...}],
    }


def save(folder: Path, content: Any) -> Path:
    """Write bytes as they are and anything else as JSON (NaN and all)."""
    path = folder / "levering.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(folder: Path, content: Any) -> list[Signal | BadSignal]:
    """Save a file and read all that it holds."""
    return list(read_signals(save(folder, content), today=TODAY))


def read_one(folder: Path, **changes: Any) -> Signal | BadSignal:
    """Read a file with one signal, made with these changes."""
    (record,) = read(folder, delivery(signal(**changes)))
    return record


def reason_of(folder: Path, **changes: Any) -> str:
    """Read one signal that has to be bad, and give the reason."""
    record = read_one(folder, **changes)
    assert isinstance(record, BadSignal)
    return record.reason


def good(folder: Path, **changes: Any) -> Signal:
    """Read one signal that has to be good."""
    record = read_one(folder, **changes)
    assert isinstance(record, Signal), record
    return record


# Versions


def test_a_v0_9_delivery_is_read_and_its_history_passed_over() -> None:
    """Every field of a v0.9 signal arrives, and the vroegsignaalzaken count for nothing."""
    path = FIXTURES / "vroegsignalen_v0_9.json"
    found = check_structure(path)
    assert (found.version, found.supplier, found.signal_count) == ("v0.9/v1.0", "PROEF-09", 1)
    assert found.parts == (DeliveryPart(7, "9901"),)
    assert found.warnings == ()
    assert list(read_signals(path, today=TODAY)) == [
        Signal(
            position=1,
            delivery_number=7,
            municipality_code="9901",
            supplier="PROEF-09",
            signal_id="ZK-1",
            signal_date=date(2026, 1, 6),
            origin_date=date(2025, 12, 1),
            crisis=True,
            warm_handover=False,
            partner_type="Huur",
            amount=612,
            status="Nog niet opgepakt",
            bsn="900000001",
            warnings=(ELEVEN_TEST_WARNING,),
        )
    ]


def test_a_v1_0_delivery_is_read_whatever_the_order_of_its_members() -> None:
    """Supplier and gemeentecode reach each signal though they stand after it; positions run on."""
    path = FIXTURES / "vroegsignalen_v1_0.json"
    found = check_structure(path)
    assert (found.version, found.supplier, found.signal_count) == ("v0.9/v1.0", "PROEF-10", 3)
    first, second, third = read_signals(path, today=TODAY, delivery=found)
    assert isinstance(first, Signal)
    assert isinstance(second, Signal)
    assert (first.position, first.delivery_number, first.municipality_code) == (1, 1, "9902")
    assert (second.position, second.delivery_number, second.municipality_code) == (2, 2, "9903")
    assert (first.supplier, second.supplier) == ("PROEF-10", "PROEF-10")
    assert third == BadSignal(
        3, "KH-2", "Het veld 'signaaldatum' ontbreekt, terwijl de termijn vanaf die datum telt."
    )


def test_a_v1_2_delivery_is_read_and_a_signal_of_the_cak_needs_no_bsn() -> None:
    """A signal without BSN is kept for a person to match, without a warning."""
    path = FIXTURES / "vroegsignalen_v1_2.json"
    assert check_structure(path).version == "v1.2 of later"
    cak, energy = read_signals(path, today=TODAY)
    assert isinstance(cak, Signal)
    assert isinstance(energy, Signal)
    assert (cak.partner_type, cak.bsn, cak.warnings) == ("CAK Zorgverzekeringen", None, ())
    assert (energy.bsn, energy.status) == ("900000005", "Opgepakt")


@pytest.mark.parametrize(
    ("organisation", "client", "version"),
    [
        ({"aanleverendeOrganisatie": {}}, {"Burgerservicenummer": INVALID_BSN}, "v1.2 of later"),
        ({"aanleverende_organisatie": {}}, {"burgerservicenummer": INVALID_BSN}, "v0.9/v1.0"),
        ({}, {"Burgerservicenummer": INVALID_BSN}, "v0.9/v1.0"),
        ({}, {"burgerservicenummer": INVALID_BSN}, "v1.2 of later"),
        ({}, {}, "onbekend"),
    ],
)
def test_the_spelling_of_names_tells_the_version(
    tmp_path: Path, organisation: dict[str, Any], client: dict[str, Any], version: str
) -> None:
    """The organisation decides, else the client; a file without either is read all the same."""
    part = {"aanleverendeOrganisatie": ...} | organisation
    path = save(tmp_path, delivery(signal(client=client), **part))
    assert check_structure(path).version == version
    (record,) = read_signals(path, today=TODAY)
    assert isinstance(record, Signal)


def test_names_are_compared_without_case_and_dashes(tmp_path: Path) -> None:
    """A name in another spelling has the same meaning."""
    spelled = {
        "id": "T-9",
        "CrisisSignaal": True,
        "warme_overdracht": True,
        "Signaal-datum": "2026-01-05",
        "SignaalPartner": {"Type": "Zorg"},
        "CLIENT": {"burger_service_nummer": INVALID_BSN},
    }
    (record,) = read(tmp_path, delivery(spelled))
    assert isinstance(record, Signal)
    assert (record.signal_id, record.crisis, record.warm_handover) == ("T-9", True, True)
    assert (record.partner_type, record.bsn) == ("Zorg", INVALID_BSN)


def test_a_dotted_or_joined_name_is_no_way_into_a_nested_field(tmp_path: Path) -> None:
    """Only a member of client is a BSN."""
    sly = {"client.burgerservicenummer": INVALID_BSN, "client_burgerservicenummer": INVALID_BSN}
    record = good(tmp_path, client={}, **sly)
    assert record.bsn is None


@needs_shared
def test_the_published_v0_9_example_is_read() -> None:
    """The example of VNG gives one signal, with a warning about its BSN."""
    path = SHARED_EARLY_SIGNALS / "enkelvoudigVoorbeeld.json"
    assert check_structure(path).version == "v0.9/v1.0"
    (record,) = read_signals(path, today=TODAY)
    assert isinstance(record, Signal)
    assert (record.signal_id, record.municipality_code) == ("VS-2025-0001", "0518")
    assert (record.signal_date, record.amount) == (date(2025, 1, 5), 450)
    assert record.warnings == (ELEVEN_TEST_WARNING,)


@needs_shared
def test_the_published_delivery_of_trajecten_is_refused() -> None:
    """The example of schuldhulptrajecten is recognised for what it is."""
    with pytest.raises(NotADelivery, match="schuldhulptrajecten, niet van vroegsignalen"):
        check_structure(SHARED / "ddas-v1.0" / "enkelvoudigVoorbeeld.json")


@needs_shared
def test_our_tables_hold_what_the_published_schema_holds() -> None:
    """No value or field of a signal in the v0.9 schema is unknown here."""
    schema = json.loads((SHARED_EARLY_SIGNALS / "json_schema_Uitwisselmodel.json").read_text())
    assert set(schema["$defs"]["EnumSignaalpartner"]["enum"]) == ddas_signal.PARTNER_TYPES
    assert set(schema["$defs"]["EnumSignaalstatus"]["enum"]) <= ddas_signal.SIGNAL_STATUSES
    part = schema["properties"]["leveringen"]["items"]["properties"]
    fields = part["vroegsignalen"]["items"]["properties"]
    known = {entry.label.lower() for entry in ddas_signal._SIGNAL_FIELDS.values()}
    for name, definition in fields.items():
        inner = [f"{name}.{inner}" for inner in definition.get("properties", {})]
        assert {name.lower() for name in [name, *inner]} <= known


@needs_shared
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "ID": st.sampled_from(["T-2", 7, ...]),
            "crisissignaal": st.sampled_from([True, "ja", 1, ...]),
            "bedrag": st.sampled_from([0, 450.0, 1.5, "450", True, ...]),
            "signaaldatum": st.sampled_from(["2026-01-05", "2026-02-30", "20260105", 20260105]),
            "ontstaansdatum": st.sampled_from(["2025-12-10", "10-12-2025", ...]),
            "status": st.sampled_from(["Nog niet opgepakt", "nog niet opgepakt", 3, ...]),
            "signaalpartner": st.sampled_from([{"type": "Zorg"}, {"type": "zorg"}, {}, "Zorg", ...]),
            "client": st.sampled_from([{"Burgerservicenummer": INVALID_BSN}, {}, [], ...]),
        },
    )
)
def test_our_checks_agree_with_the_published_schema(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A signal is bad exactly where a validator with the v0.9 schema says so."""
    schema = json.loads((SHARED_EARLY_SIGNALS / "json_schema_Uitwisselmodel.json").read_text())
    changes = {"client": {"Burgerservicenummer": INVALID_BSN}} | changes
    file = delivery(signal(**changes), aanleverendeOrganisatie=..., aanleverende_organisatie={})
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    (record,) = read(tmp_path, file)
    assert isinstance(record, Signal) == validator.is_valid(file)


# The eleven test and BSN


@pytest.mark.parametrize(
    ("bsn", "passes"),
    [
        (valid_bsn("9000001"), True),
        (valid_bsn("0900001"), True),
        (valid_bsn("0900001")[1:], True),
        (valid_bsn("9000001")[:-1] + str((int(valid_bsn("9000001")[-1]) + 1) % 10), False),
        ("000000000", False),
        ("00000000", False),
        ("1234567", False),
        ("1234567890", False),
        ("", False),
        ("12345678x", False),
        ("١٢٣٤٥٦٧٨٢", False),
        ("123456782\n", False),
    ],
)
def test_the_eleven_test(bsn: str, passes: bool) -> None:
    """Nine digits, or eight with the zero lost, whose weighted sum is a multiple of eleven."""
    assert eleven_test(bsn) is passes


@given(st.integers(min_value=1, max_value=999_999_999))
def test_the_eleven_test_agrees_with_its_definition(number: int) -> None:
    """9a + 8b + 7c + 6d + 5e + 4f + 3g + 2h - i is divisible by eleven."""
    a, b, c, d, e, f, g, h, i = (int(digit) for digit in f"{number:09}")
    total = 9 * a + 8 * b + 7 * c + 6 * d + 5 * e + 4 * f + 3 * g + 2 * h - i
    assert eleven_test(f"{number:09}") == (total % 11 == 0)


def test_the_bsn_in_our_fixtures_belong_to_nobody() -> None:
    """Each BSN in the fixtures fails the eleven test."""
    files = list(FIXTURES.glob("vroegsignalen_*.json"))
    records = [record for path in files for record in read_signals(path, today=TODAY)]
    numbers = [record.bsn for record in records if isinstance(record, Signal) and record.bsn]
    assert len(numbers) >= len(files) > 2
    assert not any(map(eleven_test, numbers))


@pytest.mark.parametrize(
    ("written", "bsn", "warning"),
    [
        (valid_bsn("9000001"), valid_bsn("9000001"), None),
        (valid_bsn("0900001")[1:], valid_bsn("0900001"), None),
        (INVALID_BSN, INVALID_BSN, "elfproef"),
        ("", None, None),
        (None, None, None),
        ("000000000", None, "alleen uit nullen"),
        ("9000", None, "niet uit negen cijfers"),
        ("onbekend", None, "niet uit negen cijfers"),
    ],
)
def test_a_bsn_is_nine_digits_or_left_to_a_person(
    tmp_path: Path, written: str | None, bsn: str | None, warning: str | None
) -> None:
    """A doubtful BSN gives a warning; one that names no single person is read as none."""
    record = good(tmp_path, client={"burgerservicenummer": written})
    assert record.bsn == bsn
    assert len(record.warnings) == (warning is not None)
    assert warning is None or warning in record.warnings[0]


# Bad signals and warnings


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-01-05T23:30:00Z", date(2026, 1, 6)),
        ("2026-01-05t09:00:00.111222333+01:00", date(2026, 1, 5)),
        ("2026-01-05 09:00", date(2026, 1, 5)),
    ],
)
def test_a_moment_counts_as_its_day_in_amsterdam(tmp_path: Path, written: str, day: date) -> None:
    """A date is read as in every other way in, also where a supplier writes a moment."""
    assert good(tmp_path, signaaldatum=written, ontstaansdatum=None).signal_date == day


@pytest.mark.parametrize(
    ("changes", "part_of_reason"),
    [
        ({"ID": ...}, "'ID' ontbreekt"),
        ({"ID": None}, "'ID' ontbreekt"),
        ({"ID": ""}, "'ID' is geen gewone tekst"),
        ({"ID": " "}, "'ID' is geen gewone tekst"),
        ({"ID": 12}, "'ID' is geen gewone tekst"),
        ({"ID": "x" * 256}, "'ID' is geen gewone tekst"),
        ({"ID": "a\0b"}, "'ID' is geen gewone tekst"),
        ({"ID": "a\nb"}, "'ID' is geen gewone tekst"),
        ({"client": ...}, "'client' ontbreekt"),
        ({"client": []}, "'client' is geen object"),
        ({"client": "Jansen"}, "'client' is geen object"),
        ({"client": {"burgerservicenummer": 900000001}}, "'client.burgerservicenummer' is geen tekst"),
        ({"signaalpartner": ...}, "'signaalpartner' ontbreekt"),
        ({"signaalpartner": "Energie"}, "'signaalpartner' is geen object"),
        ({"signaalpartner": {"type": "Bakker"}}, "'signaalpartner.type' heeft een waarde die DDAS niet"),
        ({"signaalpartner": {"type": ["Zorg"]}}, "'signaalpartner.type' is geen tekst"),
        ({"status": "Klaar"}, "'status' heeft een waarde die DDAS niet kent"),
        ({"signaaldatum": ...}, "'signaaldatum' ontbreekt"),
        ({"signaaldatum": None}, "'signaaldatum' ontbreekt"),
        ({"signaaldatum": "05-01-2026"}, "'signaaldatum' is geen datum"),
        ({"signaaldatum": "2026-02-30"}, "'signaaldatum' is geen datum"),
        ({"signaaldatum": "20260105"}, "'signaaldatum' is geen datum"),
        ({"signaaldatum": "2026-W01-1"}, "'signaaldatum' is geen datum"),
        ({"signaaldatum": "2026-02-11"}, "'signaaldatum' is een datum in de toekomst"),
        ({"ontstaansdatum": 20251210}, "'ontstaansdatum' is geen datum"),
        ({"crisissignaal": "true"}, "'crisissignaal' is geen ja of nee"),
        ({"warmeOverdracht": 1}, "'warmeOverdracht' is geen ja of nee"),
        ({"bedrag": "450"}, "'bedrag' is geen getal"),
        ({"bedrag": True}, "'bedrag' is geen getal"),
        ({"bedrag": 450.5}, "'bedrag' is geen bedrag in hele euro's"),
        ({"bedrag": 10**10}, "'bedrag' is een te groot bedrag"),
        ({"crisisSignaal": False}, "'crisissignaal' staat twee keer"),
    ],
)
def test_a_bad_signal_names_its_field(tmp_path: Path, changes: dict[str, Any], part_of_reason: str) -> None:
    """The reason says which field is wrong and how."""
    reason = reason_of(tmp_path, **changes)
    assert part_of_reason in reason
    assert reason.endswith(".")
    assert reason.count(". ") == 0


@pytest.mark.parametrize("item", [None, 1, "x", [], [[1]], True])
def test_a_signal_that_is_no_object_is_bad(tmp_path: Path, item: Any) -> None:
    """It takes its place among the others and gives none of them another."""
    first, second = read(tmp_path, delivery(item, signal()))
    assert first == BadSignal(1, None, "Het signaal is geen object.")
    assert isinstance(second, Signal)
    assert second.position == 2


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"ontstaansdatum": "2026-01-06"}, "De ontstaansdatum ligt na de signaaldatum."),
        ({"crisissignaal": ...}, "niet bij of het een crisis is"),
        ({"signaalpartner": {}}, "niet bij welke soort signaalpartner"),
        ({"nieuwVeld": {"a": [1, {"b": 2}]}}, "velden die wij niet kennen"),
        ({"client": {"nieuwVeld": 1}}, "velden die wij niet kennen"),
        ({"client": {"geboortedatum": "1970-00-00"}}, "'client.geboortedatum' is geen datum"),
        ({"client": {"huisnummer": 12}}, "'client.huisnummer' is geen tekst"),
    ],
)
def test_a_doubtful_signal_is_kept_with_a_warning(
    tmp_path: Path, changes: dict[str, Any], warning: str
) -> None:
    """What does not touch the route of a case never costs a resident the signal."""
    record = good(tmp_path, **changes)
    assert len(record.warnings) == 1
    assert warning in record.warnings[0]


def test_what_may_be_absent_is_absent(tmp_path: Path) -> None:
    """A signal needs no more than an ID, a client, a signaalpartner and a signaaldatum."""
    bare = dict.fromkeys(("crisissignaal", "warmeOverdracht", "bedrag", "ontstaansdatum", "status"), ...)
    record = good(tmp_path, client={}, **bare)
    assert (record.crisis, record.warm_handover) == (False, False)
    assert (record.amount, record.origin_date, record.status, record.bsn) == (None, None, None, None)


def test_a_whole_amount_may_be_written_with_a_point(tmp_path: Path) -> None:
    """450.0 is an integer in JSON Schema."""
    amount = good(tmp_path, bedrag=450.0).amount
    assert amount == 450
    assert type(amount) is int


def test_a_signal_of_today_is_not_in_the_future(tmp_path: Path) -> None:
    """The day of import itself is allowed."""
    assert good(tmp_path, signaaldatum=TODAY.isoformat()).signal_date == TODAY


def test_the_second_signal_with_an_id_is_bad(tmp_path: Path) -> None:
    """The first one counts, also across leveringen; a bad one does not use its ID up."""
    file = delivery(signal(ID="A", signaaldatum=...), signal(ID="A"), signal(ID="B"))
    file["leveringen"].append(delivery(signal(ID="A"), teller=2, gemeentecode="9902")["leveringen"][0])
    records = read(tmp_path, file)
    assert [type(record) for record in records] == [BadSignal, Signal, Signal, BadSignal]
    assert isinstance(records[3], BadSignal)
    assert (records[3].position, records[3].signal_id) == (4, "A")
    assert "twee keer voorkomt" in records[3].reason


# Files that are no delivery


def without(name: str) -> dict[str, Any]:
    """Make a file that misses one member around its leveringen."""
    return {key: value for key, value in delivery(signal()).items() if key != name}


@pytest.mark.parametrize(
    ("content", "part_of_sentence"),
    [
        (b"", "geen JSON"),
        (b"   ", "geen JSON"),
        (b"ID;bedrag\n1;2\n", "geen JSON"),
        (b"%PDF-1.7", "geen JSON"),
        (b'{"leveringen": [}', "geen JSON"),
        (b"1e99999999999999999999", "begint niet met een object"),
        (json.dumps(delivery()).encode() + b"{}", "geen JSON"),
        (b"[]", "begint niet met een object"),
        (b'"tekst"', "begint niet met een object"),
        (b"null", "begint niet met een object"),
        (b"{}", "'leveringen' ontbreekt of is leeg"),
        ({"leveringen": []}, "'leveringen' ontbreekt of is leeg"),
        ({"leveringen": None}, "'leveringen' ontbreekt of is leeg"),
        ({"leveringen": {}}, "'leveringen' in het bestand is geen lijst"),
        ({"leveringen": [1]}, "levering in het bestand is geen object"),
        (delivery(vroegsignalen={}), "'vroegsignalen' in het bestand is geen lijst"),
        (delivery(gemeentecode=...), "Levering 1 in het bestand heeft geen gemeentecode"),
        (delivery(gemeentecode=None), "Levering 1 in het bestand heeft geen gemeentecode"),
        (delivery(gemeentecode=518), "geen gemeentecode zoals 0518"),
        (delivery(gemeentecode="Zandkasteel"), "geen gemeentecode zoals 0518"),
        (delivery(gemeentecode={}), "geen gemeentecode zoals 0518"),
        (delivery(gemeente_code="9902"), "'gemeentecode' staat twee keer"),
        (delivery(schuldhulptrajecten=[]), "DDAS-levering van schuldhulptrajecten"),
        ({"schuldhulptrajecten": []}, "DDAS-levering van schuldhulptrajecten"),
        (json.dumps(delivery()).encode("utf-16"), "niet opgeslagen als UTF-8"),
        (json.dumps(delivery()).encode("utf-16-le"), "niet opgeslagen als UTF-8"),
        (json.dumps(delivery()).encode("utf-32"), "niet opgeslagen als UTF-8"),
        (json.dumps(delivery(naam="é"), ensure_ascii=False).encode("cp1252"), "niet opgeslagen als UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "niet opgeslagen als UTF-8"),
    ],
)
def test_a_file_that_is_no_delivery_is_refused(tmp_path: Path, content: Any, part_of_sentence: str) -> None:
    """One Dutch sentence says what is wrong, before any signal is read."""
    path = save(tmp_path, content)
    with pytest.raises(NotADelivery) as refusal:
        check_structure(path)
    assert part_of_sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")
    with pytest.raises(NotADelivery):
        read_signals(path, today=TODAY)


def test_a_delivery_of_trajecten_is_called_by_its_name() -> None:
    """The other DDAS model is not taken for a broken delivery of signals."""
    with pytest.raises(NotADelivery, match="schuldhulptrajecten, niet van vroegsignalen"):
        check_structure(FIXTURES / "schuldhulptrajecten_v1_0.json")


@pytest.mark.parametrize("name", ["bestaat-niet.json", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A missing file and a folder give a sentence too."""
    with pytest.raises(NotADelivery, match="kan niet worden gelezen"):
        check_structure(tmp_path / name)


def test_a_file_that_breaks_off_anywhere_is_refused_whole(tmp_path: Path) -> None:
    """Wherever the file is cut, nothing is yielded."""
    content = (FIXTURES / "vroegsignalen_v0_9.json").read_bytes().rstrip()
    for length in range(len(content)):
        with pytest.raises(NotADelivery):
            read_signals(save(tmp_path, content[:length]), today=TODAY)


def test_a_file_that_changed_after_its_check_is_refused(tmp_path: Path) -> None:
    """A check proves nothing about another file."""
    path = save(tmp_path, delivery(signal()))
    found = check_structure(path)
    save(tmp_path, delivery(signal(), signal(ID="T-2")))
    with pytest.raises(NotADelivery, match="veranderd"):
        list(read_signals(path, today=TODAY, delivery=found))


def test_a_byte_order_mark_is_no_objection(tmp_path: Path) -> None:
    """Windows programs write one before UTF-8."""
    (record,) = read(tmp_path, b"\xef\xbb\xbf" + json.dumps(delivery(signal())).encode())
    assert isinstance(record, Signal)


@pytest.mark.parametrize(
    ("written", "code"), [("0518", "0518"), ("GM0518", "0518"), ("gm0518", "0518"), ("518", "0518")]
)
def test_a_gemeentecode_has_four_digits(tmp_path: Path, written: str, code: str) -> None:
    """The prefix of CBS and a lost zero make no difference."""
    (record,) = read(tmp_path, delivery(signal(), gemeentecode=written))
    assert isinstance(record, Signal)
    assert record.municipality_code == code


def test_what_misses_around_the_signals_is_a_warning(tmp_path: Path) -> None:
    """Required members that we do not need are missed in words only."""
    file = without("codeGegevensleverancier")
    file["leveringen"][0] |= {"teller": "een", "aanleverendeOrganisatie": None}
    found = check_structure(save(tmp_path, file))
    assert found.warnings == (
        "Het veld 'codeGegevensleverancier' ontbreekt in het bestand.",
        "Levering 1 in het bestand heeft geen geldige teller.",
        "Levering 1 in het bestand noemt geen aanleverende organisatie.",
    )
    assert found.supplier is None
    assert found.parts[0].number == 1


def test_a_levering_without_signals_is_a_delivery(tmp_path: Path) -> None:
    """A quiet month is no error."""
    found = check_structure(save(tmp_path, delivery(vroegsignalen=...)))
    assert isinstance(found, Delivery)
    assert found.signal_count == 0


# Hostile files


def nested(depth: int) -> Any:
    """Make a list in a list in a list."""
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("literal", "part_of_reason"),
    [
        (b"NaN", "getal dat te groot is of geen getal is"),
        (b"-NaN", "getal dat te groot is of geen getal is"),
        (b"Infinity", "getal dat te groot is of geen getal is"),
        (b"-Infinity", "getal dat te groot is of geen getal is"),
        (b"1e999", "getal dat te groot is of geen getal is"),
        (b"-1E+999", "getal dat te groot is of geen getal is"),
        (b"1e99999999999999999999999", "getal dat te groot is of geen getal is"),
        (b"1.5e-99999999999999999999", "getal dat te groot is of geen getal is"),
        (b"9" * 5000, "getal dat te groot is of geen getal is"),
        (b"9" * 200_000, "getal dat te groot is of geen getal is"),
        (b'"' + b"x" * 10_001 + b'"', "te lange tekst"),
        (b'["' + b"x" * 10_001 + b'"]', "te lange tekst"),
        (b'{"' + b"x" * 10_001 + b'": 1}', "te lange tekst"),
        (b'1, "' + b"x" * 10_001 + b'": 1', "te lange tekst"),
        (b"[" * 50 + b"]" * 50, "meer dan 50 lagen"),
        (b"[" * 200_000 + b"]" * 200_000, "meer dan 50 lagen"),
    ],
)
@pytest.mark.parametrize("name", [b'"bedrag"', b'"nieuwVeld"'])
def test_a_hostile_value_spoils_its_own_signal_only(
    tmp_path: Path, literal: bytes, name: bytes, part_of_reason: str
) -> None:
    """The signals before and after it are read, whether the field is known or not."""
    file = json.dumps(delivery(signal(ID="A"), {"HIER": 0}, signal(ID="C")))
    spoiled = json.dumps(signal(ID="B", bedrag=...)).encode()[:-1] + b", " + name + b": " + literal + b"}"
    content = file.encode().replace(b'{"HIER": 0}', spoiled)
    first, second, third = read(tmp_path, content)
    assert isinstance(first, Signal)
    assert isinstance(third, Signal)
    assert isinstance(second, BadSignal)
    assert (second.position, second.signal_id) == (2, "B")
    assert part_of_reason in second.reason


@pytest.mark.parametrize("repeated", [b"x", b"a b ", b'\\"', b"\\\\", b"\\u0041", b"9"])
def test_what_never_ends_is_refused_before_it_fills_the_memory(tmp_path: Path, repeated: bytes) -> None:
    """The parser keeps a text in memory until it ends, so a file with such a one is refused, in time."""
    quote = b"" if repeated == b"9" else b'"'
    file = json.dumps(delivery(signal(), {"HIER": 0})).encode()

    def refused(size: int) -> None:
        endless = repeated * (size // len(repeated))
        path = save(tmp_path, file.replace(b'{"HIER": 0}', b'{"x": ' + quote + endless + quote + b"}"))
        with pytest.raises(NotADelivery, match="zonder einde"):
            check_structure(path)

    assert grows_in_step(refused, 16_000_000)


def test_a_file_of_very_many_leveringen_is_refused(tmp_path: Path) -> None:
    """There are 342 municipalities; what stands around the signals is kept, so it may not be endless."""
    part = json.dumps({"gemeentecode": "0518"})
    path = save(tmp_path, b'{"leveringen": [' + b",".join([part.encode()] * 10_001) + b"]}")
    with pytest.raises(NotADelivery, match="meer dan 10000 leveringen"):
        check_structure(path)


def test_fifty_layers_and_ten_thousand_characters_are_allowed(tmp_path: Path) -> None:
    """The limits themselves are no offence."""
    assert good(tmp_path, nieuwVeld=nested(49), ander="x" * 10_000)
    assert reason_of(tmp_path, nieuwVeld=nested(50))
    assert reason_of(tmp_path, client={"nieuwVeld": nested(49)})


def test_hostile_values_beside_the_signals_are_passed_over(tmp_path: Path) -> None:
    """What we do not read cannot harm us."""
    content = json.dumps(delivery(signal(), vroegsignaalzaken=["HIER"])).encode()
    for ballast in (b"NaN", b"9" * 9999, b"[" * 99_999 + b"]" * 99_999, b'"' + b"x" * 99_999 + b'"'):
        (record,) = read(tmp_path, content.replace(b'"HIER"', ballast))
        assert isinstance(record, Signal)


@pytest.mark.parametrize("text", ["NaN", ": NaN,", "1e99999", ", 1e99999]", "9" * 200, '\\": NaN, \\"', "\\"])
def test_text_that_looks_like_a_hostile_number_stays_as_it_is(tmp_path: Path, text: str) -> None:
    """Only numbers are replaced, also in a file that holds such a number elsewhere."""
    file = delivery(signal(ID=text), signal(ID="B", bedrag=float("nan")), signal(ID=f"{text}2"))
    first, second, third = read(tmp_path, file)
    assert isinstance(first, Signal)
    assert isinstance(third, Signal)
    assert (first.signal_id, third.signal_id) == (text, f"{text}2")
    assert isinstance(second, BadSignal)


@pytest.mark.parametrize("literal", [b"NaN", b"1e99999", b"9" * 40, b'"\\\\\\": NaN, 1e99999"', b"45"])
def test_the_edge_of_a_block_falls_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, literal: bytes
) -> None:
    """Wherever the file is cut into blocks, a signal gives the same record."""
    monkeypatch.setattr(ReadableFile, "BLOCK", 4096)
    text = json.dumps(signal(bedrag=...)).encode()[:-1] + b', "bedrag": ' + literal + b"}"
    start, end = json.dumps(delivery("HIER")).encode().split(b'"HIER"')
    first = read(tmp_path, start + text + end)
    edge = ReadableFile.BLOCK - len(start)
    for shift in range(-3, len(text) - len(b'{"ID": ') + 12, 1):
        padding = b" " * (edge - shift)
        assert read(tmp_path, start + padding + text + end) == first


def test_text_with_a_quote_in_an_earlier_block_confuses_nothing(tmp_path: Path) -> None:
    """What is text and what is not is known over the edge of a block."""
    content = json.dumps(delivery(signal(ID='"'), "HIER", signal(ID=": NaN,"))).encode()
    content = content.replace(b'"HIER"', b" " * 2 * ReadableFile.BLOCK + b"NaN")
    first, second, third = read(tmp_path, content)
    assert isinstance(first, Signal)
    assert isinstance(second, BadSignal)
    assert isinstance(third, Signal)
    assert (first.signal_id, third.signal_id) == ('"', ": NaN,")


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Four times the signals and a long history cost hardly more memory."""

    def peak(count: int) -> int:
        signals = (signal(ID=f"T-{number}") for number in range(count))
        case = {"contactpogingen": [{"soort": "Brief"}] * 20}
        path = save(tmp_path, delivery(*signals, vroegsignaalzaken=[case] * count))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_signals(path, today=TODAY)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(500), peak(2000)
    assert many - few < 500_000  # the IDs, kept to find the doubles
    assert many < 3_000_000


# No personal data


def texts_of(record: Signal | BadSignal) -> Iterable[str]:
    """Yield every text that people or logs may see of a record."""
    yield repr(record)
    yield str(record)
    yield from [record.reason] if isinstance(record, BadSignal) else record.warnings


def test_a_record_does_not_show_bsn_or_amount(tmp_path: Path) -> None:
    """Whoever logs a signal logs no personal data."""
    bsn = valid_bsn("9000001")
    record = good(tmp_path, bedrag=98_765)
    assert (record.bsn, record.amount) == (bsn, 98_765)
    assert not any(bsn in text or "98765" in text for text in texts_of(record))


@pytest.mark.parametrize("written", ["900000001", "VS-900000001-2026", "900 000 001", "9-0000-0001"])
@pytest.mark.parametrize("changes", [{}, {"signaaldatum": ...}, {"nieuwVeld": float("nan")}])
def test_an_id_that_holds_the_bsn_is_refused_and_not_shown(
    tmp_path: Path, written: str, changes: dict[str, Any]
) -> None:
    """An ID is stored and logged, so it may not carry the BSN of its client."""
    record = read_one(tmp_path, ID=written, client={"burgerservicenummer": INVALID_BSN}, **changes)
    assert isinstance(record, BadSignal)
    assert record.signal_id is None
    assert changes or "bevat het burgerservicenummer" in record.reason


@pytest.mark.parametrize("client", [..., None, "x", {"BSN": valid_bsn("9000001")}])
def test_an_id_that_may_be_a_bsn_is_not_shown_of_a_bad_signal(tmp_path: Path, client: Any) -> None:
    """Where the client's BSN is not known, a number that passes the eleven test is taken for one."""
    record = read_one(tmp_path, ID=f"VS {valid_bsn('9000001')}", client=client, signaaldatum=...)
    assert isinstance(record, BadSignal)
    assert record.signal_id is None


def test_a_serial_number_is_an_id_though_it_passes_the_eleven_test(tmp_path: Path) -> None:
    """One in eleven numbers passes, so another number than the client's own BSN costs no signal."""
    serial = valid_bsn("9000002")
    assert good(tmp_path, ID=serial).signal_id == serial


def leaks(text: str, bsn: str) -> bool:
    """Tell whether a BSN stands in a text, with or without its leading zero."""
    return bsn.lstrip("0") in text


def assert_silent(path: Path, bsn: str) -> None:
    """Read a file to its end; nothing but NotADelivery may be raised and no text may hold the BSN."""
    texts: list[str] = []
    try:
        for record in read_signals(path, today=TODAY):
            texts.extend(texts_of(record))
    except NotADelivery as refusal:
        texts.extend(format_exception(refusal))
    assert not any(leaks(text, bsn) for text in texts)


PLANTED = valid_bsn("9123456")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([PLANTED, int(PLANTED), f"BSN {PLANTED}", "2026-01-05", "Zorg", {PLANTED: PLANTED}]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@example(b'{"leveringen": [{"gemeentecode": "1", "vroegsignalen": [{"client": {')
@example(b'{"a": "\\udc00\\ud800x"}')
@example(b'{"a": 1e99999999999999999999')
@example(b'"\\')
@given(content=st.binary(max_size=400))
def test_any_bytes_give_records_or_one_refusal(tmp_path: Path, content: bytes) -> None:
    """No file whatever raises another exception."""
    assert_silent(save(tmp_path, content), PLANTED)


@fuzz
@given(
    changes=st.dictionaries(
        st.sampled_from([*signal(client=...), "Bedrag", "nieuw", PLANTED, "codeBSN"]), VALUES, max_size=5
    ),
    client=st.dictionaries(
        st.sampled_from(["Voorletters", "geboortedatum", "huisnummer", PLANTED]), VALUES, max_size=3
    ),
    around=st.dictionaries(
        st.sampled_from(["teller", "vroegsignaalzaken", "nieuw", "gemeentecode", PLANTED]),
        VALUES,
        max_size=2,
    ),
)
def test_no_text_repeats_a_bsn_from_a_signal(
    tmp_path: Path, changes: dict[str, Any], client: dict[str, Any], around: dict[str, Any]
) -> None:
    """Wherever a BSN stands in a signal, no reason, warning, repr or error repeats it."""
    person = {"burgerservicenummer": PLANTED} | client
    assert_silent(save(tmp_path, delivery(signal(client=person) | changes, signal(), **around)), PLANTED)


@fuzz
@given(data=st.data())
def test_a_damaged_delivery_gives_records_or_one_refusal(tmp_path: Path, data: st.DataObject) -> None:
    """A real delivery with some bytes changed never raises another exception and leaks nothing."""
    content = bytearray(json.dumps(delivery(signal(client={"burgerservicenummer": PLANTED}))).encode())
    for _ in range(data.draw(st.integers(min_value=1, max_value=4))):
        place = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    text = bytes(content)
    if PLANTED.encode() in text:  # else the damage made a number of it that is no BSN
        assert_silent(save(tmp_path, text), PLANTED)


def test_an_error_in_the_file_is_not_quoted(tmp_path: Path) -> None:
    """The parser's own message, which quotes the file, is in no traceback."""
    content = json.dumps(delivery(signal(client={"burgerservicenummer": PLANTED}))).encode()
    for broken in (content.replace(PLANTED.encode() + b'"', PLANTED.encode()), content + b"}"):
        assert_silent(save(tmp_path, broken), PLANTED)
    assert_silent(
        save(tmp_path, content.replace(b'"Energie"', b'"\xed\xa0\x80' + PLANTED.encode() + b'"')), PLANTED
    )

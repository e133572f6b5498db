"""References, ids and codes in which a person hides are refused or kept as a keyed hash, through every way in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import inspect, text
from sqlmodel import select
from support.api import opened
from support.other_systems import event, notification, send
from support.signal_deliveries import DENNIS, SAMIRA, delivery, signal, take_in, valid_bsn

from adapters.exchange.inbox import work_on_inbox
from adapters.exchange.references import find_cases, forms_of, kept_word
from adapters.exchange.signal_record import SignalResult
from adapters.runtime.privacy import may_tell_of_a_person, shows_nobody
from adapters.storage.database import reading
from adapters.storage.exchange_tables import SignalRow
from deployments.planned import planned
from flows.forms import OLDER_REFERENCE, REFERENCE, reference_in
from milestones.process import NotPossible

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office

BSN = valid_bsn("9033445")
IBAN, TELEPHONE, MAIL = "NL91ABNA0417164300", "0612345678", "m.merkteken@voorbeeld.nl"
SHAPES = [
    BSN, f"B{BSN}", f"0{BSN}", f"00{BSN}", f"Z-{BSN}", f"{BSN}A", f"{BSN[:4]}.{BSN[4:6]}.{BSN[6:]}", IBAN,
    f"B{BSN[:4]}.{BSN[4:6]}.{BSN[6:]}", f"R-{BSN[:3]}.{BSN[3:6]}.{BSN[6:]}-1",
    f"{BSN[:3]}-{BSN[3:6]}-{BSN[6:]}", f"{BSN[:4]}_{BSN[4:6]}_{BSN[6:]}", "NL91-ABNA-0417-1643-00",
    "NL91.ABNA.0417.1643.00",
    f"zgw.{BSN[:3]}-{BSN[3:6]}-{BSN[6:]}.{BSN[:3]}-{BSN[3:6]}-{BSN[6:]}", f"2026-03-09.{BSN[:3]}.{BSN[3:6]}.{BSN[6:]}",
    f"R-{IBAN}", TELEPHONE, "+31612345678", "0031612345678", "06-12345678", MAIL,
    "+310612345678", "020-1234567", "0031-20-1234567",
]  # fmt: skip
NAMES = [
    "Merkteken",
    "M.Merkteken-1983",
    "merkteken-dwarsliggersteeg-12",
    "https://zaken.example/persoon/merkteken",
]
NUMBERS = [
    "ZAAK-2026-17", "ZAAK-2026-0000000017", "Z-0000000170", "Z-1", "Z-2026.03.09", "Z09.03.2026", "V1.2.3", "2026.10",
    "Z-2026-03-09.17",
    "4f693a3c-212f-4ed5-bdb0-192df06c085e", "FZ-2026-7K2M9QX",
    "https://zaken.gemeente.example/zaken/api/v1/zaken/4f693a3c-212f-4ed5-bdb0-192df06c085e",
]  # fmt: skip


def everything(office: Office) -> str:
    """Return all that the database holds."""
    with reading(office.engine) as session:
        rows = [
            row
            for table in inspect(office.engine).get_table_names()
            for row in session.execute(text(f'SELECT * FROM "{table}"')).all()
        ]
    return "\n".join(map(str, rows))


def check_refused(office: Office, api: TestClient, name: str, why: str) -> None:
    """A new case of this name is refused over the API and in the office, and the name stands nowhere."""
    refused = api.post("/v1/zaken", json={"mijlpaal": "M3", "zaak": name})
    assert (refused.status_code, name in refused.text) == (409, False)
    with pytest.raises(NotPossible, match=why):
        office.casework.open("M3", municipality="0518", reference=name)
    assert name not in everything(office)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shape_of_a_person_is_seen(shape: str) -> None:
    """BSN, IBAN, telephone and e-mail are seen, also behind a letter or a zero or between dots."""
    assert may_tell_of_a_person(shape)
    assert not shows_nobody(shape)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_number_of_a_case_stays_readable(number: str) -> None:
    """What case systems write as a number or an address is no person."""
    assert not may_tell_of_a_person(number)
    assert shows_nobody(number)


def test_a_municipality_sets_the_form_of_its_references() -> None:
    """With a pattern only what fits stays readable."""
    assert shows_nobody("Z2026-0000017", "Z[0-9]{4}-[0-9]{7}")
    assert not shows_nobody("JANSEN-1", "Z[0-9]{4}-[0-9]{7}")


@pytest.mark.parametrize(
    "name", ["Merkteken-1983", "merkteken", "jan.de.vries", "Z2026-17", "Z2026-0000017-jansen"]
)
def test_the_form_of_the_municipality_holds_for_cases_too(office: Office, api: TestClient, name: str) -> None:
    """A new case has a reference of that form or of ours, whichever way it comes in; an older one goes on."""
    old = opened(api, zaak="OUD-17")
    office.casework._reference_pattern = "Z[0-9]{4}-[0-9]{7}"
    check_refused(office, api, name, "de vorm die de gemeente koos")
    assert opened(api, zaak="Z2026-0000017") == "Z2026-0000017"
    assert api.post("/v1/zaken", json={"mijlpaal": "M4", "zaak": old}).status_code == 201
    assert opened(api).startswith("FZ-")


@pytest.mark.parametrize(
    "name", ["Merkteken-1983", "merkteken", "jan.de.vries", "Jansen-1", "JANSEN83", "z-jansen"]
)
def test_without_a_form_a_new_case_has_the_reference_of_a_number(
    office: Office, api: TestClient, name: str
) -> None:
    """A reference with more than five letters in a row, or with letters alone, is refused in a sentence without it."""
    check_refused(office, api, name, "is een nummer")
    assert opened(api, zaak="ZAAK-2026-17") == "ZAAK-2026-17"


def test_a_case_of_before_that_rule_goes_on_and_is_known_to_the_forms(
    office: Office, api: TestClient
) -> None:
    """Whoever has such cases gets forms in Prefect that take their references; who has none gets strict ones."""
    opened(api, zaak="ZAAK-2026-17")
    assert office.casework.references_match(REFERENCE)
    office.casework._reference_pattern = "[a-z]{3}-[a-z]{9}"
    old = opened(api, zaak="oud-voorbeeld")
    office.casework._reference_pattern = None
    assert not office.casework.references_match(REFERENCE)
    assert api.post("/v1/zaken", json={"mijlpaal": "M4", "zaak": old}).status_code == 201
    assert not re.search(REFERENCE, old)
    strict, lenient = (
        json.dumps([item.whole_form(reference=form) for item in planned()])
        for form in (REFERENCE, OLDER_REFERENCE)
    )
    assert json.dumps(REFERENCE) in strict
    assert json.dumps(REFERENCE) not in lenient
    assert re.search(OLDER_REFERENCE, old)
    assert re.search(reference_in("[a-z]{3}-[a-z]{9}"), old)


@pytest.mark.parametrize(
    ("written", "is_kept"),
    [
        ("nl.brp.personen.overleden.v1", "nl.brp.personen.overleden.v1"),
        ("zgw.zaken.status.create", "zgw.zaken.status.create"),
        ("nl.vng.zaken.zaakGeopend", "nl.vng.zaken.zaakGeopend"),
        ("https://zaken.harderwijk.example", "https://zaken.harderwijk.example"),
        ("nl.merkteken.overleden", "nl.….overleden"),
        ("urn:nld:persoon:merkteken-17", "urn:nld:persoon:…-17"),
        ("https://zaken.example/mMerkteken/1", "https://zaken.example/m…/1"),
        ("MERKTEKEN", "…"),
    ],
)
def test_a_type_stays_readable_without_what_may_be_a_name(office: Office, written: str, is_kept: str) -> None:
    """Words of registers, of our events and of the table stay; another of more than five letters does not."""
    assert kept_word(office.settings, written) == is_kept


def test_a_word_of_the_table_stays_readable(office: Office, tmp_path: Path) -> None:
    """What the municipality wrote in its own table of messages is shown as it is."""
    table = tmp_path / "berichten.toml"
    table.write_text('[[bericht]]\ntype = "nl.dwarsligger.*"\nnegeer = true\n')
    chosen = office.settings.model_copy(update={"events_file": table})
    assert kept_word(chosen, "nl.dwarsligger.geopend") == "nl.dwarsligger.geopend"
    assert kept_word(office.settings, "nl.dwarsligger.geopend") == "nl.….geopend"


@pytest.mark.parametrize("mark", [mark for mark in (*SHAPES, *NAMES) if mark[0] != "+"])
def test_a_marked_reference_is_found_and_not_kept(office: Office, api: TestClient, mark: str) -> None:
    """A reference that may tell of a person is recognised when it comes back, and stands nowhere."""
    reference = opened(api, verwijzingen=[mark])
    with reading(office.engine) as session:
        assert find_cases(session, office, [mark], ("*",)) == [reference]
    assert mark not in everything(office)


def test_a_kept_hash_has_a_short_tail() -> None:
    """A person recognises a reference by its last digits; a number of a person has no tail."""
    from adapters.runtime.settings import Settings  # noqa: PLC0415

    made = Settings(integration_key="s" * 40)  # type: ignore[arg-type]
    assert forms_of(made, "Merkteken-2026-0017")[0].endswith("-0017")
    assert "-" not in forms_of(made, f"B{BSN}")[0]


def test_marks_through_every_message_stand_nowhere(office: Office, api: TestClient) -> None:
    """CloudEvents, notifications and signals with marks in ids, sources, types, subjects and suppliers leave none."""
    for number, mark in enumerate((f"B{BSN}", IBAN, TELEPHONE, "Merkteken-17", "merkteken-17")):
        send(
            api,
            event(
                f"nl.{mark}" if number > 2 else "iets",
                f"{mark}-{number}",
                subject=mark,
                source=f"urn:x:{mark}",
            ),
        )
        told = notification(
            hoofdObject=f"https://zaken.example/zaken/{mark}", aanmaakdatum=f"2026-03-0{number + 1}T08:00:00Z"
        )
        assert api.post("/v1/notificaties", json=told).status_code == 204
        content = delivery(
            signal(f"{mark}-{number}", SAMIRA, partner=("Zorg", "Huur", "Water", "Energie", "Gas")[number])
        )
        content["codeGegevensleverancier"] = mark
        take_in(office, content)
    work_on_inbox(office)
    found = everything(office)
    assert [mark for mark in (BSN, IBAN, TELEPHONE, "erkteken") if mark in found] == []


def test_a_signal_with_a_marked_id_counts_once(office: Office) -> None:
    """A signal whose id is kept as a hash is recognised when it comes again."""
    content: dict[str, Any] = delivery(signal("merkteken-dwars-1", DENNIS))
    first, again = take_in(office, content)[0], take_in(office, json.loads(json.dumps(content)))[0]
    assert (first.result, again.result) == (SignalResult.OPENED, SignalResult.KNOWN)
    assert first.reference == again.reference
    with reading(office.engine) as session:
        kept = session.exec(select(SignalRow)).one()
    assert "merkteken" not in str(kept.signal_id)
    assert kept.supplier == content["codeGegevensleverancier"]


@pytest.mark.parametrize("mark", [f"B{BSN}", IBAN, f"mw-{BSN}", "NL-0612345678"])
def test_a_code_or_a_case_reference_tells_of_nobody(api: TestClient, mark: str) -> None:
    """A worker, a motivation or a case of such a form is refused with one sentence that does not repeat it."""
    reference = opened(api)
    answers = [
        api.post("/v1/zaken", json={"mijlpaal": "M3", "zaak": mark}),
        api.post(
            f"/v1/zaken/{reference}/gebeurtenissen",
            json={"gebeurtenis": "aanmelding_geregistreerd", "medewerker": mark},
        ),
        api.post(
            f"/v1/zaken/{reference}/gebeurtenissen",
            json={"gebeurtenis": "ingetrokken", "gegevens": {"motivering": mark}},
        ),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert not any(mark in answer.text for answer in answers)


def test_an_address_of_a_host_alone_shows_nobody() -> None:
    """Whoever names only a host as a resource gets an answer like any other."""
    assert shows_nobody("https://voorbeeld.example")

"""What Prefect's own checker says of our forms, as the door passes it on to people."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import ValidationError, build_error_obj, validate

from deployments.door.plain_refusals import is_checked, said_plainly
from deployments.planned import planned
from flows.prefect_seam.parking import form_schema
from flows.quality import review_form

RUN = "11111111-1111-1111-1111-111111111111"
FORMS = {
    item.name: item.whole_form(("mw-17", "mw-18")) | {"additionalProperties": False} for item in planned()
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a BSN": ({"zaak": "123456782"}, "Dit is geen nummer van een zaak"),
    "no case": ({}, "Vul dit in."),
    "a number": ({"zaak": 7}, "Vul dit in zoals het veld vraagt."),
    "too long": ({"zaak": "A" * 61}, "Dit is te lang."),
    "an unknown field": ({"zaak": "A-1", "naam": "Jansen"}, "Dit past hier niet."),
}  # fmt: skip


def passed_on(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer of Prefect as somebody in a browser gets it."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    async def answered() -> None:
        plain = said_plainly(send)
        await plain({"type": "http.response.start", "status": 409, "headers": [(b"content-length", b"1")]})
        body = json.dumps(answer).encode()
        await plain({"type": "http.response.body", "body": body[:9], "more_body": True})
        await plain({"type": "http.response.body", "body": body[9:]})

    asyncio.run(answered())
    assert dict(heard[0]["headers"])[b"content-length"] == str(len(heard[1]["body"])).encode()
    return dict(json.loads(heard[1]["body"]))


@pytest.mark.parametrize(("values", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_said_in_dutch(values: dict[str, Any], said: str) -> None:
    """At the field and in the corner stands one sentence, without a regular expression and without what was typed."""
    form = FORMS["zaak-toewijzen"]
    at_field = passed_on(build_error_obj(validate(values, form)))
    with pytest.raises(ValidationError) as refused:
        validate(values, form, raise_on_error=True)
    corner = passed_on({"detail": f"Error creating flow run: {refused.value}"})["detail"]
    for text in (json.dumps(at_field, ensure_ascii=False), corner):
        assert said in text
        assert not any(part in text for part in ("does not match", "^", "123456782", "Jansen", "Validation"))
    assert corner.startswith("Niet gestart. ")


def test_a_person_is_chosen_from_the_file() -> None:
    """Who asks for a person offers the people of the file; somebody else is refused in words."""
    values = {"medewerker": "nep", "eerste_dag": "2026-03-09", "laatste_dag": "2026-03-10"}
    form = FORMS["afwezigheid-melden"]
    assert form["properties"]["medewerker"]["enum"] == ["mw-17", "mw-18"]
    (error,) = passed_on(build_error_obj(validate(values, form)))["errors"]
    assert error == {"property": "medewerker", "errors": ["Kies een van de mogelijkheden."]}


def test_an_action_on_a_case_asks_for_the_case_alone() -> None:
    """What a machine may give besides is checked as before, and stands in no form."""
    for name in (
        "gebeurtenis-melden",
        "zaak-terugzetten",
        "zaak-toewijzen",
        "termijn-verlengen",
        "zaak-sluiten",
    ):
        form = FORMS[name]
        assert list(form["properties"]) == ["zaak"], name
        assert not validate({"zaak": "A-1", "mijlpaal": "M3"}, form)
        assert validate({"zaak": "A-1", "mijlpaal": "Jan Jansen"}, form)
        assert validate({"zaak": "A-1", "naam": "Jan Jansen"}, form)


def test_a_refused_answer_to_a_form_is_said_in_dutch() -> None:
    """Also that somebody else was first, and what a form of another kind wants."""
    form = form_schema(review_form("Lees."))
    with pytest.raises(ValidationError) as refused:
        validate({"plan": "6"}, form, raise_on_error=True)
    told = passed_on({"status": "REJECT", "details": {"reason": f"Reason: {refused.value}"}})
    assert told["details"]["reason"].startswith("Niet overgenomen. ")
    first = "Reason: Validation failed for field 'stand'. Failure reason: '3' was expected"
    told = passed_on({"status": "REJECT", "details": {"reason": first}})
    assert told["details"]["reason"] == (
        "Niet overgenomen. Stand van de zaak: Een collega meldde intussen iets. Open het formulier opnieuw."
    )
    other = {"status": "REJECT", "details": {"reason": "Flow run is not paused."}}
    assert passed_on(other) == other


def test_only_where_prefect_checks_a_form_its_words_are_changed() -> None:
    """Three addresses hold a form against its schema; every other answer goes on as it is."""
    for path in ("ui/schemas/validate", f"deployments/{RUN}/create_flow_run", f"flow_runs/{RUN}/resume"):
        assert is_checked("POST", f"/api/{path}")
    assert not is_checked("POST", f"/api/flow_runs/{RUN}/set_state")
    assert not is_checked("GET", "/api/ui/schemas/validate")

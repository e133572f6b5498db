"""What goes out stands in the description: no field that it does not name, and nothing that does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ValidationError

from adapters.api.answer import answer
from adapters.api.models import (
    Answered,
    CasePage,
    CaseState,
    DefinitionShown,
    JournalPage,
    PenaltyState,
    WorkloadPage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

CASE = "/v1/zaken/FZ-TOETS1"


def _unnamed(shown: object, place: str = "") -> Iterator[str]:
    """Yield every field that no model names, with its place."""
    if isinstance(shown, list):
        for item in shown:
            yield from _unnamed(item, f"{place}[]")
    if isinstance(shown, BaseModel):
        yield from (f"{place}.{name}" for name in shown.model_extra or ())
        for name in type(shown).model_fields:
            yield from _unnamed(getattr(shown, name), f"{place}.{name}")


@pytest.fixture
def late(api: TestClient) -> TestClient:
    """Return the API with a case whose first term is over and shifted, and with an exit."""
    api.post("/v1/zaken", json={"mijlpaal": "M3", "zaak": "FZ-TOETS1", "op": "2025-12-24"})
    done = {"gebeurtenis": "aanmelding_geregistreerd", "op": "2025-12-24"}
    assert api.post(f"{CASE}/gebeurtenissen", json=done).status_code == 201
    return api


@pytest.mark.parametrize(
    ("address", "model"),
    [
        (CASE, CaseState),
        (f"{CASE}/journaal", JournalPage),
        ("/v1/zaken", CasePage),
        ("/v1/werkvoorraad", WorkloadPage),
        *((f"/v1/definities/{code}", DefinitionShown) for code in ("M2", "M4", "M7", "WSNP")),
    ],
)
def test_the_description_names_every_field_of_an_answer(
    late: TestClient, address: str, model: type[Answered]
) -> None:
    """A generated client that reads by the description misses nothing that we send."""
    answered = late.get(address)
    assert answered.status_code == 200
    assert list(_unnamed(model.model_validate(answered.json()))) == []


def test_a_term_goes_out_whole(late: TestClient) -> None:
    """A term says when it began, when it would have ended, what moved it, and what it rests on."""
    (first, *_) = late.get(CASE).json()["termijnen"]
    assert {"naam", "gestart_op", "nominaal", "uiterlijk", "opgeschort_dagen", "te_laat", "artikelen"} <= set(
        first
    )


def test_what_does_not_fit_its_model_never_goes_out() -> None:
    """A body without a date where one belongs is a fault of ours, not half an answer."""
    with pytest.raises(ValidationError):
        answer(PenaltyState, {"mijlpaal": "M4", "eerste_dag": "morgen"})

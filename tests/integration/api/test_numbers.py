"""Numbers in an address or a form that no database counts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from adapters.api.app import create_pages
from adapters.api.event_forms import number_of
from adapters.api.person import as_person
from adapters.runtime.staff import StaffBook, StaffRole

if TYPE_CHECKING:
    from adapters.office import Office

FORM = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def page(office: Office) -> TestClient:
    """The pages as a beheerder of 0518 opens them."""
    member = StaffBook({}).with_roles("mw-17", {"0518": frozenset({StaffRole.OPERATOR})})
    return TestClient(as_person(create_pages(office), member), headers=FORM)


@pytest.mark.parametrize(
    "number",
    ["9" * 20, "9" * 5000, "-1", "1.5", "²", "٣"],
    ids=["long", "very long", "below", "part", "square", "arabic"],
)
def test_a_number_that_is_none_is_no_fault_of_ours(page: TestClient, office: Office, number: str) -> None:
    """A page of a list that is not there is the first; a policy or message that is not there is refused."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    assert "A-1" in page.get("/werkvoorraad", params={"blad": number}).text
    assert page.post("/beleid/0518", data={"nummer": number}).status_code == 422
    assert page.get(f"/postbak/{number}").status_code in (404, 405, 422)
    assert page.post(f"/postbak/{number}", data={"keuze": "opzij"}).status_code in (404, 422)


def test_a_number_has_at_most_nine_digits() -> None:
    """As many as each database counts."""
    assert [number_of(text) for text in ("0", "12", "9" * 9, "9" * 10, "", "x")] == [
        0,
        12,
        10**9 - 1,
        None,
        None,
        None,
    ]

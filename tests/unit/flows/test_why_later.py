"""A run that stops because something does not answer says which of the two it was."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from flows.process_run import _why_later


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PoolTimeoutError("vol"), "De database met zaken is bezet"),
        (httpx.ConnectError("weg"), "De Prefect-server antwoordt niet (ConnectError)"),
        (httpx.ReadTimeout("traag"), "De Prefect-server antwoordt niet (ReadTimeout)"),
    ],
)
def test_a_run_says_what_did_not_answer(error: Exception, said: str) -> None:
    """The database with cases, or Prefect's server: never both, since one of them is fine."""
    assert (_why_later(error) or "").startswith(said)


def test_what_does_not_pass_is_a_fault() -> None:
    """An answer that stays what it is makes the run fail."""
    refused = httpx.Response(404, request=httpx.Request("GET", "http://prefect"))
    assert _why_later(httpx.HTTPStatusError("nee", request=refused.request, response=refused)) is None

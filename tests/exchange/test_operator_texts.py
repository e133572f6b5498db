"""A message of an operator goes through the checks of every text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.signal_deliveries import SAMIRA

from adapters.messages.operator_messages import FAILED_RUN, tell_coordinator

if TYPE_CHECKING:
    from adapters.office import Office


@pytest.mark.parametrize(
    "subject",
    [
        f"FZ-1 {SAMIRA}", f"B{SAMIRA}", "Log in op https://gemeente.example", "ga naar www.gemeente.example",
        "<b>x</b>",        "1.250 euro", "regel\nSubject: anders", "a@b.example", "[klik](x)",
    ],
)  # fmt: skip
def test_a_text_that_is_no_name_is_left_out(office: Office, subject: str) -> None:
    """Phishing, numbers of people, amounts, markup and mail headers do not reach a colleague."""
    tell_coordinator(office, FAILED_RUN, subject, "1")
    written = office.settings.messages_file.read_text()
    assert "(weggelaten)" in written
    assert subject not in written


def test_the_name_of_a_run_is_told(office: Office) -> None:
    """The name of a flow run stays."""
    tell_coordinator(office, FAILED_RUN, "FZ-2026-7K2M9QX · M3 (Wacht op crisischeck)", "1")
    assert "FZ-2026-7K2M9QX · M3" in office.settings.messages_file.read_text()

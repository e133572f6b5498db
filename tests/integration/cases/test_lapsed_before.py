"""An event after the end of a term finds that term ended, also where nobody fired it yet."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from adapters.runtime.clock import AMSTERDAM
from milestones.refusal import CaseRefusal
from milestones.snapshot import TermOutcome

if TYPE_CHECKING:
    from adapters.cases.casework import Casework, Receipt
    from adapters.runtime.clock import SetClock
    from milestones.process import Snapshot

AT = date(2026, 3, 3)
LAST = date(2026, 3, 10)


def waiting(casework: Casework, clock: SetClock) -> str:
    """Return a case in which data are missing, with a repair term to 10 March, three days after its end."""
    clock.moment = datetime(2026, 3, 3, 9, tzinfo=AMSTERDAM)
    reference = casework.open("M4", municipality="0518", on=AT).reference
    casework.report(reference, "hulpvraag_vastgesteld", on=AT)
    casework.report(reference, "gegevens_ontbreken", on=AT, data={"hersteltermijn_tot": LAST.isoformat()})
    clock.moment = datetime(2026, 3, 13, 9, tzinfo=AMSTERDAM)
    return reference


def of(receipt: Receipt) -> Snapshot:
    """Return M4 as it stands."""
    return receipt.case.process("M4")


def test_an_event_after_the_end_of_a_term_comes_after_that_end(casework: Casework, clock: SetClock) -> None:
    """The law stops the suspension on the last day of the repair term (Awb 4:15), whoever was first to see that."""
    fired, asked = waiting(casework, clock), waiting(casework, clock)
    casework.fire_due(fired)
    right = of(casework.report(fired, "gegevens_ontvangen"))
    found = of(casework.report(asked, "gegevens_ontvangen"))
    ends = [[(term.key, term.due, term.stopped) for term in process.terms] for process in (found, right)]
    assert ends[0] == ends[1]
    assert {key: stopped for key, _, stopped in ends[0]}["T04"] is TermOutcome.ELAPSED
    lines = [[row.event for row in casework.case(name).journal] for name in (asked, fired)]
    assert lines[0] == lines[1]
    assert casework.fire_due(asked) == 0


def test_an_event_of_before_the_end_is_not_too_late(casework: Casework, clock: SetClock) -> None:
    """What came in on the last day counts as that, whenever it is reported."""
    reference = waiting(casework, clock)
    process = of(casework.report(reference, "gegevens_ontvangen", on=LAST))
    assert next(term for term in process.terms if term.key == "T04").stopped is TermOutcome.MET


def test_a_refused_event_fires_nothing(casework: Casework, clock: SetClock) -> None:
    """What cannot be leaves the case as it was; the term fires by itself later."""
    reference = waiting(casework, clock)
    before = len(casework.case(reference).journal)
    with pytest.raises(CaseRefusal, match="kan niet"):
        casework.report(reference, "eerste_gesprek_gevoerd", process="M4")
    assert len(casework.case(reference).journal) == before
    assert casework.fire_due(reference) > 0


def test_a_clock_that_nobody_trusts_ends_nothing(casework: Casework, clock: SetClock) -> None:
    """Where terms wait for a right clock, an event does not end them either."""
    reference = waiting(casework, clock)
    casework._may_fire = lambda: False
    process = of(casework.report(reference, "gegevens_ontvangen"))
    assert next(term for term in process.terms if term.key == "T04").stopped is TermOutcome.MET

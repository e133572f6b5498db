"""Quality by colleagues: who is in the sample, the own questions, a second reading, and what low scores become."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session

from adapters.oversight.periods import quarter_of
from adapters.oversight.quality import (
    MOST,
    QualitySample,
    findings,
    is_second,
    read_twice,
    report_findings,
    widen,
)
from adapters.oversight.quality_trend import read_trend, trend_json
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.storage.database import writing
from adapters.storage.oversight_tables import ReviewRow
from milestones.policy import Policy, with_overrides
from milestones.policy_values import PolicyError
from milestones.process import NotPossible
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

OWN = {
    "kwaliteitsvragen": [
        {"code": "uitleg", "label": "Uitleg", "vraag": "Is de brief duidelijk?", "element": "7",
         "knelpunt": "systeem"},
        {"code": "rust", "label": "Rust", "vraag": "Kreeg de inwoner rust?"},
    ]
}  # fmt: skip


def test_each_worker_and_each_element_is_in_the_sample() -> None:
    """A group that the lot left out gets one of its own; the same seed gives the same; it does not grow for ever."""
    pairs = [(f"Z-{number}", "M6") for number in range(60)]
    groups = {f"medewerker mw-{number}": [pairs[number]] for number in range(60)}
    few = {name: groups[name] for name in list(groups)[:5]}
    found = widen(pairs[:3], few, "2026-W11/0518")
    assert found == widen(pairs[:3], few, "2026-W11/0518")
    assert {pairs[number] for number in range(5)} <= set(found)
    assert len(widen(pairs[:3], groups, "zaad")) == 2 * MOST


def test_a_municipality_asks_its_own_questions() -> None:
    """Its own questions are asked and no other; a low score becomes a knelpunt where the question names one."""
    policy = with_overrides(Policy(), OWN)
    assert findings({"uitleg": 2, "rust": 1}, policy.questions) == ("systeem",)
    assert findings({"uitleg": 3, "rust": 1}, policy.questions) == ()
    assert findings({item.code: 1 for item in QUESTIONS}, QUESTIONS) == ("anders",)
    for wrong, said in (
        ([], "[[kwaliteitsvragen]]"),
        ([OWN["kwaliteitsvragen"][0]] * 2, "twee keer"),
        ([{"code": "A b", "label": "x", "vraag": "y"}], "kleine letters"),
        ([OWN["kwaliteitsvragen"][0] | {"knelpunt": "weer"}], "is een van"),
        ([OWN["kwaliteitsvragen"][0] | {"kleur": "rood"}], "heeft code"),
    ):
        with pytest.raises(PolicyError, match=re.escape(said)):
            with_overrides(Policy(), {"kwaliteitsvragen": wrong})


def _reviewed(office: Office, clock: SetClock, reference: str) -> ReviewRow:
    office.casework.open("M6", municipality="0518", reference=reference)
    with Session(office.engine) as session:
        row = ReviewRow(
            municipality="0518", week="2026-W11", case_reference=reference, process="M6",
            decided_on=clock.today(),
        )  # fmt: skip
        session.add(row)
        session.commit()
        session.refresh(row)
        return ReviewRow(**row.model_dump())


@pytest.mark.parametrize("end", ["open", "elsewhere", "ended"])
def test_a_low_score_is_a_knelpunt_of_the_case(office: Office, clock: SetClock, end: str) -> None:
    """It stands in the process that was judged, or where the case is by then, once; a case that ended has none."""
    review = _reviewed(office, clock, "KP-1")
    review.scores = {item.code: 2 for item in QUESTIONS}
    if end != "open":
        office.casework.report("KP-1", "ingetrokken", process="M6", data={"motivering": "m-1"})
    if end == "elsewhere":
        office.casework.open("M1", municipality="0518", reference="KP-1")
    refused = [report_findings(office.casework, review, QUESTIONS) for _ in range(2)][-1]
    journal = office.casework.case("KP-1").journal
    found = [(row.process, row.data) for row in journal if row.event == "knelpunt_gemeld"]
    where = {"open": "M6", "elsewhere": "M1"}.get(end)
    assert found == ([(where, {"knelpunt": "anders"})] if where else [])
    assert bool(refused) == (end == "ended")


def test_one_in_five_is_read_by_a_second_colleague(office: Office, clock: SetClock) -> None:
    """A case that the lot points at waits once more, asks the same, and is never read a third time."""
    names = [f"K-{number}" for number in range(40)]
    twice = next(name for name in names if read_twice(name, "M6"))
    once = next(name for name in names if not read_twice(name, "M6"))
    sample = QualitySample(office.engine, clock, office.rules_for)
    scores = {item.code: 4 for item in QUESTIONS}
    for name in (once, twice):
        sample.record(_reviewed(office, clock, name).id or 0, scores)
    (second,) = sample.waiting("0518")
    assert (second.case_reference, is_second(second)) == (twice, True)
    with pytest.raises(NotPossible):
        sample.record(second.id or 0, {"hulpvraag": 3})
    sample.record(second.id or 0, scores)
    assert sample.waiting("0518") == []
    assert 0.1 < sum(read_twice(f"Z-{number}", "M6") for number in range(500)) / 500 < 0.3


def test_who_read_a_case_first_does_not_read_it_again(office: Office, clock: SetClock) -> None:
    """Nor does somebody who is not known; a refusal leaves the second reading to a colleague."""
    twice = next(name for number in range(40) if read_twice(name := f"K-{number}", "M6"))
    sample = QualitySample(office.engine, clock, office.rules_for)
    scores = {item.code: 4 for item in QUESTIONS}
    first, colleague = (Actor(ActorKind.PERSON, code, Way.FORM) for code in ("mw-1", "mw-2"))
    with acts(first):
        sample.record(_reviewed(office, clock, twice).id or 0, scores)
    (second,) = sample.waiting("0518")
    for actor, why in ((first, "U las deze zaak al"), (Actor(ActorKind.UNKNOWN), "Een bekende collega")):
        with acts(actor), pytest.raises(NotPossible, match=why):
            sample.record(second.id or 0, scores)
    assert [row.id for row in sample.waiting("0518")] == [second.id]
    with acts(colleague):
        sample.record(second.id or 0, scores)
    assert sample.waiting("0518") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_trend_shows_quarters_and_hides_few(office: Office, clock: SetClock) -> None:
    """Ten cases of a quarter have a mean by question and by element, nine have none; another gemeente is not read."""
    scored = ((10, 1, "0518"), (0, 0, "0518"), (9, 2, "0518"), (10, 4, "0518"))
    with writing(office.engine) as session:
        for quarter, (number, score, place) in enumerate((*scored, (10, 5, "0599"))):
            day = clock.today() + timedelta(days=92 * min(quarter, 3))
            for case in range(number):
                reference = office.casework.open(
                    "M6", municipality=place, reference=f"T-{quarter}-{case}", session=session
                ).reference
                row = ReviewRow(
                    municipality=place, week="2026-W11", case_reference=reference, process="M6", decided_on=day,
                    reviewed_on=day, scores={item.code: score for item in QUESTIONS},
                )  # fmt: skip
                session.add(row)
    clock.moment += timedelta(days=3 * 92)
    told = trend_json(read_trend(office, "0518", quarter_of(clock.today())))
    assert told["kwartalen"] == ["2026-K1", "2026-K2", "2026-K3", "2026-K4"]
    questions = told["vragen"]
    assert isinstance(questions, list)
    assert [row["scores"] for row in questions] == [[1.0, None, None, 4.0]] * len(QUESTIONS)
    assert {"element": "5 Intake en triage", "score": 4.0} in told["elementen"]  # type: ignore[operator]
    assert (told["zaken"], told["twee_lezers_eens"]) == ("10", "minder dan 10")

"""Somebody curious with a key of his own: every address of the description is asked, so that a new one is by itself.

He works for another gemeente, or has no right to read. What he asks about is a case, a zaak, a person, a subscription
and a gemeente that are here, and then the same that are not: the answers are one, and so is what the database is asked.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from support.api import NOW, caller, whole
from support.questions import ASKS_NOTHING, HERE, Question, Subject, questions
from support.signal_deliveries import DENNIS, SAMIRA
from support.stack import home_with_keys

from adapters.cases.looks import ONE_LOOK_SECONDS
from adapters.exchange.clients import new_client
from adapters.exchange.webhooks import subscribe
from adapters.office import open_office
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office

ELSEWHERE = "0546"
_OWN_FORM = re.compile(r"FZ-2026-[0-9A-Z]{7}")
ZAKEN = "https://zaken.gemeente.example/zaken/api/v1/zaken"
NO_READER = ("vroegsignalen", "open:*", "ddas", "cloudevents", "notificaties", "inzage", "abonnementen", "verwijzen",
             "aanmelding_*", "niet_bedreigend", "overleden", "ingetrokken")  # fmt: skip


@dataclass(frozen=True)
class Known:
    """An office with a case of somebody, what stands for it in a question, and what stands for nothing."""

    office: Office
    there: Subject
    none: Subject
    kept: Path

    def put_back(self) -> None:
        """Make the database as it was, so that no question changes what the next one is answered."""
        live = self.office.settings.home_folder / "zaken.db"
        with closing(sqlite3.connect(self.kept)) as kept, closing(sqlite3.connect(live)) as now:
            kept.backup(now)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """A case of Samira in one gemeente, with a zaak, a subscription and a journal, and who asks about it."""
    home = tmp_path_factory.mktemp("nieuwsgierig")
    settings = Settings(home=home_with_keys(home), municipality=HERE, webhook_networks=())
    office = open_office(settings, SetClock(NOW))
    subscribe(office, "dashboard", "https://dashboard.example/in", municipalities=(HERE,))
    for name, rights in (("alles", ("*",)), ("lezer", ("lezen",)), ("melder", NO_READER)):
        for place in (HERE, ELSEWHERE):
            new_client(office, f"{name}-{place}", (place,), rights, api_key=f"rk_{name}-{place}_sleutel")
    api = caller(office, f"rk_alles-{HERE}_sleutel")
    zaak, other = (
        f"{ZAKEN}/4f693a3c-212f-4ed5-bdb0-192df06c085e",
        f"{ZAKEN}/0f693a3c-212f-4ed5-bdb0-192df06c085e",
    )
    opened = {"mijlpaal": "M3", "burgerservicenummer": SAMIRA, "verwijzingen": [zaak]}
    case = api.post("/v1/zaken", json=opened).raise_for_status().json()["zaak"]
    api.get(f"/v1/zaken/{case}").raise_for_status()  # the log of who looked has a line about it
    kept = home / "bewaard.db"
    with closing(sqlite3.connect(home / "zaken.db")) as now, closing(sqlite3.connect(kept)) as copy:
        now.backup(copy)
    none = Subject("FZ-2026-0000000", other, DENNIS, "nergens", "0999")
    yield Known(office, Subject(case, zaak, SAMIRA, "dashboard", HERE), none, kept)
    office.engine.dispose()


def _told(question: Question, answer: Any, about: Subject) -> tuple[Any, ...]:
    """Return all that an answer tells, without the names that stood in the question."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "content-length")
    told = [question.path, str(headers), answer.text]
    for name in (about.zaak, about.verwijzing, about.burgerservicenummer, about.naam, HERE, "0999"):
        told = [one.replace(name, "~") for one in told]
    # A case that he opened himself has a number of its own.
    return question.method, *(_OWN_FORM.sub("~", one) for one in told), answer.status_code


@pytest.mark.parametrize("name", ["alles", "lezer", "melder"])
def test_another_gemeente_is_told_and_costs_what_nothing_does(known: Known, name: str) -> None:
    """Whatever his rights are, a case that is there and one that is not are one answer and the same work."""
    api = caller(known.office, f"rk_{name}-{ELSEWHERE}_sleutel")
    described = whole(api.get("/v1/openapi.json").json())
    worked: list[str] = []
    event.listen(known.office.engine, "before_cursor_execute", lambda *given: worked.append(given[2]))
    found: list[list[Any]] = []
    for about in (known.there, known.none):
        lines = []
        for question in questions(described, about, place=True):
            known.put_back()
            worked.clear()
            answer = question.asked(api)
            refused = answer.status_code >= 400
            work = [
                one for one in worked if one != "BEGIN" and "FROM clients" not in one
            ]  # who asks is remembered for some seconds
            lines.append((*_told(question, answer, about), work if refused else None))
        found.append(lines)
    assert len(found[0]) > 40
    assert [pair for pair in zip(*found, strict=True) if pair[0] != pair[1]] == []


def test_who_may_not_read_is_told_the_same_of_everybody(known: Known) -> None:
    """In his own gemeente he learns neither the number of a case nor whether somebody is known."""
    api = caller(known.office, f"rk_melder-{HERE}_sleutel")
    described = whole(api.get("/v1/openapi.json").json())
    # He names the case himself where he reports on it; what he then hears is in `test_told_by_right`.
    own = ("/v1/zaken/{reference}", "/v1/abonnementen", "/v1/inzagelog")
    described["paths"] = {path: one for path, one in described["paths"].items() if not path.startswith(own)}
    there = known.there
    stranger = Subject(known.none.zaak, known.none.verwijzing, DENNIS, there.naam, there.gemeentecode)
    found: list[list[Any]] = []
    for about in (there, stranger):
        lines = []
        for question in questions(described, about, place=False):
            known.put_back()
            lines.append(_told(question, answer := question.asked(api), about))
            assert there.zaak not in answer.text.replace(str(question.body), "")
        found.append(lines)
    assert any(line[-1] < 300 and line[0] == "POST" for line in found[0])
    assert [pair for pair in zip(*found, strict=True) if pair[0] != pair[1]] == []


def test_the_questions_are_real(known: Known) -> None:
    """Who has every right in the gemeente of the case is answered at each address, so that a refusal says something."""
    api = caller(known.office, f"rk_alles-{HERE}_sleutel")
    described = whole(api.get("/v1/openapi.json").json())
    answered: dict[str, set[int]] = {}
    for question in questions(described, known.there, place=True):
        known.put_back()
        answered.setdefault(f"{question.method} {question.path}", set()).add(question.asked(api).status_code)
    unanswered = [place for place, statuses in answered.items() if min(statuses) >= 400]
    assert unanswered == []
    assert len(answered) == sum(map(len, described["paths"].values())) - len(ASKS_NOTHING)


def test_every_answer_that_tells_of_a_case_is_a_look(known: Known) -> None:
    """Whoever reads it stands in the log of who looked; a list of numbers alone and that log itself tell nothing."""
    api = caller(known.office, f"rk_alles-{HERE}_sleutel")
    described = whole(api.get("/v1/openapi.json").json())
    clock, told = known.office.clock, set()
    assert isinstance(clock, SetClock)
    for question in questions(described, known.there, place=True):
        if question.method != "GET" or question.path in ("/v1/zaken", "/v1/inzagelog"):
            continue
        known.put_back()
        clock.moment += timedelta(seconds=ONE_LOOK_SECONDS)  # a look of its own
        if known.there.zaak in question.asked(api).text:
            told.add(question.path)
            assert known.office.looks.found(known.there.zaak, f"alles-{HERE}")[1] == 2, (
                question
            )  # the first is of before
    assert len(told) > 4
    clock.moment = NOW

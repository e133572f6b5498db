"""Taking a policy into use: who, when, with whom; and back again."""

from __future__ import annotations

from datetime import datetime
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from adapters.api.app import create_pages
from adapters.api.person import as_person
from adapters.cases.journal_words import event_label
from adapters.cases.policy_book import PolicyBook, PolicyUseError
from adapters.cases.policy_moves import follow_policy, follow_what_was_asked
from adapters.office import Office
from adapters.operations.integrity import broken_cases
from adapters.oversight.policies_that_wait import policies_that_wait
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.policies import policy_from, policy_in
from adapters.runtime.settings import Settings
from adapters.runtime.staff import StaffBook, StaffRole

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock
    from adapters.storage.policy_tables import PolicyUseRow

ANNA, BAS = (Actor(ActorKind.PERSON, code, Way.COMMAND) for code in ("mw-1", "mw-2"))


def _office(engine: Engine, clock: SetClock, home: Path) -> Office:
    return Office(Settings(home=home, municipality="0518"), engine, clock)


def _use(
    office: Office, folder: Path, text: str, who: Actor = ANNA, *, running: bool = False
) -> PolicyUseRow:
    path = folder / "nieuw.toml"
    path.write_text(text)
    policy, choices = policy_in(path, "0518")
    with acts(who):
        row = office.policy_book.put_forward("0518", policy, choices, "raadsbesluit 2026-14", running=running)
    office.look_again()
    return row


def _t10(office: Office) -> tuple[str, str]:
    term = office.casework.open("M2", municipality="0518").case.processes[0].running("T10")
    assert term is not None
    return str(term.due), term.policy


def test_a_policy_counts_from_the_moment_it_is_taken_into_use(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """New terms start under it and name it; the row says who, when and why."""
    office = _office(engine, clock, tmp_path)
    assert _t10(office) == ("2026-04-06", "standaard")
    row = _use(office, tmp_path, "[T10]\nweken = 3\n")
    assert _t10(office) == ("2026-03-30", row.policy)
    assert (row.number, row.actor_code, row.reason, row.in_use_at) == (
        1,
        "mw-1",
        "raadsbesluit 2026-14",
        clock.now(),
    )


def test_a_running_term_keeps_the_policy_under_which_it_started(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """What runs is not moved; the journal of both cases follows from the policies that it names."""
    office = _office(engine, clock, tmp_path)
    reference = office.casework.open("M2", municipality="0518").reference
    _use(office, tmp_path, "[T10]\nweken = 2\n")
    _t10(office)
    kept = office.casework.case(reference).case.processes[0].running("T10")
    assert kept is not None
    assert (str(kept.due), kept.policy) == ("2026-04-06", "standaard")
    assert list(broken_cases(engine, office.rules_named)) == []


def test_running_terms_follow_when_the_change_says_so(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """They are counted anew from their anchors, once, and only here; the journal says so and replays."""
    office = _office(engine, clock, tmp_path)
    mine, other = (office.casework.open("M2", municipality=code).reference for code in ("0518", "0344"))
    row = _use(office, tmp_path, "[T10]\nweken = 2\n")
    moved = list(follow_policy(office.casework, "0518"))
    assert [(item.reference, item.term, str(item.before), str(item.after)) for item in moved] == [
        (mine, "T10", "2026-04-06", "2026-03-23")
    ]
    view = office.casework.case(mine)
    term = view.case.processes[0].running("T10")
    assert term is not None
    assert (str(term.due), term.policy) == ("2026-03-23", row.policy)
    line = view.journal[-1]
    assert (line.event, line.policy, line.data) == ("beleid_gewijzigd", row.policy, {"beleid": row.policy})
    assert event_label(line, office.rules_for("0518").policy) == "Lopende termijnen volgen het nieuwe beleid"
    assert office.casework.case(other).journal[-1].event == "geopend"
    assert list(follow_policy(office.casework, "0518")) == []
    assert list(broken_cases(engine, office.rules_named)) == []


def test_another_process_sees_it_too(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """It stands in the database, not in the memory of whoever did it."""
    _use(_office(engine, clock, tmp_path), tmp_path, "[T10]\nweken = 3\n")
    assert _t10(_office(engine, clock, tmp_path))[0] == "2026-03-30"


def test_two_at_once_are_told_one_of_the_other(
    engine: Engine, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second hears in one sentence that somebody else was first, whose policy counts."""
    office = _office(engine, clock, tmp_path)
    inside, add = [False], PolicyBook._add

    def another_comes_between(self: PolicyBook, *given: Any) -> PolicyUseRow:
        row = add(self, *given)
        if not inside[0]:
            inside[0] = True
            first = Thread(target=_use, args=(office, tmp_path, "T10 = { weken = 2 }", BAS))
            first.start()
            first.join()
        return row

    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one write at a time: the second waits, and then takes the next number")
    monkeypatch.setattr(PolicyBook, "_add", another_comes_between)
    with pytest.raises(PolicyUseError, match="Iemand anders") as error:
        _use(office, tmp_path, "T10 = { weken = 3 }")
    assert error.value.sentence.count("\n") == 0
    (row,) = office.policy_book.history("0518")
    assert row.actor_code == BAS.code


def test_it_can_be_put_back(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """Putting back is a change as well: it has a number, a person and a moment."""
    office = _office(engine, clock, tmp_path)
    _use(office, tmp_path, "[T10]\nweken = 3\n")
    _use(office, tmp_path, "[T10]\nweken = 2\n")
    with acts(BAS):
        back = office.policy_book.put_back("0518")
    office.look_again()
    assert (back.number, back.actor_code) == (3, "mw-2")
    assert _t10(office)[0] == "2026-03-30"
    assert [row.number for row in office.policy_book.history("0518")] == [3, 2, 1]


def test_the_first_policy_can_be_put_back_to_the_default(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Before the first policy the default counted."""
    office = _office(engine, clock, tmp_path)
    with pytest.raises(PolicyUseError, match="geen ander beleid"):
        office.policy_book.put_back("0518")
    _use(office, tmp_path, "[T10]\nweken = 3\n")
    office.policy_book.put_back("0518")
    office.look_again()
    assert _t10(office) == ("2026-04-06", "standaard")


def test_where_four_eyes_are_on_a_second_person_takes_it_into_use(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Until somebody else agrees the old policy counts; the same person cannot do both."""
    office = _office(engine, clock, tmp_path)
    row = _use(office, tmp_path, "tweede_persoon_beleid = true\n[T10]\nweken = 3\n")
    assert row.in_use_at is None
    assert _t10(office)[1] == "standaard"
    with acts(ANNA), pytest.raises(PolicyUseError, match="tweede persoon"):
        office.policy_book.agree("0518")
    with acts(BAS):
        agreed = office.policy_book.agree("0518")
    office.look_again()
    assert (agreed.actor_code, agreed.second_code) == ("mw-1", "mw-2")
    assert _t10(office)[0] == "2026-03-30"
    assert _use(office, tmp_path, "[T10]\nweken = 2\n").in_use_at is None  # nobody switches it off alone


def test_that_running_terms_follow_waits_with_the_policy(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Who puts it forward says so, the second person agrees to that and no more, and a worker does it once."""
    office = _office(engine, clock, tmp_path)
    reference = office.casework.open("M2", municipality="0518").reference

    def due() -> str:
        term = office.casework.case(reference).case.processes[0].running("T10")
        return str(term.due) if term else ""

    _use(office, tmp_path, "tweede_persoon_beleid = true\n[T10]\nweken = 3\n")
    with acts(BAS), pytest.raises(PolicyUseError, match="opnieuw klaarzetten"):
        office.policy_book.agree("0518", running=True)
    assert _use(office, tmp_path, "tweede_persoon_beleid = true\n[T10]\nweken = 2\n", running=True).running
    assert follow_what_was_asked(office) == []
    with acts(BAS):
        office.policy_book.agree("0518")
    assert due() == "2026-04-06"
    assert [item.reference for item in follow_what_was_asked(office)] == [reference]
    assert due() == "2026-03-23"
    assert office.policy_book.to_follow() == []


def test_a_policy_that_the_law_does_not_allow_any_more_is_not_put_back(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """What counted before a bound was found in the law stays in the history; the policy in force stays in force."""
    office = _office(engine, clock, tmp_path)
    choices = {"T03": {"weken": 12}}
    with acts(ANNA):
        office.policy_book.put_forward("0518", policy_from("0518-oud", choices, kept=True), choices)
    now = _use(office, tmp_path, "[T10]\nweken = 3\n")
    with acts(ANNA), pytest.raises(PolicyUseError, match=r"ten hoogste 8 weken zijn \(Wgs art\. 4a"):
        office.policy_book.put_back("0518")
    assert _t10(office)[1] == now.policy


def test_a_file_goes_round_no_second_person(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """Where the policy that counts asks for two people, another file in the folder waits, and `controleer` says so."""
    settings = Settings(home=tmp_path, municipality="0518", policy_folder=tmp_path)
    file = tmp_path / "0518.toml"
    file.write_text("tweede_persoon_beleid = true\n[T10]\nweken = 3\n")
    before = _t10(Office(settings, engine, clock))
    file.write_text("[T10]\nweken = 2\n")
    office = Office(settings, engine, clock)
    assert _t10(office) == before
    assert "beleid gebruik" in "".join(policies_that_wait(office))


@pytest.mark.parametrize("wrong", ["kanalen = 0\n", "[T01]\nweken = 6\n", None], ids=str)
def test_a_folder_that_turns_wrong_leaves_the_policy_in_force(
    engine: Engine, clock: SetClock, tmp_path: Path, wrong: str | None
) -> None:
    """A file that is refused at a start, or a second one for one gemeente, changes nothing: what counted counts."""
    settings = Settings(home=tmp_path, municipality="0518", policy_folder=tmp_path)
    (tmp_path / "0518.toml").write_text("[T10]\nweken = 3\n")
    before = _t10(Office(settings, engine, clock))
    if wrong is None:
        (tmp_path / "den-haag.toml").write_text("gemeente = '0518'\n")
    else:
        (tmp_path / "0518.toml").write_text(wrong)
    assert _t10(Office(settings, engine, clock)) == before
    assert before[0] == "2026-03-30"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_second_person_agrees_on_the_page(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """He reads what waits and takes that into use; the first person, a lezer and an older page change nothing."""
    clock.moment = datetime(2026, 3, 9, 0, 30, tzinfo=AMSTERDAM)
    office = _office(engine, clock, tmp_path)
    _t10(office)
    row = _use(office, tmp_path, "tweede_persoon_beleid = true\n[T10]\nweken = 3\n")

    def page(code: str, role: StaffRole) -> TestClient:
        member = StaffBook({}).with_roles(code, {"0518": frozenset({role})})
        own = {"Sec-Fetch-Site": "same-origin"}
        return TestClient(as_person(create_pages(office), member), follow_redirects=False, headers=own)

    first, second = (page(code, StaffRole.LEGAL_OFFICER) for code in ("mw-1", "mw-2"))
    reader, button = page("mw-3", StaffRole.READER), "Neem dit beleid in gebruik"
    assert row.policy in reader.get("/beleid/0518").text
    assert button not in reader.get("/beleid/0518").text
    shown = second.get("/beleid/0518").text
    assert "zette op ma 9 maart 2026 beleid" in shown  # the day here: in UTC it is still the eighth
    assert button in shown
    assert f'name="nummer" value="{row.number}"' in shown
    for who, number, status in (
        (first, row.number, 422),
        (reader, row.number, 403),
        (second, row.number + 1, 422),
        (second, "x", 422),
    ):
        assert who.post("/beleid/0518", data={"nummer": str(number)}).status_code == status
        assert office.policy_book.waiting("0518") is not None
    assert second.post("/beleid/0518", data={"nummer": str(row.number)}).status_code == 303
    assert (office.policy_book.history("0518")[0].second_code, _t10(office)[0]) == ("mw-2", "2026-03-30")
    after = second.get("/beleid/0518").text
    assert button not in after
    assert f"<td>{row.policy}</td><td>ma 9 maart 2026</td><td>mw-1</td><td>mw-2</td>" in after


def test_nobody_agrees_to_what_is_not_there(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """Without a policy that waits there is nothing to agree to, and the same policy is not used twice."""
    office = _office(engine, clock, tmp_path)
    with acts(BAS), pytest.raises(PolicyUseError, match="wacht geen beleid"):
        office.policy_book.agree("0518")
    _use(office, tmp_path, "[T10]\nweken = 3\n")
    with pytest.raises(PolicyUseError, match="geldt al"):
        _use(office, tmp_path, "[T10]\nweken = 3\n")


def test_a_file_counts_from_a_start_until_somebody_takes_a_policy_into_use(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """A folder with policies works as before; after that the file waits for a command."""
    settings = Settings(home=tmp_path, municipality="0518", policy_folder=tmp_path)
    file = tmp_path / "0518.toml"
    file.write_text("[T10]\nweken = 3\n")
    assert _t10(Office(settings, engine, clock))[0] == "2026-03-30"
    file.write_text("[T10]\nweken = 2\n")
    office = Office(settings, engine, clock)
    assert _t10(office)[0] == "2026-03-23"
    file.unlink()
    _use(office, tmp_path, "gemeente = '0518'\n[T10]\nweken = 1\n")
    (tmp_path / "nieuw.toml").write_text("gemeente = '0518'\n[T10]\nweken = 4\n")
    assert _t10(Office(settings, engine, clock))[0] == "2026-03-16"


def test_a_file_that_is_refused_leaves_the_policy_in_force(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """A mistake in the file stops nobody: what counted goes on."""
    settings = Settings(home=tmp_path, municipality="0518", policy_folder=tmp_path)
    file = tmp_path / "0518.toml"
    file.write_text("[T10]\nweken = 3\n")
    _t10(Office(settings, engine, clock))
    file.write_text("[T01]\nweken = 9\n")
    assert _t10(Office(settings, engine, clock))[0] == "2026-03-30"


@pytest.mark.parametrize("reason", ["besluit over 123.456.782", "bel 06-12345678", "NL91-ABNA-0417-1643-00"])
def test_a_reason_for_a_policy_tells_of_nobody(
    engine: Engine, clock: SetClock, tmp_path: Path, reason: str
) -> None:
    """The reason is kept and shown: with a BSN, a telephone or an IBAN in it nothing is taken into use."""
    book = _office(engine, clock, tmp_path).policy_book
    with acts(ANNA), pytest.raises(PolicyUseError, match="niets over een persoon"):
        book.put_forward("0518", policy_from("anders", {"kanalen": 3}), {"kanalen": 3}, reason)
    assert book.history("0518") == []

"""Every message of the acceptance cases, read as its receiver reads it: what, until when, and what waiting costs."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from support.case_messages import APPROVED, SENT, TOLD, Reader, sent, told

from adapters.messages.text_rules import forbidden_to_all, forbidden_to_residents
from adapters.office import Office
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, reading
from adapters.storage.message_tables import DeliveryRow
from milestones.dutch import _MONTHS
from milestones.process import NotPossible

READ = ("A-te-laat", "B", "D", "E", "anderstalig", "dwangsom", "overlijden", "verhuizing-overdragen")
WRITTEN_DAY = re.compile(rf"\b(?:ma|di|wo|do|vr|za|zo) (\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}})")


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Any:
    """Return the messages of a case by its name; each case is run once."""

    @cache
    def messages(name: str) -> tuple[dict[str, Any], ...]:
        return tuple(Reader(tmp_path_factory.mktemp(name), migrated_file).run(name))

    return messages


@pytest.mark.parametrize("name", TOLD)
def test_every_message_reads_as_it_was_approved(read: Any, name: str) -> None:
    """`python tests/renew.py` writes the approved texts anew, and a person reads what changed."""
    assert told(read(name)) == (APPROVED / f"{name}-verteld.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SENT)
def test_a_case_is_told_to_whom_was_approved(tmp_path: Path, migrated_file: Path, name: str) -> None:
    """Every delivery goes to the same people, over the same channels, at the same moments, for the same reason."""
    assert sent(tmp_path, migrated_file, name) == (APPROVED / f"{name}-bezorgd.txt").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("name", READ)
def test_every_message_can_be_read_aloud(read: Any, name: str) -> None:
    """No line is empty of sense: no hole, no double stop, no code of ours, and never 'something changed'."""
    assert read(name)
    for message in read(name):
        text = f"{message['titel']}\n{message['tekst']}"
        assert not re.search(r"None|\{|\}|  |\.\.|: \.|\? \.|, \.|dezelfde dag vanaf|iets veranderd", text), (
            text
        )
        words = re.sub(r"http\S+", "", text)
        assert not re.search(r"\b[a-z]+_[a-z_]+\b|[0-9a-f]{8}-[0-9a-f]{4}-", words), text
        if "Wat er is gebeurd: " in text and message["rol"] not in ("client", "creditor"):
            assert "Wie het meldde: " in text, text
        assert forbidden_to_all(text) is None, text


@pytest.mark.parametrize("name", READ)
def test_until_when_is_never_a_day_that_is_over(read: Any, name: str) -> None:
    """'Tot wanneer' gives a day that is still to come, or says that the day is over."""
    found = 0
    for message in read(name):
        on = datetime.fromisoformat(message["op"]).date()
        for line in re.findall(r"^Tot wanneer: (.*)$", message["tekst"], re.MULTILINE):
            days = [
                date(int(year), _MONTHS.index(month) + 1, int(day))
                for day, month, year in WRITTEN_DAY.findall(line)
            ]
            found += 1
            assert "zo snel als het kan" in line or "staat stil" in line or min(days) >= on, line
    assert found


def test_a_resident_hears_of_nothing_that_does_not_exist(read: Any) -> None:
    """A resident is told to ring who exists, and reads nothing about what it is."""
    told = [item for name in READ for item in read(name) if item["rol"] == "client"]
    assert len(told) > 2
    for message in told:
        text = f"{message['titel']}\n{message['tekst']}"
        assert "klaar" not in text
        assert "contactpersoon" not in text  # nobody was named in these cases
        assert forbidden_to_residents(text) is None


def test_a_crisis_says_so_in_the_subject(read: Any) -> None:
    """While there is a bedreigende situatie, each message to a colleague begins with it, and to nobody else."""
    titles = {(item["rol"], item["titel"]) for item in read("B") if item["op"] > "2026-04-03"}
    assert {title.startswith("SPOED - ") for role, title in titles if role not in ("client", "creditor")} == {
        True
    }
    assert not any("SPOED" in title for role, title in titles if role in ("client", "creditor"))
    assert ("coordinator", "SPOED - Zaak A-1: er is een crisis") in titles
    assert not any(item["titel"].startswith("SPOED") for item in read("E"))


def test_a_late_decision_is_told_with_its_day_and_its_price(read: Any) -> None:
    """Ingebrekestelling and dwangsom say what is asked, until when, and what a day of waiting costs."""
    texts = {item["titel"]: item["tekst"] for item in reversed(read("dwangsom"))}
    asked, runs = texts["Zaak A-1: de inwoner eist een besluit"], texts["Zaak A-1: de dwangsom loopt"]
    assert "Tot wanneer: wo 27 mei 2026." in asked
    assert "De gemeente betaalt daarna een dwangsom, elke dag." in asked
    assert "De eerste dag: do 28 mei 2026." in runs
    assert "De laatste dag: wo 8 juli 2026." in runs


def test_a_day_that_was_missed_stands_as_that_day(read: Any) -> None:
    """Who hears that something is late reads which day it was, once and without 'as soon as it can' in its place."""
    lines = [
        line
        for message in read("A-te-laat")
        if message["titel"].endswith(": te laat")
        for line in re.findall(r"^Dit moest klaar zijn op (.*)$", message["tekst"], re.MULTILINE)
    ]
    assert lines
    assert all(WRITTEN_DAY.fullmatch(line.removesuffix(".")) for line in lines), lines


def test_who_did_it_alone_still_hears_of_a_crisis(tmp_path: Path, migrated_file: Path) -> None:
    """A notice of what somebody did does not go to him, but one that asks something does when he is alone."""
    reader = Reader(tmp_path, migrated_file)
    (tmp_path / "ontvangers.toml").write_text(
        '[standaard]\ngeen_berichten_aan = ["client"]\n[[persoon]]\ncode = "mw-17"\n'
        'kanalen = { x = "json://127.0.0.1:9/" }\n[[gemeente]]\ncode = "*"\n[gemeente.rollen]\n'
        'case_worker = ["mw-17"]\ncoordinator = ["mw-17"]\n'
    )
    reader.office = Office(
        Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml"),
        reader.office.engine,
        reader.clock,
    )
    casework = reader.office.casework
    reference = casework.open("M3", municipality="0518").reference
    with acts(Actor(ActorKind.PERSON, "mw-17", Way.COMMAND)):
        for event in ("aanmelding_geregistreerd", "bedreigend"):
            casework.report(reference, event, process="M3")
    with reading(reader.office.engine) as session:
        told = [row.id for row in session.exec(select(OutboxRow).where(OutboxRow.role == "coordinator"))]
    assert told
    for effect in told:
        reader.office.deliveries.plan(effect)
    with reading(reader.office.engine) as session:
        planned = {row.recipient for row in session.exec(select(DeliveryRow)) if row.outbox_id in told}
    assert planned == {"mw-17"}


def test_a_moment_of_the_nazorg_asks_for_contact(read: Any) -> None:
    """A contact moment gives days to do it in, not the end of the year of nazorg."""
    (first, *_) = [item for item in read("E") if item["titel"] == "Zaak A-1: spreek de inwoner"]
    assert first["op"].startswith("2026-05-27")
    assert "Tot wanneer: wo 3 juni 2026." in first["tekst"]


def test_a_task_says_until_when_and_what_waiting_costs(read: Any) -> None:
    """A task has a day of its own, or that of the talk for which it is."""
    tasks = [item["tekst"] for item in read("anderstalig") if "een taak voor jou" in item["titel"]]
    assert tasks
    assert all("Tot wanneer: " in text and "Wat kost wachten? Dan " in text for text in tasks)


def test_a_resident_with_a_contact_person_rings_him(tmp_path: Path, migrated_file: Path) -> None:
    """Only when somebody is the contact person, the message says so."""
    reader = Reader(tmp_path, migrated_file)
    reference = reader.office.casework.open("M3", municipality="0518").reference
    reader.office.casework.open("BEGELEIDING", municipality="0518", reference=reference)
    reader.office.casework.report(
        reference, "contactpersoon_toegewezen", process="BEGELEIDING", data={"contactpersoon": "mw-17"}
    )
    reader.office.casework.report(reference, "verhuizing", process="M3", data={"keuze": "behouden"})
    reader.deliver()
    (told,) = [item["tekst"] for item in reader.messages() if item["rol"] == "client"]
    assert "Bel dan uw vaste contactpersoon." in told


def test_a_list_of_the_gemeente_reaches_who_must_act(tmp_path: Path, migrated_file: Path) -> None:
    """A code of the own list in the policy, said of a case, asks each role for what the list says, in its words."""
    (tmp_path / "beleid").mkdir()
    (tmp_path / "beleid" / "0518.toml").write_text(
        '[levensfasen.nestverlater]\nnaam = "gaat op zichzelf"\n'
        'taken = { budget_coach = "Maak samen een begroting voor een eigen huis." }\n'
        '[personas.stilvaller]\nnaam = "valt stil"\ntaken = { coordinator = "Vraag wie hem kent." }\n',
        encoding="utf-8",
    )
    reader = Reader(tmp_path, migrated_file, policy_folder=tmp_path / "beleid")
    reference = reader.office.casework.open("M3", municipality="0518").reference
    said = {"levensfase": "nestverlater", "persona": "stilvaller"}
    reader.office.casework.report(reference, "profiel_bepaald", process="M3", data=said)
    with pytest.raises(NotPossible, match="lijst van de gemeente"):
        reader.office.casework.report(reference, "profiel_bepaald", data={"levensfase": "pensioen"})
    reader.deliver()
    told = [(item["rol"], item["tekst"].lower()) for item in reader.messages()]
    for role, words in (
        ("budget_coach", "maak samen een begroting voor een eigen huis"),
        ("coordinator", "vraag wie hem kent"),
    ):
        assert [words in text for to, text in told if to == role].count(True) == 1
    facts = reader.office.casework.case(reference).case.process("M3").facts
    assert (facts["levensfase"], facts["persona"]) == ("nestverlater", "stilvaller")


def test_a_message_names_who_reported_it(tmp_path: Path, migrated_file: Path) -> None:
    """A colleague is named by his code, another system by its name; what a term did happened by itself."""
    reader = Reader(tmp_path, migrated_file)
    reference = reader.office.casework.open("M3", municipality="0518").reference
    with acts(Actor(ActorKind.PERSON, "mw-17", Way.COMMAND)):
        reader.office.casework.report(reference, "aanmelding_geregistreerd", process="M3")
    with acts(Actor(ActorKind.SYSTEM, "balie", Way.API)):
        reader.office.casework.report(reference, "bedreigend", process="M3")
    reader.deliver()
    told = "\n".join(item["tekst"] for item in reader.messages())
    assert "Wie het meldde: mw-17." in told
    assert "Wie het meldde: een ander systeem (balie)." in told

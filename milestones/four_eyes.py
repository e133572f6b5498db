"""Four eyes: where the policy asks for it, a decision waits for a second person who may judge it.

The first answer is kept in the process with the code of who gave it; the process stays where it is until somebody
else agrees or returns it, or who gave it takes it back. What else happens in the process meanwhile goes on; once that
moves it to another state, the answer that waited has lapsed. A product choice: no law asks for it. A weigering has its
second pair of eyes already (`weigering_getoetst`), which this one takes the place of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from milestones.definition import EventSpec
from milestones.event_data import checked
from milestones.event_fields import READER, one_of, yes_no
from milestones.roles import OVERRULERS, REVIEWERS, dutch_role
from milestones.snapshot import Event, Message, NotPossible, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.definition import Definition
    from milestones.policy import Policy
    from milestones.snapshot import Snapshot
    from milestones.vocabulary import EventName, JudgedKind, ProcessCode, Role

ASKED: Final = "tweede_beoordeling_gevraagd"
GIVEN: Final = "tweede_beoordeling_gegeven"
WAITS: Final = "Wacht op tweede beoordeling"
READ_TWICE: Final = "weigering_getoetst"
_TASK: Final = "tweede_beoordeling"
SAME_PERSON: Final = (
    "Wie het eerste oordeel gaf, kan niet ook het tweede geven: vraag een collega, of trek je eigen oordeel in "
    "(niet eens)."
)
WHO_ARE_YOU: Final = (
    "Hier kijken twee mensen naar, en dat kan alleen wie bekend is: log in, of zeg wie je bent "
    "(je medewerkerscode)."
)
WAITS_ALREADY: Final = "Er wacht al een antwoord op een tweede beoordeling: geef die eerst."
RETURN_REASONS = (
    "motivering is niet genoeg",
    "gegevens ontbreken",
    "past niet bij de wet of het beleid",
    "ander besluit past beter",
)
_FACT: Final = "tweede_beoordeling"
_EVENT, _KIND, _BY = (
    "gebeurtenis",
    "soort_besluit",
    READER.name,
)  # what a first answer has beside its own data


@dataclass(frozen=True, slots=True)
class JudgedTwice:
    """A kind of decision that may ask for a second person: its events, in which processes, and who may be second."""

    events: tuple[EventName, ...]
    judges: tuple[Role, ...]
    within: tuple[ProcessCode, ...] = ()


_WITH_HELP: tuple[ProcessCode, ...] = ("M4", "M5", "M6", "M7", "M8", "BEGELEIDING")
OVERRULING: Final = "overrulen"
# By the word of the policy. The one that asks most of who is second comes first.
DECISION_KINDS: Mapping[JudgedKind, JudgedTwice] = MappingProxyType(
    {
        OVERRULING: JudgedTwice((), OVERRULERS),
        "toelating": JudgedTwice(("goedgekeurd",), REVIEWERS),
        "weigering": JudgedTwice(("weigering_besloten",), REVIEWERS),
        "beeindiging": JudgedTwice(
            (
                "beeindigingsbeschikking_bekendgemaakt",
                "uitgestroomd",
                "ingetrokken",
                "overname_aanvaard",
                "inwoner_wil_geen_nazorg",
            ),
            (*REVIEWERS, "coordinator"),
            _WITH_HELP,
        ),
    }
)

SECOND_OPINION: Mapping[str, EventSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            EventSpec(ASKED, "Tweede beoordeling gevraagd", by_timer=True),
            EventSpec(
                GIVEN,
                "Tweede beoordeling",
                (
                    yes_no(
                        "akkoord",
                        "Ben je het eens met de eerste beoordeling? (was die van jou: met nee trek je haar in)",
                        required=True,
                    ),
                    one_of(
                        "reden",
                        "Waarom niet? (nodig bij nee over de beoordeling van een ander)",
                        RETURN_REASONS,
                    ),
                    READER,
                ),
                decision=True,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A first answer that waits: what was reported, by whom, and which kind of decision it is."""

    event: Event
    by: str
    kind: JudgedKind

    def judges(self, policy: Policy) -> tuple[str, ...]:
        """Return the roles that may give the second opinion in a gemeente."""
        return tuple(dict.fromkeys(policy.role(role) for role in DECISION_KINDS[self.kind].judges))


def proposal(snapshot: Snapshot) -> Proposal | None:
    """Return the first answer that waits in a process, or None."""
    kept = snapshot.facts.get(_FACT)
    if not isinstance(kept, tuple):
        return None
    event, on, by, kind, data = kept
    return Proposal(Event(event, on, dict(data), kept=True), by, kind)


def without_proposal(facts: Mapping[str, object]) -> dict[str, object]:
    """Return facts without a first answer that waits."""
    return {name: value for name, value in facts.items() if name != _FACT}


def asks_second(policy: Policy, snapshot: Snapshot, event: Event, by: str | None) -> JudgedKind | None:
    """Return the kind of decision for which the policy asks a second person now, or None.

    `by` is the code of who reports it. At a weigering two known people may have looked already.
    """
    for name, kind in DECISION_KINDS.items():
        if name not in policy.second_opinions:
            continue
        if name == OVERRULING:
            if event.data.get("overrulereden") is not None:
                return name
        elif event.name in kind.events and (not kind.within or snapshot.code in kind.within):
            read_twice = event.name == "weigering_besloten" and _read_twice(snapshot, by)
            return None if read_twice else name
    return None


def known_alone(policy: Policy, event: str) -> bool:
    """Whether an event counts as one of two pairs of eyes, so that only a known person may report it."""
    return event == GIVEN or (event == READ_TWICE and "weigering" in policy.second_opinions)


def is_judged(spec: EventSpec) -> bool:
    """Whether an event is one of those who judge the work of others, and need not work on cases themselves."""
    return spec.name == GIVEN or bool(set(spec.decided_by) & set(REVIEWERS))


def _read_twice(snapshot: Snapshot, by: str | None) -> bool:
    first = snapshot.facts.get("beoordelaar")
    advised = snapshot.facts.get("advies") == "weigering" and first != by
    return isinstance(first, str) and (snapshot.facts.get("weigering_akkoord") is True or advised)


def asking(event: Event, kind: JudgedKind, by: str) -> Event:
    """Return the event that keeps a first answer."""
    data = {**event.data, _EVENT: event.name, _KIND: kind, _BY: by}
    return Event(ASKED, event.on, data, event.by)


def first_answer(event: str, data: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Return an event and its data as they were reported, also where they wait for a second person."""
    if event != ASKED:
        return event, dict(data)
    own = {name: value for name, value in data.items() if name not in (_EVENT, _KIND)}
    return str(data[_EVENT]), own


def decided(snapshot: Snapshot, event: Event, second: str | None) -> tuple[Event, ...]:
    """Return what two people decided: the event, and before a weigering that its second pair of eyes agrees."""
    if event.name != "weigering_besloten" or snapshot.facts.get("weigering_akkoord") is True:
        return (event,)
    return (Event(READ_TWICE, event.on, {} if second is None else {"beoordelaar": second}), event)


def judge(definition: Definition, before: Snapshot, event: Event, policy: Policy) -> Outcome:
    """Keep a first answer, or take it off: with the second one, or because who gave it takes it back.

    Raises NotPossible or InvalidData.
    """
    return (
        _keep(before, event, policy) if event.name == ASKED else _take_off(definition, before, event, policy)
    )


def _keep(before: Snapshot, event: Event, policy: Policy) -> Outcome:
    if proposal(before) is not None:
        raise NotPossible(WAITS_ALREADY, (GIVEN,))
    data = dict(event.data)
    name, kind, by = data.pop(_EVENT), data.pop(_KIND), data.pop(_BY)
    kept = (name, event.on, by, kind, tuple(sorted(data.items())))
    after = replace(before, facts={**before.facts, _FACT: kept}, sequence=before.sequence + 1)
    waits = proposal(after)
    assert waits is not None  # noqa: S101 - it was kept just now
    told = tuple(Message(role, "taak", before.name, subject=_TASK) for role in waits.judges(policy))
    return Outcome(before, after, ASKED, told)


def _take_off(definition: Definition, before: Snapshot, event: Event, policy: Policy) -> Outcome:
    data = checked(SECOND_OPINION[GIVEN], event.data)
    waits = proposal(before)
    if waits is None:
        raise NotPossible(f"Er wacht in {before.name} geen antwoord op een tweede beoordeling.")
    if data.get(_BY) is None:
        raise NotPossible(WHO_ARE_YOU)
    after = replace(before, facts=without_proposal(before.facts), sequence=before.sequence + 1)
    if data[_BY] == waits.by:
        if data["akkoord"] is True:
            raise NotPossible(SAME_PERSON)
        return Outcome(before, after, GIVEN, ())
    able = waits.judges(policy)
    if event.by is not None and not set(able) & set(event.by):
        raise NotPossible(
            f"Een tweede beoordeling geeft hier alleen een {' of '.join(map(dutch_role, able))}."
        )
    returned = data["akkoord"] is False
    if returned and data.get("reden") is None:
        raise NotPossible("Zeg bij 'reden' waarom je het niet eens bent.")
    told = (Message(after.role(definition), "kennisgeving", before.name),) if returned else ()
    return Outcome(before, after, GIVEN, told)


def waits_for(definition: Definition, snapshot: Snapshot) -> str:
    """Return what a process waits for, in words: its state, or the second opinion."""
    if proposal(snapshot) is not None:
        return WAITS
    return definition.state(snapshot.state).waits_for

"""The conditions that a row may name: each a small test and the sentence that a refusal shows.

A condition that only the reporter can know (is the inwoner identified? does he consent?) holds unless
the report says that it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.running import target_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from milestones.policy import Policy
    from milestones.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Situation:
    """What a guard may look at: the process before the event, the event's data and date, the policy."""

    snapshot: Snapshot
    data: Mapping[str, object]
    on: date
    policy: Policy
    beside: tuple[Snapshot, ...] = ()

    def fact(self, name: str) -> object:
        """Give a fact of this process."""
        return self.snapshot.facts.get(name)

    def number(self, fact: str) -> int:
        """Give a counted fact, 0 when it was never counted."""
        value = self.snapshot.facts.get(fact, 0)
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition and the Dutch sentence for when it does not hold.

    With `hides` it looks at the process alone, and an event for which it does not hold is not offered at all.
    """

    holds: Callable[[Situation], bool]
    refusal: str
    hides: bool = False


def _term_over(situation: Situation, term: str) -> bool:
    running = situation.snapshot.running(term)
    return running is not None and running.due is not None and situation.on >= running.due


def _enough_attempts(situation: Situation) -> bool:
    return situation.number("contactpogingen") >= situation.policy.attempts_before_closing


def _last_no_show(situation: Situation) -> bool:
    return situation.number("niet_verschenen") + 1 >= situation.policy.no_shows_before_closing


def _no_partner_keeps_waiting(situation: Situation) -> bool:
    """Tell whether no partner is the cause; a coordinator may overrule with a reason (domain 4.6)."""
    if isinstance(situation.data.get("overrulereden"), str):
        return True
    waits = any(
        snapshot.facts.get("wacht_op_partner") for snapshot in (situation.snapshot, *situation.beside)
    )
    return not waits and situation.data.get("wachttijd_partner") is not True


def _within(situation: Situation, term: str) -> bool:
    """Tell whether the day of the event lies in a term, whether or not it was ended since."""
    latest = situation.snapshot.latest(term)
    return latest is not None and latest.due is not None and situation.on <= latest.due


def _motivated(situation: Situation) -> bool:
    return isinstance(situation.data.get("motivering", situation.fact("motivering")), str)


def _ground_allowed(situation: Situation) -> bool:
    groups = target_groups(situation.snapshot.facts)
    return not ("statushouder" in groups and situation.data.get("grond") in ("BRP", "toeslagen"))


def _first_objection(situation: Situation) -> bool:
    """Whether no bezwaar against this decision was handled before: its T20b comes after its T20."""
    order = [item.term for item in situation.snapshot.terms if item.term in {"T20", "T20b"}]
    return not order or order[-1] != "T20b"


def _objection_in_time(situation: Situation) -> bool:
    if situation.data.get("verschoonbaar") is True:
        return True
    if situation.data.get("tijdig_verstuurd") is False:
        return False
    return _within(situation, "T20") or _within(situation, "T20p")


def _decision_overdue(situation: Situation) -> bool:
    terms = (situation.snapshot.running(term) for term in ("T03", "T03b", "T20b"))
    return any(term is not None and term.is_overdue(situation.on) for term in terms)


def _enough_silence(situation: Situation) -> bool:
    attempts, ways = situation.data.get("pogingen"), situation.data.get("kanalen")
    return (not isinstance(attempts, int) or attempts >= situation.policy.attempts_before_closing) and (
        not isinstance(ways, int) or ways >= situation.policy.channels_before_closing
    )


def _exit_motivated(situation: Situation) -> bool:
    return situation.data.get("uitstroomreden") in _OWN_CHOICE or _motivated(situation)


# The reasons of uitstroom that are the inwoner's own, or no more than a fact.
_OWN_CHOICE = {"Ingetrokken", "Zelf", "Afgerond"}

GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "identified": Guard(
            lambda s: s.data.get("geidentificeerd") is not False,
            "Een hulpvraag kan pas verder als bekend is wie de inwoner is.",
        ),
        "consent": Guard(
            lambda s: s.data.get("toestemming") is not False,
            "Een verwijzing kan pas verder als de inwoner toestemming geeft.",
        ),
        "reached": Guard(lambda s: s.data.get("bereikt") is True, "De inwoner is niet bereikt."),
        "amount_not_higher": Guard(
            lambda s: s.data.get("bedrag_hoger") is not True,
            "Een hoger bedrag is geen herhaalde melding (DDAS, T10b).",
        ),
        "t10_over": Guard(
            lambda s: _term_over(s, "T10"),
            "De opvolgtermijn (T10) loopt nog: doe nog een contactpoging.",
        ),
        "enough_attempts": Guard(_enough_attempts, "Er zijn nog niet genoeg contactpogingen gedaan."),
        "last_no_show": Guard(_last_no_show, "De inwoner krijgt eerst een nieuwe afspraak."),
        "all_channels_tried": Guard(
            lambda s: s.data.get("alle_kanalen_geprobeerd") is True,
            "Eerst zijn alle manieren van contact nodig, ook een huisbezoek.",
        ),
        "threatened": Guard(
            lambda s: s.snapshot.facts.get("bedreigende_situatie") is True,
            "Er is geen bedreigende situatie bekend.",
        ),
        "consented": Guard(
            lambda s: s.data.get("toestemming") is True,
            "De inwoner heeft geen toestemming gegeven.",
        ),
        "partner_goes_on": Guard(
            lambda s: s.data.get("partner_gaat_door") is True, "De partner gaat niet door."
        ),
        "transfers": Guard(
            lambda s: s.data.get("keuze") == "overdragen", "De uitvoering wordt niet overgedragen."
        ),
        "relocation_offered": Guard(
            lambda s: s.fact("verhuizing") == "aangeboden",
            "De zaak is niet aangeboden aan een andere gemeente.",
        ),
        "no_event_of_its_own": Guard(
            lambda s: s.data.get("uitstroomreden") not in {"Overleden", "Verhuisd"},
            "Meld een overlijden met 'overleden' en een verhuizing met 'verhuizing'.",
        ),
        "exit_motivated": Guard(
            _exit_motivated, "Bij deze uitstroomreden is een code van de motivering nodig ('motivering')."
        ),
        "own_choice": Guard(
            lambda s: s.data.get("uitstroomreden") in _OWN_CHOICE,
            "Tegen de wens van de inwoner eindigt een traject alleen bij beschikking (Wgs art. 4a).",
        ),
        "no_partner_keeps_waiting": Guard(
            _no_partner_keeps_waiting,
            "De oorzaak ligt bij het wachten op een partner: de zorgplicht loopt door. Alleen een "
            "coördinator kan dit met een reden anders beslissen ('overrulereden').",
        ),
        "motivated": Guard(_motivated, "Er is een code van de motivering nodig ('motivering')."),
        "ground_allowed": Guard(
            _ground_allowed,
            "Bij een statushouder zijn ontbrekende gegevens van BRP of toeslagen nooit een grond voor "
            "weigering.",
        ),
        "objection_in_time": Guard(
            _objection_in_time,
            "Het bezwaar is te laat (Awb art. 6:7 en 6:9), en niet verontschuldigd (Awb art. 6:11).",
        ),
        "first_objection": Guard(
            _first_objection,
            "Op een bezwaar tegen dit besluit is al beslist; daarna staat beroep open bij de rechtbank "
            "(Awb art. 8:1).",
            hides=True,
        ),
        "penalty_to_be_fixed": Guard(
            lambda s: s.snapshot.running("T22b") is not None,
            "Er is geen dwangsom waarvan de hoogte nog moet worden vastgesteld (Awb art. 4:18).",
            hides=True,
        ),
        "decision_overdue": Guard(
            _decision_overdue, "De beslistermijn is nog niet voorbij (Awb art. 4:17 en 6:12)."
        ),
        "t03_over": Guard(
            lambda s: _term_over(s, "T03") or _term_over(s, "T03b"), "De beslistermijn (T03) loopt nog."
        ),
        "t17_over": Guard(
            lambda s: (
                (term := s.snapshot.latest("T17")) is not None and term.due is not None and s.on >= term.due
            ),
            "De nazorgperiode (T17) loopt nog.",
        ),
        "aftercare_contact_held": Guard(
            lambda s: s.number("nazorgcontacten") >= s.policy.aftercare_contacts,
            "In de nazorgperiode is eerst een contactmoment nodig.",
        ),
        "exempt_amount_counted": Guard(
            lambda s: s.data.get("beslagvrije_voet") is not False,
            "Het plan houdt rekening met de beslagvrije voet (Wgs art. 4a lid 5).",
        ),
        "general_moratorium": Guard(
            lambda s: s.data.get("moratorium") == "breed", "Het is geen breed moratorium."
        ),
        "running_costs_paid": Guard(
            lambda s: s.data.get("lopende_lasten_betaald") is not False,
            "Een moratorium kan alleen als de lopende lasten worden betaald (Fw art. 287b).",
        ),
        "to_m5": Guard(lambda s: s.data.get("naar") == "M5", "De zaak gaat niet naar M5."),
        "to_m7": Guard(
            lambda s: (
                s.data.get("naar") == "M7"
                or (s.data.get("naar") is None and any(item.code == "M7" for item in s.beside))
            ),
            "De zaak gaat niet naar M7.",
        ),
        "plan_revised": Guard(lambda s: s.data.get("plan_herzien") is True, "Het plan wordt niet herzien."),
        "enough_silence": Guard(
            _enough_silence,
            "Er zijn eerst meer pogingen nodig, op meer dan een manier.",
        ),
        "new_request": Guard(
            lambda s: s.data.get("vervolg") == "nieuwe aanvraag", "De inwoner kiest iets anders."
        ),
        "admitted": Guard(lambda s: s.fact("beschikking") == "toegelaten", "Er is geen toelating."),
        "extra_signals": Guard(lambda s: _within(s, "T16"), "Het extra vroegsignaleren (T16) is voorbij."),
        "in_aftercare": Guard(lambda s: _within(s, "T17"), "De nazorgperiode (T17) is voorbij."),
        "before_repayment": Guard(
            lambda s: isinstance(s.data.get("eerste_aflossing"), date),
            "Er is geen eerdere aflossing gemeld.",
        ),
    }
)

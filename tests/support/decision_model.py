"""A decision and what can be done against it, counted apart from the product, by the articles of the Awb.

It knows a bezwaar with its verzuim, opschorting, verdaging and adviescommissie, the ingebrekestelling with the
dwangsom, beroep and hoger beroep. It shares no code with `milestones` but the words of a length, and counts its days
with `naive_calendar`. Days on which a term stands still are kept one by one.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from milestones.calendar import Basis, Length, Unit
from support.naive_calendar import DAY, last_day

if TYPE_CHECKING:
    from random import Random

STANDS, OBJECTION, APPEAL, CLOSED = "besluit", "bezwaar", "beroep", "dicht"
SIX_WEEKS, TWELVE_WEEKS = Length(6, Unit.WEEKS), Length(12, Unit.WEEKS)
TWO_WEEKS, ONE_WEEK = Length(2, Unit.WEEKS), Length(1, Unit.WEEKS)
# Length and basis of each term; the commission makes twelve weeks of T20b.
TERMS = {
    "T20": (SIX_WEEKS, Basis.WET),  # 6:7
    "T20p": (ONE_WEEK, Basis.WET),  # 6:9 lid 2
    "T20b": (SIX_WEEKS, Basis.WET),  # 7:10 lid 1
    "T20c": (TWO_WEEKS, Basis.BELEID),  # 6:6, 7:10 lid 2
    "T21": (TWO_WEEKS, Basis.WET),  # 4:17 lid 3
    "T22": (Length(42, Unit.DAYS), Basis.WET_ZONDER_ATW),  # 4:17 lid 1
    "T22b": (TWO_WEEKS, Basis.WET),  # 4:18
    "T25": (SIX_WEEKS, Basis.WET),  # 6:7, 8:1
    "T25b": (SIX_WEEKS, Basis.WET),  # 6:7, 6:24
    "T03c": (TWO_WEEKS, Basis.BELEID),  # 4:14
    "T74": (Length(2, Unit.WORKING_DAYS), Basis.BELEID),  # 6:14, 2:17
}
SOMETIMES = 0.2
# What makes the walks go where terms stand still, twice or when it is too late.
OFTEN = {
    "bezwaar_ontvangen",
    "verzuim_gemeld",
    "verzuim_hersteld",
    "opschorting_gemeld",
    "opschorting_geeindigd",
    "bezwaar_ingetrokken",
    "beroep_ingesteld",
}
WINDOWS = {"T20", "T20p", "T20c", "T22", "T25", "T25b"}  # these run out; the others stay owed
FROM_THE_NEXT_DAY = {"T20", "T20b", "T22", "T25", "T25b"}
EVENTS = (
    "bezwaar_ontvangen",
    "adviescommissie_ingesteld",
    "verzuim_gemeld",
    "verzuim_hersteld",
    "opschorting_gemeld",
    "opschorting_geeindigd",
    "te_laat_gemeld",
    "termijn_verlengd",
    "digitale_weg_gestoord",
    "ontvangst_bevestigd",
    "ingebrekestelling_ontvangen",
    "dwangsom_vastgesteld",
    "gegrond",
    "ongegrond",
    "niet_ontvankelijk",
    "bezwaar_ingetrokken",
    "beroep_ingesteld",
    "hoger_beroep_ingesteld",
    "beroep_gegrond",
    "beroep_ongegrond",
    "beroep_niet_ontvankelijk",
    "beroep_ingetrokken",
    "voorziening_gevraagd",
    "voorziening_toegewezen",
    "voorziening_afgewezen",
)


class Refused(Exception):  # noqa: N818 - a refusal is no error
    """The event cannot happen now."""


@dataclass
class ModelTerm:
    """One term: from which day it counts, and the days on which it stood still."""

    name: str
    anchor: date
    length: Length
    stood: set[date] = field(default_factory=set)
    until: date | None = None  # written in a letter or a ruling, or verdaagd
    stood_before: int = 0  # of its days of standing still, those before `until` was set
    runs: bool = True
    over: bool = False

    def stood_days(self) -> int:
        """Return the days that count as standing still: only those on which the term had begun to count."""
        return sum(day > self.anchor for day in self.stood)

    def due(self) -> date:
        """Return the last day."""
        if self.until is not None:
            return self.until + (self.stood_days() - self.stood_before) * DAY
        return last_day(self.anchor, self.length, TERMS[self.name][1], self.stood_days())


@dataclass
class ModelDecision:
    """A decision that was announced on `announced`."""

    announced: date
    state: str = STANDS
    definitive: bool = False
    late: bool = False
    failure: bool = False
    further: bool = False
    standstill: dict[str, date] = field(default_factory=dict)  # the causes that last, each with its first day
    extended: bool = False
    commission: bool = False
    remedy: str = "T20"  # the last remedy that stood open
    terms: list[ModelTerm] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the bezwaartermijn."""
        self.begin("T20", self.announced)

    # --- terms --------------------------------------------------------------------------------------------

    def running(self, name: str) -> ModelTerm | None:
        """Return the last term of this name that runs."""
        return next((term for term in reversed(self.terms) if term.name == name and term.runs), None)

    def latest(self, name: str) -> ModelTerm | None:
        """Return the last term of this name, running or not."""
        return next((term for term in reversed(self.terms) if term.name == name), None)

    def begin(self, name: str, anchor: date, length: Length | None = None, until: date | None = None) -> None:
        """Start a term."""
        if until is not None and until < anchor:
            raise Refused
        self.terms.append(ModelTerm(name, anchor, length or TERMS[name][0], until=until))

    def stop(self, *names: str) -> None:
        """Stop every running term of these names."""
        for term in self.terms:
            term.runs = term.runs and term.name not in names

    def meet(self, on: date, *names: str) -> None:
        """Stop terms by doing what they ask; nothing is done before it was asked."""
        for name in names:
            term = self.running(name)
            if term is not None and name not in FROM_THE_NEXT_DAY and on < term.anchor:
                raise Refused
        self.stop(*names)

    def owed(self) -> ModelTerm:
        """Return the term of the decision on bezwaar."""
        term = self.running("T20b")
        assert term is not None
        return term

    def still(self) -> bool:
        """Whether the decision on bezwaar stands still."""
        return bool(self.standstill)

    def due(self, term: ModelTerm) -> date | None:
        """Return the last day of a running term; one that stands still has none."""
        return None if term.name == "T20b" and self.still() else term.due()

    def overdue(self, on: date) -> bool:
        """Whether the municipality is too late with the decision on bezwaar."""
        term = self.running("T20b")
        return term is not None and not self.still() and on > term.due()

    def close(self) -> None:
        """Nobody can attack it any more; only what must still be paid goes on."""
        self.definitive = True
        self.stop(*(set(TERMS) - {"T22b"}))

    # --- days that come -----------------------------------------------------------------------------------

    def let_pass(self, today: date) -> None:
        """Let every term end that is over, in the order of the days."""
        while True:
            able = [
                (due, place)
                for place, term in enumerate(self.terms)
                if term.runs and not term.over and (due := self.due(term)) is not None and due < today
            ]
            if not able:
                return
            self._over(self.terms[min(able)[1]])

    def _over(self, term: ModelTerm) -> None:
        term.over = True
        day = term.due()
        if term.name in WINDOWS:
            term.runs = False
        if self.definitive:
            return
        if term.name in ("T20", "T25", "T25b") and self.state in (STANDS, OBJECTION):
            self.begin("T20p", day)
        elif term.name == "T20p" and self.state == STANDS:
            self.close()
        elif term.name == "T20c" and self.state == OBJECTION:
            self._go_on("verzuim", day)
        elif term.name == "T21" and self.state == OBJECTION:
            self.begin("T22", day)
        elif term.name == "T22" and self.state == OBJECTION:
            self.begin("T22b", day)

    # --- standing still -----------------------------------------------------------------------------------

    def _stand(self, cause: str, on: date) -> None:
        if self.overdue(on):
            return  # a term that is over stands still no more
        self.standstill.setdefault(cause, on)

    def _go_on(self, cause: str, on: date) -> None:
        """End one cause: the days between its first and its last day do not count."""
        since = self.standstill.get(cause)
        if since is None:
            return
        if on < since:
            raise Refused
        del self.standstill[cause]
        day, end = (
            since + DAY,
            on + DAY if self.standstill else on,
        )  # where another cause goes on, the day counts too
        while day < end:
            self.owed().stood.add(day)
            day += DAY

    # --- events -------------------------------------------------------------------------------------------

    def take(self, event: str, on: date, data: dict[str, object]) -> None:
        """Take an event; Refused when it cannot happen, and then this model is of no use any more."""
        if self.state == CLOSED:
            raise Refused
        getattr(self, event)(on, data)

    def _must_be(self, *states: str, afterwards: bool = False) -> None:
        if self.state not in states or (self.definitive and not afterwards):
            raise Refused

    def bezwaar_ontvangen(self, on: date, data: dict[str, object]) -> None:
        """6:11: late or not, it is handled; 7:10 lid 1: six or twelve weeks from the end of the bezwaartermijn."""
        self._must_be(STANDS, afterwards=True)
        if self.remedy != "T20":
            raise Refused
        period = self.latest("T20")
        assert period is not None
        received = on <= last_day(period.due(), ONE_WEEK, Basis.WET, 0)
        if data.get("tijdig_verstuurd") is False:
            received = False
        self.late = not (received or data.get("verschoonbaar") is True)
        self.commission = data.get("adviescommissie", self.commission) is True
        length = TWELVE_WEEKS if self.commission else SIX_WEEKS
        self.begin("T20b", period.due(), length)
        if self.owed().due() < on:
            self.terms.pop()
            self.begin("T20b", on, length)
        self.begin("T74", on)
        self.state, self.definitive, self.extended = OBJECTION, False, False

    def adviescommissie_ingesteld(self, on: date, _: dict[str, object]) -> None:
        """7:13: twelve weeks, unless it is too late already or the court said when."""
        self._must_be(OBJECTION)
        old, was = self.owed(), self.commission
        self.commission = True
        if self.overdue(on) or self.latest("T25") is not None or was:
            return
        period = self.latest("T20")
        assert period is not None
        self.stop("T20b")
        self.terms.append(ModelTerm("T20b", period.due(), TWELVE_WEEKS, set(old.stood)))
        if self.owed().due() < on:
            self.owed().anchor = old.anchor
        self.extended = False

    def verzuim_gemeld(self, on: date, data: dict[str, object]) -> None:
        """6:6 and 7:10 lid 2."""
        self._must_be(OBJECTION)
        if self.running("T20c") is None:
            until = data.get("hersteltermijn_tot")
            self.begin("T20c", on, until=until if isinstance(until, date) else None)
            self._stand("verzuim", on)

    def verzuim_hersteld(self, on: date, data: dict[str, object]) -> None:
        """7:10 lid 2: until the day on which it was repaired."""
        self._must_be(OBJECTION)
        self._go_on("verzuim", on)
        self.meet(on, "T20c")
        if data.get("digitaal") is True:
            self.begin("T74", on)

    def opschorting_gemeld(self, on: date, _: dict[str, object]) -> None:
        """4:15 through 7:14."""
        self._must_be(OBJECTION)
        if self.still() or self.overdue(on):
            raise Refused
        self._stand("opschorting", on)

    def opschorting_geeindigd(self, on: date, _: dict[str, object]) -> None:
        """4:15 lid 4."""
        self._must_be(OBJECTION)
        if "opschorting" not in self.standstill:
            raise Refused
        self._go_on("opschorting", on)

    def te_laat_gemeld(self, on: date, data: dict[str, object]) -> None:
        """4:14 lid 1: a new date, and the term stays what it was."""
        self._must_be(OBJECTION)
        until = data["nieuwe_datum"]
        assert isinstance(until, date)
        self.stop("T03c")
        self.begin("T03c", on, until=until)

    def termijn_verlengd(self, on: date, data: dict[str, object]) -> None:
        """7:10 lid 3: once, by six weeks at the most, before it is over."""
        if self.definitive:
            raise Refused
        term, weeks = self.running("T20b"), data["weken"]
        assert isinstance(weeks, int)
        if term is None or self.still() or self.overdue(on) or self.extended or weeks > 6:
            raise Refused
        end = (
            term.due()
            if term.until
            else term.anchor + timedelta(weeks=term.length.amount) + term.stood_days() * DAY
        )
        term.until = last_day(end, Length(weeks, Unit.WEEKS), Basis.WET, 0)
        term.stood_before = term.stood_days()
        term.over, self.extended = False, True

    def digitale_weg_gestoord(self, _: date, __: dict[str, object]) -> None:
        """2:21 lid 3."""
        self._must_be(OBJECTION)
        self.failure = True

    def ontvangst_bevestigd(self, _: date, __: dict[str, object]) -> None:
        """6:14 lid 1: the oldest that waits."""
        if self.definitive:
            raise Refused
        first = next((term for term in self.terms if term.name == "T74" and term.runs), None)
        if first is not None:
            first.runs = False

    def ingebrekestelling_ontvangen(self, on: date, data: dict[str, object]) -> None:
        """4:17 lid 3, 6:12."""
        self._must_be(OBJECTION)
        if not self.overdue(on):
            raise Refused
        if self.running("T21") is None:
            self.begin("T21", on)
        if data.get("digitaal") is True:
            self.begin("T74", on)

    def dwangsom_vastgesteld(self, _on: date, _: dict[str, object]) -> None:
        """4:18: of two, the one that was first."""
        if self.running("T22b") is None:
            raise Refused
        next(term for term in self.terms if term.name == "T22b" and term.runs).runs = False

    def _decided(self, on: date) -> None:
        self._must_be(OBJECTION)
        self.meet(on, "T20b", "T21", "T03c")
        self._penalty_ends(on)
        self.stop("T20", "T20p", "T20c")
        self._no_standstill()
        self.failure = False
        self.stop("T25")
        self.begin("T25", on)
        self.state, self.remedy = STANDS, "T25"

    def _penalty_ends(self, on: date) -> None:
        """4:18: from the last day that is owed, which is the day before the decision."""
        penalty = self.running("T22")
        if penalty is not None:
            penalty.runs = False
            if penalty.anchor < on - DAY:
                self.begin("T22b", on - DAY)

    def _no_standstill(self) -> None:
        self.standstill.clear()

    def gegrond(self, on: date, _: dict[str, object]) -> None:
        """Against a decision on bezwaar stands beroep, whatever it says."""
        self._decided(on)

    def ongegrond(self, on: date, _: dict[str, object]) -> None:
        """8:1."""
        self._decided(on)

    def niet_ontvankelijk(self, on: date, _: dict[str, object]) -> None:
        """2:21 lid 3: not because of a failure of the municipality."""
        self._must_be(OBJECTION)
        if self.failure and (self.late or self.latest("T20c") is not None):
            raise Refused
        self._decided(on)

    def bezwaar_ingetrokken(self, on: date, _: dict[str, object]) -> None:
        """6:21: and definitive when no other bezwaar can come any more."""
        self._must_be(OBJECTION)
        self.stop("T20b", "T20c", "T03c", "T21")
        self._penalty_ends(on)
        self._no_standstill()
        self.state = STANDS
        period = self.latest("T20")
        assert period is not None
        over = on > last_day(period.due(), ONE_WEEK, Basis.WET, 0)
        if over or (self.running("T20") is None and self.running("T20p") is None):
            self.close()

    def beroep_ingesteld(self, on: date, _: dict[str, object]) -> None:
        """8:1; whether it is in time, the court says."""
        self._must_be(STANDS, afterwards=True)
        if self.remedy != "T25":
            raise Refused
        self.meet(on, "T25")
        self.stop("T20p")
        self.state, self.definitive, self.further = APPEAL, False, False

    def hoger_beroep_ingesteld(self, on: date, _: dict[str, object]) -> None:
        """8:104."""
        self._must_be(STANDS, afterwards=True)
        if self.remedy != "T25b" or self.further:
            raise Refused
        self.meet(on, "T25b")
        self.stop("T20p")
        self.state, self.definitive, self.further = APPEAL, False, True

    def beroep_gegrond(self, on: date, data: dict[str, object]) -> None:
        """8:72: the municipality decides anew, before the day that the court names or within six weeks."""
        self._must_be(APPEAL)
        until = data.get("beslissen_tot")
        self.begin("T20b", on, until=until if isinstance(until, date) else None)
        self.state, self.extended = OBJECTION, False

    def _lost(self, on: date) -> None:
        self._must_be(APPEAL)
        self.state = STANDS
        if self.further:
            self.close()
        else:
            self.stop("T25b")
            self.begin("T25b", on)
            self.remedy = "T25b"

    def beroep_ongegrond(self, on: date, _: dict[str, object]) -> None:
        """8:70, 8:104."""
        self._lost(on)

    def beroep_niet_ontvankelijk(self, on: date, _: dict[str, object]) -> None:
        """8:70, 8:104."""
        self._lost(on)

    def beroep_ingetrokken(self, _: date, __: dict[str, object]) -> None:
        """6:21: and definitive when no other beroep can come any more."""
        self._must_be(APPEAL)
        remedy = "T25b" if self.further else "T25"
        self.state, self.further = STANDS, False
        term = self.latest(remedy)
        assert term is not None
        self.begin(remedy, term.anchor)

    def voorziening_gevraagd(self, _: date, __: dict[str, object]) -> None:
        """8:81."""
        self._must_be(OBJECTION, APPEAL)

    def voorziening_toegewezen(self, _: date, __: dict[str, object]) -> None:
        """8:81."""
        self._must_be(OBJECTION, APPEAL)

    def voorziening_afgewezen(self, _: date, __: dict[str, object]) -> None:
        """8:81."""
        self._must_be(OBJECTION, APPEAL)


# --- walking at random ------------------------------------------------------------------------------------


def after_event(model: ModelDecision, event: str, on: date, data: dict[str, object]) -> ModelDecision | None:
    """Return the model after an event; None where the law does not allow it."""
    after = copy.deepcopy(model)
    try:
        after.take(event, on, data)
    except Refused:
        return None
    return after


def any_event(chance: Random, model: ModelDecision, on: date) -> str:
    """Return an event: mostly one that can happen now."""
    if chance.random() < SOMETIMES:
        return chance.choice(EVENTS)
    able = [event for event in EVENTS if after_event(model, event, on, any_data(chance, event, on))]
    return chance.choice([*able, *[event for event in able if event in OFTEN] * 3] or EVENTS)


def any_data(chance: Random, event: str, on: date) -> dict[str, object]:
    """Return what may go along with an event."""
    later = {name: on + timedelta(days=chance.randint(0, most)) for name, most in _LATER.items()}
    sometimes = chance.choice((True, False))
    data: dict[str, dict[str, object]] = {
        "bezwaar_ontvangen": {
            name: said
            for name in ("tijdig_verstuurd", "verschoonbaar", "adviescommissie")
            if (said := chance.choice((None, None, True, False))) is not None
        },
        "verzuim_hersteld": {"digitaal": sometimes},
        "ingebrekestelling_ontvangen": {"digitaal": sometimes},
        "opschorting_gemeld": {"reden": "overmacht"},
        "termijn_verlengd": {"termijn": "T20b", "weken": chance.randint(1, 7), "motivering": "m-1"},
        "te_laat_gemeld": {"nieuwe_datum": later["nieuwe_datum"]},
        "verzuim_gemeld": {"hersteltermijn_tot": later["hersteltermijn_tot"]} if sometimes else {},
        "beroep_gegrond": {"beslissen_tot": later["beslissen_tot"]} if sometimes else {},
    }
    return data.get(event, {})


# At the most so many days after the event.
_LATER = {"nieuwe_datum": 40, "hersteltermijn_tot": 30, "beslissen_tot": 60}

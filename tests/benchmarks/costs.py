"""What a deployment costs: stated assumptions times measured figures. Pure arithmetic; `national.py` measures."""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = 12
WORKING_SECONDS_A_MONTH = 21 * 8 * 3600
PEAK = 3.0  # the busiest hour beside the average working hour
ARCHIVE_YEARS = 5.0  # a case in the archive (T61, T62), after its traject
ENDED_RUNS_YEARS = 90 / 365  # ROUTEKAART_KEEP_ENDED_RUNS_DAYS
HISTORY_YEARS = 30 / 365  # ROUTEKAART_KEEP_RUN_HISTORY_DAYS
EVENTS_YEARS = 2 / 365  # PREFECT_SERVER_EVENTS_RETENTION_PERIOD
PAGE_VERSIONS = 20  # ROUTEKAART_PAGE_VERSIONS


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that was not measured, with where it comes from."""

    what: str
    number: float
    source: str


ASSUMPTIONS = {
    "signals": Assumption("vroegsignalen a year, all municipalities", 1_000_000, "domain §5, GNU24 [V]"),
    "registrations": Assumption("aanmeldingen a year", 80_000, "domain §5, NVVK 2019-2022 [V]"),
    "years": Assumption("years in a traject", 3, "domain §5: two to four [P]"),
    "terms": Assumption("rungs of terms per open traject a year", 30, "domain §5: 300,000 for 10,000 cases [P]"),
    "events": Assumption("events that people report per open traject a year", 24, "our own: two a month"),
    "signal_events": Assumption("events per vroegsignaal, its opening included", 5, "our own"),
    "registration_events": Assumption("events per aanmelding to the intake, its opening included", 6, "our own"),
    "signal_weeks": Assumption("weeks that a vroegsignaal is open", 6, "our own"),
    "runs": Assumption("flow runs of a traject, from M3 to its end", 8, "our own: all mijlpalen"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """A month of some part of the country."""

    name: str
    share: float

    def _of(self, name: str) -> float:
        return ASSUMPTIONS[name].number * self.share

    @property
    def open_cases(self) -> float:
        """Trajects that run at the same time."""
        return self._of("registrations") * ASSUMPTIONS["years"].number

    @property
    def signals(self) -> float:
        """Vroegsignalen a month."""
        return self._of("signals") / MONTHS

    @property
    def registrations(self) -> float:
        """Aanmeldingen a month."""
        return self._of("registrations") / MONTHS

    @property
    def fired(self) -> float:
        """Rungs of terms that fire in a month."""
        return self.open_cases * ASSUMPTIONS["terms"].number / MONTHS

    @property
    def reported(self) -> float:
        """Events that people report in open trajects in a month."""
        return self.open_cases * ASSUMPTIONS["events"].number / MONTHS

    @property
    def of_signals(self) -> float:
        """Changes of vroegsignalen in a month."""
        return self.signals * ASSUMPTIONS["signal_events"].number

    @property
    def of_trajects(self) -> float:
        """Changes of trajects in a month."""
        registered = self.registrations * ASSUMPTIONS["registration_events"].number
        return registered + self.fired + self.reported

    @property
    def transitions(self) -> float:
        """All that changes a case in a month."""
        return self.of_signals + self.of_trajects


@dataclass(frozen=True, slots=True)
class Measured:
    """What one transition costs: in our database, and to show it in Prefect.

    The bytes in Prefect's database are those of one wake-up, of one flow run, or of one page.
    """

    rows: float
    bytes: float
    cpu: float  # seconds, to decide and write it
    shown_cpu: float  # seconds of Prefect's server and our worker together
    shown_per_transition: float  # wake-ups: a hand-off wakes several processes
    state_bytes: float  # states and log of a wake-up; of each run one state stays
    task_bytes: float  # task runs of the messages of a wake-up
    event_bytes: float  # Prefect's events of a wake-up
    page_bytes: float
    newest_page_bytes: float  # the newest version of a page, which Prefect keeps twice
    run_bytes: float  # a run itself, with the form that it shows now


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load costs."""

    load: Load
    wake_ups: float  # a second in the busiest hour
    cores: float  # in the busiest hour
    rows_a_year: float
    gigabytes_a_year: float
    gigabytes_kept: float  # ours, when as many cases go as come
    prefect: dict[str, float]  # gigabytes that Prefect holds then, by what they are

    @property
    def prefect_gigabytes(self) -> float:
        """All that Prefect holds."""
        return sum(self.prefect.values())


def cost(load: Load, measured: Measured) -> Cost:
    """Return what a load costs."""
    a_second = load.transitions / WORKING_SECONDS_A_MONTH * PEAK
    wake_ups = a_second * measured.shown_per_transition
    yearly = load.transitions * MONTHS
    ours = yearly * measured.bytes / 1e9
    return Cost(
        load,
        wake_ups,
        a_second * measured.cpu + wake_ups * measured.shown_cpu,
        yearly * measured.rows,
        ours,
        ours * (ASSUMPTIONS["years"].number + ARCHIVE_YEARS),
        {what: size / 1e9 for what, size in _in_prefect(load, measured).items()},
    )


def _in_prefect(load: Load, measured: Measured) -> dict[str, float]:
    """Return the bytes that Prefect holds when as much goes as comes: what comes in a year times the years it stays."""
    woken = MONTHS * measured.shown_per_transition * load.transitions
    signals_there = load.signals * MONTHS * (ASSUMPTIONS["signal_weeks"].number / 52 + ENDED_RUNS_YEARS)
    trajects_there = load.registrations * MONTHS * (ASSUMPTIONS["years"].number + ENDED_RUNS_YEARS)
    runs_there = trajects_there * ASSUMPTIONS["runs"].number + signals_there
    return {
        "states and logs": measured.state_bytes * (woken * HISTORY_YEARS + runs_there),
        "task runs": measured.task_bytes * woken * HISTORY_YEARS,
        "pages": measured.page_bytes
        * (trajects_there * PAGE_VERSIONS + signals_there * ASSUMPTIONS["signal_events"].number)
        + measured.newest_page_bytes * (trajects_there + signals_there),
        "runs": measured.run_bytes * runs_there,
        "events": measured.event_bytes * woken * EVENTS_YEARS,
    }


LOADS = (
    Load("342 municipalities", 1.0),
    Load("a city of 570,000", 0.57 / 17.9),
    Load("a municipality of 50,000", 0.05 / 17.9),
)


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"


def table(measured: Measured) -> str:
    """Return the costs and the assumptions as Markdown."""
    rows = [
        (
            "| | open trajects | changes a month | wake-ups/s, busiest hour | cores, busiest hour "
            "| our rows a year | our GB a year | our GB kept | Prefect's GB |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    costs = [cost(load, measured) for load in LOADS]
    rows += [
        f"| {one.load.name} | {one.load.open_cases:,.0f} | {one.load.transitions:,.0f} | {_short(one.wake_ups)} "
        f"| {_short(one.cores)} | {_short(one.rows_a_year / 1e6)} million | {_short(one.gigabytes_a_year)} "
        f"| {_short(one.gigabytes_kept)} | {_short(one.prefect_gigabytes)} |"
        for one in costs
    ]
    parts = ", ".join(f"{what} {_short(size)} GB" for what, size in costs[0].prefect.items())
    rows += ["", f"Of Prefect's database of all municipalities: {parts}.", ""]
    rows += ["| assumed | number | from |", "| --- | ---: | --- |"]
    rows += [f"| {one.what} | {one.number:,.0f} | {one.source} |" for one in ASSUMPTIONS.values()]
    return "\n".join(rows)

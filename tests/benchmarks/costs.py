"""What a deployment costs: stated assumptions times measured figures. Pure arithmetic; `national.py` measures."""

from __future__ import annotations

from dataclasses import dataclass

MONTHS = 12
WORKING_SECONDS_A_MONTH = 21 * 8 * 3600
PEAK = 3.0  # the busiest hour beside the average working hour
CASE_YEARS = 3.0 + 5.0  # a traject of three years, then five in the archive (T61, T62)


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
    def transitions(self) -> float:
        """All that changes a case in a month."""
        return (
            self.signals * ASSUMPTIONS["signal_events"].number
            + self.registrations * ASSUMPTIONS["registration_events"].number
            + self.fired
            + self.reported
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What one transition costs: in our database, and to show it in Prefect."""

    rows: float
    bytes: float
    cpu: float  # seconds, to decide and write it
    shown_bytes: float  # in Prefect's database, for as long as the run is there
    event_bytes: float  # in Prefect's database, for seven days
    shown_cpu: float  # seconds of Prefect's server and our worker together
    shown_per_transition: float = 1.0  # wake-ups: a hand-off wakes several processes


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load costs."""

    load: Load
    wake_ups: float  # a second in the busiest hour
    cores: float  # in the busiest hour
    rows_a_year: float
    gigabytes_a_year: float
    gigabytes_kept: float  # ours, when as many cases go as come
    prefect_gigabytes: float  # with events kept for a week and ended runs for a quarter


def cost(load: Load, measured: Measured) -> Cost:
    """Give what a load costs."""
    a_second = load.transitions / WORKING_SECONDS_A_MONTH * PEAK
    wake_ups = a_second * measured.shown_per_transition
    yearly = load.transitions * MONTHS
    ours = yearly * measured.bytes / 1e9
    shown = yearly * measured.shown_per_transition / 1e9
    return Cost(
        load,
        wake_ups,
        a_second * measured.cpu + wake_ups * measured.shown_cpu,
        yearly * measured.rows,
        ours,
        ours * CASE_YEARS,
        shown
        * (measured.shown_bytes * (ASSUMPTIONS["years"].number + 0.25) + measured.event_bytes * 7 / 365),
    )


LOADS = (
    Load("342 municipalities", 1.0),
    Load("a city of 570,000", 0.57 / 17.9),
    Load("a municipality of 50,000", 0.05 / 17.9),
)


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.2g}"


def table(measured: Measured) -> str:
    """Give the costs and the assumptions as Markdown."""
    rows = [
        (
            "| | open trajects | changes a month | wake-ups/s, busiest hour | cores, busiest hour "
            "| our rows a year | our GB a year | our GB kept | Prefect's GB |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for load in LOADS:
        one = cost(load, measured)
        rows.append(
            f"| {load.name} | {load.open_cases:,.0f} | {load.transitions:,.0f} | {_short(one.wake_ups)} "
            f"| {_short(one.cores)} | {_short(one.rows_a_year / 1e6)} million | {_short(one.gigabytes_a_year)} "
            f"| {_short(one.gigabytes_kept)} | {_short(one.prefect_gigabytes)} |"
        )
    rows += ["", "| assumed | number | from |", "| --- | ---: | --- |"]
    rows += [f"| {one.what} | {one.number:,.0f} | {one.source} |" for one in ASSUMPTIONS.values()]
    return "\n".join(rows)

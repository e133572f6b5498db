"""Write what we hold as a delivery of DDAS: schuldhulptrajecten (v1.0), or vroegsignaalzaken.

The engine knows states and dates. Who the client is, which debts he has and what they amount to, it does not:
those are left out, unless a plug-in (`person_plugin`) gives the client fields out of the case system.
"""

from __future__ import annotations

import json
from enum import StrEnum
from importlib.metadata import version as package_version
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from adapters.exchange.inbox import load_plugin
from adapters.exchange.refusals import IntegrationError
from adapters.storage.database import CaseRow, JournalRow, ProcessRow, reading
from adapters.storage.exchange_tables import SignalRow
from milestones.case import NO_HELP
from milestones.definitions import VERSIONS
from milestones.definitions.shared import IN_APPEAL, IN_OBJECTION, TERMINATED
from milestones.event_fields import EXIT_REASONS
from milestones.side_events import GUIDANCE_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from sqlmodel import Session

    from adapters.cases.case_office import CaseOffice
    from adapters.runtime.settings import Settings

SUPPLIER = f"routekaart-{package_version('routekaart')}"  # DDAS wants the name and the version
_PAGE = 200
_CLIENT_FIELDS = (
    "Burgerservicenummer",
    "Geboortedatum",
    "Geslachtsaanduiding",
    "Postcode",
    "Huisnummer",
    "Huisnummertoevoeging",
)
_MOST_CLIENTS = 2
_UNSET = "0000"  # no gemeente was named in the settings
_SEX, _SEXES = "Geslachtsaanduiding", ("Man", "Vrouw", "Onbekend", "Leeg")
# Which process is which part of a schuldhulptraject: its start and its end are those of the part.
_PARTS = {"M3": "aanmelding", "M4": "intake", "M5": "stabilisatie", "M8": "nazorg"}
# Which event gives which date of which part.
_DATES = {
    ("M6", "bekendgemaakt"): (("intake", "beschikkingsdatum"), ("planVanAanpak", "datumAfronding")),
    ("M6", "weigering_besloten"): (("intake", "beschikkingsdatum"),),
    ("M7", "overeenkomst_getekend"): (("schuldregeling", "datum"),),
    ("M7", "vooraf_akkoord"): (("schuldregeling", "toegekend"),),
    ("M7", "akkoord_allen"): (("schuldregeling", "toegekend"),),
    ("M7", "dwangakkoord_verzocht"): (("schuldregeling", "datumVerzoekDwangakkoord"),),
    ("M7", "dwangakkoord_toegewezen"): (("schuldregeling", "toegekend"),),
    ("M7", "minnelijk_mislukt"): (("schuldregeling", "afgewezen"),),
    ("M7", "ingetrokken"): (("schuldregeling", "ingetrokken"),),
    ("M7", "betalingsregeling_getroffen"): (("oplossing", "startdatum"),),
    ("M7", "herfinanciering_verstrekt"): (("oplossing", "startdatum"),),
    ("M7", "krediet_uitbetaald"): (("oplossing", "startdatum"),),
    ("M7", "regeling_gestart"): (("oplossing", "startdatum"),),
    ("M7", "eerste_aflossing_gedaan"): (("oplossing", "startdatum"),),
    ("M3", "informatie_en_advies_gegeven"): (("informatieEnAdvies", "einddatum"),),
    ("M4", "informatie_en_advies_gegeven"): (("informatieEnAdvies", "einddatum"),),
}
# Before everybody agreed an aflossing begins no oplossing.
_ONLY_INTO = {("M7", "eerste_aflossing_gedaan"): "LOOPT"}
# What may happen more than once, each with the events that begin and end it, and the fields of their dates.
_SPELLS: tuple[tuple[str, str, dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]], ...] = (
    ("crisisinterventies", "M5", {"crisis_actief": ("startdatum",)}, {"afgewend": ("einddatum",)}),
    (
        "moratoria",
        "M5",
        {"moratorium_verzocht": ("datumAanvraag",)},
        {"toegewezen": ("datumGoedkeuring", "startdatum"), "afgewezen": ()},
    ),
    ("voorlopigeVoorzieningen", "M5", {"voorlopige_voorziening_verzocht": ("startdatum",)}, {}),
)
_SOLUTIONS = ("Betalingsregeling", "Herfinanciering", "Saneringskrediet", "Schuldbemiddeling", "0%-aanbod")
# The kinds of begeleiding of DDAS that M5 itself says: what begins and ends each, and the state of another.
_GUIDANCE = {
    "budgetbeheer_gestart": ("Budgetbeheer", True),
    "bewind_ingesteld": ("Beschermingsbewind", True),
    "bewind_beeindigd": ("Beschermingsbewind", False),
}
_LONG_GUIDANCE, _LONG_STATE = "Lange Termijn Begeleiding (DFD)", "DFD"
_DECISIONS = {
    ("M6", "bekendgemaakt"): "Toelatingsbeschikking",
    ("M6", "weigering_besloten"): "Afwijzingsbeschikking",
}
_RESULTS = frozenset(
    (
        "Niet opgepakt: herhaalde melding",
        "Niet opgepakt: onterecht signaal",
        "Inwoner is overleden",
        "Persoon is geen inwoner (meer) in de gemeente",
        "Niet opgepakt: andere reden",
        "Inwoner al bekend bij schuldhulpverlening",
        "Inwoner heeft al een ander lopend traject",
        "Definitief geen contact kunnen krijgen",
        "Geen reactie na eerder contact",
        "Inwoner hoeft geen hulp vanuit vroegsignalering",
        "Inwoner heeft zelf al betaald/betalingsregeling getroffen",
        "(Budget)advies en/of quick fix",
        "Vervolghulp en/of verwijzing financieel",
        "Verwijzing zonder contact",
        "Vervolghulp en/of verwijzing niet financieel",
    )
)
# The states in which no help runs any more, and those in which that decision is attacked and still stands.
_DECIDED = {("M4", "BUITEN_BEHANDELING"), ("M6", "BESCHIKT_GEWEIGERD"), ("M8", "AFGEROND")}
_ATTACKED = (IN_OBJECTION, IN_APPEAL)
_FINAL: dict[tuple[str, int], set[str]] = {
    (item.code, item.version): {state.code for state in item.states if state.final} for item in VERSIONS
}


class DeliveryKind(StrEnum):
    """What can be delivered."""

    TRAJECTS = "schuldhulptrajecten"
    SIGNAL_CASES = "vroegsignaalzaken"


_ORGANISATION = {
    DeliveryKind.TRAJECTS: ("(Statutaire) Naam", "KvK-nummer", "contactpersonen"),
    DeliveryKind.SIGNAL_CASES: ("naam", "kvk-nummer", "contactpersoonen"),
}


class ExportError(IntegrationError):
    """An export that cannot be made: one Dutch sentence."""


def everywhere(_: str) -> bool:
    """Say that every municipality is delivered."""
    return True


def export(
    office: CaseOffice,
    kind: DeliveryKind,
    start: date,
    end: date,
    sees: Callable[[str], bool] = everywhere,
) -> Iterator[str]:
    """Yield a delivery over a period as JSON text, piece by piece: a year of cases need not be in memory."""
    if end < start:
        raise ExportError("De einddatum ligt voor de startdatum.")
    head = {
        "startdatumLevering": start.isoformat(),
        "einddatumLevering": end.isoformat(),
        "aanleverdatumEnTijd": office.clock.now().isoformat(timespec="seconds"),
        "codeGegevensleverancier": SUPPLIER,
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "leveringen": ['
    municipalities = [found for found in _municipalities(office) if sees(found)]
    municipalities = municipalities or [office.settings.municipality]
    for number, municipality in enumerate(municipalities, start=1):
        yield ("," if number > 1 else "") + _part(kind, number, municipality, office.settings)
        found = _trajects if kind is DeliveryKind.TRAJECTS else _signal_cases
        for place, item in enumerate(_noted(office, municipality, found(office, municipality, start, end))):
            yield ("," if place else "") + "\n" + json.dumps(item, ensure_ascii=False)
        yield "]}"
    yield "]}\n"


def _noted(
    office: CaseOffice, municipality: str, items: Iterator[tuple[str, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield what is delivered of each case, once it is written who looked."""
    while some := list(islice(items, _PAGE)):
        office.looks.note_all([(reference, municipality) for reference, _ in some], "DDAS")
        yield from (item for _, item in some)


def _part(kind: DeliveryKind, number: int, municipality: str, settings: Settings) -> str:
    part: dict[str, Any] = {"teller": number}
    names = _ORGANISATION[kind]
    known = {
        names[0]: settings.ddas_organisation,
        names[1]: settings.ddas_kvk_number,
        names[2]: [person.model_dump(exclude_none=True) for person in settings.ddas_contacts] or None,
    }
    organisation = {name: value for name, value in known.items() if value is not None}
    if kind is DeliveryKind.TRAJECTS:
        # DDAS: an organisation with a number at the KVK is no gemeente, and then this field is empty.
        is_municipality = not settings.ddas_kvk_number and municipality != _UNSET
        own = {"gemeentecode": _code(municipality)} if is_municipality else {}
        part["aanleverende_organisatie"] = own | organisation
    else:
        part |= {
            "gemeentecode": municipality,
            "aanleverende_organisatie": organisation,
            "vroegsignalen": [],
        }
    return json.dumps(part, ensure_ascii=False)[:-1] + f', "{kind}": ['


def _code(municipality: str) -> str:
    """Return a gemeentecode as DDAS writes it, and its word for one that is not known."""
    return "Onbekend" if municipality == _UNSET else f"GM{municipality}"


def _municipalities(office: CaseOffice) -> list[str]:
    with reading(office.engine) as session:
        return list(session.exec(select(CaseRow.municipality).distinct().order_by(col(CaseRow.municipality))))


def _cases(office: CaseOffice, municipality: str) -> Iterator[tuple[str, list[ProcessRow], list[JournalRow]]]:
    """Yield every case of a municipality with its processes and its journal, a page at a time."""
    last = ""
    while True:
        with reading(office.engine) as session:
            names = session.exec(
                select(CaseRow.reference)
                .where(CaseRow.municipality == municipality, col(CaseRow.reference) > last)
                .order_by(col(CaseRow.reference))
                .limit(_PAGE)
            ).all()
            if not names:
                return
            last = names[-1]
            processes = _by_case(
                session.exec(
                    select(ProcessRow)
                    .where(col(ProcessRow.case_reference).in_(names))
                    .order_by(col(ProcessRow.id))
                ).all()
            )
            journals = _by_case(
                session.exec(
                    select(JournalRow)
                    .where(col(JournalRow.case_reference).in_(names))
                    .order_by(col(JournalRow.case_reference), col(JournalRow.number))
                ).all()
            )
        for name in names:
            yield name, processes.get(name, []), journals.get(name, [])


def _by_case(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.case_reference, []).append(row)
    return found


# --- schuldhulptrajecten ------------------------------------------------------------------------------------


def _trajects(
    office: CaseOffice, municipality: str, start: date, end: date
) -> Iterator[tuple[str, dict[str, Any]]]:
    plugin = office.settings.person_plugin
    clients = load_plugin(plugin) if plugin else None
    for reference, processes, journal in _cases(office, municipality):
        members = [row for row in processes if row.code not in NO_HELP]
        if not members:
            continue
        begun = min(row.opened_on for row in members)
        over = _end_of(members, journal)
        if begun > end or (over is not None and over < start):
            continue
        traject = _traject(municipality, members, journal, begun, over)
        if clients is not None and (given := clients(reference)):
            traject["client"] = [_client(item) for item in given[:_MOST_CLIENTS]]
        yield reference, traject


def _traject(
    municipality: str, members: list[ProcessRow], journal: list[JournalRow], begun: date, over: date | None
) -> dict[str, Any]:
    traject: dict[str, Any] = {"gemeentecode": _code(municipality), "startdatum": begun.isoformat()}
    if over is not None:
        traject["einddatum"] = over.isoformat()
    for row in members:
        name = _PARTS.get(row.code)
        if name is not None and name not in traject:
            traject[name] = _phase(row, journal, name)
    _add_dates(traject, journal)
    granted = traject.get("schuldregeling", {}).get("toegekend")
    if (
        granted is not None
    ):  # DDAS: the day on which the schuldregeling was granted, not that of the admission
        traject["toekenningsdatum"] = granted
    for name, code, begins, ends in _SPELLS:
        if found := _spells(journal, code, begins, ends):
            traject[name] = found
    if guidance := _guidance(members, journal):
        traject["begeleiding"] = guidance
    _complete_solution(traject, members, journal)
    _complete_intake(traject, over)
    if over is not None:
        traject["uitstroom"] = _exit(members, over)
    return traject


def _add_dates(traject: dict[str, Any], journal: list[JournalRow]) -> None:
    """Add the dates that events of the journal give."""
    for line in journal:
        key = (line.process.split("#")[0], line.event)
        if key in _ONLY_INTO and (line.after != _ONLY_INTO[key] or line.before == line.after):
            continue
        for part_name, field in _DATES.get(key, ()):
            traject.setdefault(part_name, {}).setdefault(field, line.on.isoformat())
        if key in _DECISIONS:
            traject["intake"]["beschikkingssoort"] = _DECISIONS[key]
            traject["intake"]["beschikkingsdatum"] = line.on.isoformat()
        if key == ("M7", "dwangakkoord_toegewezen"):
            traject["schuldregeling"]["dwangakkoord"] = True


def _spells(
    journal: list[JournalRow],
    code: str,
    begins: Mapping[str, tuple[str, ...]],
    ends: Mapping[str, tuple[str, ...]],
) -> list[dict[str, str]]:
    """Return what begins and ends, each time that it did: a moratorium ends on the day that the ruling says."""
    found: list[dict[str, str]] = []
    for line in journal:
        if line.process.split("#")[0] != code:
            continue
        if line.event in begins:
            found.append(dict.fromkeys(begins[line.event], line.on.isoformat()))
        elif line.event in ends and found:
            last = line.data.get("einddatum")
            found[-1] |= dict.fromkeys(ends[line.event], line.on.isoformat())
            found[-1] |= {"einddatum": str(last)} if last else {}
    return found


def _guidance(members: list[ProcessRow], journal: list[JournalRow]) -> list[dict[str, str]]:
    """Return the begeleiding of which the journal knows the kind, and when it began and ended."""
    found: list[dict[str, str]] = []
    for line in journal:
        kind, begins = _GUIDANCE.get(line.event, ("", False))
        running = next((one for one in found if one["soort"] == kind and "einddatum" not in one), None)
        if begins and running is None:
            found.append({"soort": kind, "startdatum": line.on.isoformat()})
        elif running is not None and not begins:
            running["einddatum"] = line.on.isoformat()
    for row in members:
        kind, begun = "", None
        if row.code == "BEGELEIDING":
            kind, begun = str(row.facts.get("begeleidingssoort")), row.opened_on
        elif row.code == "M5":
            into = (line.on for line in journal if (line.process, line.after) == (row.name, _LONG_STATE))
            kind, begun = _LONG_GUIDANCE, next(into, None)
        if begun is not None and kind in GUIDANCE_KINDS:
            ended = _ended_on(row, journal)
            end = {"einddatum": ended.isoformat()} if ended else {}
            found.append({"soort": kind, "startdatum": begun.isoformat(), **end})
    return found


def _complete_intake(traject: dict[str, Any], over: date | None) -> None:
    """Let the intake end with its beschikking, as DDAS says; while that is awaited it has no end."""
    intake = traject.get("intake", {})
    if decided := intake.get("beschikkingsdatum"):
        intake["einddatum"] = decided
    elif over is None:
        intake.pop("einddatum", None)


def _complete_solution(traject: dict[str, Any], members: list[ProcessRow], journal: list[JournalRow]) -> None:
    """Add what kind of oplossing it is and when it ended; one without a kind of its own is a schuldbemiddeling."""
    solution = traject.get("oplossing")
    row = next((row for row in reversed(members) if row.code == "M7"), None)
    if solution is None or row is None:
        return
    kind = row.facts.get("oplossing")
    solution["soort"] = kind if kind in _SOLUTIONS else "Schuldbemiddeling"
    if (ended := _ended_on(row, journal)) is not None:
        solution["einddatum"] = ended.isoformat()


def _phase(row: ProcessRow, journal: list[JournalRow], name: str) -> dict[str, Any]:
    phase: dict[str, Any] = {"startdatum": row.opened_on.isoformat()}
    ended = _ended_on(row, journal)
    if ended is not None:
        phase["einddatum"] = ended.isoformat()
    if name == "aanmelding":
        phase["crisisinterventie"] = row.facts.get("bedreigende_situatie") is True
    return phase


def _exit(members: list[ProcessRow], over: date) -> dict[str, str]:
    reasons = [row.facts.get("uitstroomreden") for row in members]
    known = [reason for reason in reasons if reason in EXIT_REASONS]
    # DDAS: the end of the traject, of the uitstroom and of its beschikking are one date.
    dates = dict.fromkeys(("datum", "datumBeeindigingsbeschikking"), over.isoformat())
    return dates | ({"reden": str(known[-1])} if known else {})


def _client(given: dict[str, Any]) -> dict[str, str]:
    if given.get(_SEX) not in (None, *_SEXES):
        raise ExportError(f"De plug-in geeft bij {_SEX} iets anders dan {', '.join(_SEXES)}.")
    return {name: str(given[name]) for name in _CLIENT_FIELDS if given.get(name) is not None}


def _end_of(members: list[ProcessRow], journal: list[JournalRow]) -> date | None:
    """Return when the last process of a traject ended; None while one runs."""
    ends = [_ended_on(row, journal) for row in members]
    return None if None in ends else max(found for found in ends if found is not None)


def _ended_on(row: ProcessRow, journal: list[JournalRow]) -> date | None:
    """Return when the help of a process ended: with the decision, not with the end of the bezwaartermijn after it."""
    decided = final = None
    for line in journal:
        if line.process != row.name:
            continue
        if line.after == TERMINATED or (row.code, line.after) in _DECIDED:
            decided = decided or line.on
        elif line.after in _FINAL.get((row.code, line.version), ()):
            final = final or line.on
        elif line.after not in _ATTACKED:
            decided = None  # help runs, or runs again
    if decided is None and row.closed:
        return final or row.opened_on
    return decided


# --- vroegsignaalzaken --------------------------------------------------------------------------------------


def _signal_cases(
    office: CaseOffice, municipality: str, start: date, end: date
) -> Iterator[tuple[str, dict[str, Any]]]:
    for reference, processes, journal in _cases(office, municipality):
        for row in processes:
            if row.code != "M2" or row.opened_on > end:
                continue
            over = _ended_on(row, journal)
            if over is None or over >= start:
                with reading(office.engine) as session:
                    shown = _signal_case(session, reference, row, journal)
                yield reference, shown


def _signal_case(
    session: Session, reference: str, row: ProcessRow, journal: list[JournalRow]
) -> dict[str, Any]:
    lines = [line for line in journal if line.process == row.name]
    found: dict[str, Any] = {}
    result = row.facts.get("eindresultaat")
    if result in _RESULTS:
        found["resultaat"] = result
    if (matched := _first(lines, "gematcht")) is not None:
        found["matchingsdatum"] = matched.isoformat()
    if (picked_up := _first(lines, "toegewezen")) is not None:
        found["datum_opgepakt"] = picked_up.isoformat()
    ids = session.exec(
        select(SignalRow.signal_id)
        .where(SignalRow.case_reference == reference, SignalRow.process == row.name)
        .order_by(col(SignalRow.id))
    ).all()
    if ids:
        found["vroegsignalen"] = [{"ID": signal_id} for signal_id in dict.fromkeys(ids)]
    attempts = [_attempt(line) for line in lines if line.event == "contactpoging_gedaan"]
    if attempts:
        found["contactpogingen"] = attempts
    return found


def _attempt(line: JournalRow) -> dict[str, Any]:
    known = {name: line.data[name] for name in ("soort", "dagdeel") if line.data.get(name)}
    return {"datum": line.on.isoformat(), "bereikt": line.data.get("bereikt") is True, **known}


def _first(lines: list[JournalRow], event: str) -> date | None:
    return next((line.on for line in lines if line.event == event), None)

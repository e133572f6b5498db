"""Read the tables in `tests/rows` and walk their lines: what each event does, written apart from the definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.runtime.calendar_data import dutch_calendar
from milestones.definition import Arm, Definition
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy, Rules
from milestones.process import Event, NotPossible, advance
from milestones.roles import ROLES
from milestones.running import arm_term
from milestones.snapshot import Snapshot, TermOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from milestones.snapshot import RunningTerm

FOLDER = Path(__file__).parents[1] / "rows"
RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
LONG_AGO, OPENED, MIDDLE, DAY = date(2024, 9, 2), date(2026, 1, 5), date(2026, 1, 12), date(2026, 2, 2)
HANDOFF = ("OVERDRACHT_AANGEBODEN", "TERUGGEGEVEN")
THEMES = (
    "werk",
    "inkomen",
    "opleiding",
    "spaargeld",
    "schulden",
    "wonen",
    "gezin",
    "gezondheid",
    "sociaal_netwerk",
)
TRAJECT = (
    "bedreigende_situatie",
    "doelgroep",
    "clienten",
    "toestemming",
    "bewind",
    "levensfase",
    "persona",
    "meetinstrument",
)
SAMPLES = {
    "bedreigende_situatie": False,
    "doelgroep": ("andere culturele achtergrond",),
    "clienten": 1,
    "toestemming": False,
    "bewind": False,
    "levensfase": "jong",
    "persona": "los",
    "meetinstrument": "zrm",
    "aanvraag_op": OPENED,
    "opschorting": False,
    "recidive_mogelijk": True,
    "eerste_aflossing": OPENED,
    "motivering": "m-9",
}
# A credit at the bank, a penalty that must be fixed, and what is kept for a while go on when a process ends.
OUTLIVES = {"T10c", "T11", "T14b", "T22b", "T60", "T61", "T62"}
_SINCE = {"loopt": OPENED, "voorbij": LONG_AGO, "pas begonnen": MIDDLE}
_ROLE = {name: code for code, name in ROLES.items()}


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    process: str
    sources: str
    event: str
    when: str
    to: str
    terms: str
    told: str
    more: str

    def __str__(self) -> str:
        """Return what names the line in a report."""
        return f"{self.process} {self.sources[:30]} {self.event} [{self.when}]"

    def states(self, definition: Definition) -> list[str]:
        """Return the states in which the line holds."""
        if self.sources in ("*", "*+"):
            able = [state.code for state in definition.states if not state.final]
            return [code for code in able if self.sources == "*+" or code not in HANDOFF]
        return parts(self.sources, ",")


def parts(text: str, mark: str) -> list[str]:
    """Split a text on a mark that does not stand within parentheses."""
    return [part.strip() for part in re.split(rf"{mark}(?![^(]*\))", text) if part.strip()]


def read_lines() -> list[Line]:
    """Return the lines of every table, with the templates filled in."""
    templates: dict[str, list[str]] = {}
    tables: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob("*.md")):
        if path.name == "README.md":
            continue
        current: list[str] = []
        for row in path.read_text(encoding="utf-8").splitlines():
            if row.startswith("# sjabloon "):
                current = templates.setdefault(row[11:].strip(), [])
            elif row.startswith("# "):
                current = tables.setdefault(row[2:].strip(), [])
            elif row.strip():
                current.append(row.strip())
    return [line for code, rows in tables.items() for line in _filled(code, rows, {}, templates)]


def _filled(
    code: str, rows: list[str], words: dict[str, str], templates: dict[str, list[str]]
) -> Iterator[Line]:
    words = dict(words)
    for raw in rows:
        row = raw
        for name, value in words.items():
            row = row.replace(f"{{{name}}}", value)
        if row.startswith("> "):
            name = max((item for item in templates if row[2:].startswith(item)), key=len)
            given = row[2 + len(name) :]
            found = re.findall(r"(\w+)=(.*?)(?= \w+=|$)", given) if given.strip() else []
            # "als=beschikking=toegelaten" is one word with a value that has a mark of its own.
            yield from _filled(code, templates[name], _joined(found), templates)
        elif row.startswith("|"):
            cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
            yield Line(code, *cells[:7])
        else:
            name, _, value = row.partition("=")
            words[name.strip()] = value.strip()


def _joined(found: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value.strip() for name, value in found}


def value_of(text: str) -> Any:
    """Return a value as the tables write it."""
    words = {"ja": True, "nee": False, "leeg": None}
    if text in words:
        return words[text]
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return date.fromisoformat(text)
    if text.startswith("(") and text.endswith(")"):
        return tuple(text.strip("()").split())
    return text


def pairs(text: str, mark: str) -> dict[str, Any]:
    """Return "a=b, c=d" as values; "scores=3" stands for the nine of them."""
    found: dict[str, Any] = {}
    for part in parts(text, mark):
        name, _, value = part.partition("=")
        if name == "scores":
            found |= dict.fromkeys(THEMES, int(value))
        else:
            found[name.strip()] = value_of(value.strip())
    return found


class DiffersError(AssertionError):
    """What happened is not what the line says."""


def walk(line: Line, definition: Definition, state: str) -> None:
    """Do what a line says in one state, and compare; raises DiffersError."""
    name, _, rest = line.event.partition(" (")
    # The last parenthesis closes the data; a value may hold some of its own.
    data = pairs(rest[:-1] if rest else "", ",")
    before, beside = _before(line, definition, state)
    given = Event(name, DAY, data)
    if line.to.startswith("geweigerd"):
        words = line.to.partition(": ")[2]
        try:
            advance(definition, before, given, DAY, RULES, beside=beside)
        except NotPossible as refusal:
            if words.lower() not in str(refusal).lower():
                raise DiffersError(f"geweigerd met: {refusal}") from None
            return
        raise DiffersError("niet geweigerd")
    try:
        outcome = advance(definition, before, given, DAY, RULES, beside=beside)
    except NotPossible as refusal:
        raise DiffersError(f"geweigerd: {refusal}") from None
    _same("naar", outcome.after.state, state if line.to.startswith("zelfde") else line.to.partition(",")[0])
    _same(
        "definitief",
        outcome.after.facts.get("definitief") is True,
        "definitief" in line.to or _stays_final(line),
    )
    _compare_terms(line, before, outcome)
    _compare_told(line, outcome)
    _compare_more(line, outcome)


def _stays_final(line: Line) -> bool:
    return "definitief=ja" in line.when and line.to.startswith("zelfde")


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise DiffersError(f"{what}: {found!r}, niet {wanted!r}")


def _before(line: Line, definition: Definition, state: str) -> tuple[Snapshot, tuple[Snapshot, ...]]:
    facts, running, beside = _circumstances(line)
    for token in line.terms.split():
        if token[0] in "!-~^*>#":
            running.setdefault(_term_of(token), OPENED)
    snapshot = Snapshot(definition.code, definition.version, state, LONG_AGO, facts=facts)
    for term, anchor in running.items():
        snapshot = _armed(snapshot, term, anchor)
    held = {_term_of(token) for token in line.terms.split() if token[0] == "^"}
    revived = {_term_of(token) for token in line.terms.split() if token[0] == "*"}

    def standing(item: RunningTerm) -> RunningTerm:
        if item.term in held:
            return replace(item, suspended_since=MIDDLE, due=None, due_atw=None)
        if item.term in revived:
            return replace(item, stopped=TermOutcome.CANCELLED, ended_on=MIDDLE)
        return item

    snapshot = replace(snapshot, terms=tuple(standing(item) for item in snapshot.terms))
    if revived:
        snapshot = _armed(snapshot, "T20", MIDDLE)
        decided = replace(snapshot.terms[-1], stopped=TermOutcome.ELAPSED)
        snapshot = replace(snapshot, terms=(*snapshot.terms[:-1], decided))
    return snapshot, beside


def _circumstances(line: Line) -> tuple[dict[str, Any], dict[str, date], tuple[Snapshot, ...]]:
    facts: dict[str, Any] = {}
    running: dict[str, date] = {}
    beside: list[Snapshot] = []
    for part in parts(line.when, ";"):
        if part.startswith("naast "):
            other, _, term = part[6:].partition(" met ")
            process = Snapshot(other, 2, DEFINITIONS[other].starts_in, OPENED, instance=1 + len(beside))
            if "=" in term:
                process = replace(process, facts=pairs(term, ","))
            beside.append(_armed(process, term, OPENED) if term and "=" not in term else process)
        elif part.startswith("was "):
            facts["vorige_toestand"] = part[4:]
        elif part.endswith(tuple(_SINCE)):
            term, _, how = part.partition(" ")
            running[term] = _SINCE[how]
        else:
            facts |= pairs(part, ";")
    for opening in re.findall(r"opent [\w ]+? met ([^;]*)", line.more):
        for name in _names(opening):
            facts.setdefault(name, SAMPLES.get(name))
    return {name: value for name, value in facts.items() if value is not None}, running, tuple(beside)


def _term_of(token: str) -> str:
    return re.split("[:@/]", token[1:])[0]


def _armed(snapshot: Snapshot, term: str, anchor: date) -> Snapshot:
    return arm_term(snapshot, Arm(term, several=True), Event("begin", anchor), DAY, RULES)  # type: ignore[arg-type]


_MARKS = {
    "!": TermOutcome.MET, "-": TermOutcome.CANCELLED, "=": TermOutcome.SUPERSEDED,
}  # fmt: skip


def _compare_terms(line: Line, before: Snapshot, outcome: Any) -> None:
    wanted = [token for token in line.terms.split() if token[0] not in "+#"]
    found = list(_changes(before, outcome))
    if (
        outcome.after.facts.get("definitief") is True
        or DEFINITIONS[before.code].state(outcome.after.state).final
    ):
        # Whatever ran ends with the process.
        found = [token for token in found if token[0] != "-" or token in wanted or token[1:] in OUTLIVES]
        _same("loopt nog", {item.term for item in outcome.after.terms if item.runs} - OUTLIVES, set())
    _same("termijnen", sorted(found), sorted(wanted))
    known = {item.key for item in before.terms}
    new = [item for item in outcome.after.terms if item.key not in known]
    for token in line.terms.split():
        if token[0] == "#":
            _same("uiterlijk", str(outcome.after.running(_term_of(token)).due), token.partition("/")[2])
        elif token[0] == "+":
            begun = next((item for item in new if _begins(token, item)), None)
            if begun is None:
                raise DiffersError(
                    f"begint niet: {token}; wel {[(item.term, item.variant, item.anchor) for item in new]}"
                )
            new.remove(begun)
    _same("begint ook", [item.term for item in new], [])


def _changes(before: Snapshot, outcome: Any) -> Iterator[str]:
    """Yield what became of each term that ran, as the tables write it."""
    after = {item.key: item for item in outcome.after.terms}
    carried = {item.key for opening in outcome.openings for item in opening.carried}
    for item in before.terms:
        now = after.get(item.key)
        if now is None:
            yield f"{'>' if item.key in carried else '?'}{item.term}"
        elif now.stopped is not item.stopped:
            yield f"{next((mark for mark, how in _MARKS.items() if how is now.stopped), '*')}{item.term}"
        elif now.suspended_since != item.suspended_since:
            yield f"{'~' if item.suspended_since is None else '^'}{item.term}"


def _begins(token: str, item: RunningTerm) -> bool:
    """Tell whether a term that began is the one of "+T20b:adviescommissie@2026-02-16/2026-03-30"."""
    found = re.fullmatch(
        r"\+(?P<term>\w+)(:(?P<kind>\w+))?(@(?P<anchor>[\d-]+))?(/(?P<until>[\d-]+))?", token
    )
    if found is None:
        raise DiffersError(f"onleesbaar: {token}")
    return (
        item.term == found["term"]
        and (item.variant or "") == (found["kind"] or "")
        and found["anchor"] in (None, item.anchor.isoformat())
        and found["until"] in (None, str(item.due))
    )


def _compare_told(line: Line, outcome: Any) -> None:
    tasks = sorted((item.role, item.subject) for item in outcome.messages if item.kind == "taak")
    told = sorted({item.role for item in outcome.messages if item.kind == "kennisgeving"})
    roles, _, rest = line.told.partition("; ") if not line.told.startswith("taak") else ("", "", line.told)
    _same("bericht", told, sorted(_ROLE[role] for role in parts(roles, ",")))
    if "taken=1" in line.more:
        _same("taken", bool(tasks), True)
    else:
        wanted = [part.split()[1:] for part in parts(rest, ";")]
        _same("taken", tasks, sorted((_ROLE[role], subject) for role, subject in wanted))


def _names(text: str) -> list[str]:
    found = [name.strip() for name in text.split(",")]
    found = [name for item in found for name in (TRAJECT if item == "traject" else (item,))]
    return [name for item in found for name in (THEMES if item == "scores" else (item,))]


def _compare_more(line: Line, outcome: Any) -> None:
    opens: list[tuple[str, list[str]]] = []
    reports: list[tuple[str, str, list[str]]] = []
    hears: list[str] = []
    for part in parts(line.more, ";"):
        if part.startswith("opent "):
            code, _, names = part[6:].partition(" met ")
            opens.append((code, sorted(_names(names))))
        elif part.startswith("hoort "):
            hears.append(part[6:])
        elif part.startswith("meldt "):
            what, _, names = part[6:].partition(" met ")
            code, event = what.split()
            reports.append((code, event, sorted(_names(names)) if names else []))
        elif part != "taken=1":
            for name, value in pairs(part, ";").items():
                _same(
                    name, outcome.after.facts.get(name) if value != "" else outcome.after.facts[name], value
                )
    found = [
        (item.opening.code + ("" if item.opening.handoff else " zonder overdracht"), sorted(item.facts))
        for item in outcome.openings
    ]
    _same("opent", sorted(found), sorted(opens))
    _same("hoort", [item.opening.event for item in outcome.openings if item.opening.event], hears)
    told = sorted((report.code, event.name, sorted(event.data)) for report, event in outcome.reports)
    _same("meldt", told, sorted(reports))

"""The laws on which our terms rest, against texts that somebody has: which article changed, and whom it touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from sqlmodel import col, select

from adapters.oversight.law_texts import plain_words
from adapters.storage.database import ProcessRow, SettingRow, TimerRow, reading, writing
from milestones.counting import so_many
from milestones.references import LAWS
from milestones.target_groups import TARGET_GROUPS
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Engine

    from adapters.oversight.law_texts import LawFolder, LawText
    from adapters.runtime.clock import Clock
    from milestones.references import Law, Reference

# The hash of each article on which something rests, as it stood on the date in `LAWS` when we read it.
CHECKED_ARTICLES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("Wgs", "2"): "72ce6f5045022ed2",
        ("Wgs", "3"): "dc2e221bc1daeb4f",
        ("Wgs", "4"): "7b36d43125ffa267",
        ("Wgs", "4a"): "a18ef27125fedcdb",
        ("Wgs", "5"): "b5c34515528ce85c",
        ("Awb", "2:17"): "a618f191454690bd",
        ("Awb", "4:5"): "8528a1aa617dd1ba",
        ("Awb", "4:8"): "f45254e94c76a46b",
        ("Awb", "4:13"): "72275231619c0d61",
        ("Awb", "4:14"): "2d88e0cf60834a42",
        ("Awb", "4:15"): "cdc2432d7c5d494d",
        ("Awb", "4:17"): "bc8a0b443e09e1ba",
        ("Awb", "4:18"): "6f11777abcc030bc",
        ("Awb", "6:7"): "4d292592921d8186",
        ("Awb", "6:8"): "8f51e32e05ae31d5",
        ("Awb", "6:9"): "0b7f5de2ac1890a6",
        ("Awb", "6:12"): "f550cb32aa1e9745",
        ("Awb", "6:14"): "b7d05cbc79caa9d3",
        ("Awb", "6:24"): "93a2ff6c694cf4ed",
        ("Awb", "7:10"): "03a092a39c22d121",
        ("Awb", "7:14"): "94058ac1fcdf97ce",
        ("Awb", "8:1"): "28f070f05ae4a412",
        ("Fw", "3"): "fd56f9c3b5052f42",
        ("Fw", "285"): "70f13c51261a64a8",
        ("Fw", "287"): "3c01fa96fdc8d216",
        ("Fw", "287a"): "c26fa60a22f7ca66",
        ("Fw", "287b"): "8ec502e20044051d",
        ("Fw", "288"): "7b87acd9fc343a90",
        ("Fw", "292"): "981686629cf6fffc",
        ("Fw", "315"): "7ae314dc402bf4d5",
        ("Fw", "318"): "c25ad7c337fbdd73",
        ("Fw", "349a"): "0449195db4ee0d0b",
        ("Fw", "351"): "e1b38ed3059d1e21",
        ("Fw", "351a"): "a743c856ed5b0650",
        ("Fw", "352"): "1e49a7817dbb3c87",
        ("Fw", "354"): "5e2250a7b93c957d",
        ("Fw", "354a"): "40a88db7c67f388a",
        ("Fw", "355"): "fa9645876e2100fe",
        ("BW", "1:432a"): "024f96114178e84e",
    }
)
_KEPT = "wetteksten"


class LawOffice(Protocol):
    """What is needed to check laws."""

    engine: Engine
    clock: Clock


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case with a running term."""

    reference: str
    municipality: str
    term: str


@dataclass(frozen=True, slots=True)
class Difference:
    """An article that is not as it was when it was checked, and what rests on it."""

    law: Law
    article: str
    text_of: date
    checked_text_of: date
    what: str
    terms: tuple[str, ...]
    groups: tuple[str, ...]
    cases: tuple[OpenCase, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "wet": self.law.code,
            "artikel": self.article,
            "tekst_van": self.text_of.isoformat(),
            "nagekeken_tekst_van": self.checked_text_of.isoformat(),
            "wat": self.what,
            "termijnen": list(self.terms),
            "doelgroepen": list(self.groups),
            "zaken": [
                {"zaak": case.reference, "gemeente": case.municipality, "termijn": case.term}
                for case in self.cases
            ],
        }


@dataclass(frozen=True, slots=True)
class LawCheck:
    """What was compared, what differs, and what could not be compared."""

    same: int
    differences: tuple[Difference, ...]
    by_words_only: tuple[str, ...]
    missing: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedText:
    """The text of a law that a person checked: from which date it holds, when it was checked, a hash per article."""

    text_of: date
    checked_on: date
    hashes: Mapping[str, str]


def check_laws(office: LawOffice, folder: LawFolder) -> LawCheck:
    """Compare the newest text of each law with the one that was checked.

    The text that was checked is known by hashes that a person recorded (`record`), or it is in the folder itself under
    its own date, or we have its hash. Otherwise only the words are looked up on which a term rests.
    """
    kept = checked_texts(office.engine)
    same, found, by_words, missing = 0, [], [], []
    for law in LAWS.values():
        texts = folder.of(law.bwb_id)
        if not texts:
            missing.append(f"{law.title} ({law.bwb_id})")
            continue
        newest = texts[-1]
        base = next((text for text in texts if text.valid_from == law.text_date), None)
        for article, references in _cited(law).items():
            before = kept[law.code].hashes.get(article) if law.code in kept else None
            if before is None and base is not None:
                before = base.hash_of(_in_text(law, article))
            before = before or CHECKED_ARTICLES.get((law.code, article))
            if before is None:
                by_words.append(f"{law.code} art. {article}")
            what = _changed(law, article, references, newest, before)
            if what is None:
                same += 1
            else:
                checked_of = kept[law.code].text_of if law.code in kept else law.text_date
                found.append(_difference(office.engine, law, article, newest, checked_of, what))
    return LawCheck(same, tuple(found), tuple(by_words), tuple(missing), folder.others)


def record(office: LawOffice, folder: LawFolder) -> list[str]:
    """Keep the hashes of the newest text of each law as checked today; give what was kept, one line for each law."""
    today, lines = office.clock.today(), []
    with writing(office.engine) as session:
        row = session.get(SettingRow, _KEPT) or SettingRow(name=_KEPT)
        values = dict(row.value)
        for law in LAWS.values():
            if texts := folder.of(law.bwb_id):
                newest = texts[-1]
                hashes = {article: newest.hash_of(_in_text(law, article)) for article in _cited(law)}
                values[law.code] = {
                    "tekst_van": newest.valid_from.isoformat(),
                    "nagekeken_op": today.isoformat(),
                    "artikelen": {article: found for article, found in hashes.items() if found is not None},
                }
                lines.append(
                    f"{law.title}, tekst van {newest.valid_from}: {so_many(len(hashes), 'artikel')}."
                )
        row.value = values
        session.add(row)
    return lines


def checked_texts(engine: Engine) -> Mapping[str, CheckedText]:
    """Return what a person recorded as checked, by the code of the law."""
    with reading(engine) as session:
        row = session.get(SettingRow, _KEPT)
        values = {} if row is None else dict(row.value)
    return {
        code: CheckedText(
            date.fromisoformat(value["tekst_van"]),
            date.fromisoformat(value["nagekeken_op"]),
            value["artikelen"],
        )
        for code, value in values.items()
    }


def cases_with(engine: Engine, terms: Iterable[str], municipality: str | None = None) -> tuple[OpenCase, ...]:
    """Return every open case in which one of these terms runs or is suspended, perhaps of one municipality."""
    query = (
        select(ProcessRow.case_reference, ProcessRow.municipality, TimerRow.term)
        .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
        .where(col(TimerRow.term).in_(sorted(terms)), col(TimerRow.stopped).is_(None))
        .order_by(col(ProcessRow.case_reference), col(TimerRow.term))
        .distinct()
    )
    if municipality is not None:
        query = query.where(col(ProcessRow.municipality) == municipality)
    with reading(engine) as session:
        return tuple(OpenCase(*row) for row in session.exec(query))


def _cited(law: Law) -> dict[str, list[Reference]]:
    """Return the articles of a law on which something rests, with every reference to them."""
    cited: dict[str, list[Reference]] = {}
    everything = [term.references for term in TERMS.values()]
    everything += [group.references for group in TARGET_GROUPS.values()]
    for references in everything:
        for reference in references:
            if reference.law == law.code:
                cited.setdefault(reference.article, []).append(reference)
    return cited


def _in_text(law: Law, article: str) -> str:
    """Return the number of an article as the text has it: 1:432a of the BW is 432a of the text of Boek 1."""
    return article.removeprefix("1:") if law.code == "BW" else article


def _changed(
    law: Law, article: str, references: Sequence[Reference], text: LawText, before: str | None
) -> str | None:
    """Say what differs in an article; None when nothing does.

    A text that somebody recorded as checked is one in which the words of our terms still have to stand.
    """
    now = text.hash_of(_in_text(law, article))
    if now is None:
        return "het artikel is er niet meer"
    for reference in references:
        lid = text.lids.get((_in_text(law, article), reference.paragraph))
        where = f"lid {reference.paragraph}" if reference.paragraph else "het artikel"
        if lid is None:
            return f"{where} is er niet meer"
        gone = [word for word in reference.words if plain_words(word) not in plain_words(lid)]
        if gone:
            return f"in {where} staat niet meer: {', '.join(gone)}"
    same = before is None or now == before
    return None if same else "de tekst is anders; de woorden waarop de termijn rust, staan er nog"


def _difference(
    engine: Engine, law: Law, article: str, text: LawText, checked_of: date, what: str
) -> Difference:
    def rests(references: Sequence[Reference]) -> bool:
        return any(found.law == law.code and found.article == article for found in references)

    terms = tuple(name for name, term in TERMS.items() if rests(term.references))
    groups = tuple(code for code, group in TARGET_GROUPS.items() if rests(group.references))
    cases = cases_with(engine, terms)
    return Difference(law, article, text.valid_from, checked_of, what, terms, groups, cases)

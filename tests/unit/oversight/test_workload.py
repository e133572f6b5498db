"""The lists of a werkvoorraad, each in its order, and the small pieces of reports."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from adapters.oversight.charts import bars, svg_page, text_bar
from adapters.oversight.document import Chart, Grid, Heading, Points, Words, as_fragment, as_html, as_markdown
from adapters.oversight.markdown import short_date, table
from adapters.oversight.periods import PeriodError, period_from, quarter_of
from adapters.oversight.policy_watch import ChangedTerm
from adapters.oversight.quality import FEWEST, MOST, Week, choose, last_week, widen
from adapters.oversight.workload import Load, WorkItem, Workload, plain_cell
from milestones.definition import RETURNED

MONDAY = date(2026, 3, 9)
_ITEM = WorkItem(
    reference="A", process="M3", waits_for="", role="klantmanager", holder="mw-1", deputy="mw-9", due=None, term=None,
    threatened=False, offered=False, waits_outside=False, flow_run_id=None, opened_on=MONDAY, state="INTAKE",
)  # fmt: skip


def _item(reference: str, days: int | None, holder: str | None = "mw-1", process: str = "M3") -> WorkItem:
    due = None if days is None else MONDAY + timedelta(days=days)
    return replace(_ITEM, reference=reference, due=due, holder=holder, process=process)


def _workload(*items: WorkItem, on: date = MONDAY, away: str = "mw-2") -> Workload:
    return Workload("0518", on, items, frozenset({away}))


def _names(items: tuple[WorkItem, ...]) -> str:
    return "".join(item.reference for item in items)


def test_each_list_has_its_own_days_and_order() -> None:
    """Late is before today, this week is today to Sunday, unowned is by day with what has none at the end."""
    work = _workload(
        _item("G", None, None), _item("F", 7), _item("E", 6), _item("C", 0, None), _item("B", -1), _item("A", -9),
        _item("D", 0, None),
    )  # fmt: skip
    assert (_names(work.late), _names(work.this_week), _names(work.unowned)) == ("AB", "CDE", "CDG")
    assert _names(replace(work, on=MONDAY + timedelta(days=6)).this_week) == "E"
    assert (work.sunday, replace(work, on=work.sunday).sunday) == (date(2026, 3, 15), date(2026, 3, 15))


def test_what_is_marked_is_listed_as_such() -> None:
    """A hand-off that waits, one that came back, and a threatened household each have their mark."""
    offered, threatened = replace(_ITEM, offered=True), replace(_ITEM, threatened=True)
    returned = replace(_ITEM, state=RETURNED, reservation="nog niet zeker")
    work = _workload(offered, threatened, returned)
    assert (work.offered, work.threatened) == ((offered,), (threatened,))
    assert [item.returned for item in work.items] == [False, False, True]
    assert returned.caution
    assert offered.caution is None


def test_what_each_person_holds_is_counted() -> None:
    """Who has most late comes first, then who has most; a deputy and an absence stand beside it."""
    work = _workload(
        _item("A", 0), _item("B", 9), _item("C", 9), _item("D", -1, "mw-2"), _item("E", 9, None), _item("F", 9, "mw-3"),
        _item("G", 1, "mw-2"), _item("H", 9, "mw-0"),
    )  # fmt: skip
    assert work.loads == (
        Load("mw-2", 2, 1, 1, "mw-9", away=True),
        Load("mw-1", 3, 0, 1, "mw-9", away=False),
        Load("mw-0", 1, 0, 0, "mw-9", away=False),
        Load("mw-3", 1, 0, 0, "mw-9", away=False),
    )


def test_processes_are_counted_by_mijlpaal() -> None:
    """A second process of a mijlpaal counts with the first."""
    work = _workload(_item("A", 0, process="M6"), _item("A", 0, process="M3#2"), _item("B", 0))
    assert list(work.by_milestone.items()) == [("M3", 2), ("M6", 1)]


def test_the_steps_of_a_state_are_those_of_people_its_own_first() -> None:
    """What a clock does is no step; what may happen anywhere comes after what belongs to the state."""
    steps = replace(_ITEM, process="M3#2", state="NIEUW").steps
    names = [step.name for step in steps]
    assert names[:2] == ["aanmelding_geregistreerd", "doelgroep_bepaald"]
    assert {"ingetrokken", "overleden"} <= set(names)
    assert "traject_beeindigd" not in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("value", "cell"),
    [(True, "ja"), (False, "nee"), (None, ""), (0, 0), ("+31", "'+31"), ("a=b", "a=b"), ("\tx", "'\tx")],
)
def test_a_cell_for_a_spreadsheet(value: object, cell: object) -> None:
    """Yes and no in words, nothing for what is not known, and no formula."""
    assert plain_cell(value) == cell


# --- pieces of reports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "most", "drawn"),
    [
        (0, 4, ""),
        (4, 4, "██"),
        (9, 4, "██"),
        (1, 4, "▌"),
        (3, 4, "█▌"),
        (1, 16, "▏"),
        (1, 0, ""),
        (0.5, 1, "█"),
    ],
)
def test_a_bar_of_signs(value: float, most: float, drawn: str) -> None:
    """A bar of two signs is drawn in eighths of a sign, and is never longer."""
    assert text_bar(value, most, width=2) == drawn


@pytest.mark.parametrize(
    ("values", "most", "widths"),
    [
        ((8, 4, 0), None, [520, 260, 0]), ((1, 3), 4, [130, 390]), ((9, 0.001), 4, [520, 2]), ((0,), None, [0]),
        ((), None, []),
    ],
)  # fmt: skip
def test_a_picture_of_bars(values: tuple[float, ...], most: float | None, widths: list[int]) -> None:
    """Each bar has its length, between its own words, below the one before; the sheet holds them all."""
    drawn = ET.fromstring(bars([(f"<{one}>", one, f"{one}&") for one in values], most))  # noqa: S314 - ours
    sheet, *parts = drawn
    rows = [parts[place : place + 3] for place in range(0, len(parts), 3)]
    assert [int(bar.attrib["width"]) for _, bar, _ in rows] == widths
    assert [(label.text, said.text) for label, _, said in rows] == [(f"<{one}>", f"{one}&") for one in values]
    for number, (label, bar, said) in enumerate(rows):
        at = {name: int(value) for name, value in bar.attrib.items() if name in {"x", "y", "width", "height"}}
        assert (at["x"], at["y"]) == (330, 12 + 30 * number)
        assert at["y"] + at["height"] < int(drawn.attrib["height"])
        assert int(label.attrib["x"]) == at["x"] - 10
        assert int(said.attrib["x"]) == at["x"] + at["width"] + 8
        assert at["y"] < int(label.attrib["y"]) == int(said.attrib["y"]) < at["y"] + at["height"]
    assert (int(sheet.attrib["height"]), drawn.attrib["height"]) == (
        18 + 30 * len(rows),
        sheet.attrib["height"],
    )


def test_a_report_is_written_in_two_forms() -> None:
    """Every block has its Markdown and its HTML; an empty one leaves nothing."""
    drawn = [("a[1]", 1.0, "1"), ("b", 0.0, "0")]
    blocks = (
        Heading("Kop", 3), Words("**Vet** en <b>"), Points(["een", "**twee**"]), Points([]),
        Grid(("x", "y"), [("a|b", 2), ("c\nd", None)]), Grid(("x",), []), Chart(drawn), Chart([]),
    )  # fmt: skip
    *words, picture = as_markdown(blocks).rstrip("\n").split("\n\n")
    assert words == [
        "### Kop", "**Vet** en &lt;b>", "- een\n- **twee**",
        "| x | y |\n| --- | --- |\n| a\\|b | 2 |\n| c d | None |",
    ]  # fmt: skip
    said, _, encoded = picture.partition("](data:image/svg+xml;base64,")
    assert said == "![a(1): 1; b: 0"
    drawn = base64.b64decode(encoded.removesuffix(")")).decode()
    assert drawn.count("<rect") == 3
    assert "width='520'" in drawn
    assert "width='0'" in drawn
    page = as_fragment(blocks)
    assert page.startswith("<h3>Kop</h3>\n<p><strong>Vet</strong> en &lt;b&gt;</p>\n<ul><li>een</li>")
    assert page.count("\n") == 5
    assert as_html("T<", blocks[:1]).endswith(
        "</style></head>\n<body><main>\n<h3>Kop</h3>\n</main></body></html>\n"
    )
    assert "<title>T&lt;</title>" in as_html("T<", ())
    assert svg_page(10, "x").endswith("fill='#ffffff'/>x</svg>")
    assert table(("a",), [(1,)]) == "| a |\n| --- |\n| 1 |"


def test_a_short_date_has_three_letters_of_a_month() -> None:
    """March is mrt, as people write it."""
    assert [short_date(date(2026, month, 1)) for month in (3, 5)] == ["zo 1 mrt 2026", "vr 1 mei 2026"]


def test_every_quarter_has_its_days() -> None:
    """The four quarters of a year follow each other, and each day lies in its own."""
    quarters = [period_from(f"2026-k{number}") for number in (1, 2, 3, 4)]
    assert [(one.begin.month, one.end.month, one.end.day) for one in quarters] == [
        (1, 3, 31), (4, 6, 30), (7, 9, 30), (10, 12, 31),
    ]  # fmt: skip
    assert all(quarter_of(day) == one for one in quarters for day in (one.begin, one.end))
    assert [one.before() for one in quarters[1:]] == quarters[:-1]
    assert [period_from(" 2026 ").is_year, quarters[0].is_year] == [True, False]
    assert period_from("2026").before() == period_from("2025")
    with pytest.raises(PeriodError, match="2026-K5"):
        period_from("2026-K5")


# --- the sample -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decided", "size"), [(0, 0), (2, 2), (25, FEWEST), (31, 4), (199, MOST), (500, MOST)]
)
def test_one_in_ten_is_drawn(decided: int, size: int) -> None:
    """At least three, at most twenty, and no more than there are."""
    pairs = [(f"Z-{number:03}", "M6") for number in range(decided)]
    drawn = choose(pairs, "0518", "2026-W11")
    assert (len(drawn), drawn) == (size, sorted(set(drawn)))
    if decided > MOST:
        assert drawn != choose(pairs, "0599", "2026-W11")


def test_a_group_that_is_in_the_sample_gets_no_more() -> None:
    """One of its own is enough, and an empty group asks for nothing; the sample stays sorted."""
    chosen = [("Z-2", "M6")]
    assert widen(chosen, {"a": [("Z-2", "M6"), ("Z-3", "M6")], "b": []}, "zaad") == chosen
    assert widen(chosen, {"a": [("Z-1", "M6")]}, "zaad") == [("Z-1", "M6"), ("Z-2", "M6")]
    groups = {f"{number:02}": [(f"Y-{number:02}", "M6")] for number in range(2 * MOST)}
    assert len(widen(chosen, groups, "zaad")) == 2 * MOST


def test_a_week_is_that_of_the_calendar() -> None:
    """From Monday to Sunday, by the year in which it lies; the last whole one is before this one."""
    assert (Week(date(2026, 12, 28)).name, Week(MONDAY).sunday) == ("2026-W53", date(2026, 3, 15))
    assert Week(date(2026, 1, 5)).name == "2026-W02"
    assert {last_week(MONDAY + timedelta(days=day)).monday for day in range(7)} == {date(2026, 3, 2)}


def test_a_changed_term_says_what_it_was_and_is() -> None:
    """A term that is new or gone is said to be so."""
    assert str(ChangedTerm("T01", None, "4 weken")) == "T01: was er niet, is nu 4 weken"
    assert str(ChangedTerm("T01", "4 weken", None)) == "T01: was 4 weken, is nu er niet meer"

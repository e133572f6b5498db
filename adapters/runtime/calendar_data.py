"""Dutch holidays as data: the yearly ones from the `holidays` library, those by royal decree from a table."""

from datetime import date
from functools import cache

from holidays import country_holidays

from milestones.calendar import Calendar

FIRST_YEAR = 1990
LAST_YEAR = 2060

# R4: the library's Dutch name in lower case -> the name we show. None: a Sunday anyway.
_NAMES = {
    "nieuwjaarsdag": "Nieuwjaarsdag",
    "goede vrijdag": "Goede Vrijdag",
    "eerste paasdag": None,
    "tweede paasdag": "tweede Paasdag",
    "koninginnedag": "Koninginnedag",  # until 2013
    "koningsdag": "Koningsdag",  # R6, since 2014
    "bevrijdingsdag": "Bevrijdingsdag (5 mei)",
    "hemelvaartsdag": "Hemelvaartsdag",
    "eerste pinksterdag": None,
    "tweede pinksterdag": "tweede Pinksterdag",
    "eerste kerstdag": "eerste Kerstdag",
    "tweede kerstdag": "tweede Kerstdag",
}

# R5: days put on a par with holidays by royal decree (koninklijk besluit, KB; Atw art. 3 lid 3).
KB_DAY_NAME = "KB-dag"
KB_DAYS = (
    date(2023, 4, 28),
    date(2023, 5, 19),
    date(2024, 5, 10),
    date(2024, 12, 27),
    date(2025, 5, 30),
    date(2026, 1, 2),
    date(2026, 5, 15),
    date(2027, 5, 7),
    date(2028, 4, 28),
    date(2028, 5, 26),
)
KB_DAYS_KNOWN_UNTIL = date(2028, 12, 31)
_KB_ALARM_FROM = date(2028, 7, 1)


@cache
def dutch_calendar() -> Calendar:
    """Return the calendar of all holidays in the sense of Atw art. 3, from FIRST_YEAR to LAST_YEAR.

    Raises KeyError when the library gives a holiday that `_NAMES` does not know.
    """
    yearly = country_holidays(
        "NL",
        years=range(FIRST_YEAR, LAST_YEAR + 1),
        categories=("public", "optional"),  # "optional" holds 5 May for the years that are no lustrum
        language="nl",
        expand=False,
    )
    holidays = dict.fromkeys(KB_DAYS, KB_DAY_NAME)
    for day in yearly:
        names = [shown for name in yearly.get_list(day) if (shown := _NAMES[name.lower()])]
        if names:
            holidays[day] = " en ".join(names)  # in 2016 Ascension Day was on 5 May
    covers = (date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
    return Calendar(holidays, KB_DAYS_KNOWN_UNTIL, covers)


def kb_alarm(today: date) -> str | None:
    """Return a Dutch sentence when the table of royal decree days is about to run out, else None (R5)."""
    if today < _KB_ALARM_FROM:
        return None
    return (
        "De extra vrije dagen per koninklijk besluit zijn bekend tot en met 31 december 2028: "
        "vul de tabel KB_DAYS in adapters/runtime/calendar_data.py aan, anders kunnen einddatums te vroeg zijn."
    )

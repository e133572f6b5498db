"""The fields that travel with events, and the choices that they offer.

There is no free text anywhere, so that nothing personal can slip in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from milestones.definition import Field, FieldKind
from milestones.roles import OVERRULERS, dutch_role
from milestones.vocabulary import Theme

if TYPE_CHECKING:
    from milestones.vocabulary import FactName, FieldName

# DDAS EnumContactsoort and EnumDagdeel.
CONTACT_KINDS = (
    "Telefoon",
    "Huisbezoek",
    "Brief",
    "Mail",
    "SMS/Whatsapp",
    "Kaartje",
    "Overige",
    "Administratief",
)
DAY_PARTS = ("Ochtend", "Middag", "Avond")
# Wgs art. 4 lid 2, and the local list.
THREATS = (
    "ontruiming",
    "gas",
    "elektriciteit",
    "stadsverwarming",
    "water",
    "zorgverzekering",
    "lokale lijst",
    "beslag op bedrijf",  # ondernemer (domain 4.10)
    "opzegging bankkrediet",
)
# The results of DDAS EnumEindresultaat that no other event of M2 stands for.
OTHER_RESULTS = (
    "Niet opgepakt: andere reden",
    "Inwoner heeft al een ander lopend traject",
    "Geen reactie na eerder contact",
    "Inwoner heeft zelf al betaald/betalingsregeling getroffen",
    "Verwijzing zonder contact",
    "Vervolghulp en/of verwijzing niet financieel",
)
SIGNAL_PARTS = ("bedrag", "status", "signaaldatum", "signaalpartner", "anders")
TARGET_GROUP_CODES = (
    "ondernemer",
    "jongere",
    "anderstalig",
    "andere culturele achtergrond",
    "statushouder",
    "gezin",
    "dakloos",
)
# What holds a case up, whoever says it; a product choice.
BOTTLENECKS = (
    "wachttijd-partner",
    "gegevens-ontbreken",
    "geen-passend-aanbod",
    "regels-botsen",
    "te-weinig-mensen",
    "systeem",
    "anders",
)
# DDAS uitstroomreden.
EXIT_REASONS = (
    "Overleden",
    "Verhuisd",
    "Nietverschenen",
    "Ingetrokken",
    "Niet passend",
    "Voldoet niet",
    "Afgerond",
    "Zelf",
    "Overig",
)


def a_date(name: FieldName, label: str, *, required: bool = False) -> Field:
    """Return a field for a date."""
    return Field(name, FieldKind.DATE, label, required)


def yes_no(name: FieldName, label: str, *, required: bool = False) -> Field:
    """Return a field for yes or no."""
    return Field(name, FieldKind.YES_NO, label, required)


def number(name: FieldName, label: str, *, required: bool = False, most: int | None = None) -> Field:
    """Return a field for a whole number from 0."""
    return Field(name, FieldKind.NUMBER, label, required, most=most)


def one_of(name: FieldName, label: str, choices: tuple[str, ...], *, required: bool = False) -> Field:
    """Return a field for one of some choices."""
    return Field(name, FieldKind.CHOICE, label, required, choices)


def some_of(name: FieldName, label: str, choices: tuple[str, ...]) -> Field:
    """Return a field for several of some choices."""
    return Field(name, FieldKind.CHOICES, label, choices=choices)


def code(name: FieldName | FactName, label: str, *, required: bool = False) -> Field:
    """Return a field for a short code."""
    return Field(name, FieldKind.CODE, label, required)


THREAT = one_of("bedreiging", "Wat wordt bedreigd", THREATS)
THREATENED = yes_no("bedreigende_situatie", "Is er een bedreigende situatie?")
MOTIVATION = code("motivering", "Code van de motivering", required=True)
MOTIVATION_OR_KNOWN = code("motivering", "Code van de motivering")
EXIT_REASON = one_of("uitstroomreden", "Reden van uitstroom", EXIT_REASONS, required=True)
CONSENT = yes_no("toestemming", "Geeft de inwoner toestemming?")
WEEKS = number("weken", "Aantal weken")
# Filled in with the code of who acts, where that is known.
READER = code("beoordelaar", "Code van wie dit beoordeelt")
DECIDED_BY = one_of("beslist_door", "Wie beslist dat het toch doorgaat?", tuple(map(dutch_role, OVERRULERS)))
OVERRULE = code("overrulereden", "Reden om toch te beëindigen terwijl een partner de oorzaak is")
PARTNER_WAITS = yes_no("wachttijd_partner", "Is de oorzaak het wachten op een partner?")
# What each ending carries that the zorgplicht may stand in the way of.
ENDING = (MOTIVATION, PARTNER_WAITS, OVERRULE, DECIDED_BY)
DIGITAL = yes_no("digitaal", "Kwam het langs digitale weg binnen, zonder dat de inwoner ziet dat het er is?")
MESSAGE_KEY = code("termijn", "Welke termijn (bijvoorbeeld T13-2)")
# The same themes each time (basisdienstverlening element 5); a score is a number, never a text.
THEMES: tuple[Theme, ...] = get_args(Theme)
HIGHEST_SCORE = 10
# Wgs art. 3; a weigering is never more than a possibility. Missing registrations are no ground (domain 4.10).
GROUNDS = (
    "recidive",
    "fraude",
    "verblijfsstatus",
    "inlichtingen",
    "medewerking",
    "BRP",
    "toeslagen",
    "anders",
)
GROUND = one_of("grond", "Grond", GROUNDS)
DIFFERING_DATA = yes_no(
    "afwijkende_gegevens", "Steunt dit op gegevens die afwijken van wat de inwoner zelf gaf (Awb 4:7)?"
)
TERM_KEY = code("termijn", "Welke termijn", required=True)
SCORES = tuple(number(theme, f"Score {theme.replace('_', ' ')}", most=HIGHEST_SCORE) for theme in THEMES)
INSTRUMENT = code("meetinstrument", "Code van het meetinstrument")
NAMED_INSTRUMENT = code("meetinstrument", "Code van het meetinstrument", required=True)
OWN_ADMINISTRATION = yes_no("administratie_zelf", "Doet de inwoner de administratie weer zelf?")
ALL_SCORES = tuple(
    number(theme, f"Score {theme.replace('_', ' ')}", required=True, most=HIGHEST_SCORE) for theme in THEMES
)

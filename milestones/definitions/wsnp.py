"""WSNP (domain 4.8, sub-process B): the statutory route beside M7; the court decides. Each client has his own.

A ruling that ends the Wsnp ends nothing before it is final (Fw art. 350 lid 4 and 5, 356 lid 2): until then the terms
run, and its state waits for the end of appeal (T35) or cassation (T35c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from milestones.definition import BACK, SAME, Arm, Definition, Report, Row, State
from milestones.definitions.shared import (
    ENDING_KEEPS,
    EVERY_STATE,
    HANDOFF_STATES,
    bottleneck_row,
    death_rows,
    extension_row,
    handoff_rows,
)
from milestones.events import events_of

if TYPE_CHECKING:
    from milestones.vocabulary import EventName, GuardName, Role, TermId

_BEFORE_ADMISSION = ("VERKLARING_285", "VERZOEK_INGEDIEND", "AANVULLEN", "ZITTING")
_APPEAL = ("HOGER_BEROEP", "CASSATIE")
_ENDINGS = (
    "BEEINDIGD_ZONDER_SCHONE_LEI",
    "BEEINDIGD_354A",
    "EINDVONNIS_SCHONE_LEI",
    "EINDVONNIS_TEKORTKOMING",
)
# The Wsnp may be in force in these; a guard looks whether it is.
_MAY_RUN = ("TOEGELATEN", *_ENDINGS, *_APPEAL)
# While the Wsnp is in force there is a bewindvoerder who must know.
_WHO_HEARS_OF_A_DEATH: tuple[tuple[tuple[GuardName, ...], tuple[Role, ...]], ...] = (
    (("wsnp_in_force",), ("wsnp_trustee",)),
    ((), ()),
)
# The last day of T37 decides when the report and the eindzitting must be there (counted back).
_COUNTED_BACK = (Arm("T39", from_term="T37", restart=True), Arm("T37b", from_term="T37", restart=True))
# R14: the day itself counts; an earlier aflossing in the minnelijke regeling counts as the start.
_CHANGED = (Arm("T37", same_anchor=True, until="einddatum", restart=True), *_COUNTED_BACK)
_ADMITTED = (
    Arm("T37", from_earlier="eerste_aflossing", until="einddatum"),
    Arm("T38"),
    Arm("T37c"),
    *_COUNTED_BACK,
)
_ENDED: Final = ("T35d", "T37", "T37b", "T37c", "T38", "T38b", "T39")
_WITHOUT = (Report("M7", "wsnp_beeindiging_definitief", earlier="wsnp_beeindigd_zonder_schone_lei"),)
_NO_WSNP = (Report("M7", "wsnp_geen_toelating", earlier="wsnp_afgewezen"),)
_SOLVED = (Report("M7", "wsnp_schone_lei_definitief"), Report("M7", "oplossing_afgerond"))
_GOES_ON = (Report("M7", "wsnp_hervat"),)
_PARTNER_DIED = (
    Report("M7", "overleden", passes=("partner_gaat_door",)),
    Report("M7", "wsnp_geen_toelating"),
)
_WHEN_FINAL: tuple[tuple[str, tuple[Report, ...]], ...] = (
    ("AFGEWEZEN", _NO_WSNP),
    ("BEEINDIGD_ZONDER_SCHONE_LEI", _WITHOUT),
    ("BEEINDIGD_354A", _SOLVED),
    ("EINDVONNIS_SCHONE_LEI", _SOLVED),
    ("EINDVONNIS_TEKORTKOMING", _WITHOUT),
)
# What was appealed against, and what follows when it stays: in this order.
_AS_APPEALED: tuple[tuple[tuple[GuardName, ...], tuple[Report, ...]], ...] = (
    (("without_clean_slate",), _WITHOUT),
    (("with_clean_slate",), _SOLVED),
    ((), _NO_WSNP),
)

_OVER: Final = ("T35_verlopen", "T35c_verlopen")
_ANNULLED: Final = ("beeindiging_vernietigd", "wsnp_toegelaten")
_STANDS_AT_ONCE: tuple[tuple[str | tuple[str, ...], EventName], ...] = (
    ("CASSATIE", "cassatie_verworpen"),
    ("CASSATIE", "uitspraak_bekrachtigd"),
    (_APPEAL, "beroep_ingetrokken"),
)


# The rulings that end the Wsnp once they are final: state, who hears it, guards, terms that are met.
_RULINGS: tuple[tuple[EventName, str, tuple[Role, ...], tuple[GuardName, ...], tuple[TermId, ...]], ...] = (
    (
        "wsnp_beeindigd_zonder_schone_lei",
        "BEEINDIGD_ZONDER_SCHONE_LEI",
        ("case_worker", "budget_coach", "coordinator"),
        (),
        ("T33",),
    ),
    ("wsnp_beeindigd_354a", "BEEINDIGD_354A", ("client", "budget_coach"), ("wsnp_a_year",), ("T33",)),
    ("eindvonnis_schone_lei", "EINDVONNIS_SCHONE_LEI", ("client", "budget_coach"), (), ("T33", "T39")),
    (
        "eindvonnis_tekortkoming",
        "EINDVONNIS_TEKORTKOMING",
        ("case_worker", "budget_coach", "coordinator"),
        (),
        ("T33", "T39"),
    ),
)


def _rulings() -> tuple[Row, ...]:
    """Return the rows of the rulings that end the Wsnp: of the rechtbank, or on appeal of the gerechtshof."""
    return tuple(
        row
        for event, state, notifies, guards, meets in _RULINGS
        for row in (
            Row(
                "TOEGELATEN",
                event,
                state,
                guards=guards,
                meets=meets,
                cancels=("T35c",),
                arms=(Arm("T35", restart=True),),
                notifies=notifies,
                because="een uitspraak eindigt pas iets als zij definitief is (Fw art. 350 lid 4 en 5, 356 lid 2)",
            ),
            Row(
                "HOGER_BEROEP",
                event,
                state,
                guards=("wsnp_in_force", *guards),
                meets=(*meets, "T35b"),
                arms=(Arm("T35c", restart=True),),
                notifies=notifies,
                because="het gerechtshof beslist anders; daarna staat cassatie open (Fw art. 351 en 355)",
            ),
        )
    )


WSNP = Definition(
    code="WSNP",
    name="Wsnp",
    version=3,
    events=events_of("WSNP"),
    route_names=("Wsnp",),
    several=True,
    starts_in="VERKLARING_285",
    on_open=(Arm("T36"),),
    states=(
        State("VERKLARING_285", "Wacht op verklaring artikel 285", "debt_counsellor"),
        State("VERZOEK_INGEDIEND", "Wacht op rechtbank", "debt_counsellor", waits_on_partner=True),
        State("AANVULLEN", "Wacht op aanvullende stukken", "debt_counsellor"),
        State("ZITTING", "Wacht op uitspraak", "debt_counsellor", waits_on_partner=True),
        State("TOEGELATEN", "Wsnp loopt", "coordinator", waits_on_partner=True),
        State("AFGEWEZEN", "Afgewezen: wacht tot dit definitief is", "debt_counsellor"),
        State("HOGER_BEROEP", "Wacht op gerechtshof", "debt_counsellor", waits_on_partner=True, aside=True),
        State("CASSATIE", "Wacht op de Hoge Raad", "debt_counsellor", waits_on_partner=True, aside=True),
        State("BEEINDIGD_ZONDER_SCHONE_LEI", "Beëindigd: wacht tot dit definitief is", "coordinator"),
        State("BEEINDIGD_354A", "Beëindigd (354a): wacht tot dit definitief is", "coordinator"),
        State("EINDVONNIS_SCHONE_LEI", "Schone lei: wacht tot dit definitief is", "coordinator"),
        State("EINDVONNIS_TEKORTKOMING", "Geen schone lei: wacht tot dit definitief is", "coordinator"),
        State("OVERLEDEN", "Overleden", "coordinator", final=True),
        State("AFGESLOTEN", "Afgesloten", "coordinator", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row("VERKLARING_285", "verklaring_afgegeven", SAME, meets=("T36",), notifies=("client",)),
        Row(
            "VERKLARING_285",
            "verzoek_ingediend",
            "VERZOEK_INGEDIEND",
            meets=("T36", "T40"),
            notifies=("client",),
        ),
        Row(
            "VERKLARING_285",
            "wsnp_niet_aangevraagd",
            "AFGESLOTEN",
            guards=("duty_of_care",),
            keeps=ENDING_KEEPS,
            reports=_NO_WSNP,
            notifies=("client", "coordinator"),
            because="van twee cliënten kan een de Wsnp niet aanvragen",
        ),
        Row(
            "VERZOEK_INGEDIEND",
            "aanvulling_gevraagd",
            "AANVULLEN",
            arms=(Arm("T34", until="aanvullen_tot"),),
            notifies=("client",),
        ),
        Row("AANVULLEN", "stukken_aangevuld", "VERZOEK_INGEDIEND", meets=("T34",)),
        Row(
            ("VERZOEK_INGEDIEND", "ZITTING"),
            "zitting_gehouden",
            "ZITTING",
            arms=(Arm("T33", restart=True),),
            because="een zitting kan worden voortgezet",
        ),
        Row(
            ("VERKLARING_285", "VERZOEK_INGEDIEND"),
            "faillissementsaanvraag_gemeld",
            SAME,
            arms=(Arm("T40"),),
            notifies=("client", "coordinator"),
            because="Fw art. 3 lid 1",
        ),
        Row(
            _BEFORE_ADMISSION,
            "wsnp_toegelaten",
            "TOEGELATEN",
            meets=("T33", "T34", "T36", "T40"),
            arms=_ADMITTED,
            notifies=("coordinator", "wsnp_trustee", "budget_coach"),
            because="dwangakkoord en Wsnp kunnen in een verzoek staan (Fw art. 287a)",
        ),
        Row(
            _BEFORE_ADMISSION,
            "wsnp_afgewezen",
            "AFGEWEZEN",
            meets=("T33",),
            cancels=("T34", "T36", "T40"),
            arms=(Arm("T35"),),
            reports=_NO_WSNP,
            notifies=("client",),
            because="ook bij niet-ontvankelijkheid als stukken uitblijven (Fw art. 287 lid 2)",
        ),
        # --- while it is in force ---------------------------------------------------------------------------
        Row(
            _MAY_RUN,
            "verslag_ontvangen",
            SAME,
            guards=("wsnp_in_force",),
            meets=("T38", "T38b"),
            arms=(Arm("T38b"),),
            because="Fw art. 318",
        ),
        Row(
            _MAY_RUN,
            "eindverslag_ontvangen",
            SAME,
            guards=("wsnp_in_force",),
            meets=("T37b",),
            because="Fw art. 351a",
        ),
        Row(
            "TOEGELATEN",
            "wsnp_termijn_gewijzigd",
            SAME,
            guards=("changed_by_the_court", "wsnp_in_force"),
            meets=("T33",),
            arms=(*_CHANGED, Arm("T35", restart=True)),
            notifies=("client", "coordinator"),
            because="tegen dit vonnis staat hoger beroep open (Fw art. 349a lid 3)",
        ),
        Row(
            "HOGER_BEROEP",
            "wsnp_termijn_gewijzigd",
            BACK,
            guards=("about_the_term",),
            meets=("T33", "T35b"),
            arms=(*_CHANGED, Arm("T35c", restart=True)),
            notifies=("client", "coordinator"),
            because="het gerechtshof stelt de termijn anders vast (Fw art. 349a lid 3)",
        ),
        Row(
            _MAY_RUN,
            "wsnp_termijn_gewijzigd",
            SAME,
            guards=("wsnp_in_force",),
            arms=(*_CHANGED, Arm("T35d", restart=True)),
            notifies=("client", "coordinator"),
            because="de rechter-commissaris wijzigt de termijn, tot ten hoogste vijf jaar (Fw art. 349a lid 2 en 315)",
        ),
        Row(
            "TOEGELATEN",
            "wsnp_einde_geweigerd",
            SAME,
            guards=("wsnp_in_force",),
            meets=("T33",),
            arms=(Arm("T35", restart=True),),
            notifies=("client", "coordinator"),
            because="wie om het einde vroeg, kan in hoger beroep (Fw art. 351 lid 1); de Wsnp loopt door",
        ),
        Row(
            "TOEGELATEN",
            "hoger_beroep_ingesteld",
            "HOGER_BEROEP",
            guards=("may_appeal",),
            meets=("T35",),
            arms=(Arm("T35b"),),
            notifies=("client", "coordinator"),
            because="Fw art. 349a lid 3 en 351 lid 1; de Wsnp loopt door",
        ),
        Row(
            "TOEGELATEN",
            "hoger_beroep_ingesteld",
            SAME,
            guards=("may_appeal_to_the_court",),
            meets=("T35d",),
            notifies=("client", "coordinator"),
            because="de rechtbank beslist over de beschikking van de rechter-commissaris (Fw art. 315)",
        ),
        Row(
            _MAY_RUN,
            "termijn_verlengd",
            SAME,
            guards=("wsnp_in_force",),
            extends=True,
            arms=_COUNTED_BACK,
            because="met de Wsnp-termijn schuift ook de eindzitting (Fw art. 352)",
        ),
        Row(
            _MAY_RUN,
            "eindzitting_bepaald",
            SAME,
            guards=("wsnp_in_force",),
            meets=("T39",),
            notifies=("client",),
            because="Fw art. 352",
        ),
        Row(
            "TOEGELATEN",
            "zitting_gehouden",
            SAME,
            arms=(Arm("T33", restart=True),),
            because="uitspraak uiterlijk op de achtste dag na de zitting (Fw art. 354 lid 1)",
        ),
        Row(
            "TOEGELATEN",
            "verzoek_354a_ingediend",
            SAME,
            guards=("wsnp_a_year",),
            notifies=("client", "budget_coach"),
            because="Fw art. 354a lid 1",
        ),
        # --- rulings, and what makes them final ---------------------------------------------------------------
        *_rulings(),
        *(
            line
            for state, reports in _WHEN_FINAL
            for line in (
                *(
                    Row(
                        state,
                        over,
                        SAME,
                        meets=("T37",) if state.startswith("EINDVONNIS") else (),
                        cancels=_ENDED,
                        reports=reports,
                        ends=True,
                        because="de uitspraak is definitief",
                    )
                    for over in _OVER
                ),
                Row(
                    state,
                    "hoger_beroep_ingesteld",
                    "HOGER_BEROEP",
                    guards=("may_appeal",),
                    meets=("T35",),
                    arms=(Arm("T35b"),),
                    notifies=("coordinator",),
                    because="Fw art. 292, 351 en 355",
                ),
                Row(
                    state,
                    "cassatie_ingesteld",
                    "CASSATIE",
                    guards=("may_go_to_cassation",),
                    meets=("T35c",),
                    notifies=("coordinator",),
                    because="Fw art. 292 lid 5, 351 lid 5 en 355 lid 2",
                ),
            )
        ),
        Row(
            "TOEGELATEN",
            "cassatie_ingesteld",
            SAME,
            guards=("may_go_to_cassation",),
            meets=("T35c",),
            notifies=("coordinator",),
            because="ook wie om de beëindiging vroeg kan in cassatie (Fw art. 351 lid 5); de Wsnp loopt door",
        ),
        Row(
            "HOGER_BEROEP",
            "zitting_gehouden",
            SAME,
            meets=("T35b",),
            arms=(Arm("T33", restart=True),),
            because="arrest uiterlijk op de achtste dag na de zitting (Fw art. 351 lid 4)",
        ),
        Row(
            "HOGER_BEROEP",
            "uitspraak_bekrachtigd",
            BACK,
            meets=("T33", "T35b"),
            arms=(Arm("T35c", restart=True),),
            notifies=("client", "coordinator"),
            because="het arrest is pas na de cassatietermijn definitief (Fw art. 351 lid 5)",
        ),
        # `wsnp_toegelaten` stands here for "the court lets the Wsnp go on" as well.
        *(
            Row(
                _APPEAL,
                event,
                "TOEGELATEN",
                guards=("wsnp_in_force",),
                meets=("T33", "T35b"),
                arms=(Arm("T35c", restart=True),),
                reports=_GOES_ON,
                notifies=("client", "coordinator", "wsnp_trustee", "budget_coach"),
                because="de uitspraak tot toelating blijft, dus de termijn telt door (Fw art. 349a lid 1)",
            )
            for event in _ANNULLED
        ),
        Row(
            _APPEAL,
            "wsnp_toegelaten",
            "TOEGELATEN",
            meets=("T33", "T35b"),
            arms=_ADMITTED,
            reports=_GOES_ON,
            notifies=("coordinator", "wsnp_trustee", "budget_coach"),
            because="het gerechtshof laat alsnog toe (Fw art. 292)",
        ),
        Row(
            "HOGER_BEROEP",
            "beroep_ingetrokken",
            BACK,
            guards=("about_the_term",),
            meets=("T33", "T35b"),
            notifies=("client", "coordinator"),
            because="het ging om de termijn of om een geweigerd einde: de Wsnp loopt door (Fw art. 349a lid 3)",
        ),
        *(
            Row(
                source,
                event,
                BACK,
                guards=guards,
                meets=("T33", "T35b"),
                cancels=_ENDED,
                reports=reports,
                ends=True,
                notifies=("client", "coordinator"),
                because="de uitspraak is daarmee definitief",
            )
            for source, event in _STANDS_AT_ONCE
            for guards, reports in _AS_APPEALED
        ),
        Row(
            "CASSATIE",
            "zaak_terugverwezen",
            "HOGER_BEROEP",
            notifies=("client", "coordinator"),
            because="het gerechtshof beslist opnieuw",
        ),
        # --- other ends -----------------------------------------------------------------------------------------
        *(
            Row(
                EVERY_STATE,
                "overleden",
                "OVERLEDEN",
                guards=("partner_goes_on", *guards),
                sets={"uitstroomreden": "Overleden", "overleden": True},
                reports=_PARTNER_DIED,
                notifies=("coordinator", *told),
                because="een Wsnp hoort bij een cliënt; het traject van de partner gaat door",
            )
            for guards, told in _WHO_HEARS_OF_A_DEATH
        ),
        # Fw art. 358 lid 6: no schone lei.
        # A bewindvoerder must know of it, while there is one.
        *death_rows("OVERLEDEN", guards=("wsnp_in_force",), tells=("wsnp_trustee",))[1:],
        *death_rows("OVERLEDEN")[1:],
        bottleneck_row(),
        Row(
            (*_BEFORE_ADMISSION, "AFGEWEZEN", *_APPEAL),
            "traject_beeindigd",
            "AFGESLOTEN",
            guards=("wsnp_not_in_force",),
            keeps=("uitstroomreden",),
            because="na de toelating beëindigt alleen de rechtbank (Fw art. 350)",
        ),
        extension_row(),
        *handoff_rows("VERKLARING_285"),
    ),
)

"""WSNP (domain 4.8, sub-process B): the statutory route beside M7; the court decides."""

from __future__ import annotations

from typing import Final

from milestones.definition import SAME, Arm, Definition, Report, Row, State
from milestones.definitions.shared import HANDOFF_STATES, death_rows, extension_row, handoff_rows
from milestones.events import events_of

_BEFORE_ADMISSION = ("VERKLARING_285", "VERZOEK_INGEDIEND", "AANVULLEN", "ZITTING")
# The last day of T37 decides when the eindzitting must be set (counted back).
_LAST_HEARING = Arm("T39", from_term="T37", restart=True)
_ENDED: Final = ("T37", "T38", "T38b", "T39")
_WITHOUT_CLEAN_SLATE = (Report("M7", "wsnp_beeindigd_zonder_schone_lei"),)
_SOLVED = (Report("M7", "oplossing_afgerond"),)

WSNP = Definition(
    code="WSNP",
    name="Wsnp",
    version=2,
    events=events_of("WSNP"),
    route_names=("Wsnp",),
    starts_in="VERKLARING_285",
    on_open=(Arm("T36"),),
    states=(
        State("VERKLARING_285", "Wacht op verklaring artikel 285", "debt_counsellor"),
        State("VERZOEK_INGEDIEND", "Wacht op rechtbank", "debt_counsellor", waits_on_partner=True),
        State("AANVULLEN", "Wacht op aanvullende stukken", "debt_counsellor"),
        State("ZITTING", "Wacht op uitspraak", "debt_counsellor", waits_on_partner=True),
        State("TOEGELATEN", "Wsnp loopt", "coordinator", waits_on_partner=True),
        State("AFGEWEZEN", "Afgewezen: wacht op einde hoger beroep", "debt_counsellor"),
        State("HOGER_BEROEP", "Wacht op gerechtshof", "debt_counsellor", waits_on_partner=True, aside=True),
        State("BEEINDIGD_ZONDER_SCHONE_LEI", "Beëindigd: wacht op einde hoger beroep", "coordinator"),
        State("BEEINDIGD_354A", "Beëindigd (354a): wacht op einde hoger beroep", "coordinator"),
        State("EINDVONNIS_SCHONE_LEI", "Schone lei: wacht op einde hoger beroep", "coordinator"),
        State("EINDVONNIS_TEKORTKOMING", "Geen schone lei: wacht op einde hoger beroep", "coordinator"),
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
        # R14: the day itself counts; an earlier aflossing in the minnelijke regeling counts as the start.
        Row(
            _BEFORE_ADMISSION,
            "wsnp_toegelaten",
            "TOEGELATEN",
            guards=("before_repayment",),
            meets=("T33", "T34", "T36", "T40"),
            arms=(Arm("T37", anchor="eerste_aflossing", until="einddatum"), Arm("T38"), _LAST_HEARING),
            notifies=("coordinator", "wsnp_trustee", "budget_coach"),
            because="dwangakkoord en Wsnp kunnen in een verzoek staan (Fw art. 287a)",
        ),
        Row(
            _BEFORE_ADMISSION,
            "wsnp_toegelaten",
            "TOEGELATEN",
            meets=("T33", "T34", "T36", "T40"),
            arms=(
                Arm("T37", from_earlier="eerste_aflossing", until="einddatum"),
                Arm("T38"),
                _LAST_HEARING,
            ),
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
            reports=(Report("M7", "wsnp_afgewezen"),),
            notifies=("client",),
            because="ook bij niet-ontvankelijkheid als stukken uitblijven (Fw art. 287 lid 2)",
        ),
        Row("TOEGELATEN", "verslag_ontvangen", SAME, meets=("T38", "T38b"), arms=(Arm("T38b"),)),
        Row(
            "TOEGELATEN",
            "wsnp_termijn_gewijzigd",
            SAME,
            arms=(Arm("T37", same_anchor=True, until="einddatum", restart=True), _LAST_HEARING),
            notifies=("client",),
        ),
        Row("TOEGELATEN", "eindzitting_bepaald", SAME, meets=("T39",), notifies=("client",)),
        Row(
            "TOEGELATEN",
            "wsnp_beeindigd_zonder_schone_lei",
            "BEEINDIGD_ZONDER_SCHONE_LEI",
            cancels=_ENDED,
            arms=(Arm("T35"),),
            reports=_WITHOUT_CLEAN_SLATE,
            notifies=("case_worker", "budget_coach", "coordinator"),
        ),
        Row(
            "TOEGELATEN",
            "wsnp_beeindigd_354a",
            "BEEINDIGD_354A",
            cancels=_ENDED,
            arms=(Arm("T35"),),
            reports=_SOLVED,
            notifies=("client", "budget_coach"),
        ),
        Row(
            "TOEGELATEN",
            "eindvonnis_schone_lei",
            "EINDVONNIS_SCHONE_LEI",
            meets=("T37", "T39"),
            cancels=("T38", "T38b"),
            arms=(Arm("T35"),),
            reports=_SOLVED,
            notifies=("client", "budget_coach"),
        ),
        Row(
            "TOEGELATEN",
            "eindvonnis_tekortkoming",
            "EINDVONNIS_TEKORTKOMING",
            meets=("T37", "T39"),
            cancels=("T38", "T38b"),
            arms=(Arm("T35"),),
            reports=_WITHOUT_CLEAN_SLATE,
            notifies=("case_worker", "budget_coach", "coordinator"),
        ),
        *(
            line
            for state in (
                "AFGEWEZEN",
                "BEEINDIGD_ZONDER_SCHONE_LEI",
                "BEEINDIGD_354A",
                "EINDVONNIS_SCHONE_LEI",
                "EINDVONNIS_TEKORTKOMING",
            )
            for line in (
                Row(state, "T35_verlopen", SAME, ends=True, because="de uitspraak is definitief"),
                Row(
                    state,
                    "hoger_beroep_ingesteld",
                    "HOGER_BEROEP",
                    meets=("T35",),
                    notifies=("coordinator",),
                    because="Fw art. 292, 351 en 355",
                ),
            )
        ),
        Row(
            "HOGER_BEROEP",
            "uitspraak_bekrachtigd",
            "AFGESLOTEN",
            notifies=("client", "coordinator"),
            because="het gerechtshof laat de uitspraak in stand",
        ),
        Row(
            "HOGER_BEROEP",
            "wsnp_toegelaten",
            "TOEGELATEN",
            arms=(
                Arm("T37", from_earlier="eerste_aflossing", until="einddatum"),
                Arm("T38"),
                _LAST_HEARING,
            ),
            notifies=("coordinator", "wsnp_trustee", "budget_coach"),
            because="het gerechtshof laat alsnog toe",
        ),
        # Fw art. 358 lid 6: no schone lei.
        *death_rows("OVERLEDEN"),
        Row(
            (*_BEFORE_ADMISSION, "AFGEWEZEN", "HOGER_BEROEP"),
            "traject_beeindigd",
            "AFGESLOTEN",
            keeps=("uitstroomreden",),
            because="na de toelating beëindigt alleen de rechtbank (Fw art. 350)",
        ),
        Row(
            "TOEGELATEN",
            "termijn_verlengd",
            SAME,
            extends=True,
            arms=(_LAST_HEARING,),
            because="met de Wsnp-termijn schuift ook de eindzitting (Fw art. 352)",
        ),
        extension_row(),
        *handoff_rows("VERKLARING_285"),
    ),
)

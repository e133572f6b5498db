"""Forget what may not be kept any longer (domain T11): the signals of a vroegsignaalzaak that ended without help.

The figures stay: a case, its journal and its terms say nothing about a person once the pseudonym is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlmodel import Session, col

from adapters.storage.exchange_tables import SignalRow
from milestones.case import closed
from milestones.terms import EXPIRY
from milestones.vocabulary import FORGETTING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.storage.database import CaseRow
    from milestones.case import Case, Step


def forget_when_due(session: Session, case_row: CaseRow, case: Case, steps: Sequence[Step]) -> None:
    """Remove the signals of every process whose T11 ended in these steps, in the transaction of the caller.

    The pseudonyms of the case go with the last of them, unless the case became more than a vroegsignaalzaak:
    then they are needed for the traject, and the term of the dossier decides.
    """
    over = {step.process for step in steps if step.term == FORGETTING and step.rung == EXPIRY}
    if not over:
        return
    session.execute(
        delete(SignalRow).where(
            col(SignalRow.case_reference) == case_row.reference, col(SignalRow.process).in_(over)
        )
    )
    if all(
        process.code == "M2" and closed(process) and process.running(FORGETTING) is None
        for process in case.processes
    ):
        case_row.person_key = case_row.partner_key = None
        session.add(case_row)

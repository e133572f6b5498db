"""Policies that do not count yet: a file that differs from what was taken into use, and one that waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from adapters.runtime.policies import policy_files, read_policy
from adapters.runtime.policy_file import problems_of
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.cases.policy_book import PolicyBook
    from adapters.runtime.settings import Settings
    from milestones.policy import Policy


class PolicyOffice(Protocol):
    """What is needed to look at policies."""

    settings: Settings

    @property
    def policy_book(self) -> PolicyBook:
        """Which policy counts where."""
        ...


def policies_that_wait(office: PolicyOffice) -> Iterator[str]:
    """Yield one sentence for each policy that somebody still has to take into use."""
    folder, book = office.settings.policy_folder, office.policy_book
    for municipality in sorted({*policy_files(folder), *book.all_in_force(), office.settings.municipality}):
        waiting = book.waiting(municipality)
        if waiting is not None:
            yield (
                f"Gemeente {municipality}: beleid {waiting.policy} wacht op een tweede persoon "
                "(de pagina Beleid, of routekaart beleid akkoord)."
            )
            continue
        counts = book.in_force(municipality)
        if counts is not None:
            yield from _not_allowed(municipality, counts, book.choices(municipality))
        last = next(iter(book.history(municipality)), None)
        if last is None or counts is None or (last.actor_way is None and not counts.changed_by_two):
            continue  # the file itself counts, from the next start
        try:
            filed, _ = read_policy(folder, municipality)
        except PolicyError:
            continue  # `policy_problems` names it
        if municipality in policy_files(folder) and counts.name != filed.name:
            yield (
                f"Gemeente {municipality}: het bestand in de map met beleid is niet het beleid dat geldt "
                f"({counts.name}). Neem het in gebruik met: routekaart beleid gebruik BESTAND."
            )


def _not_allowed(municipality: str, policy: Policy, choices: Mapping[str, object]) -> Iterator[str]:
    """Yield what the law of now does not allow in a policy that counts."""
    for problem in problems_of(policy.name, choices, ""):
        yield f"Gemeente {municipality}: het beleid dat geldt, mag niet (meer). {problem}"

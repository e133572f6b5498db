"""`routekaart beleid ...`: check a policy, take it into use, put it back, and what helps to write one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.console import print_json, say, the_office
from deployments.cli.options import AsJson, MunicipalityOption
from deployments.cli.policy_group import policy_app
from milestones.counting import is_or_are, so_many

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.storage.policy_tables import PolicyUseRow

_Reason = Annotated[
    str | None, typer.Option("--reden", metavar="TEKST", help="Waarom, zoals een raadsbesluit.")
]
Running = Annotated[
    bool, typer.Option("--ook-lopende", help="Laat ook termijnen die lopen het nieuwe beleid volgen.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the group of policy."""
    del app
    policy_app.command("toets")(policy_check_command)
    policy_app.command("gebruik")(use_command)
    policy_app.command("akkoord")(agree_command)
    policy_app.command("terug")(back_command)
    policy_app.command("versies")(versions_command)
    policy_app.command("schema")(schema_command)
    policy_app.command("voorbeeld")(example_command)


def policy_check_command(
    bestand: Annotated[
        Path | None, typer.Argument(metavar="BESTAND", help="Een bestand; anders het beleid dat nu geldt.")
    ] = None,
    gemeente: MunicipalityOption = None,
    als_json: AsJson = False,
    naar: Annotated[
        Path | None, typer.Option("--naar", metavar="MAP", help="Schrijf het verslag als Markdown en HTML.")
    ] = None,
) -> int:
    """Leg beleid naast de wet: wat is strenger, mag niet, is niet zeker, niet besloten of loopt af."""
    from adapters.oversight.policy_check import checked_file, checked_now
    from adapters.oversight.policy_report import check_json, check_report
    from deployments.cli.show_report import print_report, write_files

    here, code = _here(gemeente)
    check = checked_now(here, code) if bestand is None else checked_file(here, code, bestand)
    if als_json:
        print_json(check_json(check))
    elif naar is not None:
        title = f"Het beleid van gemeente {code} naast de wet"
        say(
            f"Geschreven: {', '.join(write_files(check_report(check), title, naar, f'beleid-toets-{code}'))}."
        )
    else:
        print_report(check_report(check))
    return 0 if check.allowed else 1


def use_command(
    bestand: Annotated[Path, typer.Argument(metavar="NIEUW.toml", help="Het beleid dat gaat gelden.")],
    gemeente: MunicipalityOption = None,
    reden: _Reason = None,
    ook_lopende: Running = False,
) -> None:
    """Neem beleid in gebruik. Lopende termijnen houden het beleid waaronder zij begonnen."""
    from adapters.runtime.policies import policy_in

    here, code = _here(gemeente)
    policy, choices = policy_in(bestand, code)
    _told(here, here.policy_book.put_forward(code, policy, choices, reden, running=ook_lopende))


def agree_command(gemeente: MunicipalityOption = None, ook_lopende: Running = False) -> None:
    """Neem als tweede persoon het beleid in gebruik dat klaarstaat, zoals het is klaargezet."""
    here, code = _here(gemeente)
    _told(here, here.policy_book.agree(code, running=ook_lopende))


def back_command(
    gemeente: MunicipalityOption = None, reden: _Reason = None, ook_lopende: Running = False
) -> None:
    """Zet het beleid terug dat hiervoor gold."""
    here, code = _here(gemeente)
    _told(here, here.policy_book.put_back(code, reden, running=ook_lopende))


def versions_command(gemeente: MunicipalityOption = None, als_json: AsJson = False) -> None:
    """Toon welk beleid wanneer gold en wie het in gebruik nam, het nieuwste eerst."""
    from adapters.runtime.clock import AMSTERDAM

    here, code = _here(gemeente)
    rows = here.policy_book.history(code)
    if als_json:
        print_json([_as_json(row) for row in rows])
        return
    for row in rows:
        second = f", tweede persoon {row.second_code}" if row.second_code else ""
        since = (
            "wacht op een tweede persoon"
            if row.in_use_at is None
            else f"sinds {row.in_use_at.astimezone(AMSTERDAM):%Y-%m-%d %H:%M}"
        )
        running = ", ook lopende termijnen" if row.running else ""
        say(
            f"{row.number}  {row.policy}  {since}{running}  door {row.actor_code or row.actor_kind}{second}  "
            f"{row.reason or ''}"
        )
    if not rows:
        say(f"In gemeente {code} geldt het beleid dat erbij zit (standaard).")


def schema_command() -> None:
    """Geef het schema waarmee een editor helpt bij het schrijven van beleid."""
    from adapters.runtime.policy_file import written_schema

    sys.stdout.write(written_schema())


def example_command() -> None:
    """Geef een bestand met elke keuze, wat zij betekent en wat de wet toestaat."""
    from adapters.runtime.policy_file import written_example

    sys.stdout.write(written_example())


def _here(municipality: str | None) -> tuple[Office, str]:
    here = the_office()
    here.casework.rules_for(
        municipality or here.settings.municipality
    )  # a file that counts already is kept first
    return here, municipality or here.settings.municipality


def _told(here: Office, row: PolicyUseRow) -> None:
    from adapters.cases.policy_moves import follow_what_was_asked

    here.look_again()
    if row.in_use_at is None:
        also = ", ook voor termijnen die lopen" if row.running else ""
        say(
            f"Beleid {row.policy} staat klaar{also}. Een tweede persoon neemt het in gebruik: op de pagina "
            "Beleid, of met routekaart beleid akkoord."
        )
        return
    say(f"Beleid {row.policy} geldt nu in gemeente {row.municipality} (nummer {row.number}).")
    if row.running:
        number = len(follow_what_was_asked(here))
        say(
            f"{so_many(number, 'lopende termijn')} {is_or_are(number, 'kreeg', 'kregen')} een andere laatste dag."
        )


def _as_json(row: PolicyUseRow) -> dict[str, object]:
    from adapters.runtime.actor import shown_actor

    return {
        "nummer": row.number,
        "beleid": row.policy,
        "klaargezet_op": row.put_forward_at.isoformat(),
        "door": shown_actor(row.actor_kind, row.actor_code, row.actor_way),
        "tweede_persoon": row.second_code,
        "in_gebruik_op": None if row.in_use_at is None else row.in_use_at.isoformat(),
        "ook_lopende": row.running,
        "reden": row.reason,
    }

"""`routekaart start`, `demo` and `deploy`, and the processes that `start` starts."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.console import say, the_office


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("start")(start_command)
    app.command("demo")(demo_command)
    app.command("ui")(ui_command)
    app.command("wachtwoord")(password_command)
    app.command("worker", hidden=True)(worker_command)
    app.command("api", hidden=True)(api_command)
    app.command("deploy")(deploy_command)


def start_command(
    nieuwe_prefect: Annotated[
        bool,
        typer.Option(
            "--nieuwe-prefect",
            help="Laat Prefect met een lege database beginnen; alle zaken komen terug uit het journaal.",
        ),
    ] = False,
) -> int:
    """Start alles: Prefect met zijn UI, de worker en de API, tot Ctrl-C."""
    from deployments.start import start_all

    return start_all(new_prefect=nieuwe_prefect)


def demo_command(
    dagen_per_seconde: Annotated[float, typer.Option(help="Hoe snel de klok loopt.")] = 1.0,
) -> int:
    """Start alles met voorbeeldzaken op een snelle klok, apart van de echte zaken."""
    from deployments.demo import demo

    return demo(dagen_per_seconde)


def ui_command(
    medewerker: Annotated[
        str | None, typer.Option("--medewerker", metavar="CODE", help="Voor wie het adres is (mw-17).")
    ] = None,
) -> None:
    """Geef een adres waarmee een browser een keer binnenkomt in de UI."""
    from adapters.runtime.settings import settings
    from deployments.cli.case_commands import check_named
    from deployments.door.entering import address_to_come_in

    check_named(medewerker)
    say(address_to_come_in(settings(), medewerker))


def password_command(
    medewerker: Annotated[str, typer.Argument(metavar="CODE", help="De code van de medewerker (mw-17).")],
    weg: Annotated[bool, typer.Option("--weg", help="Haal het account weg.")] = False,
) -> None:
    """Geef een medewerker een wachtwoord voor de UI; het staat op de invoer, nooit in de opdracht."""
    from adapters.runtime.settings import SettingsError, settings
    from adapters.runtime.staff import StaffFile
    from deployments.cli.console import secret_from_input
    from deployments.door.accounts import FILE, AccountFile

    chosen = settings()
    file = AccountFile(chosen.ensure_home() / FILE)
    if weg:
        if not file.remove(medewerker):
            raise SettingsError(f"{medewerker} heeft geen account.")
        return say(f"{medewerker} heeft geen account meer.")
    if chosen.staff_file is None:
        raise SettingsError("Zet eerst ROUTEKAART_STAFF_FILE: daarin staat wat een medewerker mag.")
    if StaffFile(chosen.staff_file).book().member(medewerker) is None:
        raise SettingsError(f"{medewerker} staat niet in {chosen.staff_file}. Zet die code daar eerst in.")
    file.set_password(medewerker, secret_from_input("Wachtwoord"))
    say(f"{medewerker} kan nu inloggen. Was er nog geen account? Start de server dan opnieuw.")
    return None


def worker_command() -> int:
    """Zet de deployments klaar en draai een worker."""
    from deployments.worker_process import run_worker

    return run_worker()


def api_command() -> None:
    """Draai de HTTP-API."""
    import uvicorn

    from adapters.api import create_api
    from adapters.api.connections import BoundedProtocol
    from adapters.runtime.logs import set_up_logs
    from adapters.runtime.settings import settings
    from deployments.closed import open_problems, refuse_when_open
    from deployments.garbage import collect_less
    from deployments.grafana_check import grafana_problems

    refuse_when_open([*open_problems(settings()), *grafana_problems(settings())])
    office = the_office()
    set_up_logs(office.settings)
    api = create_api(office)
    collect_less()
    uvicorn.run(
        api,
        http=BoundedProtocol,
        host=office.settings.listen,
        port=office.settings.api_port,
        log_config=None,  # its lines are lines of ours
        access_log=False,
        proxy_headers=False,  # the API itself knows which proxies are trusted
        timeout_keep_alive=65,  # longer than proxies and clients keep a connection
        timeout_graceful_shutdown=20,  # requests that are going on are answered first
    )


def deploy_command() -> None:
    """Zet de work pool, de deployments en wat coördinatoren nodig hebben in Prefect."""
    from deployments.environment import for_who_waits

    office = the_office()
    with for_who_waits(office.settings):
        # Prefect reads its settings on import, so only now.
        from deployments.deploy import deploy

        made = deploy(office)
    for name in made:
        say(name)

"""The command line `routekaart` (contract 1). Bad input: one Dutch sentence, exit 2, nothing written."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from deployments.backup_cli import register as register_backup
from deployments.integration_cli import GROUPS
from deployments.messages_cli import app as messages_app
from deployments.reports_cli import register as register_reports

if TYPE_CHECKING:
    from adapters.office import Office

BAD_INPUT = 2
INTERRUPTED = 130
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

app = typer.Typer(
    name="routekaart",
    help="Elke zaak langs de Routekaart Financiële Zorgen, zonder er een te vergeten.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
import_app = typer.Typer(
    help="Leest leveringen van andere systemen in.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(import_app, name="importeer")
move_app = typer.Typer(
    help="Zet lopende processen over naar een nieuwe versie.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(move_app, name="migreer")
app.add_typer(messages_app, name="berichten")
register_backup(app)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
register_reports(app)

Reference = Annotated[str, typer.Argument(metavar="REF", help="De referentie van de zaak.")]
Milestone = Annotated[
    str | None, typer.Option(metavar="M3", help="De mijlpaal, als het er meer dan een kan zijn.")
]
Day = Annotated[
    str | None, typer.Option(metavar="DATUM", help="De datum die telt (jjjj-mm-dd); anders vandaag.")
]
Data = Annotated[
    str | None, typer.Option(metavar="JSON", help="Gegevens bij de gebeurtenis, als JSON-object.")
]


class BadInput(Exception):  # noqa: N818 - it is an answer to the user
    """Input that cannot be used: one Dutch sentence."""


def main() -> None:
    """Run a command; turn every refusal into one Dutch sentence and exit 2."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command with these arguments and give its exit code."""
    try:
        result = app(args=arguments, prog_name="routekaart", standalone_mode=False)
    except Exception as error:  # noqa: BLE001
        return _answer_to(error)
    return result if isinstance(result, int) else 0


def _answer_to(error: Exception) -> int:
    """Give the exit code for an exception and say in Dutch what is wrong; a fault of ours goes on up."""
    # Typer has its own copy of click in some versions, so its exceptions are known by their names.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "Exit" in kinds:
        return int(getattr(error, "exit_code", 0))
    if "Abort" in kinds:
        return INTERRUPTED
    sentence = _usage_in_dutch(error, kinds) if "UsageError" in kinds else _known_refusal(error)
    if sentence is None:
        raise error
    err.print(sentence, markup=False)
    return BAD_INPUT


def _usage_in_dutch(error: Any, kinds: set[str]) -> str:
    """Say in Dutch what is wrong with the words of a command."""
    where = f" Zie: {error.ctx.command_path} --help." if getattr(error, "ctx", None) else ""
    parameter = getattr(error, "param", None)
    name = getattr(parameter, "metavar", None) or getattr(parameter, "name", None) or "een argument"
    if "NoSuchOption" in kinds:
        return f"De optie {error.option_name} bestaat niet.{where}"
    if "MissingParameter" in kinds:
        return f"Er ontbreekt iets: {name}.{where}"
    if "BadParameter" in kinds:
        return f"De waarde voor {name} klopt niet.{where}"
    if "NoArgsIsHelpError" in kinds:
        return str(error)
    return f"Deze opdracht bestaat niet of heeft te veel woorden.{where}"


def _known_refusal(error: Exception) -> str | None:
    """Give the sentence of a refusal by the parts underneath; None for a fault of ours."""
    from adapters.cases.casework import ConflictError  # noqa: PLC0415
    from adapters.cases.store import UnknownCaseError  # noqa: PLC0415
    from adapters.exchange.ddas_stream import NotADelivery  # noqa: PLC0415
    from adapters.exchange.refusals import IntegrationError  # noqa: PLC0415
    from adapters.messages.delivery_list import UnknownDeliveryError  # noqa: PLC0415
    from adapters.operations.backup import BackupError  # noqa: PLC0415
    from adapters.runtime.settings import SettingsError  # noqa: PLC0415
    from adapters.storage.storage_trouble import Trouble, trouble_of  # noqa: PLC0415
    from milestones.policy import PolicyError  # noqa: PLC0415
    from milestones.process import NotPossible  # noqa: PLC0415
    from milestones.simulation import CaseFileError  # noqa: PLC0415

    match error:
        case NotPossible():
            allowed = f" Nu kan: {', '.join(error.allowed)}." if error.allowed else ""
            return f"{error.reason}{allowed}"
        case UnknownDeliveryError() | UnknownCaseError() | ConflictError() | NotADelivery() | CaseFileError():
            return str(error.args[0])
        case SettingsError() | PolicyError() | IntegrationError() | BackupError() | BadInput():
            return str(error)
        case _:
            trouble = trouble_of(error)
            where = " Controleer ROUTEKAART_DATABASE_URL." if trouble is Trouble.GONE else ""
            return None if trouble is None else f"{trouble}{where}"


def _office() -> Office:
    from adapters.office import office  # noqa: PLC0415
    from adapters.runtime.logs import set_up_logs  # noqa: PLC0415

    opened = office()
    set_up_logs(opened.settings, default_level="warning")  # a command says what it did by itself
    return opened


def _day(written: str | None) -> date | None:
    if written is None:
        return None
    from milestones.civil_dates import civil_date  # noqa: PLC0415

    found = civil_date(written)
    if found is None:
        raise BadInput(f"'{written}' is geen datum; schrijf jjjj-mm-dd.")
    return found


def _data(written: str | None) -> dict[str, Any]:
    if written is None:
        return {}
    try:
        data = json.loads(written)
    except ValueError:
        raise BadInput("De gegevens zijn geen geldige JSON.") from None
    if not isinstance(data, dict):
        raise BadInput('De gegevens moeten een JSON-object zijn, bijvoorbeeld {"soort": "Telefoon"}.')
    return data


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _fail(sentence: str) -> NoReturn:
    raise BadInput(sentence)


@app.command("start")
def start_command() -> int:
    """Start alles: Prefect met zijn UI, de worker en de API, tot Ctrl-C."""
    from deployments.start import start  # noqa: PLC0415

    return start()


@app.command("demo")
def demo_command(
    dagen_per_seconde: Annotated[float, typer.Option(help="Hoe snel de klok loopt.")] = 1.0,
) -> int:
    """Start alles met voorbeeldzaken op een snelle klok, apart van de echte zaken."""
    from deployments.demo import demo  # noqa: PLC0415

    return demo(dagen_per_seconde)


@app.command("worker", hidden=True)
def worker_command() -> int:
    """Zet de deployments klaar en draai een worker."""
    from deployments.worker_process import run_worker  # noqa: PLC0415

    return run_worker()


@app.command("api", hidden=True)
def api_command() -> None:
    """Draai de HTTP-API."""
    import uvicorn  # noqa: PLC0415

    from adapters.api import create_api  # noqa: PLC0415
    from adapters.runtime.logs import set_up_logs  # noqa: PLC0415
    from deployments.garbage import collect_less  # noqa: PLC0415

    office = _office()
    set_up_logs(office.settings)
    api = create_api(office)
    collect_less()
    uvicorn.run(
        api,
        host=office.settings.listen,
        port=office.settings.api_port,
        log_config=None,  # its lines are lines of ours
        access_log=False,
        timeout_keep_alive=65,  # longer than proxies and clients keep a connection
        timeout_graceful_shutdown=20,  # requests that are going on are answered first
    )


@app.command("deploy")
def deploy_command() -> None:
    """Zet de work pool, de deployments en wat coördinatoren nodig hebben in Prefect."""
    from adapters.runtime.settings import settings  # noqa: PLC0415
    from deployments.environment import for_who_waits  # noqa: PLC0415

    with for_who_waits(settings()):
        # Prefect reads its settings on import, so only now.
        from deployments.deploy import deploy  # noqa: PLC0415

        made = deploy()
    for name in made:
        out.print(name, markup=False)


@app.command("open")
def open_command(
    mijlpaal: Annotated[str, typer.Option(metavar="M3", help="De mijlpaal die begint.")],
    zaak: Annotated[
        str | None, typer.Option(metavar="REF", help="Een bestaande zaak, of je eigen referentie.")
    ] = None,
    op: Day = None,
    gegevens: Data = None,
    gemeente: Annotated[str | None, typer.Option(metavar="CODE", help="De gemeentecode.")] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Cliëntnummer; bij twee cliënten twee keer.")
    ] = None,
) -> None:
    """Open een zaak in een mijlpaal; de referentie staat op de eerste regel."""
    from adapters.runtime.persons import client_keys  # noqa: PLC0415

    office = _office()
    clients = client_keys(client or [], office.settings)
    receipt = office.casework.open(
        mijlpaal,
        municipality=gemeente or office.settings.municipality,
        reference=zaak,
        on=_day(op),
        data=_data(gegevens),
        person_key=clients[0],
        partner_key=clients[1],
    )
    out.print(receipt.reference, markup=False)


@app.command("meld")
def report_command(
    ref: Reference,
    gebeurtenis: Annotated[str, typer.Argument(metavar="GEBEURTENIS", help="Wat er gebeurd is.")],
    mijlpaal: Milestone = None,
    op: Day = None,
    gegevens: Data = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Hetzelfde id telt maar een keer.")
    ] = None,
    medewerker: Annotated[
        str | None,
        typer.Option("--medewerker", metavar="CODE", help="In wiens naam de mijlpaal hierna staat (mw-17)."),
    ] = None,
) -> None:
    """Meld een gebeurtenis in een zaak."""
    from adapters.cases.caseload import take_over  # noqa: PLC0415
    from adapters.storage.database import writing  # noqa: PLC0415
    from milestones.case import possible_now  # noqa: PLC0415

    office = _office()
    with writing(office.engine) as session:
        receipt = office.casework.report(
            ref,
            gebeurtenis,
            process=mijlpaal,
            on=_day(op),
            data=_data(gegevens),
            event_id=_kept_id(office, id_),
            session=session,
        )
        if medewerker and receipt.new:
            receipt = take_over(office.casework, receipt, medewerker, session)
    process = receipt.case.process(receipt.process)
    out.print(
        f"{ref} {process.name}: {process.state}" + ("" if receipt.new else " (was al gemeld)"), markup=False
    )
    if events := possible_now(process):
        out.print(f"Nu kan: {', '.join(events)}", markup=False)


def _kept_id(office: Office, id_: str | None) -> str | None:
    """Give an id as the journal keeps it: one that may say something about a person as a keyed hash."""
    from adapters.exchange.answers import hashed  # noqa: PLC0415
    from adapters.runtime.privacy import is_reference  # noqa: PLC0415

    return id_ if id_ is None or is_reference(id_) else f"id:{hashed(office, id_)[:32]}"


@app.command("zaak")
def case_command(
    ref: Reference, als_json: Annotated[bool, typer.Option("--json", help="Geef alles als JSON.")] = False
) -> None:
    """Toon waar een zaak is, welke termijnen lopen, wie hem heeft, en het journaal."""
    from adapters.cases.presentation import case_as_json  # noqa: PLC0415
    from deployments.show_case import show_case  # noqa: PLC0415

    office = _office()
    view = office.casework.case(ref)
    shown = case_as_json(view, office.clock.today(), office.rules_for(view.municipality))
    if als_json:
        _print_json(shown)
    else:
        show_case(shown, out)


@import_app.command("vroegsignalen")
def import_signals_command(
    bestand: Annotated[
        Path, typer.Argument(metavar="BESTAND.json", help="Een DDAS-levering van vroegsignalen.")
    ],
    met_historie: Annotated[
        bool,
        typer.Option(
            "--met-historie", help="Neem ook de vroegsignaalzaken over: voor een gemeente die instapt."
        ),
    ] = False,
) -> int:
    """Lees een DDAS-levering: elk signaal telt een keer, bij de zaak van die inwoner (M2)."""
    from rich.progress import track  # noqa: PLC0415

    from adapters.exchange.ddas import check_structure  # noqa: PLC0415
    from adapters.exchange.history import take_over  # noqa: PLC0415
    from adapters.exchange.signal_record import SignalResult  # noqa: PLC0415
    from adapters.exchange.signals import import_signals  # noqa: PLC0415

    delivery = check_structure(bestand)
    office = _office()
    counts = dict.fromkeys(SignalResult, 0)
    reports = (take_over if met_historie else import_signals)(bestand, delivery, office)
    out.print(f"Levering {delivery.version}: {delivery.signal_count} vroegsignalen.", markup=False)
    for warning in delivery.warnings:
        err.print(f"Let op: {warning}", markup=False)
    for report in track(
        reports, total=delivery.signal_count, description="Inlezen", console=err, transient=True
    ):
        counts[report.result] += 1
        line = f"{report.position}: {report.result}" + (f" {report.reference}" if report.reference else "")
        out.print(line, markup=False)
        for remark in report.remarks:
            err.print(f"Signaal {report.position}: {remark}", markup=False)
    out.print(", ".join(f"{number} {result}" for result, number in counts.items()) + ".", markup=False)
    return BAD_INPUT if delivery.signal_count and counts[SignalResult.REFUSED] == delivery.signal_count else 0


@app.command("termijn")
def term_command(
    id_: Annotated[str, typer.Argument(metavar="T01", help="De termijn.")],
    vanaf: Annotated[
        str, typer.Option(metavar="DATUM", help="De datum waarop de termijn start, of - voor invoer.")
    ],
    opgeschort: Annotated[int, typer.Option(metavar="N", help="Aantal dagen opschorting.")] = 0,
    variant: Annotated[str | None, typer.Option(help="Een variant, bijvoorbeeld ondernemer.")] = None,
) -> None:
    """Bereken een termijn: tot wanneer, waarom die dag, en wanneer er wordt gewaarschuwd."""
    from adapters.runtime.calendar_data import dutch_calendar  # noqa: PLC0415
    from milestones.term_table import TERMS  # noqa: PLC0415
    from milestones.terms import describe  # noqa: PLC0415
    from milestones.watching import not_watched  # noqa: PLC0415

    term = TERMS.get(id_)
    if term is None:
        _fail(f"'{id_}' is geen termijn (wel: {', '.join(TERMS)}).")
    calendar = dutch_calendar()

    def compute(written: str) -> object:
        start = _day(written.strip())
        assert start is not None  # noqa: S101 - only None gives None
        try:
            deadline = calendar.deadline(start, term.length_for(variant), term.basis, opgeschort)
            return {**describe(term, deadline, calendar), "niet_bewaakt": not_watched(term.id)}
        except (ValueError, OverflowError) as wrong:
            raise BadInput(str(wrong)) from None

    if vanaf != "-":
        _print_json(compute(vanaf))
        return
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(compute(line), ensure_ascii=False) + "\n")


@app.command("simuleer")
def simulate_command(
    bestand: Annotated[Path, typer.Argument(metavar="ZAAK.json", help="Een zaakbestand (README).")],
) -> None:
    """Draai een zaakbestand op een virtuele klok, zonder servers; het resultaat is JSON."""
    from adapters.runtime.calendar_data import dutch_calendar  # noqa: PLC0415
    from milestones.simulation import simulate  # noqa: PLC0415

    try:
        content = json.loads(bestand.read_text(encoding="utf-8"))
    except OSError:
        _fail(f"Het bestand {bestand.name} is niet te lezen.")
    except ValueError:
        _fail(f"Het bestand {bestand.name} is geen geldige JSON.")
    if not isinstance(content, dict):
        _fail("Een zaakbestand is een JSON-object met 'zaak' en 'stappen'.")
    _print_json(simulate(content, dutch_calendar()))


@app.command("definitie")
def definition_command(
    code: Annotated[str, typer.Argument(metavar="M3", help="De mijlpaal.")],
    formaat: Annotated[
        str, typer.Option(metavar="tabel|mermaid|json", help="Hoe je hem wilt zien.")
    ] = "tabel",
) -> None:
    """Toon de definitie van een mijlpaal: toestanden, gebeurtenissen en termijnen."""
    from flows.show_definition import FORMATS  # noqa: PLC0415
    from milestones.definitions import current  # noqa: PLC0415

    if formaat not in FORMATS:
        _fail(f"'{formaat}' is geen formaat; kies uit {', '.join(FORMATS)}.")
    sys.stdout.write(FORMATS[formaat](current(code)) + "\n")


@app.command("controleer")
def check_command() -> int:
    """Controleer instellingen, database en journaal; zegt wat er te doen is."""
    from deployments.check import check  # noqa: PLC0415
    from deployments.environment import for_a_question  # noqa: PLC0415

    try:
        office = _office()
    except Exception as error:
        if (sentence := _known_refusal(error)) is None:
            raise
        err.print(sentence, markup=False)
        return 1
    with for_a_question(office.settings):
        return check(office, out, err)


@move_app.command("definitie")
def move_definition_command(
    code: Annotated[str, typer.Argument(metavar="CODE", help="De mijlpaal, bijvoorbeeld M3.")],
    van: Annotated[int, typer.Argument(metavar="VAN", help="De versie waarop de processen nu lopen.")],
    naar: Annotated[int, typer.Argument(metavar="NAAR", help="De nieuwe versie.")],
    droog: Annotated[bool, typer.Option("--droog", help="Toon alleen wat er zou veranderen.")] = False,
) -> int:
    """Zet lopende processen over naar een nieuwe versie van hun definitie."""
    from deployments.move_definition import move_definition  # noqa: PLC0415

    return move_definition(_office(), code, van, naar, out, err, dry=droog)


@move_app.command("database")
def migrate_database_command() -> None:
    """Breng de zakendatabase naar het nieuwste schema; nog een keer doen verandert niets."""
    _office()
    out.print("De zakendatabase heeft het nieuwste schema.")


@app.command("herstel")
def repair_command(
    vreemde_runs: Annotated[
        bool,
        typer.Option(
            "--vreemde-runs", help="Beëindig ook runs van zaken die er niet (meer) zijn, zoals na een backup."
        ),
    ] = False,
) -> int:
    """Maak elke flow run die weg, geannuleerd of blijven hangen is opnieuw, uit het journaal."""
    from deployments.repair import repair  # noqa: PLC0415

    return repair(_office(), out, end_strangers=vreemde_runs)


if __name__ == "__main__":
    main()

"""Take in a DDAS delivery of vroegsignalen, by way of a file that nobody else can read."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from adapters.api.auth import check_may, tell_asked
from adapters.api.context import GuardedRoute, IdempotencyKey, TheCaller, TheOffice
from adapters.api.models import DeliveryAnswer
from adapters.api.problems import PROBLEM, Problem, problem_members
from adapters.api.strict_json import limited
from adapters.exchange.answers import answer_once
from adapters.exchange.clients import READ, Caller
from adapters.exchange.ddas import Delivery, check_structure
from adapters.exchange.history import take_over
from adapters.exchange.signal_record import SignalResult
from adapters.exchange.signals import import_signals

if TYPE_CHECKING:
    from adapters.exchange.signal_record import SignalReport
    from adapters.office import Office
    from adapters.runtime.settings import Settings

router = APIRouter(route_class=GuardedRoute, tags=["vroegsignalen"])

_JSON_BODY = {
    "requestBody": {
        "required": True,
        "description": "Een DDAS-levering van vroegsignalen, v0.9 tot en met v1.x.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_BLOCK = 64 * 1024
_ACCEPTED = "ontvangen"
_NOT_TAKEN_IN = "Wij konden dit signaal niet verwerken; vraag de gemeente."
_ALL_REFUSED = "Elk signaal in deze levering is geweigerd."


@router.post("/v1/vroegsignalen", status_code=201, response_model=DeliveryAnswer, openapi_extra=_JSON_BODY)
async def deliver_signals(
    request: Request,
    caller: TheCaller,
    office: TheOffice,
    key: IdempotencyKey = None,
    met_historie: Annotated[
        bool, Query(alias="metHistorie", description="Neem ook de vroegsignaalzaken over.")
    ] = False,
) -> Response:
    """Lever vroegsignalen aan. Elk signaal telt een keer; een herhaling geeft hetzelfde verslag."""
    check_may(caller, "vroegsignalen")
    if met_historie:
        check_may(caller, READ)  # whether a zaak was taken over tells whether its person has one here
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "Stuur een levering als application/json.")
    # A file without a name: whatever ends this process, nothing of a delivery stays behind.
    with tempfile.TemporaryFile(dir=incoming_folder(office.settings)) as file:
        path = Path(f"/proc/self/fd/{file.fileno()}")
        digest = hashlib.sha256()
        async for part in limited(request, office.settings.api_largest_delivery):
            await run_in_threadpool(file.write, part)
            digest.update(part)
        file.flush()
        delivery = await run_in_threadpool(check_structure, path)
        if not all(caller.sees(part.municipality_code) for part in delivery.parts):
            raise Problem(403, "De levering bevat signalen van een gemeente waar deze client niets mag.")
        content = ["POST vroegsignalen", digest.hexdigest(), met_historie]
        # Taking in is idempotent by itself; this only refuses the same key with another delivery.
        await run_in_threadpool(answer_once, office, caller.client_id, key, content, lambda _: (201, {}))
        for part in delivery.parts:
            tell_asked(caller, "vroegsignalen", part.municipality_code)
        report, accepted = await run_in_threadpool(_take_in, path, delivery, office, met_historie, caller)
    if accepted:
        return StreamingResponse(_blocks(report), 201, media_type="application/json")
    return StreamingResponse(_blocks(report), 400, media_type=PROBLEM)


def incoming_folder(settings: Settings) -> Path:
    """Return the folder for deliveries that come in, for this user alone."""
    folder = settings.ensure_home() / "inkomend"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def empty_incoming(settings: Settings) -> None:
    """Remove what a release before this one left of deliveries when it was killed; follow no link elsewhere."""
    folder = incoming_folder(settings)
    for left in () if folder.is_symlink() else folder.iterdir():
        if left.is_symlink() or left.is_file():
            left.unlink(missing_ok=True)


def _take_in(
    path: Path, delivery: Delivery, office: Office, with_history: bool, caller: Caller
) -> tuple[IO[bytes], bool]:
    """Take in all of a delivery and write the report to a file: a large one is never in memory as a whole.

    The last value says whether anything was taken in; a delivery of which all is refused is a problem.
    """
    report: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the answer was sent
    lines: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - idem
    accepted = not delivery.signal_count
    reports = (take_over if with_history else import_signals)(path, delivery, office)
    for number, line in enumerate(reports):
        accepted = accepted or line.result is not SignalResult.REFUSED
        lines.write((b",\n" if number else b"\n") + _line(line, caller))
    head = {
        **({} if accepted else problem_members(400, _ALL_REFUSED, "levering-geweigerd")),
        "versie": delivery.version,
        "aantal": delivery.signal_count,
        "opmerkingen": list(delivery.warnings),
    }
    report.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "vroegsignalen": [')
    with lines:
        lines.seek(0)
        shutil.copyfileobj(lines, report)
    report.write(b"]}")
    report.seek(0)
    return report, accepted


def _line(report: SignalReport, caller: Caller) -> bytes:
    """Return the line of a signal. Who may not read hears that it came in, not whose case it met or how that stands."""
    reads, refused = caller.may(READ), report.result is SignalResult.REFUSED
    hidden = () if reads or not (refused and report.of_case) else (_NOT_TAKEN_IN,)
    line: dict[str, Any] = {
        "nummer": report.position,
        "resultaat": report.first or report.result if reads or refused else _ACCEPTED,
        "zaak": report.reference if reads else None,
        "opmerkingen": [*report.remarks, *(report.of_case if reads else hidden)],
    }
    return json.dumps(line, ensure_ascii=False).encode()


def _blocks(report: IO[bytes]) -> Iterator[bytes]:
    with report:
        while block := report.read(_BLOCK):
            yield block

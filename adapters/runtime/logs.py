"""Logs: one JSON line for each event, or readable lines on a terminal. Never personal data.

An event has a name in snake_case and fields: `case`, `process`, `event_id`, `flow_run`. The text of an exception is
left out, since it may quote what was sent; its kind and its places stay. A number that passes the eleven test is
left out of any text, whoever wrote it.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from adapters.runtime.settings import Settings

LEFT_OUT = "(weggelaten)"
_PLACES = 8  # of a traceback, the innermost
_MAY_BE_BSN = re.compile(r"(?<![\w-])\d{8,9}(?![\w-])")
# Their lines at INFO name addresses of requests, or say what ours say already.
_TALKATIVE = ("httpx", "httpcore", "alembic", "apprise", "urllib3")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "fastapi", "prefect._internal")


def set_up_logs(settings: Settings, default_level: str = "info") -> None:
    """Send everything that this process logs to standard error, in the form that the settings ask for.

    Call it after Prefect was imported, since Prefect sets up logging on import.
    """
    level = (settings.log_level or default_level).upper()
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    handler = _StandardError()
    handler.setFormatter(_formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("routekaart").setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _OWN_HANDLERS:
        theirs = logging.getLogger(name)
        theirs.handlers, theirs.propagate = [], True


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)  # not that of the stream: it would keep the one of now

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def use_standard_logging() -> None:
    """Send our lines through Python's own logging: nothing is written before somebody sets it up."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    """Return what is done to every line, ours or of a library."""
    return [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _fault,
        _without_numbers_of_people,
    ]


def _formatter(*, as_json: bool) -> logging.Formatter:
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        last.append(structlog.processors.JSONRenderer(ensure_ascii=False, default=str))
    else:
        last.append(_on_one_line)
        last.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    foreign: list[Processor] = [_run_of_prefect, *_shared()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=last)


def _on_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep a line for people one line that no terminal obeys: control characters as their escapes."""
    return {
        name: _CONTROL.sub(lambda found: repr(found[0])[1:-1], value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _run_of_prefect(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep with a line of Prefect which flow run it is about."""
    record: logging.LogRecord | None = event.get("_record")
    run = getattr(record, "flow_run_id", None)
    if run and run != "<unknown>":
        event["flow_run"] = str(run)
    return event


def _fault(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Return of an exception its kind and its places, not its text."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else None
    if given is True:
        error = sys.exc_info()[1]
    elif isinstance(given, tuple):
        error = given[1]
    if error is not None:
        event.update(traced(error))
    return event


def traced(error: BaseException) -> dict[str, Any]:
    """Return of an exception its kind and its places, not its text, which may quote what was sent."""
    places = extract_tb(error.__traceback__)[-_PLACES:]
    return {
        "error": type(error).__name__,
        "places": [f"{Path(place.filename).name}:{place.lineno} {place.name}" for place in places],
    }


def _without_numbers_of_people(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Leave out every number that could be a BSN."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _MAY_BE_BSN.sub(_unless_innocent, value)
    return event


def _unless_innocent(found: re.Match[str]) -> str:
    from adapters.runtime.privacy import eleven_test  # noqa: PLC0415 - most lines hold no such number

    return LEFT_OUT if eleven_test(found[0]) else found[0]

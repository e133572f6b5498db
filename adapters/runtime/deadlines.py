"""Work with an end: what libraries do that know a time-out for each answer, and none for all of them."""

from __future__ import annotations

import contextvars
import ctypes
import gc
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_ASK_AGAIN_SECONDS = 1.0
_PATIENCE = 15  # times: longer than the time-out of one answer, after which a thread hears what was asked


class OutOfTimeError(Exception):
    """Work that took longer than it may."""


class _Stop(BaseException):
    """Ends a thread; no `except Exception` of a library stops it."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what a piece of work returns, or raise what it raises; OutOfTimeError when it takes longer than this.

    It is done in a thread, which is ended then: each byte that somebody sends wakes it, and it hears that it must stop.
    """
    answer: list[_T] = []
    errors: list[BaseException] = []
    context, ending, ended = contextvars.copy_context(), threading.Lock(), threading.Event()

    def do() -> None:
        with suppress(_Stop):
            try:
                answer.append(context.run(work))
            except _Stop:
                return  # not kept: its frames hold what was opened
            except BaseException as error:  # noqa: BLE001 - who waits raises it
                errors.append(error)
            finally:
                with ending:
                    ended.set()

    thread = threading.Thread(target=do, name="routekaart-deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    for _ in range(_PATIENCE):
        if not thread.is_alive():
            break
        with ending:  # its number is not yet that of another thread
            if not ended.is_set():
                _tell(thread.ident or 0)
        thread.join(_ASK_AGAIN_SECONDS)
    if answer:
        return answer[0]
    if errors:
        raise errors[0]
    gc.collect()  # what it opened may stand in a circle, and hangs up now
    raise OutOfTimeError


def _tell(thread: int) -> None:
    """Let a thread hear that it must stop; once more when it is closing what it opened, which waits as well."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_Stop))

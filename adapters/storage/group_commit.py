"""Works that wait for the database at the same moment share one transaction.

A commit waits for the disk, and every statement for the server: twenty works in one transaction take little more of
both than one. Whoever comes when nobody writes, writes at once; who comes meanwhile waits and goes with the next.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Work = TypeVar("_Work")
_Answer = TypeVar("_Answer")

_MOST = 50  # works in one transaction: others wait for what it locks


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Work, _Answer]):
    """A work and who waits for it. He is called when it is done, or with works to write, his own the first."""

    work: _Work
    called: Event = field(default_factory=Event)
    to_write: list[_Waiting[_Work, _Answer]] | None = None
    answer: _Answer | None = None
    error: BaseException | None = None


class GroupCommit(Generic[_Work, _Answer]):
    """Does works in the order in which they came, those that wait at the same moment in one transaction.

    `together` gives for each work its answer, or None for one that has to be done alone: somebody holds its case, or it
    cannot be written. It raises only when nobody knows whether its transaction was kept. `alone` does one work in a
    transaction of its own, on the thread of who asked for it, and may wait for whoever holds the case. One shared
    transaction goes on at a time: a second one beside it makes groups smaller, and costs more than it brings.
    """

    def __init__(
        self,
        alone: Callable[[_Work], _Answer],
        together: Callable[[Sequence[_Work]], Sequence[_Answer | None]],
    ) -> None:
        self._alone = alone
        self._together = together
        self._lock = Lock()
        self._queue: deque[_Waiting[_Work, _Answer]] = deque()
        self._in_hand = 0

    def do(self, work: _Work) -> _Answer:
        """Do a work, and return its answer when that is safe. Raises what `alone` raises."""
        mine = _Waiting[_Work, _Answer](work)
        with self._lock:
            self._queue.append(mine)
            if not self._in_hand:
                self._call_next()
        mine.called.wait()
        if mine.to_write is not None:
            self._write(mine.to_write)
        if mine.error is not None:
            raise mine.error
        if mine.answer is not None:
            return mine.answer
        return self._alone(work)

    def _call_next(self) -> None:
        """Let the first of what waits write it."""
        works = [self._queue.popleft() for _ in range(min(_MOST, len(self._queue)))]
        self._in_hand = len(works)
        if works:
            works[0].to_write = works
            works[0].called.set()

    def _write(self, works: list[_Waiting[_Work, _Answer]]) -> None:
        """Write works, let the next be written by those who wait, and call all whose work is done."""
        try:
            for waiting, answer in zip(works, self._together([one.work for one in works]), strict=True):
                waiting.answer = answer
        except BaseException as error:  # noqa: BLE001 - whoever waits has to hear it, whatever it is
            for waiting in works:
                waiting.error = error
        with self._lock:
            self._call_next()
        for waiting in works:
            waiting.called.set()

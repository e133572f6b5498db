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

Work = TypeVar("Work")
Answer = TypeVar("Answer")

_MOST = 50  # works in one transaction: others wait for what it locks


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Work, Answer]):
    """A work and who waits for it. He is called when it is done, or with works to write, his own the first."""

    work: Work
    about: str
    called: Event = field(default_factory=Event)
    to_write: list[_Waiting[Work, Answer]] | None = None
    answer: Answer | None = None
    error: BaseException | None = None


class GroupCommit(Generic[Work, Answer]):
    """Does works about cases, many in one transaction; those about one case in the order in which they came.

    `together` gives for each work its answer, or None for one that has to be done alone: it would be refused, or
    somebody holds its case. It raises only when nobody knows whether its transaction was kept. `alone` does one work
    in a transaction of its own. `writers` is how many transactions go on at a time.
    """

    def __init__(
        self,
        alone: Callable[[Work], Answer],
        together: Callable[[Sequence[Work]], Sequence[Answer | None]],
        writers: int,
    ) -> None:
        self._alone = alone
        self._together = together
        self._idle = writers
        self._lock = Lock()
        self._queue: deque[_Waiting[Work, Answer]] = deque()
        self._in_hand: set[str] = set()

    def do(self, work: Work, about: str) -> Answer:
        """Do a work about a case, and return its answer when that is safe. Raises what `alone` raises."""
        mine = _Waiting[Work, Answer](work, about)
        with self._lock:
            self._queue.append(mine)
            self._start()
        mine.called.wait()
        if mine.to_write is not None:
            self._write(mine.to_write)
        if mine.error is not None:
            raise mine.error
        if mine.answer is not None:
            return mine.answer
        return self._alone(work)

    def _start(self) -> None:
        """Let what can be written be written, by the first of each transaction, as long as a writer is idle."""
        while self._idle and (works := self._taken()):
            self._idle -= 1
            works[0].to_write = works
            works[0].called.set()

    def _taken(self) -> list[_Waiting[Work, Answer]]:
        """Take what waits and can be written now: nobody has its case in hand."""
        taken: list[_Waiting[Work, Answer]] = []
        left: deque[_Waiting[Work, Answer]] = deque()
        for waiting in self._queue:
            free = len(taken) < _MOST and waiting.about not in self._in_hand
            (taken if free else left).append(waiting)
        self._queue = left
        self._in_hand.update(waiting.about for waiting in taken)
        return taken

    def _write(self, works: list[_Waiting[Work, Answer]]) -> None:
        """Write works, let the next be written by those who wait, and call all whose work is done."""
        try:
            if len(works) > 1:
                for waiting, answer in zip(
                    works, self._together([waiting.work for waiting in works]), strict=True
                ):
                    waiting.answer = answer
            else:
                works[0].answer = self._alone(works[0].work)
        except BaseException as error:  # noqa: BLE001 - whoever waits has to hear it, whatever it is
            for waiting in works:
                waiting.error = error
        with self._lock:
            self._in_hand.difference_update(waiting.about for waiting in works)
            self._idle += 1
            self._start()
        for waiting in works:
            waiting.called.set()

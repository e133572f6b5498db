"""A way to a server on which every answer takes longer."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from support.stack import free_port


class SlowWay:
    """Listens on a port of its own, hands on what comes, and gives each piece of an answer after a rest."""

    def __init__(self, target: int, seconds: float) -> None:
        self.port, self.seconds = free_port(), seconds
        self._target = target
        self._door = socket.create_server(("127.0.0.1", self.port), backlog=200)
        threading.Thread(target=self._receive, daemon=True).start()

    def close(self) -> None:
        """Take no one any more."""
        self._door.close()

    def _receive(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            for given in ((caller, server, 0.0), (server, caller, self.seconds)):
                threading.Thread(target=self._carry, args=given, daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, rest: float) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                time.sleep(rest)
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

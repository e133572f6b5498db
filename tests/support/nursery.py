"""A process that has everything imported and gives birth to workers, APIs and commands: real ones, quickly started.

Reads one JSON line for each birth from standard input and answers with the pid. A worker that is born here is
an ordinary process of its own, which a test can kill or stop.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import deployments.cli
import deployments.deploy
import deployments.worker_process
import flows.processes
import flows.worker
from support.fatal_checkpoints import die_when_asked

assert deployments.deploy
assert flows.processes
assert flows.worker


def _live(order: dict[str, object]) -> None:
    """Be the child: take the environment and the log of the order, and do its work."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(order["environment"])  # type: ignore[arg-type]
    die_when_asked()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(order["files"], start=1):  # type: ignore[arg-type, var-annotated]
        os.dup2(os.open(str(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    code = 1
    try:
        code = deployments.cli.run(order["words"])  # type: ignore[arg-type]
    except BaseException:  # noqa: BLE001 - the log says it, and the child must not go on as the nursery
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if order["ended"]:
            Path(str(order["ended"])).write_text(f"{code}.")  # nobody waits for a child here
        os._exit(code)


def main() -> None:
    """Bear processes until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(order)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

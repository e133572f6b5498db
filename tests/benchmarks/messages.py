"""Messages a second to a receiver that answers after 20 ms, sent by as many threads as a worker has for it.

    python tests/benchmarks/messages.py [--messages 300] [--at-once 8] [--answers-after 0.02]

The case database is PostgreSQL, the receiver a web server in a process of its own. What a message costs is the CPU of
this process and of the backends of PostgreSQL: planning, claiming, writing, sending and noting it.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
from accepted import backends, cpu
from measuring import Line, free_port, home_with_keys, postgres_database, process, report
from psutil import Process
from sqlmodel import select

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, reading
from adapters.storage.message_tables import DeliveryRow

WANTED = 50.0
MOST_CPU_MS = 20.0  # at 50 a second one core has no more
RECEIVER = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(sys.argv[2]))
        self.send_response(200); self.end_headers()
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
RECIPIENTS = """
[standaard]
bundel_vanaf = 100000
[standaard.werktijden]
dagen = ["ma", "di", "wo", "do", "vr", "za", "zo"]
van = "00:00"
tot = "23:59:59"
ook_feestdagen = true
[[persoon]]
code = "p1"
kanalen = {{ web = "json://127.0.0.1:{port}/p1" }}
[[gemeente]]
code = "0518"
[gemeente.rollen]
case_worker = ["p1"]
"""


def main() -> None:
    """Let cases open, and send what that asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--answers-after", type=float, default=0.02)
    chosen = parser.parse_args()
    home, port = home_with_keys(), free_port()
    people = home / "ontvangers.toml"
    people.write_text(RECIPIENTS.format(port=port))
    command = (sys.executable, "-c", RECEIVER, str(port), str(chosen.answers_after))
    with postgres_database() as url, process(*command, log=home / "receiver.log"):
        _until_it_answers(port)
        report([_sent(home, people, url, chosen)])


def _until_it_answers(port: int) -> None:
    for _ in range(100):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=2)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The receiver does not start.")


def _sent(home: Path, people: Path, url: str, chosen: argparse.Namespace) -> Line:
    office = open_office(Settings(home=home, database_url=url, recipients_file=people))
    for _ in range(chosen.messages):
        office.casework.open("M3", municipality="0518")
    with reading(office.engine) as session:
        effects = session.exec(select(OutboxRow.id)).all()
    servers = partial(backends, url)
    before, own = {one.pid: cpu(one) for one in servers()}, cpu(Process())
    for effect in effects:
        office.deliveries.plan(effect)
    with reading(office.engine) as session:
        processes = session.exec(select(DeliveryRow.process_id).distinct()).all()
    parcels = [parcel for number in processes for parcel in office.deliveries.due(number)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(chosen.at_once) as postmen:
        sent = [
            one for one in postmen.map(office.deliveries.send, parcels) if one is not None and not one.failed
        ]
    seconds = time.perf_counter() - begin
    served = sum(cpu(one) - before.get(one.pid, 0) for one in servers())
    each = (cpu(Process()) - own + served) / max(1, len(sent)) * 1000
    office.engine.dispose()
    if len(sent) != chosen.messages:
        sys.exit(f"{len(sent)} of {chosen.messages} messages were delivered.")
    what = f"{chosen.at_once} at a time, each answered after {chosen.answers_after * 1000:.0f} ms: {each:.1f} ms of CPU"
    wanted = f"at least {WANTED:.0f}, and under {MOST_CPU_MS:.0f} ms of CPU"
    rate = len(sent) / seconds
    return Line("messages", what, rate, "/s", wanted=wanted, met=rate >= WANTED and each < MOST_CPU_MS)


if __name__ == "__main__":
    main()

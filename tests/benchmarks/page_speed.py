"""How fast our own pages open with many open cases on PostgreSQL, beside the same pages with twenty cases.

    python tests/benchmarks/page_speed.py [--cases 20000] [--people 400] [--seconds 10] [--at-once 4]

The cases are those of `support.sample_cases`, copied in the database; a real server on loopback answers, two
processes of it where pages a second are counted, and a client that reads them and does nothing else. The peer of
each page is the same page of a database with twenty cases in the same run, and for Mijn werk also the bare query
for what somebody holds.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import signal
import statistics
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
from sqlalchemy import text

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from coordinator_pages import copy  # noqa: E402
from measuring import Line, home_with_keys, postgres_database, process, report  # noqa: E402
from support.peers import serving  # noqa: E402
from support.sample_cases import fill  # noqa: E402
from support.stack import free_port  # noqa: E402

from adapters.messages.page_links import WHO  # noqa: E402
from adapters.office import open_office  # noqa: E402
from adapters.oversight.workload import read_workload  # noqa: E402
from adapters.runtime.settings import Settings  # noqa: E402
from adapters.storage.database import reading  # noqa: E402
from flows.fresh_pages import state_of  # noqa: E402
from flows.report_pages import overview_page, workload_page  # noqa: E402
from flows.tags import CANCEL_ASKED  # noqa: E402
from flows.views import REVIEW_TAG  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.office import Office

MUNICIPALITY = "0518"
FEW = 20
VISIT = "routekaart_bezoek"  # the cookie of who came with a link
FASTEST_SECONDS = 1.0  # wanted of a page
ASKED_RATE, ASKED_P95 = 200, 50
PAGES = {
    "Mijn werk": "/mijn",
    "Werkvoorraad": "/werkvoorraad",
    "Werkvoorraad: te laat": "/werkvoorraad?alleen=te-laat",
    "Werkvoorraad: zonder eigenaar": "/werkvoorraad?alleen=zonder-eigenaar",
    "Werkvoorraad: bij een medewerker": "/werkvoorraad?bij=mw-17",
    "Zaak": "/zaak/{reference}",
    "Zoeken": "/zoeken?q={reference}",
}
ASKED = "SELECT id FROM processes WHERE closed IS false AND (facts ->> 'houder') IN ('mw-17')"


def office_on(url: str, people: int) -> Office:
    """Return an office with so many people in the file of recipients."""
    home = home_with_keys()
    codes = ["mw-17", *(f"mw-{number}" for number in range(1000, 1000 + people))]
    lines = [f'[[persoon]]\ncode = "{code}"\nkanalen = {{ x = "json://127.0.0.1:9/" }}\n' for code in codes]
    listed = ", ".join(f'"{code}"' for code in codes)
    roles = f'[gemeente.rollen]\ncase_worker = [{listed}]\ncoordinator = ["mw-17"]\n'
    book = home / "ontvangers.toml"
    book.write_text("".join(lines) + f'[[gemeente]]\ncode = "{MUNICIPALITY}"\n{roles}')
    port = free_port()
    return open_office(
        Settings(home=home, database_url=url, municipality=MUNICIPALITY, recipients_file=book, api_port=port)
    )


def copy_all(url: str, number: int) -> None:
    """Copy every case so many times, in the database itself."""
    with psycopg.connect(url) as connection:
        reference = "t.case_reference || '-' || i"
        copy(connection, "cases", number, reference="t.reference || '-' || i")
        top = connection.execute("SELECT max(id) FROM processes").fetchone()
        last = int(top[0]) if top else 0
        copy(connection, "processes", number, id=f"(t.id + {last} * i)", case_reference=reference)
        copy(connection, "timers", number, id="", process_id=f"(t.process_id + {last} * i)")
        copy(connection, "journal", number, id="", case_reference=reference)
        connection.execute("SELECT setval('processes_id_seq', (SELECT max(id) FROM processes))")


def multiply(office: Office, url: str, cases: int, people: int) -> str:
    """Make a few cases and copy them; divide all among the people; return a reference."""
    references = fill(office, FEW, MUNICIPALITY)
    if cases > FEW:
        copy_all(url, cases // FEW - 1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE processes SET facts = (facts::jsonb || jsonb_build_object('houder', "
            "CASE WHEN id % %(people)s = 0 THEN 'mw-17' ELSE 'mw-' || (1000 + id %% %(people)s) END))::json "
            "WHERE NOT closed AND id %% 10 <> 1".replace("id % %(", "id %% %("),
            {"people": people},
        )
        connection.execute("VACUUM ANALYZE")
    return references[0]


def opened(base: str, link: str, pages: dict[str, str]) -> dict[str, float]:
    """Open each page five times and return the slowest but the first, in seconds."""
    with httpx.Client(base_url=base, timeout=60) as client:
        client.get(link, follow_redirects=True).raise_for_status()
        found = {}
        for name, path in pages.items():
            took = []
            for _ in range(6):
                began = time.perf_counter()
                answer = client.get(path)
                took.append(time.perf_counter() - began)
                assert answer.status_code in (200, 303), (path, answer.status_code)
            found[name] = max(took[1:])
        return found


@contextmanager
def apis(office: Office, number: int) -> Iterator[list[tuple[str, int]]]:
    """Run so many processes of the API on the database of an office; give their addresses."""
    settings = office.settings
    environment = os.environ | {
        "ROUTEKAART_HOME": str(settings.home),
        "ROUTEKAART_DATABASE_URL": str(settings.database_url),
        "ROUTEKAART_MUNICIPALITY": MUNICIPALITY,
        "ROUTEKAART_RECIPIENTS_FILE": str(settings.recipients_file),
        "ROUTEKAART_API_REQUESTS_PER_SECOND": "10000",
    }
    with ExitStack() as running:
        ports = [free_port() for _ in range(number)]
        for port in ports:
            command = (sys.executable, "-m", "deployments.cli", "api")
            log = settings.home / f"api-{port}.log"
            running.enter_context(
                process(*command, log=log, environment=environment | {"ROUTEKAART_API_PORT": str(port)})
            )
        for port in ports:
            until_it_answers(f"http://127.0.0.1:{port}/healthz")
        yield [("127.0.0.1", port) for port in ports]


def until_it_answers(url: str) -> None:
    """Wait for a server that starts."""
    for _ in range(300):
        with suppress(httpx.HTTPError):
            httpx.get(url, trust_env=False).raise_for_status()
            return
        time.sleep(0.1)
    sys.exit(f"{url} does not answer.")


def throughput(
    addresses: list[tuple[str, int]], visits: list[str], seconds: float, at_once: int
) -> tuple[float, float]:
    """Return how many pages of Mijn werk a second, of people in turn, and the 95th percentile in milliseconds."""
    took: list[float] = []

    def ask(number: int, until: float) -> None:
        connection = http.client.HTTPConnection(*addresses[number % len(addresses)])
        for visit in itertools.cycle(visits[number::at_once]):
            began = time.perf_counter()
            if began > until:
                return
            connection.request("GET", "/mijn", headers={"Cookie": visit, "Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            took.append(time.perf_counter() - began)

    def ask_together(time_taken: float) -> float:
        took.clear()
        began = time.perf_counter()
        threads = [
            threading.Thread(target=ask, args=(number, began + time_taken)) for number in range(at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    ask_together(2)  # statements are made once
    elapsed = ask_together(seconds)
    return len(took) / elapsed, 1000 * statistics.quantiles(took, n=20)[-1]


def who(office: Office, code: str) -> str:
    """Return what the link to Mijn werk of somebody tells about him."""
    return parse_qs(urlsplit(office.page_links.mine(code)).query)[WHO][0]


def bare_query(office: Office) -> float:
    """Return how long the question takes of what somebody holds, in seconds."""
    took = []
    for _ in range(6):
        began = time.perf_counter()
        with reading(office.engine) as session:
            session.execute(text(ASKED)).all()
        took.append(time.perf_counter() - began)
    return max(took[1:])


def pages_of_prefect(office: Office) -> list[Line]:
    """Return what it costs a worker to see that nothing changed, and to write the front page and werkvoorraad anew."""
    lines = []
    for what, work in (
        ("to see whether the front page is of now", lambda: state_of(office)),
        ("front page and werkvoorraad, read and written", lambda: _both_pages(office)),
    ):
        took = []
        for _ in range(4):
            began = time.process_time()
            work()
            took.append(time.process_time() - began)
        lines.append(Line("page_speed", what, 1000 * min(took[1:]), "ms of CPU", "our process alone"))
    return lines


def _both_pages(office: Office) -> None:
    work = read_workload(office, MUNICIPALITY)
    overview_page([work], {}, office.clock.now(), {CANCEL_ASKED: 0, REVIEW_TAG: 0})
    workload_page(work)


def main() -> None:
    """Fill two databases, open the pages of both, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--at-once", type=int, default=4)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # clean up all the same
    measured: dict[int, dict[str, float]] = {}
    lines = []
    for cases in (FEW, chosen.cases):
        with postgres_database() as url:
            office = office_on(url, chosen.people)
            reference = multiply(office, url, cases, chosen.people)
            pages = {name: path.format(reference=reference) for name, path in PAGES.items()}
            with serving(office, office.settings.api_port) as base:
                link = office.page_links.mine("mw-17")
                measured[cases] = opened(base, link, pages)
            codes = [f"mw-{1000 + number}" for number in range(chosen.people)]
            visits = [f"{VISIT}={who(office, code)}" for code in codes]
            with apis(office, 2) as addresses:
                rate, p95 = throughput(addresses, visits, chosen.seconds, chosen.at_once)
            asked = bare_query(office)
            if cases > FEW:
                lines += pages_of_prefect(office)
            office.engine.dispose()
        what = (
            f"Mijn werk of {chosen.people} people with {cases} cases, two processes, {chosen.at_once} at once"
        )
        fast = (f"{ASKED_RATE} a second, p95 < {ASKED_P95} ms", rate >= ASKED_RATE and p95 < ASKED_P95)
        lines.append(Line("page_speed", what, rate, "pages a second", f"p95 {p95:.0f} ms", None, *fast))
    for name, took in measured[chosen.cases].items():
        few = measured[FEW][name]
        lines.append(
            Line(
                "page_speed", f"{name} with {chosen.cases} cases", 1000 * took, "ms", "the same with twenty",
                took / few, f"< {FASTEST_SECONDS:.0f} s", took < FASTEST_SECONDS,
            )
        )  # fmt: skip
    mine = measured[chosen.cases]["Mijn werk"]
    lines.append(Line("page_speed", "Mijn werk", 1000 * mine, "ms", "the bare query", mine / asked))
    report(lines)


if __name__ == "__main__":
    main()

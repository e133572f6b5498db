"""Random kills while cases go on; afterwards every invariant must hold.

    python tests/chaos.py --kills 200 --cases 500 --database sqlite
    python tests/chaos.py --kills 200 --cases 500 --database postgresql
    python tests/chaos.py --restarts 60 --cases 200 --database postgresql

A worker, the API and the Prefect server are killed with SIGKILL at random moments and started again, while
clients open cases and report events over the API, people answer forms, and the clock passes the days of
warnings. With `--restarts` it is PostgreSQL that goes down and comes back every few seconds. PostgreSQL is a
cluster of our own, and holds the cases and Prefect's database.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from sqlmodel import col, func, select
from support.cluster import Cluster
from support.invariants import Accepted, violations
from support.workshop import Nursery, PrefectServer, Workshop

from adapters.exchange.answers import hashed
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import JournalRow, OutboxRow, ProcessRow, reading
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from adapters.storage.storage_trouble import waits_out_trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WALKS = {
    # How many of every ten cases walk so; each step but the first is an event.
    "M1": (4, ("open", "geen_vervolg")),
    "M1 open": (3, ("open",)),
    "M3 met form": (1, ("open", "formulier")),
    "M3": (1, ("open", "aanmelding_geregistreerd")),
    "M3 tot M4": (
        1,
        ("open", "aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt", "eerste_gesprek_gevoerd"),
    ),
}
# After these parts of the run the clock stands on these days; each has a warning of the cases that are open.
DAYS = ((0.3, datetime(2026, 3, 24, 9, tzinfo=AMSTERDAM)), (0.7, datetime(2026, 3, 31, 9, tzinfo=AMSTERDAM)))
FORM_SHOWN, FORM_DONE = "Wacht op registratie aanmelding", "Wacht op crisischeck"
STARTING = 0.2  # of the kills hit a process that is only just starting
STUCK_SECONDS = 120  # without any change, and nothing will come any more


@dataclass
class Chaos:
    """One run: what is broken how often, over how many cases."""

    shop: Workshop
    cases: int
    kills: dict[str, int]
    pause: float = 0.5  # seconds between two kills, on average
    cluster: Cluster | None = None
    restarts: int = 0
    seed: int = 1
    clients: int = 8
    days: Sequence[tuple[float, datetime]] = DAYS
    accepted: list[Accepted] = field(default_factory=list)
    filled_in: list[str] = field(default_factory=list)
    to_fill_in: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)
    _done: int = 0
    _allowed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - no secret
        self._steps = self._plan()

    # --- the plan ---------------------------------------------------------------------------------------------

    def _plan(self) -> list[list[tuple[str, str]]]:
        """Return for each client its steps, as (reference, step), those of its cases mixed but each in order."""
        kinds = [kind for kind, (share, _) in WALKS.items() for _ in range(share)]
        plans: list[list[tuple[str, str]]] = [[] for _ in range(self.clients)]
        for client, plan in enumerate(plans):
            walks = [
                (f"{kinds[number % 10].replace(' ', '-')}-{number}", list(WALKS[kinds[number % 10]][1]))
                for number in range(client, self.cases, self.clients)
            ]
            going: list[tuple[str, list[str]]] = []
            while walks or going:
                if walks and len(going) < 10:
                    going.append(walks.pop(0))
                    continue
                reference, left = self._random.choice(going)
                plan.append((reference, left.pop(0)))
                if not left:
                    going.remove((reference, left))
        return plans

    @property
    def steps(self) -> int:
        """How many steps all clients do together."""
        return sum(map(len, self._steps))

    # --- running ----------------------------------------------------------------------------------------------

    def run(self) -> list[str]:
        """Do it all, wait until everything is at rest, and give what is broken."""
        clients = [threading.Thread(target=self._client, args=(plan,), daemon=True) for plan in self._steps]
        person = threading.Thread(target=self._person, daemon=True)
        for one in (*clients, person):
            one.start()
        self._break_things()
        self._allowed = self.steps
        self.shop.bring_back()
        # What waits some seconds would wait for ever on a clock that stands still.
        waits_out_trouble(self.shop.set_time)(self.days[-1][1], speed=1)
        self._wait_while_it_moves(lambda: not any(one.is_alive() for one in (*clients, person)))
        if self._faults:
            raise self._faults[0]
        broken: list[str] = []

        def whole() -> bool:
            broken[:] = self._broken()
            return not broken

        self._wait_while_it_moves(whole)
        return broken

    def _break_things(self) -> None:
        """Kill or restart until the plan is done; clients get as many steps as their part of it."""
        left = Counter({**self.kills, "postgresql": self.restarts})
        total, days = left.total(), list(self.days)
        for number in range(1, total + 1):
            self._allowed = self.steps * number // total
            self._let_them_work(self.steps * (number - 1) // total)
            if days and number > days[0][0] * total:
                waits_out_trouble(self.shop.set_time)(days.pop(0)[1])
            victim = self._choose(left)
            left[victim] -= 1
            self._strike(victim)
            if number % 10 == 0 or number == total:
                self._say(f"{number}/{total} blows")
            time.sleep(self._random.uniform(0.5, 1.5) * self.pause)

    def _let_them_work(self, steps: int, patience: float = 15) -> None:
        """Wait until the clients came this far: what is killed at every breath never has anything to lose."""
        deadline = time.monotonic() + patience
        while self._done < steps - self.clients and time.monotonic() < deadline:
            time.sleep(0.1)

    def _choose(self, left: Counter[str], patience: float = 30) -> str:
        """Choose a victim and wait until it has something to lose; now and then it is only just starting."""
        victim = self._random.choice([name for name, number in left.items() for _ in range(number)])
        deadline = time.monotonic() + patience
        if self._random.random() >= STARTING:
            while not self._is_up(victim) and time.monotonic() < deadline:
                time.sleep(0.2)
        return victim

    def _is_up(self, name: str) -> bool:
        match name:
            case "postgresql":
                return True
            case "server":
                return self.shop.server.answers()
            case _:
                return self.shop.is_up(name)

    def _strike(self, victim: str) -> None:
        if victim == "postgresql":
            assert self.cluster is not None
            self.cluster.stop(self._random.choice(["immediate", "fast"]))
            time.sleep(self._random.uniform(0, 1))
            self.cluster.start()
            process = self.shop.server.process
            if process is not None and process.poll() is not None:  # `routekaart start` would do the same
                self.killed["server that gave up"] += 1
                self.shop.server.start(wait=False)
        elif victim == "server":
            self.shop.server.kill()
            self.shop.server.start(wait=False)
        else:
            self.shop.kill(victim)
        self.killed[victim] += 1

    # --- clients ----------------------------------------------------------------------------------------------

    def _client(self, plan: list[tuple[str, str]]) -> None:
        try:
            for reference, step in plan:
                while self._done >= self._allowed:
                    time.sleep(0.05)
                if step == "formulier":
                    self.to_fill_in.append(reference)
                else:
                    self._send(reference, step)
                with self._lock:
                    self._done += 1
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._faults.append(error)

    def _send(self, reference: str, step: str) -> None:
        """Open a case or report an event, under one key, until the API says that it is stored."""
        path = "/v1/zaken" if step == "open" else f"/v1/zaken/{reference}/gebeurtenissen"
        code = reference.partition("-")[0]
        said = {"gegevens": {"motivering": "m-1"}} if step == "geen_vervolg" else {}
        body = {"mijlpaal": code, "zaak": reference} if step == "open" else {"gebeurtenis": step, **said}
        key = f"{reference}/{step}"
        secret = (self.shop.home / "api-sleutel").read_text().strip()
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {secret}"}
        url = f"http://127.0.0.1:{self.shop.api_port}{path}"
        # Now and then a careful client asks twice, and a second accepting changes nothing.
        wanted = 2 if uuid.uuid5(uuid.NAMESPACE_URL, key).int % 10 == 0 else 1
        while wanted:
            try:
                answer = httpx.post(url, json=body, headers=headers, timeout=30)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            with self._lock:
                self.answers[answer.status_code] += 1
            if answer.is_success:
                wanted -= 1
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "Retry-After" not in answer.headers:
                raise AssertionError(f"{key}: {answer.status_code} {answer.text}")
            time.sleep(0.5)  # sooner than it asks, to be a nuisance
        client = secret.removeprefix("rk_").partition("_")[0]
        self.accepted.append(Accepted(reference, f"api:{client}:{hashed(self.shop.office, key)[:32]}"))

    def _person(self) -> None:
        """Answer the forms in Prefect as they are shown, until all of them are answered."""
        forms = sum(step == "formulier" for plan in self._steps for _, step in plan)
        try:
            while len(self.filled_in) < forms and not self._faults:
                # Prefect does not answer, or shows another form by now; later it goes better.
                with suppress(AssertionError, httpx.HTTPStatusError):
                    self._fill_in(set(self.to_fill_in) - set(self.filled_in))
                time.sleep(1)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._faults.append(error)

    def _fill_in(self, references: Iterable[str]) -> None:
        """Answer the forms that are shown; one is done when the next question is."""
        run_of = waits_out_trouble(self._run_ids)(references)
        runs = self.shop.server.runs(list(run_of.values()))
        for reference, run_id in run_of.items():
            state = runs.get(run_id, {}).get("state_name")
            if state == FORM_SHOWN:
                self.shop.server.answer(run_id, gebeurtenis="Aanmelding geregistreerd")
            elif state == FORM_DONE:
                self.filled_in.append(reference)

    def _run_ids(self, references: Iterable[str]) -> dict[str, str]:
        with reading(self.shop.office.engine) as session:
            found = session.exec(
                select(ProcessRow.case_reference, ProcessRow.flow_run_id).where(
                    col(ProcessRow.case_reference).in_(list(references)), ProcessRow.name == "M3"
                )
            ).all()
        return {reference: run_id for reference, run_id in found if run_id}

    # --- afterwards -------------------------------------------------------------------------------------------

    def _wait_while_it_moves(self, done: Callable[[], bool]) -> None:
        """Wait until something is so; give up when nothing has moved for a while, however long all of it takes."""
        before, moved, said = None, time.monotonic(), time.monotonic()
        while not done() and not self._faults:
            now = self._progress()
            if now != before:
                before, moved = now, time.monotonic()
            if time.monotonic() - moved > STUCK_SECONDS:
                self._say(f"nothing moved for {STUCK_SECONDS} s\n{self.shop.logs()}")
                return
            if time.monotonic() - said > 20:
                said = time.monotonic()
                self._say(f"settling: {now[0]} processes ask for attention, {now[1]} effects are open")
            time.sleep(1)

    def _progress(self) -> tuple[int, ...]:
        """Return numbers of which one at least changes as long as anything goes on."""
        with reading(self.shop.office.engine) as session:
            asking = session.exec(select(func.count()).where(ProcessRow.attention)).one()  # type: ignore[arg-type]
            effects = session.exec(select(func.count()).where(col(OutboxRow.done_at).is_(None))).one()
            waiting = session.exec(
                select(func.count()).where(DeliveryRow.state == DeliveryState.WAITING)
            ).one()
            journal = session.exec(select(func.count()).select_from(JournalRow)).one()
        return asking, effects, waiting, journal, len(self.filled_in), self._done

    def _broken(self) -> list[str]:
        office = self.shop.office
        with reading(office.engine) as session:
            busy = session.exec(select(func.count()).where(ProcessRow.attention)).one()  # type: ignore[arg-type]
            processes = session.exec(select(ProcessRow.flow_run_id)).all()
        if busy:
            return [f"{busy} processes ask for attention"]
        if due := office.casework.cases_with_due_terms():
            return [f"{len(due)} cases have terms that were not fired"]
        try:
            runs = self.shop.server.runs([found for found in processes if found])
        except AssertionError:
            return ["Prefect does not answer"]
        return [*violations(office, self.accepted, runs), *self._forms()]

    def _forms(self) -> list[str]:
        """Every form that was filled in stands in the journal once."""
        wanted = set(self.filled_in)
        with reading(self.shop.office.engine) as session:
            found = Counter(
                session.exec(
                    select(JournalRow.case_reference).where(JournalRow.event == "aanmelding_geregistreerd")
                )
            )
        return [
            f"{ref}: the form stands {found[ref]} times in the journal" for ref in wanted if found[ref] != 1
        ]

    def figures(self) -> str:
        """Return what was done, in one line."""
        with reading(self.shop.office.engine) as session:
            journal = session.exec(select(func.count()).select_from(JournalRow)).one()
            rungs = session.exec(
                select(func.count()).select_from(JournalRow).where(JournalRow.rung.is_not(None))  # type: ignore[union-attr]
            ).one()
            effects = session.exec(select(func.count()).select_from(OutboxRow)).one()
        struck = ", ".join(f"{number} of {name}" for name, number in sorted(self.killed.items()))
        return (
            f"{sum(self.killed.values())} blows ({struck}), {self.cases} cases, {len(self.accepted)} accepted "
            f"requests, {len(self.filled_in)} forms, {journal} journal rows, {rungs} rungs, {effects} effects, "
            f"answers of the API {dict(sorted(self.answers.items()))}, {time.monotonic() - self.began:.0f} s"
        )

    def _say(self, what: str) -> None:
        sys.stderr.write(
            f"{time.monotonic() - self.began:5.0f} s  {what}; {self._done}/{self.steps} steps; "
            f"killed {dict(self.killed)}; answers {dict(self.answers)}\n"
        )
        sys.stderr.flush()


def blows(kills: int) -> dict[str, int]:
    """Divide kills: a server takes longest to come back, an API shortest."""
    server, worker = kills * 8 // 100, kills * 32 // 100
    return {"server": server, "worker": worker, "api": kills - server - worker}


def run_chaos(database: str, kills: int, cases: int, restarts: int, seed: int) -> tuple[list[str], str]:
    """Set everything up, run, and give what is broken and the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="routekaart-chaos-")))
        cluster: Cluster | None = None
        cases_at = {"ROUTEKAART_DEPLOY_ON_START": "true"}
        prefect_at: dict[str, str] = {}
        if database == "postgresql":
            cluster = Cluster()
            stack.callback(cluster.remove)
            cases_at["ROUTEKAART_DATABASE_URL"] = cluster.create("zaken")
            prefect_at["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = cluster.create("prefect").replace(
                "postgresql://", "postgresql+asyncpg://"
            )
        server = PrefectServer(folder / "prefect", extra=prefect_at)
        stack.callback(server.kill)
        server.start()
        nursery = Nursery(server)
        stack.callback(nursery.close)
        shop = Workshop(server, nursery, folder / "home", cases_at)
        stack.callback(shop.stop)
        assert shop.office
        shop.watch("worker", "api")
        shop.wait(lambda: shop.is_up("api") and shop.is_up("worker"), 90)
        chaos = Chaos(shop, cases, blows(kills), cluster=cluster, restarts=restarts, seed=seed)
        if restarts:
            chaos.pause = 4.0
        return chaos.run(), chaos.figures()


def main() -> int:
    """Run once and print the figures; 1 when something is broken."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing that we started is left behind
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    arguments.add_argument("--kills", type=int, default=0)
    arguments.add_argument("--restarts", type=int, default=0, help="of PostgreSQL")
    arguments.add_argument("--cases", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=1)
    given: Any = arguments.parse_args()
    broken, figures = run_chaos(given.database, given.kills, given.cases, given.restarts, given.seed)
    print(f"{given.database}: {figures}, {len(broken)} violations")
    for line in broken[:20]:
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

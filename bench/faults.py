"""Faults, each counted: nothing is lost, nothing is doubled, and the log verifies after each.

PostgreSQL restarted under load (fast and crashing), a process killed during appends, the disk full,
the clock stepped back, two draws locked at once, double clicks.
Run: python bench/faults.py [--restarts 6] [--kills 20]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from bench.support.served import (
    INSPECTOR,
    STAFF,
    Postgres,
    beacon,
    commit_both,
    make_round,
    open_office,
    postgres,
)
from review_service.demonstration.world import Clock, lock_time
from review_service.jobs.queue import enqueue
from review_service.operation.verifying import verify_log
from review_service.settings import Settings
from review_service.tables import Draw, Job, LogEvent
from review_service.troubles import UnknownOutcomeError
from review_service.workflows import draws, locks, log
from review_service.workflows.base import Actor, Office, WorkflowError, pk

if TYPE_CHECKING:
    from collections.abc import Callable

    from review_service.workflows.base import Work

FAILED: list[str] = []


def told(name: str, good: bool, **counts: Any) -> None:  # noqa: FBT001 - the verdict
    """Print one line of counts."""
    listed = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items())
    print(f"{'ok ' if good else 'BAD'} {name}: {listed}", flush=True)
    if not good:
        FAILED.append(name)


def verified(office: Office) -> int:
    """Return how many events the log has, after verifying all of it."""
    with office.store.snapshot() as session:
        return verify_log(session).size


def noted(office: Office) -> Counter[str]:
    """Return how often each note is in the log."""
    with office.store.reading() as session:
        rows = session.exec(select(LogEvent.event).where(LogEvent.type == "note.kept")).all()
    return Counter(json.loads(row)["body"]["note"] for row in rows)


def note(work: Work, name: str) -> int:
    """Log a note of this name."""
    return log.append(work, "note.kept", {"note": name}).seq


def settings_of(folder: Path, url: str = "") -> Settings:
    """Return the settings of a bench's installation."""
    return replace(Settings(), data=folder, database=url, origin="bench.example")


# --- PostgreSQL restarted -----------------------------------------------------------------------


def restarted(server: Postgres, folder: Path, restarts: int) -> None:
    """Append from four threads while the server restarts; an append that was answered is there."""
    office = open_office(settings_of(folder, server.database("restarted")))
    stop, errors = threading.Event(), Counter[str]()
    answered: list[list[str]] = [[] for _ in range(4)]

    def keep_on(number: int, kept: list[str]) -> None:
        turn = 0
        while not stop.is_set():
            name, turn = f"{number}/{turn}", turn + 1
            try:
                office.do(Actor("staff", str(number)), note, name)
            except (DBAPIError, UnknownOutcomeError) as error:
                errors[type(error).__name__] += 1
            else:
                kept.append(name)

    threads = [
        threading.Thread(target=keep_on, args=(number, kept))
        for number, kept in enumerate(answered)
    ]
    for thread in threads:
        thread.start()
    for number in range(restarts):
        time.sleep(1.0)
        server.restart("immediate" if number % 2 else "fast")
    time.sleep(1.0)
    stop.set()
    for thread in threads:
        thread.join()
    there, sent = noted(office), [name for kept in answered for name in kept]
    lost = sum(there[name] == 0 for name in sent)
    doubled = sum(count > 1 for count in there.values())
    told(
        f"PostgreSQL restarted {restarts} times under load", not lost and not doubled,
        appends_answered=len(sent), errors=sum(errors.values()), lost=lost, doubled=doubled,
        unanswered_but_there=len(there) - len(sent), events_verified=verified(office),
    )  # fmt: skip
    office.store.close()


# --- a process killed during append -------------------------------------------------------------


def append_for_ever(folder: str, url: str, pipe: Any) -> None:
    """Append notes, telling the number of each after its commit."""
    office = open_office(settings_of(Path(folder), url))
    turn = 0
    while True:
        name = f"{os.getpid()}/{turn}"
        office.do(STAFF, note, name)
        pipe.send(name)
        turn += 1


def killed(name: str, folder: Path, url: str, kills: int) -> None:
    """Kill a process that appends, again and again, at random moments."""
    office = open_office(settings_of(folder, url))
    context, answered = multiprocessing.get_context("spawn"), []
    for _ in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=append_for_ever, args=(str(folder), url, theirs))
        process.start()
        theirs.close()
        answered.append(ours.recv())
        time.sleep(int.from_bytes(os.urandom(1), "big") / 2000)
        process.kill()
        process.join()
        while True:
            try:
                answered.append(ours.recv())
            except (EOFError, OSError):
                break
    there = noted(office)
    lost = sum(there[one] == 0 for one in answered)
    doubled = sum(count > 1 for count in there.values())
    told(
        f"process killed during append, {name}, {kills} times", not lost and not doubled,
        appends_answered=len(answered), lost=lost, doubled=doubled,
        committed_but_unanswered=len(there) - len(answered), events_verified=verified(office),
    )  # fmt: skip
    office.store.close()


# --- disk full ----------------------------------------------------------------------------------


def fill_disk(folder: str, pipe: Any) -> None:
    """Append until no file may grow any more, then some more; then with room again."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails as on a full disk
    office = open_office(settings_of(Path(folder)))
    size = max(path.stat().st_size for path in Path(folder).iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, resource.RLIM_INFINITY))
    answered, refused = [], 0
    for turn in range(100_000):
        try:
            office.do(STAFF, note, f"{turn}/" + "x" * 2000)
        except DBAPIError:
            refused += 1
            if refused == 5:
                break
        else:
            answered.append(turn)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    after = office.do(STAFF, note, "after")
    pipe.send((answered, refused, after))


def disk_full(folder: Path) -> None:
    """Let the disk of a SQLite store run full, and then be freed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=fill_disk, args=(str(folder), theirs))
    process.start()
    theirs.close()
    answered, refused, _ = ours.recv()
    process.join()
    office = open_office(settings_of(folder))
    there = {name.split("/")[0] for name in noted(office)}
    lost = len({str(turn) for turn in answered} - there)
    doubled = sum(count > 1 for count in noted(office).values())
    told(
        "disk full", not lost and not doubled and refused == 5 and "after" in there,
        appends_answered=len(answered), refused=refused, lost=lost, doubled=doubled,
        works_again="after" in there, events_verified=verified(office),
    )  # fmt: skip
    office.store.close()


# --- clock, draws, double clicks ----------------------------------------------------------------


def _same(moment: datetime) -> datetime:
    return moment


def clock_back(office: Office) -> None:
    """Step the clock back by a day between appends."""
    times = []
    for hours in (0, 1, -24, -23, 2):
        now = datetime(2030, 1, 2, tzinfo=UTC) + timedelta(hours=hours)
        acting = Office(office.store, replace(office.tools, clock=partial(_same, now)))
        with acting.store.reading() as session:
            times.append(session.get_one(LogEvent, acting.do(STAFF, note, f"clock/{hours}")).time)
    told(
        "clock stepped back", times == sorted(times),
        appends=len(times), times_that_went_back=sum(a > b for a, b in zip(times, times[1:])),  # noqa: B905, RUF007 - neighbours
        events_verified=verified(office),
    )  # fmt: skip


def at_once(count: int, act: Callable[[], Any]) -> Counter[str]:
    """Call `act` in `count` threads at the same moment; count what came of it."""
    barrier, results = threading.Barrier(count), Counter[str]()

    def run() -> None:
        barrier.wait()
        try:
            act()
        except WorkflowError as error:
            results[error.code] += 1
        else:
            results["done"] += 1

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def clicks(name: str, folder: Path, url: str) -> None:
    """Lock one draw from four windows, complete it from four, and double-click eight forms."""
    settings = settings_of(folder, url)
    office = open_office(settings, Clock(lock_time()))
    row = make_round(office, 4)
    commit_both(office, row)
    locked = at_once(4, lambda: office.do(STAFF, locks.lock_draw, pk(row), [beacon()]))
    with office.store.reading() as session:
        rows = session.exec(select(Draw)).all()
    told(
        f"two draws locked at once, {name}", locked["done"] == 1 and len(rows) == 1,
        tries=4, locked=locked["done"], refused=4 - locked["done"], draws=len(rows),
    )  # fmt: skip
    voided = at_once(4, lambda: office.do(STAFF, draws.void_draw, pk(rows[0]), "a double click"))
    digest = "ab" * 32
    given = at_once(
        8, lambda: office.do(INSPECTOR, draws.give_commitment, pk(row), "inspection", digest)
    )
    asked = at_once(8, lambda: office.do(STAFF, enqueue, "fit", {"round_id": row.id}))
    with office.store.reading() as session:
        jobs = len(session.exec(select(Job)).all())
        kinds = Counter(session.exec(select(LogEvent.type)).all())
    good = voided["done"] == given["done"] == 1 == jobs == kinds["draw.voided"]
    told(
        f"double clicks, {name}", good and kinds["commitment.given"] == 3,
        clicks=20, took_effect=voided["done"] + given["done"] + jobs,
        refused=sum(voided.values()) + sum(given.values()) - 2,
        joined=asked["done"] - jobs, events_verified=verified(office),
    )  # fmt: skip
    clock_back(office)
    office.store.close()


def main() -> int:
    """Run every fault and print its counts; 1 where anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--restarts", type=int, default=6)
    parser.add_argument("--kills", type=int, default=20)
    chosen = parser.parse_args()
    with postgres() as server, tempfile.TemporaryDirectory(prefix="review-faults-") as name:
        folder = Path(name)
        restarted(server, folder / "a", chosen.restarts)
        killed("SQLite", folder / "b", "", chosen.kills)
        killed("PostgreSQL", folder / "c", server.database("killed"), chosen.kills)
        disk_full(folder / "d")
        clicks("SQLite", folder / "e", "")
        clicks("PostgreSQL", folder / "f", server.database("clicks"))
    print("BAD: " + ", ".join(FAILED) if FAILED else "ok: nothing lost, nothing doubled")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

"""The load of a ministry's round: experts autosave, staff browse, on PostgreSQL.

For 5 minutes, against 2 gunicorn processes, everything on this machine, this generator too:
- 500 experts, each with a dossier of the own panel open, autosave every 5 s: 100 saves a second at
  even distances, each up to half a distance sooner or later by chance. After some minutes an expert
  goes on to the next dossier, each at another moment, so that first saves are among them.
- 50 staff browse: each opens any page of the round, reads it for 10 s, opens another. That is what
  is taken here for "browsing"; `--reading` sets other seconds.
An answer's time is counted from the moment at which its request was due, not from when it was sent:
a server that lags can't thin out what it is asked (coordinated omission). Printed are these times,
what each part took of the processors, how late the generator itself was, and how the slow
answers lie: many of few seconds were a standstill, such as a checkpoint on a slow disk. Then the
autosave route alone is driven as hard as it goes, beside a bare Flask route that writes one row
(same server, same database).
Exit status 1 where any answer was an error, 99 of 100 weren't within 250 ms, or not all that was
due was asked.
Run: python bench/load.py [--seconds 300] [--experts 500] [--staff 50] [--reading 10]
     [--ratio-seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa

from bench.support.browser import Browser
from bench.support.served import (
    PASSWORD,
    Gunicorn,
    Postgres,
    Scene,
    level,
    machine_seconds,
    make_scene,
    open_office,
    postgres,
    processor_seconds,
)
from review_service.operation.verifying import verify_log

PERIOD = 5.0  # seconds between two autosaves of an expert
READING = 10.0  # seconds that staff read a page
STAY = 60  # autosaves of a dossier before the next is opened: 5 minutes of work
RAMP = 10.0  # seconds before the counting begins: connections are opened, both processes are warm
MOST_P99 = 0.250  # seconds, of the issue
LINK = re.compile(r'href="(/[^"#]*)"')
NOT_PAGES = re.compile(r"log-?out|static|\.zip|\.xlsx|\.docx|\.csv|export|template|bundle|letter")


@dataclass
class Record:
    """Seconds of every answer, by what was asked, and what went wrong."""

    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {"autosave": [], "first save": [], "page": []}
    )
    pages: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)  # of the generator's own
    due: int = 0
    slow: Counter[int] = field(default_factory=Counter)  # by the second they were due in

    def add(self, kind: str, expected: bool, detail: str, seconds: float) -> None:  # noqa: FBT001 - one call a kind
        """Keep one answer, which has just come."""
        self.seconds[kind].append(seconds)
        if seconds >= MOST_P99:
            self.slow[int(time.monotonic() - seconds)] += 1
        if not expected:
            self.errors[detail] += 1


class Expert:
    """An expert at work: one dossier after another, each saved many times."""

    def __init__(self, scene: Scene, email: str, port: int, turn: int = 0) -> None:
        self.browser, self.email = Browser(port), email
        self._dossiers, self._criteria = scene.work[email], scene.criteria
        self._turn, self.versions = turn, dict.fromkeys(scene.work[email], 0)

    async def sign_in(self) -> None:
        """Sign in by the page."""
        await self.browser.sign_in(self.email, PASSWORD)
        await self.browser.fresh_token()

    async def save(self, record: Record, due: float) -> None:
        """Autosave the dossier in hand, as was due at this moment."""
        dossier = self._dossiers[self._turn // STAY % len(self._dossiers)]
        levels = {one: level(self.email, dossier, self._turn, one) for one in self._criteria}
        version, self._turn = self.versions[dossier], self._turn + 1
        path = f"/desk/2026/dossiers/{dossier}/save"
        sent = {"version": version, "levels": levels, "notes": {self._criteria[0]: "第 3 页"}}
        try:
            status, _, _ = await self.browser.send(path, sent)
        except (OSError, EOFError) as error:
            record.errors[f"autosave {type(error).__name__}"] += 1
            return
        spent = time.monotonic() - due
        kind = "autosave" if version else "first save"
        record.add(kind, status == 200, f"autosave {status}", spent)
        if status == 200:
            self.versions[dossier] = version + 1


class Staff:
    """Somebody of the staff, who opens pages of the round and reads them."""

    def __init__(self, email: str, port: int) -> None:
        self.browser, self.email, self.pages = Browser(port), email, ["/"]

    async def sign_in(self) -> None:
        """Sign in by the page."""
        await self.browser.sign_in(self.email, PASSWORD)

    async def open(self, record: Record, due: float) -> None:
        """Open any page, as was due at this moment."""
        path = random.choice(self.pages)
        try:
            status, _, _ = await self.browser.ask("GET", path)
        except (OSError, EOFError) as error:
            record.errors[f"page {type(error).__name__}"] += 1
            return
        spent = time.monotonic() - due
        record.add("page", status == 200, f"{path} {status}", spent)
        record.pages.setdefault(path, []).append(spent)


async def _staff_pages(browser: Browser) -> list[str]:
    """Return the pages that staff reach from a round's overview."""
    pages = {"/", "/rounds/2026"}
    _, body, _ = await browser.ask("GET", "/rounds/2026")
    pages |= {one.replace("&amp;", "&") for one in LINK.findall(body.decode())}
    return sorted(one for one in pages if not NOT_PAGES.search(one))


Act = Callable[[Record, float], Awaitable[None]]


async def _each(acts: list[Act], period: float, begin: float, until: float, record: Record) -> None:
    """Call each of `acts` every `period` seconds from `begin` on, all at even distances.

    Each moment is moved by up to half a distance by chance. Nobody is waited for but the same
    person's own request before.
    """
    distance = period / len(acts)

    async def person(act: Act, number: int) -> None:
        turn = 0
        while (due := begin + turn * period + number * distance) < until:
            due += (random.random() - 0.5) * distance
            record.due += 1
            ready = time.monotonic()
            await asyncio.sleep(due - ready)
            if ready < due:  # else it is the server that was late
                record.late.append(time.monotonic() - due)
            await act(record, due)
            turn += 1

    order = random.sample(range(len(acts)), len(acts))
    await asyncio.gather(*(person(act, number) for act, number in zip(acts, order, strict=True)))


@dataclass(frozen=True)
class Crowd:
    """Everybody of the load, signed in."""

    experts: list[Expert]
    staff: list[Staff]

    async def work(self, reading: float, seconds: float) -> Record:
        """Return what came of so many seconds of everybody's work, from a second on from now."""
        record, begin = Record(), time.monotonic() + 1.0
        until = begin + seconds
        saves: list[Act] = [one.save for one in self.experts]
        pages: list[Act] = [one.open for one in self.staff]
        await asyncio.gather(
            _each(saves, PERIOD, begin, until, record), _each(pages, reading, begin, until, record)
        )
        return record


async def _crowd(scene: Scene, port: int) -> Crowd:
    """Return everybody, signed in, each expert somewhere within the first dossier's time."""
    experts = [Expert(scene, email, port, random.randrange(STAY)) for email in scene.work]
    staff = [Staff(email, port) for email in scene.staff]
    gate = asyncio.Semaphore(8)

    async def sign_in(person: Expert | Staff) -> None:
        async with gate:
            await person.sign_in()

    everybody: list[Expert | Staff] = [*experts, *staff]
    await asyncio.gather(*(sign_in(one) for one in everybody))
    pages = await _staff_pages(staff[0].browser)
    for one in staff:
        one.pages = pages
    return Crowd(experts, staff)


async def _load(
    scene: Scene, port: int, reading: float, seconds: float, parts: dict[str, int]
) -> tuple[Record, dict[str, float], float]:
    """Return the answers, processor seconds by part, and seconds."""
    crowd = await _crowd(scene, port)
    gc.collect()
    gc.freeze()  # of the generator's own pauses none counts as the server's
    ramp = await crowd.work(reading, RAMP)
    before, began = _used(parts), time.monotonic()
    record = await crowd.work(reading, seconds)
    used = {name: spent - before[name] for name, spent in _used(parts).items()}
    record.errors.update(ramp.errors)
    return record, used, time.monotonic() - began


def _used(parts: dict[str, int]) -> dict[str, float]:
    """Return the processor seconds of each part until now, this generator among them.

    `machine` is all that the machine used, `host` what its host kept from it.
    """
    found = {name: processor_seconds(pid) for name, pid in parts.items()}
    machine, host = machine_seconds()
    return found | {"generator": time.process_time(), "machine": machine, "host": host}


async def _as_hard_as_it_goes(
    acts: Sequence[Callable[[], Awaitable[object]]], seconds: float
) -> float:
    """Return the calls a second of all `acts` together, each called again when it has answered."""
    until, done = time.monotonic() + seconds, 0

    async def drive(act: Callable[[], Awaitable[Any]]) -> None:
        nonlocal done
        while time.monotonic() < until:
            await act()
            done += 1

    began = time.monotonic()
    await asyncio.gather(*(drive(act) for act in acts))
    return done / (time.monotonic() - began)


async def _autosaves(scene: Scene, port: int, seconds: float) -> tuple[float, Record]:
    experts = [Expert(scene, email, port) for email in list(scene.work)[:16]]
    for one in experts:
        await one.sign_in()
        # The dossiers carry the versions of the load before: start where they stand.
        one.versions = await _versions(one)
    record = Record()
    acts = [partial(_now, one, record) for one in experts]
    return await _as_hard_as_it_goes(acts, seconds), record


async def _now(expert: Expert, record: Record) -> None:
    await expert.save(record, time.monotonic())


async def _versions(expert: Expert) -> dict[str, int]:
    found = {}
    for dossier in expert.versions:
        _, page, _ = await expert.browser.ask("GET", f"/desk/2026/dossiers/{dossier}")
        match = re.search(rb'name="version"[^>]*value="(\d+)"', page)
        found[dossier] = int(match.group(1)) if match else 0
    return found


async def _bare(scene: Scene, port: int, seconds: float) -> float:
    browsers = [Browser(port) for _ in range(16)]
    sent = {"version": 0, "levels": dict.fromkeys(scene.criteria, 5), "notes": {}}
    return await _as_hard_as_it_goes(
        [partial(one.send, "/write", sent) for one in browsers], seconds
    )


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _show(record: Record, seconds: float) -> bool:
    """Print the answers; say whether all held: no error, all asked, 99 of 100 quick enough."""
    everything = [one for values in record.seconds.values() for one in values]
    held = not record.errors and len(everything) == record.due
    for name, values in [*record.seconds.items(), ("all", everything)]:
        p50, p95, p99, most = (1000 * _quantile(values, one) for one in (0.5, 0.95, 0.99, 1.0))
        held = held and p99 < 1000 * MOST_P99
        rate = len(values) / seconds
        print(
            f"{name:<11}{len(values):>8} answers {rate:6.1f} /s  p50 {p50:.0f} ms"
            f"  p95 {p95:.0f} ms  p99 {p99:.0f} ms  most {most:.0f} ms"
        )
    print(f"errors     {sum(record.errors.values()):>8} {dict(record.errors) or ''}; "
          f"{record.due} requests were due; the generator itself was late by "
          f"{1000 * _quantile(record.late, 0.99):.1f} ms (p99), at most "
          f"{1000 * max(record.late, default=0):.0f} ms")  # fmt: skip
    return held and bool(everything)


def _measured(
    scene: Scene, server: Postgres, gunicorn: Gunicorn, reading: float, seconds: float
) -> bool:
    """Run the load, and print what it took of the processors, by part."""
    parts = {"application": gunicorn.pid, "PostgreSQL": server.pid}
    record, used, took = asyncio.run(_load(scene, gunicorn.port, reading, seconds, parts))
    print(f"load: {took:.0f} s, 2 processes; {len(record.pages)} pages of staff; "
          f"load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    held = _show(record, seconds)
    whole, stolen = used.pop("machine") / took, used.pop("host") / took
    used["together"] = sum(used.values())
    listed = ", ".join(f"{name} {spent / took:.2f}" for name, spent in used.items())
    print(f"processors in use, of {os.cpu_count()}: {listed}; of the whole machine "
          f"{whole:.2f}, taken away by its host {stolen:.2f}")  # fmt: skip
    print(f"answers of {1000 * MOST_P99:.0f} ms and more: {record.slow.total()}, due in "
          f"{len(record.slow)} of {took:.0f} s; of one second at most "
          f"{max(record.slow.values(), default=0)}")  # fmt: skip
    for line in server.checkpoints():
        print(f"PostgreSQL: {line}")
    ranked = [(_quantile(times, 0.99), name) for name, times in record.pages.items()]
    told = ", ".join(f"{name} {1000 * p99:.0f} ms" for p99, name in sorted(ranked)[-3:])
    print(f"slowest pages of staff, p99: {told}")
    return held


def main() -> int:
    """Run all and print the figures; 1 where an answer was wrong or too many were late."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--experts", type=int, default=500)
    parser.add_argument("--staff", type=int, default=50)
    parser.add_argument("--reading", type=float, default=READING)
    parser.add_argument("--ratio-seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    random.seed(8)
    with postgres() as server, tempfile.TemporaryDirectory(prefix="review-bench-") as name:
        began = time.perf_counter()
        scene = make_scene(
            Path(name) / "data", server.database("bench"), experts=chosen.experts,
            staff=chosen.staff,
        )  # fmt: skip
        print(f"scene: {len(scene.work)} experts drawn, {time.perf_counter() - began:.1f} s")
        application = Gunicorn(scene.environment(REVIEW_SECOND_FACTOR="no"))
        try:
            application.start()
            held = _measured(scene, server, application, chosen.reading, chosen.seconds)
            rate, hard = asyncio.run(_autosaves(scene, application.port, chosen.ratio_seconds))
        finally:
            status = application.stop()
        print(f"autosave route alone: {rate:.0f} /s, errors {dict(hard.errors) or 0}; "
              f"stopped with status {status}")  # fmt: skip
        bare = _peer(scene, chosen.ratio_seconds)
        print(f"bare Flask route, one row: {bare:.0f} /s; ratio {rate / bare:.2f}")
        office = open_office(scene.settings)
        with office.store.snapshot() as session:
            print(f"log verifies: {verify_log(session).size} events")
        office.store.close()
    held = held and not hard.errors and status == 0
    print("ok" if held else f"NOT within no errors and p99 < {1000 * MOST_P99:.0f} ms")
    return 0 if held else 1


def _peer(scene: Scene, seconds: float) -> float:
    engine = sa.create_engine(scene.settings.database)
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE bare (id INTEGER GENERATED ALWAYS AS IDENTITY, content TEXT)")
        )
    bare = Gunicorn(
        scene.environment(), application="bench.support.bare:app", health="/health", own=False
    )
    try:
        bare.start()
        return asyncio.run(_bare(scene, bare.port, seconds))
    finally:
        bare.stop()
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE bare"))
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main())

"""How quick the pages of a log of 1,000,000 events are, beside the 200 ms that the issue allows.

The log is written into SQLite directly, with its tree and checkpoints, as the service would have
left it: 500 experts' reviews, invitations, answers, a few draws. Then the inspector browses through
the whole application in one process: the newest page, pages at random places, every filter, rare
and missing texts, proofs, two checkpoints compared, and the API. Each kind of page is asked for
several times at random places; p50, p99 and the ratio of p99 to 200 ms are printed.
Run: python bench/browse.py [events] [requests of each kind] [folder to keep the log in]
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import structlog
from sqlmodel import select

from allocation import merkle
from allocation.canonical import canonical
from review_service.demonstration.world import Clock, make_tools
from review_service.settings import Settings
from review_service.tables import Account, Checkpoint
from review_service.web import create_app
from review_service.workflows import log as logs
from review_service.workflows.accounts import create_account
from review_service.workflows.base import SYSTEM, Actor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient

EVENTS, REQUESTS = 1_000_000, 200
MOST_MS = 200.0  # of the issue: p99 of a page
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = (
    ("review.submitted", 70), ("invitation.sent", 12), ("seat.accepted", 10),
    ("pledge.signed", 4), ("seat.vacated", 3), ("conflict.declared", 1),
)  # fmt: skip
INSPECTOR = Actor("inspector", "inspector-1")


def rows(start: int, count: int) -> Iterator[tuple[int, str, str, str, str, str]]:
    """Yield (seq, time, actor, type, subject, event): mostly reviews, a rare event now and then."""
    chance = random.Random(7)
    names, weights = zip(*KINDS, strict=True)
    for seq in range(start, count):
        moment = BEGIN + timedelta(seconds=20 * seq)
        actor, number = f"u{chance.randrange(500):04}", chance.randrange(40)
        kind = "draw.voided" if seq % 250_000 == 77 else chance.choices(names, weights)[0]
        subject = f"round-{number:02}" + ("" if kind == "review.submitted" else "/draw/1")
        body: dict[str, object] = {"draw_id": subject, "sealed": sha256(b"%d" % seq).hexdigest()}
        if kind == "draw.voided":
            body = {"draw_id": subject, "reason": "纪检监察人员未到场", "missing": [1]}
        event = canonical(
            {
                "seq": seq,
                "time": logs.stamp(moment),
                "actor": {"role": "expert", "id": actor},
                "type": kind,
                "body": body,
            }
        ).decode()
        yield seq, moment.strftime("%Y-%m-%d %H:%M:%S.%f"), actor, kind, subject, event


Node = tuple[int, int, bytes]


def nodes(get: Callable[[int, int], bytes], start: int, events: list[str]) -> list[Node]:
    """Return the nodes that events complete from `start` on."""
    made: dict[tuple[int, int], bytes] = {}

    def known(level: int, position: int) -> bytes:
        return made.get((level, position)) or get(level, position)

    for seq, event in enumerate(events, start):
        for level, position, digest in merkle.append(known, seq, merkle.leaf_hash(event.encode())):
            made[level, position] = digest
    return [(level, position, digest) for (level, position), digest in made.items()]


def fill(app: Flask, count: int) -> None:
    """Append events up to `count` behind those that the office has, past its slow way."""
    office = app.extensions["office"]
    database = sqlite3.connect(str(office.store.url.database))
    database.execute("PRAGMA synchronous=OFF")
    (start,) = database.execute("SELECT size FROM log_head").fetchone()
    batch: list[tuple[int, str, str, str, str, str]] = []

    def get(level: int, position: int) -> bytes:
        query = "SELECT hash FROM log_node WHERE level = ? AND position = ?"
        return bytes(database.execute(query, (level, position)).fetchone()[0])

    def flush() -> None:
        made = nodes(get, batch[0][0], [one[5] for one in batch])
        database.executemany("INSERT INTO log_node VALUES (?, ?, ?)", made)
        columns = "(seq, time, actor, type, subject, event)"
        database.executemany(f"INSERT INTO log_event {columns} VALUES (?, ?, ?, ?, ?, ?)", batch)  # noqa: S608 - a constant
        last = (batch[-1][0] + 1, batch[-1][1])
        database.execute("UPDATE log_head SET size = ?, last_time = ?", last)
        database.commit()
        batch.clear()

    for row in rows(start, count):
        batch.append(row)
        if len(batch) == 50_000:
            flush()
            office.do(INSPECTOR, logs.sign_checkpoint)
    if batch:
        flush()
    office.do(INSPECTOR, logs.sign_checkpoint)
    database.close()


def pages(count: int, signed: list[int]) -> dict[str, Callable[[random.Random], str]]:
    """Return kind of page → the address of one at random; `signed` are sizes of checkpoints."""

    def before(chance: random.Random) -> int:
        return chance.randrange(100, count)

    return {
        "newest page": lambda _: "/log",
        "a page anywhere": lambda c: f"/log?before={before(c)}",
        "one type, common": lambda c: f"/log?type=review.submitted&before={before(c)}",
        "one type, rare": lambda _: "/log?type=draw.voided",
        "one actor": lambda c: f"/log?actor=u{c.randrange(500):04}&before={before(c)}",
        "one round": lambda c: f"/log?subject=round-{c.randrange(40):02}&before={before(c)}",
        "actor and type": lambda c: f"/log?actor=u{c.randrange(500):04}&type=conflict.declared",
        "round and type": lambda c: f"/log?subject=round-{c.randrange(40):02}&type=seat.vacated",
        "days": lambda c: f"/log?since=2026-02-{c.randrange(1, 28):02}&until=2026-03-01",
        "text, common": lambda c: f"/log?text=u{c.randrange(500):04}&before={before(c)}",
        "text, nowhere": lambda c: f"/log?text=无此文字&before={before(c)}",
        "text and type, nowhere": lambda c: f"/log?text=无&type=seat.accepted&before={before(c)}",
        "text and actor and days": lambda c: (
            f"/log?text=sealed&actor=u{c.randrange(500):04}&since=2026-02-01&until=2026-05-01"
        ),
        "one event with proof": lambda c: f"/log/{c.randrange(count)}",
        "two checkpoints": lambda c: f"/log/compare?old={c.choice(signed)}",
        "inspector's desk": lambda _: "/inspection",
        "anomalies": lambda _: "/inspection/anomalies",
        "API: 100 events": lambda c: f"/api/v1/log/events?start={c.randrange(count)}",
        "API: inclusion": lambda c: f"/api/v1/log/proofs/inclusion?seq={c.randrange(count)}",
        "API: consistency": lambda c: f"/api/v1/log/proofs/consistency?old={c.randrange(1, count)}",
    }


Address = Callable[[random.Random], str]


def measure(client: FlaskClient, address: Address, times: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each request, sorted: by the wall's clock, and of processor."""
    chance, wall, busy = random.Random(3), [], []
    for _ in range(times):
        url = address(chance)
        begin, worked = time.perf_counter(), time.process_time()
        answer = client.get(url)
        wall.append(1000 * (time.perf_counter() - begin))
        busy.append(1000 * (time.process_time() - worked))
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code} {url}")
    return sorted(wall), sorted(busy)


def rank(spent: list[float], share: float) -> float:
    """Return the least of the sorted values that a share of them doesn't exceed (nearest rank)."""
    return spent[math.ceil(share * len(spent)) - 1]


def served(folder: Path) -> Flask:
    """Return the application over a folder, with an inspector's account in a new one."""
    new = not (folder / "review.db").exists()
    settings = Settings(data=folder, secure_cookies=False)
    app = create_app(settings, make_tools(folder, Clock(BEGIN)))
    if new:
        app.extensions["office"].do(
            SYSTEM, create_account, code=INSPECTOR.id, email="i@bench.example", name="纪检",
            role="inspector", password_hash="",
        )  # fmt: skip
    return app


def main(count: int, times: int, folder: Path) -> int:
    """Print a line for each kind of page; return 1 where a p99 is over the limit."""
    logging.disable(logging.ERROR)
    app = served(folder)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    office, begin = app.extensions["office"], time.perf_counter()
    with office.store.reading() as session:
        there = logs.head(session).size
    if there < count:
        fill(app, count)
    size = (folder / "review.db").stat().st_size
    print(f"{count:,} events written in {time.perf_counter() - begin:.0f} s, {size >> 20} MiB")
    client = app.test_client()
    with office.store.reading() as session:
        account = session.get_one(Account, 1)
        signed = [one.size for one in session.exec(select(Checkpoint))]
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = account.fs_uniquifier, True
    client.get("/log")
    worst = 0.0
    print(f"{'page':<26}   p50 ms   p99 ms  p99 / {MOST_MS:.0f} ms  p99 of processor")
    for kind, address in pages(count, signed).items():
        wall, busy = measure(client, address, times)
        p99 = rank(wall, 0.99)
        worst = max(worst, p99)
        ratio, processor = p99 / MOST_MS, rank(busy, 0.99)
        print(f"{kind:<26} {rank(wall, 0.5):8.1f} {p99:8.1f} {ratio:13.2f} {processor:17.1f}")
    load = os.getloadavg()[0]
    print(
        json.dumps({"worst_p99_ms": round(worst, 1), "limit_ms": MOST_MS, "load": round(load, 1)})
    )
    office.store.close()
    return int(worst > MOST_MS)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    times = int(sys.argv[2]) if len(sys.argv) > 2 else REQUESTS
    if len(sys.argv) > 3:
        raise SystemExit(main(count, times, Path(sys.argv[3])))
    with tempfile.TemporaryDirectory() as name:
        raise SystemExit(main(count, times, Path(name)))

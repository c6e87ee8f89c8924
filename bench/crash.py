"""Kill the served application again and again while experts save and submit; lose no score.

Experts autosave and submit without pause over HTTP. Meanwhile a random worker of gunicorn, now and
then the whole of it, and a few times PostgreSQL too, are killed with signal 9. In the end every
score that was acknowledged must be in the database, and the log must verify.
Run: python bench/crash.py [--kills 200] [--experts 40]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlmodel import select

from bench.support.browser import Browser
from bench.support.served import PASSWORD, Gunicorn, level, make_scene, open_office, postgres
from review_service.operation.verifying import verify_log
from review_service.tables import Account, Dossier, LogEvent, Review

if TYPE_CHECKING:
    from bench.support.served import Postgres, Scene

SAVES = 25  # of a dossier before it is submitted
BROKEN = (OSError, EOFError, asyncio.TimeoutError, json.JSONDecodeError, IndexError, ValueError)


class Expert:
    """An expert who saves and submits, and remembers what the server has acknowledged."""

    def __init__(self, scene: Scene, email: str, port: int) -> None:
        self.browser, self.email = Browser(port), email
        self.acknowledged: dict[str, tuple[int, dict[str, int]]] = {}
        self.submitted: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._dossiers, self._criteria, self._turn = scene.work[email], scene.criteria, 0

    async def sign_in(self) -> None:
        """Sign in and take a token."""
        await self.browser.sign_in(self.email, PASSWORD)
        await self.browser.fresh_token()

    async def work(self, stop: asyncio.Event) -> None:
        """Save and submit until `stop`, whatever breaks."""
        versions: dict[str, int] = {}
        while not stop.is_set():
            open_ones = [one for one in self._dossiers if one not in self.submitted]
            if not open_ones:
                return
            dossier = open_ones[0]
            try:
                if versions.get(dossier, 0) >= SAVES:
                    await self._submit(dossier)
                else:
                    versions[dossier] = await self._save(dossier, versions.get(dossier, 0))
            except BROKEN:
                self.counts["broken"] += 1
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.02)

    async def _save(self, dossier: str, version: int) -> int:
        """Autosave once and return the version to go on from."""
        self._turn += 1
        levels = {one: level(self.email, dossier, self._turn, one) for one in self._criteria}
        sent = {"version": version, "levels": levels, "notes": {}}
        path = f"/desk/2026/dossiers/{dossier}/save"
        status, body, _ = await self._within(self.browser.send(path, sent))
        if status == 200:
            self.acknowledged[dossier] = (json.loads(body)["version"], levels)
            self.counts["saves"] += 1
            return version + 1
        self.counts[f"save {status}"] += 1
        # 409: an autosave whose answer was lost had been stored; the page goes on from there.
        return int(json.loads(body)["stored"]) if status == 409 else version

    async def _submit(self, dossier: str) -> None:
        status, _, _ = await self._within(self.browser.form("/desk/2026/check", dossier=dossier))
        if status in {302, 303}:
            _, page, _ = await self._within(self.browser.ask("GET", "/desk/2026/check"))
            if not re.search(rf'name="dossier"[^>]*value="{dossier}"', page.decode()):
                self.submitted.add(dossier)
                self.counts["submits"] += 1
        else:
            self.counts[f"submit {status}"] += 1

    @staticmethod
    async def _within(asked: Any) -> tuple[int, bytes, float]:
        found: tuple[int, bytes, float] = await asyncio.wait_for(asked, 30)
        return found


async def _some_answers(experts: list[Expert]) -> None:
    """Wait until a random handful of saves and submits more has been acknowledged."""

    def answered() -> int:
        return sum(one.counts["saves"] + one.counts["submits"] for one in experts)

    target, give_up = answered() + random.randint(1, 12), time.monotonic() + 15
    while answered() < target and time.monotonic() < give_up:  # noqa: ASYNC110 - counters, no event
        await asyncio.sleep(0.005)
    await asyncio.sleep(random.random() * 0.05)


async def _kill(
    application: Gunicorn, server: Postgres, kills: int, experts: list[Expert]
) -> Counter[str]:
    done: Counter[str] = Counter()
    for number in range(1, kills + 1):
        await _some_answers(experts)
        if number % 50 == 0:
            await asyncio.to_thread(server.restart, "immediate")
            done["PostgreSQL"] += 1
        elif number % 20 == 0:
            application.kill_all()
            await asyncio.to_thread(application.start)
            done["whole application"] += 1
        else:
            workers = application.workers()
            while not workers:
                await asyncio.sleep(0.05)
                workers = application.workers()
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)
                done["worker"] += 1
    return done


async def _run(
    scene: Scene, application: Gunicorn, server: Postgres, kills: int
) -> tuple[list[Expert], Counter[str]]:
    experts = [Expert(scene, email, application.port) for email in scene.work]
    for expert in experts:
        await expert.sign_in()
    stop = asyncio.Event()
    working = [asyncio.create_task(expert.work(stop)) for expert in experts]
    done = await _kill(application, server, kills, experts)
    await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*working)
    return experts, done


def _lost(scene: Scene, experts: list[Expert]) -> tuple[int, int, int]:
    """Return how many acknowledged scores are not stored, submissions missing, events verified."""
    office = open_office(scene.settings)
    with office.store.snapshot() as session:
        rows = session.exec(
            select(Account.email, Dossier.number, Review)
            .join(Review, Review.expert_id == Account.expert_id)  # type: ignore[arg-type]
            .join(Dossier, Dossier.id == Review.dossier_id)  # type: ignore[arg-type]
        ).all()
        stored = {(email, number): review for email, number, review in rows}
        sealed = len(
            session.exec(select(LogEvent.seq).where(LogEvent.type == "review.submitted")).all()
        )
        events = verify_log(session).size
    lost = missing = 0
    for expert in experts:
        for dossier, (version, levels) in expert.acknowledged.items():
            review = stored.get((expert.email, dossier))
            # A later version may be stored whose answer was lost; an earlier one may not.
            same = review is not None and (review.version > version or review.levels == levels)
            lost += not (same and review is not None and review.version >= version)
        for dossier in expert.submitted:
            missing += stored[expert.email, dossier].status != "submitted"
    doubled = sealed - sum(review.status == "submitted" for review in stored.values())
    office.store.close()
    return lost, missing + abs(doubled), events


def main() -> int:
    """Run and print the figures; 1 where an acknowledged score is lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--experts", type=int, default=40)
    chosen = parser.parse_args()
    random.seed(8)
    with postgres() as server, tempfile.TemporaryDirectory(prefix="review-crash-") as name:
        scene = make_scene(
            Path(name) / "data", server.database("crash"), experts=chosen.experts, staff=0,
            dossiers=20,
        )  # fmt: skip
        application = Gunicorn(scene.environment())
        began = time.monotonic()
        try:
            application.start()
            experts, done = asyncio.run(_run(scene, application, server, chosen.kills))
        finally:
            application.stop()
        counts = sum((expert.counts for expert in experts), Counter[str]())
        print(f"kills: {sum(done.values())} {dict(done)} in {time.monotonic() - began:.0f} s")
        print(f"answers: {dict(counts)}")
        lost, wrong, events = _lost(scene, experts)
        scores = sum(len(expert.acknowledged) for expert in experts)
        print(f"reviews with acknowledged scores {scores}, acknowledged scores lost {lost}, "
              f"submissions lost or doubled {wrong}; log verifies: {events} events")  # fmt: skip
    good = not lost and not wrong and sum(done.values()) >= chosen.kills
    print("ok" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Is every changed byte of a bundle found? Tries them: `python bench/tampering.py [BUNDLE]`.

Files of up to 8 KiB: every byte, changed to each of its 255 other values. Larger files: at least
20,000 random positions, spread by size, each changed to a random other value. The headers of the
zip: every byte. Each change is verified in full by allocation/verify.py, which stops at its first
FAIL line; only the parsed form of files whose bytes did not change, and the verdicts on
signatures that did not, are kept between changes. A change counts as found only where a line says
FAIL. Exit status 1 where one was missed.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
import time
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import verify

SMALL = 8 << 10
DEFAULT = Path("build/demo/bundle.zip")


class Remembering(verify.Verification):
    """A verification that keeps what it parsed from the bytes of the unchanged bundle."""

    known: dict[tuple[str, bytes], Any] = {}  # noqa: RUF012 - one memory for all runs
    whole: verify.Log | None = None
    unchanged: dict[str, bytes] = {}  # noqa: RUF012 - the bundle before any change

    def _record(self, name: str, build: Any) -> Any:
        data = self.files.get(name)
        if data is None or data is not self.unchanged.get(name):
            return super()._record(name, build)
        key = (name, data)
        if key not in self.known:
            found = super()._record(name, build)
            if found is None:
                return None
            self.known[key] = found
        return self.known[key]

    def open_log(self, data: bytes) -> verify.Log:
        """Return the log, or the one read before where its bytes are the same."""
        if data is not self.unchanged.get("events.jsonl"):
            return super().open_log(data)
        cls = type(self)
        if cls.whole is None:
            cls.whole = super().open_log(data)
        return cls.whole


def found(files: dict[str, bytes]) -> bool:
    """Whether the verifier fails a bundle."""
    run = Remembering(files, stop=True)
    run.run()
    return any(line.failed for line in run.lines)


@dataclass(frozen=True)
class Job:
    """Positions of a file, each with the change to make (an exclusive or)."""

    name: str
    changes: list[tuple[int, int]]


def missed(job: Job) -> list[tuple[int, int]]:
    """Return the changes of a job that no line found."""
    files = dict(Remembering.unchanged)
    body = bytearray(files[job.name])
    out = []
    for at, change in job.changes:
        body[at] ^= change
        files[job.name] = bytes(body)
        if not found(files):
            out.append((at, change))
        body[at] ^= change
    return out


def missed_in_zip(data: bytes) -> tuple[int, list[int]]:
    """Return how many bytes the zip's headers have, and those whose change is not refused."""
    body, content = bytearray(data), set()
    for name, inside in Remembering.unchanged.items():
        begin = data.index(name.encode() + inside[:64]) + len(name)
        content |= set(range(begin, begin + len(inside)))
    heads = [at for at in range(len(data)) if at not in content]
    out = []
    for at in heads:
        for change in (1, 0x80, 0xFF):
            body[at] ^= change
            try:
                verify.read_zip(bytes(body))
            except verify.Refused:
                pass
            else:
                out.append(at)
            body[at] ^= change
    return len(heads), out


def jobs(positions: int) -> list[Job]:
    """Return the work, in pieces."""
    dice, out = random.Random(20260301), []
    large = {name: data for name, data in Remembering.unchanged.items() if len(data) > SMALL}
    total = sum(map(len, large.values()))
    for name, data in Remembering.unchanged.items():
        if name in large:
            count = max(1000, -(-positions * len(data) // total))
            changes = [(dice.randrange(len(data)), dice.randrange(1, 256)) for _ in range(count)]
        else:
            changes = [(at, change) for at in range(len(data)) for change in range(1, 256)]
        out += [Job(name, changes[at : at + 2000]) for at in range(0, len(changes), 2000)]
    return out


def bundle(path: Path | None) -> bytes:
    """Return the bundle to try, making one of the demonstration's size where there is none."""
    if path is None and DEFAULT.exists():
        path = DEFAULT
    if path is not None:
        print(f"bundle: {path}")
        return path.read_bytes()
    print("bundle: made here, 600 experts, 10 panels of 7, 150 dossiers, 2,000 events")
    from tests.allocation.verify import making

    office = making.lottery_office(experts=600, panels=10, dossiers=150, skills=6)
    while len(office.events) < 2000:
        body = {"draw_id": office.draw_id, "sealed": f"{len(office.events):064x}"}
        office.add("review.submitted", body)
    return making.zipped(office.files())


def main() -> int:
    words = argparse.ArgumentParser(description="Is every changed byte of a bundle found?")
    words.add_argument("bundle", nargs="?", type=Path)
    words.add_argument("--positions", type=int, default=20_000, help="of large files together")
    given = words.parse_args()
    data = bundle(given.bundle)
    Remembering.unchanged = verify.read_zip(data)
    if found(Remembering.unchanged):
        print("the bundle fails as it is; run allocation/verify.py on it")
        return 1
    verify.signature_holds = functools.cache(verify.signature_holds)
    begin = time.perf_counter()
    work = jobs(given.positions)
    tried: dict[str, int] = {}
    lost: dict[str, list[tuple[int, int]]] = {}
    with get_context("fork").Pool(min(2, os.cpu_count() or 1)) as pool:
        for job, gone in zip(work, pool.imap(missed, work), strict=True):
            tried[job.name] = tried.get(job.name, 0) + len(job.changes)
            lost.setdefault(job.name, []).extend(gone)
    print(f"{'file':<16}{'bytes':>10}{'changes':>12}{'missed':>9}")
    for name, count in tried.items():
        size = len(Remembering.unchanged[name])
        how = "every byte" if size <= SMALL else "random"
        print(f"{name:<16}{size:>10,}{count:>12,}{len(lost[name]):>9,}   {how}")
    heads, open_heads = missed_in_zip(data)
    print(f"{'zip headers':<16}{heads:>10,}{3 * heads:>12,}{len(open_heads):>9,}   every byte")
    total = sum(tried.values()) + 3 * heads
    unseen = sum(map(len, lost.values())) + len(open_heads)
    seconds = time.perf_counter() - begin
    print(f"{total:,} changes tried in {seconds:.0f} s, {unseen:,} missed")
    return 1 if unseen else 0


if __name__ == "__main__":
    raise SystemExit(main())

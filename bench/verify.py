"""How long verification takes beside what it verifies: `python bench/verify.py [EVENTS]`.

Processor seconds of one thread. Lottery and balanced: the draw itself (from the record to the
result) and the whole verification of its bundle in the public form, from bytes to lines (200,000
experts: see bench/draw.py). The log: a million events, beside the bare SHA-256 of its leaves and
nodes. Exit status 1 where a limit is exceeded.
"""

from __future__ import annotations

import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import checkpoint, verify
from allocation.balanced import check
from allocation.canonical import canonical
from allocation.draw import draw
from allocation.snapshot import Snapshot
from tests.allocation.verify import making

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_LIMIT = 30.0  # seconds for a million events
RATIO_LIMIT = 2.0  # verification beside the draw


def timed(work: Callable[[], Any], runs: int) -> float:
    """Return the best of some runs in processor seconds."""
    best = float("inf")
    for _ in range(runs):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def checked(files: dict[str, bytes]) -> None:
    """Verify, and make sure that nothing failed."""
    failed = [line.text(1) for line in verify.verify(files) if line.failed]
    if failed:
        raise SystemExit(f"the bundle fails: {failed}")


def compare(title: str, record: dict[str, Any], runs: int) -> bool:
    """Print the times of one draw and its verification; whether the limit is kept."""
    office = making.Office()
    office.open()
    office.lock(record)
    office.reveal()
    office.complete()
    files = office.files()
    took = timed(lambda: draw(record, office.sources), runs)
    if record["method"] == "balanced":  # the verifier checks the plan too, as the lock does
        took += timed(lambda: check(Snapshot.from_record(record)), runs)
    spent = timed(lambda: checked(files), runs)
    print(f"{title}: draw {took:.3f} s, verification {spent:.3f} s, "
          f"{spent / took:.2f} × the draw (limit {RATIO_LIMIT})")  # fmt: skip
    return spent <= RATIO_LIMIT * took


def long_log(size: int) -> bool:
    """Print the time of a bundle whose log is long; whether the limit is kept."""
    office = making.lottery_office(beacon=False)
    lines = office.lines()
    for seq in range(len(lines), size):
        body = {"draw_id": office.draw_id, "sealed": f"{seq:064x}"}
        actor = {"role": "expert", "id": f"e{seq % 600:06}"}
        event = {"seq": seq, "time": "2026-09-30T01:02:03Z", "type": "review.submitted"}
        lines.append(canonical(event | {"actor": actor, "body": body}))
    root = making.root_of(lines)
    note = checkpoint.sign_checkpoint(making.ORIGIN, size, root, making.LOG_KEY)
    files = office.files() | {
        "checkpoint.txt": note.encode(),
        "events.jsonl": b"".join(line + b"\n" for line in lines),
    }
    begin = time.process_time()
    for line in lines:
        sha256(b"\0" + line).digest()
    for _ in range(size - 1):
        sha256(root + root).digest()
    bare = time.process_time() - begin
    del lines
    spent = timed(lambda: checked(files), 1)
    limit = LOG_LIMIT * max(1.0, size / 1_000_000)
    print(f"log of {size:,} events, {len(files['events.jsonl']) / 1e6:.0f} MB: verification "
          f"{spent:.1f} s, {spent / bare:.1f} × the bare hashes, {spent / limit:.2f} of the limit "
          f"of {limit:.0f} s")  # fmt: skip
    return spent <= limit


def main() -> int:
    """Print the figures; 1 where a limit is exceeded."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    small, _ = making.lottery_record(experts=600, panels=10, dossiers=150, skills=6)
    balanced, _ = making.balanced_record(
        experts=600, dossiers=150, capacity=3, cap=(1, 2),
        limits=(("employer", "draw", 8), ("province", "cell", 1)),
    )  # fmt: skip
    kept = [
        compare("lottery, 600 experts", small, runs=9),
        compare("balanced, 600 experts, 150 dossiers", balanced, runs=3),
        long_log(events),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())

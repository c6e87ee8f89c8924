"""How long a draw and its verification take, beside the hashes that no draw can do without.

The bare work is one HMAC an expert (the order), one a dossier (the deal), one a seat (the choice)
and one SHA-256 over the snapshot. Times are of the processor, so that other work on the machine
doesn't count: all runs in one thread. Run: python bench/draw.py [experts …]
"""

from __future__ import annotations

import hmac
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import verify
from allocation.bundle import Bundle
from allocation.canonical import canonical
from allocation.checkpoint import create_key_file, sign_checkpoint
from allocation.draw import draw
from allocation.hashing import h
from allocation.lock import lock
from allocation.merkle import Tree, root

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = {600: 0.1, 200_000: 10.0}  # seconds, of the issue


def record(experts: int) -> dict[str, Any]:
    """Return a snapshot of ten panels of seven seats, 100 dossiers, conflicts and limits."""
    chance = Random(20260301)
    people = [
        {
            "id": f"e{number:06}",
            "stratum": chance.choice(["clinical", "finance", "management"]),
            "employer": f"g{chance.randrange(experts // 3)}",
            "province": f"v{chance.randrange(31):02}",
            "capacity": 1,
            "identity": sha256(b"%d" % number).hexdigest(),
        }
        for number in range(experts)
    ]
    dossiers = [
        {"id": f"D{number:03}", "class": "base", "province": f"v{number % 31:02}"}
        for number in range(100)
    ]
    pairs = {(chance.choice(people)["id"], chance.choice(dossiers)["id"]) for _ in range(experts)}
    seats = {"clinical": 3, "finance": 2, "management": 2}
    return {
        "protocol": "review-draw/v1",
        "draw_id": "bench/draw/1",
        "method": "lottery",
        "experts": people,
        "panels": [
            {"id": f"P{n}", "class": "base", "seats": seats, "dossiers": [], "deal": True}
            for n in range(10)
        ],
        "dossiers": dossiers,
        "conflicts": [{"expert": e, "dossier": d, "rule": "own"} for e, d in sorted(pairs)],
        "limits": [
            {"field": "employer", "scope": "draw", "max": 1},
            {"field": "province", "scope": "panel", "max": 2},
        ],
        "sources": [{"kind": "public", "name": "numbers", "date": "2026-03-02"}],
        "locked_at": "2026-03-01T00:00:00Z",
    }


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Return the best of some runs in processor seconds, and what the work returned."""
    best, result = float("inf"), None
    for _ in range(runs):
        begin = time.process_time()
        result = work()
        best = min(best, time.process_time() - begin)
    return best, result


def bare(snapshot: dict[str, Any], data: bytes) -> None:
    """Do the hashes alone."""
    sha256(data).digest()
    names = [one["id"].encode() for one in (*snapshot["experts"], *snapshot["dossiers"])]
    key, padding = bytes(32), bytes(60)
    for name in (*names, *names[:70]):
        hmac.digest(key, padding + name, "sha256")


def files(snapshot: dict[str, Any], entries: list[Any], result: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of the draw's bundle."""
    with tempfile.TemporaryDirectory() as folder:
        key = create_key_file(Path(folder) / "key", "bench.example", bytes(32))
    draw_id, digest = snapshot["draw_id"], result["snapshot"]
    told = [
        ("log.opened", {"origin": key.name, "key": key.verifier_key}),
        ("draw.locked", {"draw_id": draw_id, "snapshot": digest, "method": "lottery"}),
        ("draw.revealed", {"draw_id": draw_id, "index": 0, "source": entries[0]}),
        ("draw.completed", {"draw_id": draw_id, "snapshot": digest, "seed": result["seed"],
                            "result": h("result", canonical(result)).hex()}),
    ]  # fmt: skip
    tree, lines = Tree(), []
    for seq, (kind, body) in enumerate(told):
        actor = {"role": "staff", "id": "u1"}
        lines.append(canonical({"seq": seq, "time": "2026-03-01T00:00:00Z", "actor": actor,
                                "type": kind, "body": body}))  # fmt: skip
        tree.add(lines[-1])
    note = sign_checkpoint(key.name, tree.size, root(tree.get, tree.size), key)
    return Bundle(snapshot, entries, result, lines, note, [key.verifier_key]).files()


def main() -> int:
    """Print the times and ratios; 1 where a limit is exceeded."""
    late = 0
    for experts in [int(one) for one in sys.argv[1:]] or [600, 200_000]:
        runs = 5 if experts < 10_000 else 2
        snapshot, entries = record(experts), [{"kind": "public", "key": "1.2.3./"}]
        data = canonical(snapshot)
        least, _ = timed(partial(bare, snapshot, data), runs)
        locked, _ = timed(partial(lock, snapshot, now=datetime(2026, 3, 1, tzinfo=UTC)), 1)
        took, result = timed(partial(draw, snapshot, entries), runs)
        bundle = files(snapshot, entries, result)
        checked, lines = timed(partial(verify.verify, bundle), runs)
        if any(line.failed for line in lines):
            raise SystemExit("the verifier refuses the draw")
        limit = LIMITS.get(experts)
        late += limit is not None and took > limit
        print(f"{experts:,} experts, 10 panels of 7 seats, attempt {result['attempt']}:")
        print(f"  bare hashes  {least:8.4f} s")
        print(f"  draw         {took:8.4f} s   {took / least:5.1f} × bare"
              + (f"   {took / limit:.2f} of the limit of {limit} s" if limit else ""))  # fmt: skip
        print(f"  verification {checked:8.4f} s   {checked / least:5.1f} × bare"
              f"   {checked / took:.2f} × the draw (limit 2)")  # fmt: skip
        print(f"  lock         {locked:8.4f} s")
        late += checked > 2 * took
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())

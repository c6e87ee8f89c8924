"""How fast a log grows with proofs and is verified, beside the hashes that it can't do without.

Every event is written as canonical bytes, appended, and proven at once: its inclusion in the tree
of that size, and that this tree extends the one before. The bare work is one leaf hash and one
node hash an event. Then the whole log is verified by the one-file verifier, as a bundle's. Times
are of the processor: all runs in one thread.
Run: python bench/log.py [events]
"""

from __future__ import annotations

import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import merkle, verify
from allocation.bundle import Bundle
from allocation.canonical import canonical
from allocation.checkpoint import SigningKey, create_key_file, sign_checkpoint
from allocation.draw import draw
from allocation.hashing import h

EVENTS = 1_000_000
LEAST_RATE, MOST_SECONDS = 20_000, 30.0  # of the issue, for a million events

SNAPSHOT: dict[str, Any] = {
    "protocol": "review-draw/v1",
    "draw_id": "bench/draw/1",
    "method": "order",
    "entries": ["a", "b", "c"],
    "take": 1,
    "sources": [{"kind": "public", "name": "numbers", "date": "2026-03-02"}],
    "locked_at": "2026-03-01T00:00:00Z",
}
SOURCES = [{"kind": "public", "key": "1.2.3./"}]


def drawn(key: SigningKey, result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the first events: the log opens, and one small draw is locked and completed."""
    draw_id, digest = SNAPSHOT["draw_id"], result["snapshot"]
    return [
        ("log.opened", {"origin": key.name, "key": key.verifier_key}),
        ("draw.locked", {"draw_id": draw_id, "snapshot": digest, "method": "order"}),
        ("draw.revealed", {"draw_id": draw_id, "index": 0, "source": SOURCES[0]}),
        ("draw.completed", {"draw_id": draw_id, "snapshot": digest, "seed": result["seed"],
                            "result": h("result", canonical(result)).hex()}),
    ]  # fmt: skip


def event(seq: int, kind: str, body: dict[str, Any]) -> bytes:
    """Return an event's canonical bytes, one a second."""
    day, second = divmod(seq, 86_400)
    moment = f"2026-{3 + day // 28:02}-{1 + day % 28:02}T{second // 3600:02}:"
    moment += f"{second // 60 % 60:02}:{second % 60:02}Z"
    actor = {"role": "expert", "id": f"u{seq % 500:04}"}
    return canonical({"seq": seq, "time": moment, "actor": actor, "type": kind, "body": body})


def grow(key: SigningKey, result: dict[str, Any], count: int) -> tuple[merkle.Tree, list[bytes]]:
    """Append `count` events, each with its inclusion and consistency proof."""
    tree, lines, first = merkle.Tree(), [], drawn(key, result)
    for seq in range(count):
        kind, body = (
            first[seq]
            if seq < len(first)
            else ("review.submitted", {"round": "bench", "form": f"f{seq:07}", "sealed": "0" * 64})
        )
        lines.append(event(seq, kind, body))
        tree.add(lines[-1])
        merkle.inclusion_proof(tree.get, seq, seq + 1)
        if seq:
            merkle.consistency_proof(tree.get, seq, seq + 1)
    return tree, lines


def bare(lines: list[bytes]) -> None:
    """Hash the leaves and as many nodes."""
    nodes = bytes(65)
    for line in lines:
        sha256(b"\0" + line).digest()
        sha256(nodes).digest()


def main() -> int:
    """Print times, rates and ratios; 1 where a limit is missed at a million events."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as folder:
        key = create_key_file(Path(folder) / "key", "bench.example", bytes(32))
    result = draw(SNAPSHOT, SOURCES)
    begin = time.process_time()
    tree, lines = grow(key, result, count)
    grown = time.process_time() - begin
    begin = time.process_time()
    bare(lines)
    least = time.process_time() - begin
    note = sign_checkpoint(key.name, count, merkle.root(tree.get, count), key)
    files = Bundle(SNAPSHOT, SOURCES, result, lines, note, [key.verifier_key]).files()
    del tree, lines
    begin = time.process_time()
    checked = verify.verify(files)
    verified = time.process_time() - begin
    if any(line.failed for line in checked):
        raise SystemExit("the verifier refuses the log")
    rate = count / grown
    print(f"{count:,} events, {len(files['events.jsonl']) / count:.0f} bytes each:")
    print(f"  bare hashes          {least:7.2f} s")
    print(f"  appended with proofs {grown:7.2f} s   {grown / least:5.1f} × bare"
          f"   {rate:,.0f} a second, {rate / LEAST_RATE:.2f} × the least")  # fmt: skip
    print(f"  verified             {verified:7.2f} s   {verified / least:5.1f} × bare"
          f"   {verified / MOST_SECONDS:.2f} of the limit of {MOST_SECONDS:.0f} s")  # fmt: skip
    return 1 if rate < LEAST_RATE or verified > MOST_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())

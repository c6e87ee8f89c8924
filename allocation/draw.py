"""From a snapshot and revealed sources to a result (protocol sections 3 to 6 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation import PROTOCOL, lottery
from allocation.hashing import Seeded
from allocation.snapshot import Snapshot
from allocation.sources import derive_seed, open_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def draw(record: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the RESULT record; raises RecordError, SourceError or DrawError."""
    snapshot = Snapshot.from_record(record)
    seed = derive_seed(snapshot.digest, open_sources(snapshot, entries))
    head = {
        "protocol": PROTOCOL,
        "draw_id": snapshot.draw_id,
        "snapshot": snapshot.digest.hex(),
        "seed": seed.hex(),
    }
    if snapshot.method == "lottery":
        return head | lottery.draw(snapshot, seed)
    if snapshot.method == "order":
        ordered = lottery.order(Seeded(seed), snapshot.entries)
        return head | {"order": ordered, "taken": ordered[: snapshot.take]}
    from allocation import balanced  # numpy and scipy: only for those who draw by it

    return head | balanced.draw(snapshot, seed)

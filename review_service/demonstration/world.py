"""The demonstration's time, entropy, keys and people: repeatable, so never fit for a real round."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from allocation import checkpoint as notes
from allocation.sources import beacon_time
from review_service.keys import load_keys
from review_service.workflows.base import Actor, Tools

if TYPE_CHECKING:
    from pathlib import Path

    from review_service.keys import LogKeys

# A round of drand quicknet as its chain published it (tests/vectors/drand_quicknet.json).
BEACON = {
    "kind": "drand",
    "round": 32285085,
    "signature": "81dbce51d584d90d618547f4b50391d53ace6f6b9aeb8fb67e1879427af9d031"
    "0ac0ec6f519271d9a313ee84b378d416",
}
ORIGIN = "review.example/demonstration"
PASSWORD = "demonstration-2026"  # noqa: S105 - printed for everybody who runs the demonstration

STAFF = Actor("staff", "ministry-1")
APPROVER = Actor("approver", "ministry-2")
INSPECTOR = Actor("inspector", "inspection-1")


BEGIN = datetime(2026, 8, 3, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that moves one second a look, and further when told."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        self.now += timedelta(seconds=1)
        return self.now

    def advance_to(self, moment: datetime) -> None:
        """Move on to `moment`."""
        if moment < self.now:
            raise ValueError(f"{moment} is before {self.now}")
        self.now = moment

    def advance(self, **span: float) -> None:
        """Move on by days, hours or minutes."""
        self.now += timedelta(**span)


class Entropy:
    """Bytes that repeat: SHA-256 over a label and a counter. For demonstrations alone."""

    def __init__(self, label: str) -> None:
        self._label = label.encode()
        self._count = 0

    def __call__(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        found = b""
        while len(found) < size:
            found += sha256(self._label + self._count.to_bytes(8, "big")).digest()
            self._count += 1
        return found[:size]


def lock_time() -> datetime:
    """Return a time an hour before the beacon round was published."""
    return beacon_time(int(str(BEACON["round"]))) - timedelta(hours=1)


def make_tools(folder: Path, clock: Clock) -> Tools:
    """Return the tools of a demonstration whose data lie in `folder`."""
    return Tools(clock=clock, entropy=Entropy("demonstration"), keys=_keys(folder))


def serving_tools(folder: Path) -> Tools:
    """Return the tools with which the finished demonstration is served: the real clock again."""
    return Tools(clock=lambda: datetime.now(UTC), entropy=os.urandom, keys=_keys(folder))


def _keys(folder: Path) -> LogKeys:
    seed = sha256(b"demonstration log key").digest()
    return load_keys(folder / "log.key", ORIGIN, entropy=seed)


def witness_key(folder: Path) -> notes.SigningKey:
    """Return the inspector's own key; in a real round it never comes near the server."""
    path = folder / "inspector.key"
    if not path.exists():
        seed = sha256(b"demonstration inspector key").digest()
        notes.create_key_file(path, "inspection.example", seed, notes.COSIGNATURE)
    return notes.load_key_file(path)

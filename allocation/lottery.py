"""Method `lottery`: one list, one walk (protocol section 5); and method `order`, the list alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocation.deal import deal
from allocation.errors import DrawError
from allocation.hashing import Seeded, h, lp, u64
from allocation.seating import Limits, conflict_pairs, conflicting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocation.snapshot import Expert, Snapshot

ATTEMPTS = 1000


def order(seeded: Seeded, ids: Iterable[str]) -> list[str]:
    """Return ids by M(seed, "order", u64(attempt), id), then id: each number hangs on its id."""
    return seeded.ranked("order", ids)


def draw(snapshot: Snapshot, seed: bytes) -> dict[str, Any]:
    """Return attempt, order, panels, seats and passed; DrawError after 1,000 failed walks."""
    for attempt in range(ATTEMPTS):
        seeded = Seeded(seed, attempt)
        walk = _Walk(snapshot, seeded)
        if walk.run():
            return {
                "attempt": attempt,
                "order": walk.order,
                "panels": walk.panels,
                "seats": sorted(walk.seats, key=lambda s: (s["panel"], s["stratum"], s["expert"])),
                "passed": walk.passed,
            }
    open_seats = [
        {"panel": panel, "stratum": stratum, "open": left}
        for stratum, panels in sorted(walk.open.items())
        for panel, left in sorted(panels.items())
    ]
    raise DrawError(
        "no-walk", f"seats stay open in {ATTEMPTS} attempts: {open_seats}", open=open_seats
    )


def rehearse(snapshot: Snapshot, walks: int) -> int:
    """Return how many of `walks` single walks fill every seat, with seeds that no draw can have.

    For the lock: it shows before the draw how often the walk will have to start again.
    """
    seeds = (h("rehearsal", snapshot.digest, u64(number)) for number in range(walks))
    return sum(_Walk(snapshot, Seeded(seed)).run() for seed in seeds)


class _Walk:
    """One walk through the list."""

    def __init__(self, snapshot: Snapshot, seeded: Seeded) -> None:
        self._seeded = seeded
        self.panels = deal(snapshot, seeded)
        self._conflicts = conflicting(conflict_pairs(snapshot), self.panels)
        self._limits = Limits(snapshot.limits)
        self._experts = {one.id: one for one in snapshot.experts}
        self.order = order(seeded, self._experts)
        # stratum → panel (in id order) → open seats; a panel without one is no longer listed
        self.open: dict[str, dict[str, int]] = {}
        for panel in snapshot.panels:
            for stratum, count in panel.seats.items():
                self.open.setdefault(stratum, {})[panel.id] = count
        self._left = sum(sum(panel.seats.values()) for panel in snapshot.panels)
        self.seats: list[dict[str, str]] = []
        self.passed: list[dict[str, str]] = []

    def run(self) -> bool:
        """Walk until the last seat is filled; whether that happened."""
        for name in self.order:
            if not self._left:
                break
            expert = self._experts[name]
            reason, panels = self._open_to(expert)
            if panels:
                self._seat(expert, panels)
            else:
                self.passed.append({"expert": name, "reason": reason})
        return not self._left

    def _open_to(self, expert: Expert) -> tuple[str, list[str]]:
        """Return the first reason that applies, or the open panels in id order."""
        seats = self.open.get(expert.stratum)
        if not seats:
            return "seats-full", []
        barred = self._conflicts.get(expert.id, ())
        free = [panel for panel in seats if panel not in barred]
        if not free:
            return "conflict", []
        return "limit", [panel for panel in free if self._limits.allow(expert, panel)]

    def _seat(self, expert: Expert, panels: list[str]) -> None:
        seats = self.open[expert.stratum]
        total = sum(seats[panel] for panel in panels)
        t = self._seeded.below(total, lp(b"seat") + lp(expert.id.encode()))
        for panel in panels:
            if t < seats[panel]:
                break
            t -= seats[panel]
        seats[panel] -= 1
        if not seats[panel]:
            del seats[panel]
        self._left -= 1
        self._limits.add(expert, panel)
        self.seats.append({"panel": panel, "stratum": expert.stratum, "expert": expert.id})

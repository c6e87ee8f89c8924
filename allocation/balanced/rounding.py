"""The rounding: chances become seats, one cycle of fractional arcs at a time (protocol section 6).

Every fractional arc is followed by the part of its flow above the integer below, as an integer
over its block's denominator. A cycle passes the hub at most once, so it stays within one block
(a component of the network without the hub) and no denominators of different blocks ever meet.
After a step only arcs of the cycle have changed, so the next walk, which starts at the same arc,
repeats this one up to the first arc that became an integer: the walk is resumed there.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from allocation.errors import DrawError
from allocation.hashing import u64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.hashing import Seeded


class Arcs:
    """The fractional arcs: ends, and the fraction as an integer over a denominator.

    `part[a]` / `whole[a]` is strictly between 0 and 1 for every arc; arcs of one block have the
    same `whole`. `rank` numbers the arcs from the lowest M on. `size` counts the nodes.
    """

    def __init__(
        self, size: int, ends: Sequence[tuple[int, int]], part: list[int], whole: list[int]
    ) -> None:
        self.size = size
        self.tail = [tail for tail, _ in ends]
        self.head = [head for _, head in ends]
        self.part = part
        self.whole = whole


def settle(arcs: Arcs, ranked: Sequence[int], seeded: Seeded) -> list[int]:
    """Return each arc's fraction rounded to 0 or 1; `ranked` lists the arcs by rising M.

    Raises DrawError where a node has a single fractional arc: the chances are not a flow.
    """
    walk = _Walk(arcs, ranked)
    step = 0
    while walk.find_cycle():
        walk.turn(step, seeded)
        step += 1
    return [1 if amount else 0 for amount in walk.amount[::2]]


class _Walk:
    """The walk, over passages: arc a along its direction is 2a, against it 2a + 1."""

    def __init__(self, arcs: Arcs, ranked: Sequence[int]) -> None:
        self.whole = arcs.whole
        # What flows along a passage: the fraction, or what is missing to `whole` where it runs
        # against the arc. It can rise until it is `whole` and fall until it is 0.
        self.amount: list[int] = []
        self.target: list[int] = []  # the node a passage leads to
        for tail, head, part, whole in zip(
            arcs.tail, arcs.head, arcs.part, arcs.whole, strict=True
        ):
            self.amount += (part, whole - part)
            self.target += (head, tail)
        self.alive = bytearray(b"\x01") * len(self.target)
        self.waiting = [2 * arc for arc in reversed(ranked)]  # lowest rank last
        # At every node its passages out, the lowest rank last; dead ones are dropped when met.
        self.out: list[list[int]] = [[] for _ in range(arcs.size)]
        for passage in self.waiting:
            self.out[self.target[passage + 1]].append(passage)
            self.out[self.target[passage]].append(passage + 1)
        self.path: list[int] = []
        self.place = [-1] * arcs.size  # after how many passages the walk first met a node
        self.node = 0  # where the walk stands

    def find_cycle(self) -> bool:
        """Walk on until a node repeats; False where no fractional arc is left."""
        path = self.path
        if not path and not self._start():
            return False
        alive, out, place, target = self.alive, self.out, self.place, self.target
        back = path[-1] ^ 1 if path else -1
        node = self.node
        while True:
            here = out[node]
            passage = here[-1]
            while not alive[passage]:
                here.pop()
                passage = here[-1]
            if passage == back:
                passage = self._second(here)
            path.append(passage)
            back = passage ^ 1
            node = target[passage]
            if place[node] >= 0:
                self.node = node
                return True
            place[node] = len(path)

    def _start(self) -> bool:
        """Begin at the tail of the lowest-ranked fractional arc; False where none is left."""
        while self.waiting and not self.alive[self.waiting[-1]]:
            self.waiting.pop()
        self.place[self.node] = -1
        if not self.waiting:
            return False
        self.node = self.target[self.waiting[-1] + 1]
        self.place[self.node] = 0
        return True

    def _second(self, here: list[int]) -> int:
        lowest = here.pop()
        alive = self.alive
        while here and not alive[here[-1]]:
            here.pop()
        if not here:
            raise DrawError("not-a-flow", "the plan's chances don't balance at a node")
        second = here[-1]
        here.append(lowest)
        return second

    def turn(self, step: int, seeded: Seeded) -> None:
        """Round the cycle at the end of the walk by the seed, and shorten the walk."""
        path, amount = self.path, self.amount
        begin = self.place[self.node]
        cycle = path[begin:]
        whole = self.whole[cycle[0] >> 1]
        seen = [amount[passage] for passage in cycle]
        highest, lowest = max(seen), min(seen)
        # The cycle is oriented by its first arc, which may run against the walk.
        along = not cycle[0] & 1
        up, down = (whole - highest, lowest) if along else (lowest, whole - highest)
        # "Their common denominator" is the least one of the two amounts.
        common = gcd(up, down, whole)
        adds = seeded.below((up + down) // common, CYCLE + u64(step)) < down // common
        rises = adds == along
        change = whole - highest if rises else -lowest
        for passage, value in zip(cycle, seen, strict=True):
            amount[passage] = now = value + change
            amount[passage ^ 1] = whole - now
        edge = highest if rises else lowest
        for passage, value in zip(cycle, seen, strict=True):
            if value == edge:
                self.alive[passage] = self.alive[passage ^ 1] = 0
        self._cut(begin + seen.index(edge))

    def _cut(self, length: int) -> None:
        """Shorten the walk to its first `length` passages."""
        repeated, self.node = self.node, self.target[self.path[length] ^ 1]
        kept = self.place[repeated]
        for passage in self.path[length:]:
            self.place[self.target[passage]] = -1
        # The node that closed the cycle was met before, unless the cut lies there.
        if kept <= length:
            self.place[repeated] = kept
        del self.path[length:]


CYCLE = len(b"cycle").to_bytes(8, "big") + b"cycle"

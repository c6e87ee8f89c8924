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
    return [1 if part else 0 for part in arcs.part]


class _Walk:
    def __init__(self, arcs: Arcs, ranked: Sequence[int]) -> None:
        self.arcs = arcs
        self.alive = bytearray(b"\x01") * len(arcs.part)
        self.waiting = list(reversed(ranked))  # lowest rank last
        # At every node its arcs, the lowest rank last; dead ones are dropped when met.
        self.at: list[list[int]] = [[] for _ in range(arcs.size)]
        for arc in self.waiting:
            self.at[arcs.tail[arc]].append(arc)
            self.at[arcs.head[arc]].append(arc)
        self.path: list[int] = []  # arcs in order of the walk
        self.nodes: list[int] = []  # the node each of them was left from, then the node reached
        self.place = [-1] * arcs.size  # where on the walk a node stands

    def find_cycle(self) -> bool:
        """Walk on until a node repeats; False where no fractional arc is left."""
        alive, waiting = self.alive, self.waiting
        path, nodes, place, at = self.path, self.nodes, self.place, self.at
        tail, head = self.arcs.tail, self.arcs.head
        if not path:
            while waiting and not alive[waiting[-1]]:
                waiting.pop()
            if not waiting:
                return False
            for node in nodes:
                place[node] = -1
            nodes[:] = [tail[waiting[-1]]]
            place[nodes[0]] = 0
        used = path[-1] if path else -1
        node = nodes[-1]
        while True:
            here = at[node]
            while not alive[here[-1]]:
                here.pop()
            arc = here[-1]
            if arc == used:
                arc = self._second(here)
            path.append(arc)
            used = arc
            node = head[arc] if tail[arc] == node else tail[arc]
            nodes.append(node)
            if place[node] >= 0:
                return True
            place[node] = len(path)

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
        arcs, path, nodes, place = self.arcs, self.path, self.nodes, self.place
        part, tail = arcs.part, arcs.tail
        begin = place[nodes[-1]]
        cycle = path[begin:]
        whole = arcs.whole[cycle[0]]
        # Oriented by its first arc: `ahead` says whether an arc runs with that orientation.
        forward = tail[cycle[0]] == nodes[begin]
        ahead = [(tail[arc] == nodes[begin + i]) == forward for i, arc in enumerate(cycle)]
        values = [part[arc] for arc in cycle]
        up = min(whole - v if a else v for v, a in zip(values, ahead, strict=True))
        down = min(v if a else whole - v for v, a in zip(values, ahead, strict=True))
        # "Their common denominator" is the least one of the two amounts.
        common = gcd(gcd(up, down), whole)
        chosen = seeded.below((up + down) // common, CYCLE + u64(step))
        amount = up if chosen < down // common else -down
        first = -1
        for i, arc in enumerate(cycle):
            value = part[arc] + amount if ahead[i] else part[arc] - amount
            if value in {0, whole}:
                self.alive[arc] = 0
                if first < 0:
                    first = i
            part[arc] = value
        cut = begin + first
        nodes.pop()  # the repeated node
        for node in nodes[cut + 1 :]:
            place[node] = -1
        del path[cut:], nodes[cut + 1 :]


CYCLE = len(b"cycle").to_bytes(8, "big") + b"cycle"

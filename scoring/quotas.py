"""The best list under quotas, exactly: a minimum-cost flow in integers.

Source → province (at most) → dossier (once) → unit category (at least) → sink. Among the largest
lists of at most `total` dossiers that keep every "at most" and reach every "at least", the one
with the smallest sum of costs is found by successive shortest paths (Ahuja, Magnanti & Orlin,
Network Flows, 1993, section 9.7). Costs are Python integers of any size, so no rounding decides.
Dossiers of one province and one category differ only by cost; paths run over those cells, and a
step costs the same for a hundred dossiers as for a hundred thousand.

A province's first `least` units into the sink earn a reward larger than all costs together, so
that minima are reached wherever they can be; an augmenting path never takes back a unit from the
sink, so that reaching them costs no seat.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Node = tuple[str, str]
Cell = tuple[str, str]
SOURCE: Node = ("source", "")
SINK: Node = ("sink", "")


@dataclass(frozen=True)
class Entry:
    """A dossier that may be taken, in its province and category, at an integer cost."""

    id: str
    province: str
    category: str
    cost: int


@dataclass(frozen=True)
class Choice:
    """The list: ids `taken`; `tied`, those in some best lists and not in others; `short`.

    `short` maps each category whose "at least" can't be reached to the units it lacks.
    """

    taken: frozenset[str]
    tied: frozenset[str]
    short: Mapping[str, int]


def choose(
    entries: Iterable[Entry],
    total: int | None,
    most: Mapping[str, int] | None = None,
    least: Mapping[str, int] | None = None,
) -> Choice:
    """Return the best list of at most `total` entries (None: as many as the quotas allow).

    `most` maps provinces to their maximum (absent: none), `least` categories to their minimum.
    The result does not depend on the order of the entries, but for which of the best lists is
    `taken` where there are several (`tied` is then not empty).
    """
    flow = _Flow(sorted(entries, key=lambda entry: (entry.cost, entry.id)), most, least)
    while (total is None or flow.size < total) and flow.augment():
        pass
    return Choice(frozenset(flow.taken), flow.tied(), flow.short())


class _Flow:
    """The flow so far; `_free` and `_used` hold each cell's entries by ascending cost."""

    def __init__(
        self,
        entries: list[Entry],
        most: Mapping[str, int] | None,
        least: Mapping[str, int] | None,
    ) -> None:
        self._entries = entries
        self._most = most or {}
        self._least = least or {}
        self._reward = 1 + 2 * sum(abs(entry.cost) for entry in entries)
        self._free: dict[Cell, list[Entry]] = defaultdict(list)
        self._used: dict[Cell, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._free[entry.province, entry.category].append(entry)
        self._cells = sorted(self._free)
        self._by_province = dict.fromkeys(sorted({cell[0] for cell in self._cells}), 0)
        self._by_category = dict.fromkeys(sorted({cell[1] for cell in self._cells}), 0)
        self.size = 0

    @property
    def taken(self) -> set[str]:
        return {entry.id for used in self._used.values() for entry in used}

    def short(self) -> dict[str, int]:
        """Return what each category lacks of its minimum."""
        lacks = {
            name: least - self._by_category.get(name, 0)
            for name, least in sorted(self._least.items())
        }
        return {name: units for name, units in lacks.items() if units > 0}

    def augment(self) -> bool:
        """Send one more unit along a cheapest path; False where there is none."""
        distance: dict[Node, int] = {SOURCE: 0}
        before: dict[Node, Node] = {}
        # Bellman-Ford: arcs against the flow have negative costs, cycles never do.
        changed = True
        while changed:
            changed = False
            for tail, head, cost in self._arcs():
                if tail in distance and (
                    head not in distance or distance[tail] + cost < distance[head]
                ):
                    distance[head] = distance[tail] + cost
                    before[head] = tail
                    changed = True
        if SINK not in distance:
            return False
        node = SINK
        while node != SOURCE:
            self._push(before[node], node)
            node = before[node]
        self.size += 1
        return True

    def _arcs(self, *, closed: bool = False) -> Iterator[tuple[Node, Node, int]]:
        """Iterate over the residual arcs; `closed` adds those out of the sink, into the source."""
        for name, count in self._by_province.items():
            if count < self._most.get(name, len(self._entries)):
                yield SOURCE, ("province", name), 0
            if closed and count:
                yield ("province", name), SOURCE, 0
        for cell in self._cells:
            tail, head = _ends(cell)
            if self._free[cell]:
                yield tail, head, self._free[cell][0].cost
            if self._used[cell]:
                yield head, tail, -self._used[cell][-1].cost
        for name, count in self._by_category.items():
            least = self._least.get(name, 0)
            yield ("category", name), SINK, -self._reward if count < least else 0
            if closed and count:
                yield SINK, ("category", name), self._reward if count <= least else 0

    def _push(self, tail: Node, head: Node) -> None:
        if head == SINK:
            self._by_category[tail[1]] += 1
        elif tail == SOURCE:
            self._by_province[head[1]] += 1
        elif tail[0] == "province":
            cell = (tail[1], head[1])
            self._used[cell].append(self._free[cell].pop(0))
        else:
            cell = (head[1], tail[1])
            self._free[cell].insert(0, self._used[cell].pop())

    def tied(self) -> frozenset[str]:
        """Return the entries that some best lists of this size hold and others don't.

        Two best lists differ by cycles of cost zero in the residual network. Under potentials
        that make all residual costs non-negative, an entry lies on such a cycle exactly where its
        own arc has reduced cost zero and both ends are in one strong component of such arcs.
        """
        arcs = list(self._arcs(closed=True))
        potential = self._potentials(arcs)
        onward: dict[Node, set[Node]] = defaultdict(set)
        for tail, head, cost in arcs:
            if cost + potential[tail] == potential[head]:
                onward[tail].add(head)
        reach = {node: _reachable(node, onward) for node in potential}
        taken = self.taken
        tied = set()
        for entry in self._entries:
            tail, head = _ends((entry.province, entry.category))
            level = entry.cost + potential[tail] == potential[head]
            back = tail in reach[head] if entry.id not in taken else head in reach[tail]
            if level and back:
                tied.add(entry.id)
        return frozenset(tied)

    def _potentials(self, arcs: list[tuple[Node, Node, int]]) -> dict[Node, int]:
        potential = {node: 0 for arc in arcs for node in arc[:2]}
        changed = True
        while changed:
            changed = False
            for tail, head, cost in arcs:
                if potential[tail] + cost < potential[head]:
                    potential[head] = potential[tail] + cost
                    changed = True
        return potential


def _ends(cell: Cell) -> tuple[Node, Node]:
    return ("province", cell[0]), ("category", cell[1])


def _reachable(start: Node, onward: Mapping[Node, set[Node]]) -> set[Node]:
    seen = {start}
    stack = [start]
    while stack:
        for node in onward.get(stack.pop(), ()):
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return seen

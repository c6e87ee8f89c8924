"""Whether seats can be filled at all: a maximum flow, and the Hall violation where they can't.

Flow runs from the seats to the experts: start → cell (panel, stratum) → limits within the cell →
experts → groups limited in the whole draw → end. Experts whom no rule tells apart are one node,
and a limit that can't bind is none, so that a list of hundreds of thousands stays a small network.

A flow decides exactly where the limits of each side are nested (employers inside provinces).
Where they cross, each is decided alone, and a limit of a panel is taken in each of its cells: what
is refused then can't be filled, while what passes is left to the walk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from allocation.flow import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocation.snapshot import Expert, Snapshot

FIELDS = ("province", "employer")  # the larger groups first: nearer the outside


class Cell(NamedTuple):
    """The seats of one stratum on one panel."""

    panel: str
    stratum: str


@dataclass(frozen=True)
class Shortage:
    """Cells that can't all be filled: the seats they need, and how many can be.

    `eligible` counts the experts who may sit in at least one of them but for the limits, and
    `listed` all experts of their strata.
    """

    cells: tuple[Cell, ...]
    needed: int
    seatable: int
    eligible: int
    listed: int


class _Kind(NamedTuple):
    """What tells experts apart on the side of the seats."""

    stratum: str
    barred: frozenset[str]
    in_cell: tuple[tuple[str, str], ...]  # limited (field, value), outermost first


def shortage(snapshot: Snapshot, barred: Mapping[str, set[str]]) -> Shortage | None:
    """Return cells that can't all be filled, or None where no flow forbids it.

    `barred` names for each expert the panels where a conflict is certain.
    """
    draw_limits = _smallest(snapshot, ("draw",))
    cell_limits = _smallest(snapshot, ("panel", "cell"))
    for in_draw, in_cell in product(
        _decidable(snapshot, draw_limits), _decidable(snapshot, cell_limits)
    ):
        found = _Question(snapshot, barred, in_draw, in_cell).answer()
        if found:
            return found
    return None


def _smallest(snapshot: Snapshot, scopes: tuple[str, ...]) -> dict[str, int]:
    """Return field → the smallest limit in these scopes, larger groups first."""
    found = {}
    for field in FIELDS:
        most = [one.max for one in snapshot.limits if one.field == field and one.scope in scopes]
        if most:
            found[field] = min(most)
    return found


def _decidable(snapshot: Snapshot, limits: Mapping[str, int]) -> list[dict[str, int]]:
    """Return the limits together where they are nested, else each by itself."""
    if len(limits) < 2:
        return [dict(limits)]
    outer: dict[str, str] = {}
    for one in snapshot.experts:
        if one.employer and outer.setdefault(one.employer, one.province) != one.province:
            return [{field: most} for field, most in limits.items()]
    return [dict(limits)]


def _value(expert: Expert, field: str) -> str:
    return expert.province if field == "province" else expert.employer


class _Question:
    """One network: the limits of `in_draw` and `in_cell` (field → max, outermost first)."""

    def __init__(
        self,
        snapshot: Snapshot,
        barred: Mapping[str, set[str]],
        in_draw: Mapping[str, int],
        in_cell: Mapping[str, int],
    ) -> None:
        self._in_draw, self._in_cell = in_draw, in_cell
        self._seats = {
            Cell(panel.id, stratum): count
            for panel in snapshot.panels
            for stratum, count in panel.seats.items()
        }
        self._kinds = self._count_kinds(snapshot, barred)
        self._nodes: dict[object, int] = {}
        self._net = Network()
        self._start, self._end = self._node("start"), self._node("end")

    def _count_kinds(
        self, snapshot: Snapshot, barred: Mapping[str, set[str]]
    ) -> dict[_Kind, Counter[tuple[tuple[str, str], ...]]]:
        """Return, for each kind, how many experts have which values limited in the draw.

        A value held by no more experts than its limit limits nothing.
        """
        members: Counter[tuple[object, ...]] = Counter()
        for field in self._in_draw:
            members.update((field, _value(one, field)) for one in snapshot.experts)
        for field in self._in_cell:
            members.update((one.stratum, field, _value(one, field)) for one in snapshot.experts)
        kinds: dict[_Kind, Counter[tuple[tuple[str, str], ...]]] = defaultdict(Counter)
        nowhere: frozenset[str] = frozenset()
        for one in snapshot.experts:
            values = [(field, _value(one, field), most) for field, most in self._in_draw.items()]
            in_draw = tuple((f, v) for f, v, most in values if v and members[f, v] > most)
            values = [(field, _value(one, field), most) for field, most in self._in_cell.items()]
            in_cell = tuple(
                (f, v) for f, v, most in values if v and members[one.stratum, f, v] > most
            )
            panels = frozenset(barred[one.id]) if one.id in barred else nowhere
            kinds[_Kind(one.stratum, panels, in_cell)][in_draw] += 1
        return kinds

    def _node(self, name: object) -> int:
        if name not in self._nodes:
            self._nodes[name] = self._net.add_node()
        return self._nodes[name]

    def answer(self) -> Shortage | None:
        """Solve; return the cells reached from one that stays short (a minimum cut), if any."""
        arcs = {}
        panels = defaultdict(list)
        for cell, seats in self._seats.items():
            arcs[cell] = self._net.add_arc(self._start, self._node(cell), seats)
            panels[cell.stratum].append(cell.panel)
        for kind, groups in self._kinds.items():
            for panel in panels[kind.stratum]:
                if panel not in kind.barred:
                    self._from_cell(Cell(panel, kind.stratum), kind, groups.total())
            for in_draw, count in groups.items():
                self._to_end(kind, in_draw, count)
        if self._net.maximise(self._start, self._end) == sum(self._seats.values()):
            return None
        short = next(cell for cell in self._seats if self._net.left(arcs[cell]))
        reached = self._net.reachable(self._node(short), without=self._start)
        cells = tuple(cell for cell in self._seats if self._nodes[cell] in reached)
        needed = sum(self._seats[cell] for cell in cells)
        return self._tell(cells, needed, needed - sum(self._net.left(arcs[c]) for c in cells))

    def _from_cell(self, cell: Cell, kind: _Kind, count: int) -> None:
        """Lay the way from a cell over its limits, outermost first, to experts."""
        at, room = self._node(cell), self._seats[cell]
        for field, value in kind.in_cell:
            room = min(room, self._in_cell[field])
            known = (cell, field, value) in self._nodes
            inner = self._node((cell, field, value))
            if not known:
                self._net.add_arc(at, inner, room)
            at = inner
        self._net.add_arc(at, self._node(kind), min(count, room))

    def _to_end(self, kind: _Kind, in_draw: tuple[tuple[str, str], ...], count: int) -> None:
        """Lay the way from experts over their groups, innermost first, to the end."""
        at = self._node(kind)
        for group in reversed(in_draw):
            name = ("group", *group)
            known = name in self._nodes
            self._net.add_arc(at, self._node(name), count)
            if known:
                return
            at, count = self._node(name), self._in_draw[group[0]]
        self._net.add_arc(at, self._end, count)

    def _tell(self, cells: tuple[Cell, ...], needed: int, seatable: int) -> Shortage:
        panels = defaultdict(set)
        for cell in cells:
            panels[cell.stratum].add(cell.panel)
        strata = [
            (kind, groups.total()) for kind, groups in self._kinds.items() if kind.stratum in panels
        ]
        return Shortage(
            cells=cells,
            needed=needed,
            seatable=seatable,
            eligible=sum(n for kind, n in strata if panels[kind.stratum] - kind.barred),
            listed=sum(n for _, n in strata),
        )

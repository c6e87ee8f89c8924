"""Which conflicts cause a low chance: those whose lifting alone would raise the expert's load.

A conflict of expert e with a dossier of cell c is a cause exactly where a residual path leads from
c back to the near end of e's stem that lowers only loads above e's: then the lifted pair would
close a cycle that betters the plan (residuals.py), and otherwise the plan would stay the best.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.balanced.flows import reachable, residual, weak_components

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from allocation.balanced.network import Bools, Network
    from allocation.snapshot import Snapshot


class Causes:
    """The causes of experts' loads under one plan; `up` and `down` as in residuals.py."""

    def __init__(
        self, snapshot: Snapshot, net: Network, loads: list[Fraction], slack: tuple[Bools, Bools]
    ) -> None:
        self._net = net
        self._loads = loads
        self._number = {name: at for at, name in enumerate(net.experts)}
        place = {value: at for at, value in enumerate(sorted(set(loads)))}
        self._rank = np.array([place[value] for value in loads], dtype=np.int64)
        self._up, self._down = slack
        self._tail, self._head = (
            np.concatenate([net.outer[end], net.inner[end]]) for end in (0, 1)
        )
        inside = (self._tail > 0) & (self._head > 0)
        block = weak_components(net.size, (self._tail[inside], self._head[inside]))
        self._block = block
        of_arc = block[np.where(self._tail > 0, self._tail, self._head)]
        self._by_block = np.argsort(of_arc, kind="stable")
        self._cuts = np.searchsorted(of_arc[self._by_block], np.arange(int(block.max()) + 2))
        self._reached: dict[tuple[int, int, frozenset[int]], Bools] = {}
        self._limits = {limit: net.first_limit + at for at, limit in enumerate(net.limits)}
        self._cells = {cell: at for at, cell in enumerate(net.cells)}
        self._where = {d: panel.id for panel in snapshot.panels for d in panel.dossiers}
        self._experts = {one.id: one for one in snapshot.experts}
        self._conflicts: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for one in snapshot.conflicts:
            self._conflicts[one.expert].append((one.dossier, one.rule))

    def of(self, name: str) -> dict[str, Any]:
        """Return {"conflicts": [{"dossier", "panel", "rule"}], "full": …} of an expert.

        `full` is "capacity" where the expert's own capacity is used up, "limit" where a limit of
        scope `draw` above the expert is, else null.
        """
        at = self._number[name]
        net = self._net
        node = net.first_expert + at
        if not self._up[node - 1]:
            return {"conflicts": [], "full": "capacity"}
        above = int(net.stem[node])
        full = None
        while above > 0:
            full = full if self._up[above - 1] else "limit"
            above = int(net.stem[above])
        conflicts = [
            {"dossier": dossier, "panel": panel, "rule": rule}
            for dossier, rule in self._conflicts[name]
            if (panel := self._where.get(dossier)) is not None
            and self._frees(at, (panel, self._experts[name].stratum))
        ]
        return {"conflicts": conflicts, "full": full}

    def _frees(self, at: int, cell: tuple[str, str]) -> bool:
        """Whether a seat of the cell could come to the expert from experts with larger loads."""
        number = self._cells.get(cell)
        if number is None:
            return False
        entry = self._entry(self._experts[self._net.experts[at]].id, number)
        stem = int(self._net.stem[self._net.first_expert + at])
        # A path may pass the hub from the cell's block into the expert's.
        blocks = {int(self._block[entry]), int(self._block[self._net.first_expert + at])}
        key = (stem, int(self._rank[at]), frozenset(blocks))
        if key not in self._reached:
            self._reached[key] = self._back_to(*key)
        return bool(self._reached[key][entry])

    def _entry(self, name: str, cell: int) -> int:
        """Return the node by which the expert would enter the cell: the innermost limit, or it."""
        expert = self._experts[name]
        values = (("province", expert.province), ("employer", expert.employer))
        nodes = [self._limits[cell, v] for v in values if (cell, v) in self._limits]
        for node in nodes:
            if not any(self._net.stem[other] == node for other in nodes):
                return node
        return self._net.first_cell + cell

    def _back_to(self, stem: int, rank: int, blocks: frozenset[int]) -> Bools:
        """Return the nodes of some blocks from which a residual path lowers larger loads only."""
        arcs = np.concatenate(
            [self._by_block[self._cuts[one] : self._cuts[one + 1]] for one in sorted(blocks)]
        )
        first = len(self._net.groups)
        falls = self._down[arcs].copy()
        stems = (arcs >= first) & (arcs < first + len(self._net.experts))
        falls[stems] &= self._rank[arcs[stems] - first] > rank
        forward = residual(self._tail[arcs], self._head[arcs], self._up[arcs], falls)
        return reachable(self._net.size, (forward[1], forward[0]), stem)


def low(names: Iterable[str], loads: list[Fraction], means: list[Fraction]) -> list[str]:
    """Return the experts whose load is below the mean of their stratum, the lowest first."""
    found = [
        (load / mean, name)
        for name, load, mean in zip(names, loads, means, strict=True)
        if load < mean
    ]
    return [name for _, name in sorted(found)]

"""The review graph before any score: components, what holds them together, weak parts.

Nodes are dossiers and experts, edges planned reviews. An articulation point is a node, a bridge an
edge, whose loss parts a component (Tarjan 1972). A weak part is a set of nodes with few reviews
across its border for its size: its conductance, the crossing reviews over the smaller side's
reviews counted at both ends, is under `WEAK`. Parts are found by sweeping the second singular
vectors of the scaled incidence matrix (Fiedler 1973; Dhillon 2001), again inside each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import svds

from scoring.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

WEAK = 0.1
DENSE = 400


@dataclass(frozen=True, eq=False)
class Plan:
    """Planned reviews: sorted ids and, for each of n reviews, the codes of both, shape (n,)."""

    dossiers: tuple[str, ...]
    reviewers: tuple[str, ...]
    dossier: NDArray[np.int64]
    reviewer: NDArray[np.int64]

    @staticmethod
    def from_pairs(pairs: Iterable[tuple[str, str]]) -> Plan:
        """Return the plan of (dossier, reviewer) pairs in any order.

        ScoringError "no_pairs" for none, "pair_twice" for one planned twice.
        """
        rows = sorted(pairs)
        if not rows:
            raise ScoringError("no_pairs", "there is no planned review")
        for left, right in pairwise(rows):
            if left == right:
                message = f"reviewer {left[1]!r} is planned twice for dossier {left[0]!r}"
                raise ScoringError("pair_twice", message, dossier=left[0], reviewer=left[1])
        dossiers = sorted({row[0] for row in rows})
        reviewers = sorted({row[1] for row in rows})
        left_code = {name: code for code, name in enumerate(dossiers)}
        right_code = {name: code for code, name in enumerate(reviewers)}
        return Plan(
            tuple(dossiers),
            tuple(reviewers),
            np.array([left_code[row[0]] for row in rows]),
            np.array([right_code[row[1]] for row in rows]),
        )

    @property
    def nodes(self) -> int:
        """The number of nodes: dossiers first, then experts."""
        return len(self.dossiers) + len(self.reviewers)

    def table(self) -> csr_array:
        """Return the (dossiers, reviewers) matrix of ones."""
        shape = (len(self.dossiers), len(self.reviewers))
        ones = np.ones(len(self.dossier))
        return csr_array(coo_array((ones, (self.dossier, self.reviewer)), shape=shape))

    def name(self, node: int) -> str:
        """Return the id of a node."""
        count = len(self.dossiers)
        return self.dossiers[node] if node < count else self.reviewers[node - count]


def components(plan: Plan) -> NDArray[np.int64]:
    """Return each node's component, numbered by the first dossier of each, shape (nodes,)."""
    tail, head = plan.dossier, plan.reviewer + len(plan.dossiers)
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(plan.nodes, plan.nodes))
    return _renumbered(connected_components(graph, directed=False)[1])


def cut_points(plan: Plan) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the articulation points and the bridges (dossier code, reviewer code), sorted."""
    count = len(plan.dossiers)
    search = _Search(plan)
    for root in range(count):
        search.walk(root)
    bridges = [(min(edge), max(edge) - count) for edge in search.bridges]
    return sorted(search.points), sorted(bridges)


class _Search:
    """Tarjan's depth-first search: `low` is the earliest node that a node's subtree touches."""

    def __init__(self, plan: Plan) -> None:
        self.near: list[list[int]] = [[] for _ in range(plan.nodes)]
        experts = (plan.reviewer + len(plan.dossiers)).tolist()
        for i, j in zip(plan.dossier.tolist(), experts, strict=True):
            self.near[i].append(j)
            self.near[j].append(i)
        self.found = [0] * plan.nodes
        self.low = [0] * plan.nodes
        self.points: set[int] = set()
        self.bridges: list[tuple[int, int]] = []
        self.clock = 0

    def walk(self, root: int) -> None:
        """Search the component of a node, unless it was searched already."""
        if self.found[root]:
            return
        children = 0
        stack = [self._enter(root, -1)]  # a stack of its own: graphs are deep
        while stack:
            node, parent, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                stack.pop()
                self._leave(node, parent, root)
            elif not self.found[step]:
                children += node == root
                stack.append(self._enter(step, node))
            elif step != parent:
                self.low[node] = min(self.low[node], self.found[step])
        if children > 1:
            self.points.add(root)

    def _enter(self, node: int, parent: int) -> tuple[int, int, Iterator[int]]:
        self.clock += 1
        self.found[node] = self.low[node] = self.clock
        return node, parent, iter(self.near[node])

    def _leave(self, node: int, parent: int, root: int) -> None:
        if parent < 0:
            return
        self.low[parent] = min(self.low[parent], self.low[node])
        if self.low[node] > self.found[parent]:
            self.bridges.append((node, parent))
        if parent != root and self.low[node] >= self.found[parent]:
            self.points.add(parent)


def weak_parts(plan: Plan) -> NDArray[np.int64]:
    """Return each node's part, numbered by the first dossier of each, shape (nodes,).

    A component that is well knit is one part.
    """
    tail, head = plan.dossier, plan.reviewer + len(plan.dossiers)
    label = components(plan)
    fresh = int(label.max()) + 1
    queue = list(range(fresh))
    while queue:
        part = queue.pop()
        inside = (label[tail] == part) & (label[head] == part)
        away = _weak_side(tail[inside], head[inside])
        if away is None:
            continue
        label[away] = fresh
        # Either side may fall into several pieces, and each may part again.
        for side in (part, fresh):
            queue += _split_pieces(label, side, tail, head)
        fresh = int(label.max()) + 1
    return _renumbered(label)


def _split_pieces(
    label: NDArray[np.int64], side: int, tail: NDArray[np.int64], head: NDArray[np.int64]
) -> list[int]:
    """Give the connected pieces of a side labels of their own; return the labels."""
    inside = (label[tail] == side) & (label[head] == side)
    size = len(label)
    graph = coo_array((np.ones(inside.sum()), (tail[inside], head[inside])), shape=(size, size))
    piece = connected_components(graph, directed=False)[1]
    members = np.flatnonzero(label == side)
    labels = []
    for number, first in enumerate(np.unique(piece[members])):
        name = side if number == 0 else int(label.max()) + 1
        label[members[piece[members] == first]] = name
        labels.append(name)
    return labels


def _weak_side(tail: NDArray[np.int64], head: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the nodes of the smaller side of the best sweep, None where it isn't weak."""
    left, i = np.unique(tail, return_inverse=True)
    right, j = np.unique(head, return_inverse=True)
    if len(left) < 2 or len(right) < 2:
        return None
    degrees = [np.bincount(i).astype(float), np.bincount(j).astype(float)]
    weight = 1 / np.sqrt(degrees[0][i] * degrees[1][j])
    shape = (len(left), len(right))
    u, v = _second_vectors(csr_array(coo_array((weight, (i, j)), shape=shape)))
    place = np.concatenate((u / np.sqrt(degrees[0]), v / np.sqrt(degrees[1])))
    # Rounding must not order nodes that stand at one place.
    order = np.argsort(np.round(place, 9), kind="stable")
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    ends = np.sort(np.stack((position[i], position[j + len(left)])), axis=0)
    change = np.bincount(ends[0], minlength=len(order)) - np.bincount(ends[1], minlength=len(order))
    cut = np.cumsum(change)[:-1]
    volume = np.cumsum(np.concatenate(degrees)[order])[:-1]
    smaller = np.minimum(volume, 2 * len(i) - volume)
    conductance = cut / smaller
    best = int(np.argmin(conductance))
    if conductance[best] >= WEAK:
        return None
    nodes = np.concatenate((left, right))[order]
    sides = (nodes[: best + 1], nodes[best + 1 :])
    return sides[0] if 2 * volume[best] <= 2 * len(i) else sides[1]


def _second_vectors(scaled: csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the second left and right singular vectors."""
    if min(scaled.shape) <= DENSE:
        u, _, v = np.linalg.svd(scaled.toarray(), full_matrices=False)
        return u[:, 1], v[1]
    # A fixed start makes the iteration repeat itself.
    start = 1 + np.cos(np.arange(min(scaled.shape)))
    u, s, v = svds(scaled, k=2, v0=start)
    second = int(np.argmin(s))
    return u[:, second], v[second]


def _renumbered(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return labels 0, 1, ... in the order in which they first occur."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])

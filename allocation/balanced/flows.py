"""Integer maximum flows, minimum cuts and strong components over arrays of arcs (scipy.csgraph)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

from allocation.errors import LockError

if TYPE_CHECKING:
    from allocation.balanced.network import Bools, Ints

CEILING = 2**31 - 1
"""scipy's capacities are 32-bit and wrap silently beyond it."""


def max_flow(size: int, arcs: tuple[Ints, Ints, Ints], source: int, sink: int) -> Ints:
    """Return a maximum flow on each arc (tail, head, capacity); no two arcs may be parallel.

    Raises LockError where a capacity is beyond 32 bits: the draw is to be partitioned.
    """
    tail, head, cap = arcs
    if len(cap) == 0:
        return np.zeros(0, np.int64)
    if int(cap.max()) > CEILING:
        raise LockError(
            "too-fine",
            f"an amount of {int(cap.max())} units is beyond 32 bits: use a pair cap of a smaller "
            "denominator, or partition the draw",
            units=int(cap.max()),
        )
    order = np.lexsort((head, tail))
    pointers = np.searchsorted(tail[order], np.arange(size + 1))
    graph = csr_array(
        (
            cap[order].astype(np.int32),
            head[order].astype(np.int32),
            pointers.astype(np.int32),
        ),
        shape=(size, size),
    )
    found = maximum_flow(graph, source, sink).flow
    found.sort_indices()
    rows = np.repeat(np.arange(size, dtype=np.int64), np.diff(found.indptr))
    keys = rows * size + found.indices
    at = np.searchsorted(keys, tail[order] * size + head[order])
    flow = np.empty(len(cap), np.int64)
    flow[order] = found.data[at]
    return flow


def reachable(size: int, forward: tuple[Ints, Ints], start: int) -> Bools:
    """Return which nodes can be reached from `start` over directed arcs (tail, head)."""
    seen = np.zeros(size, dtype=bool)
    seen[breadth_first_order(_graph(size, *forward), start, return_predecessors=False)] = True
    return seen


def residual(tail: Ints, head: Ints, up: Bools, down: Bools) -> tuple[Ints, Ints]:
    """Return the residual arcs: forward where `up` (room is left), backward where `down`."""
    return np.concatenate([tail[up], head[down]]), np.concatenate([head[up], tail[down]])


def strong_components(size: int, forward: tuple[Ints, Ints]) -> Ints:
    """Return each node's strong component, numbered from 0."""
    labels = connected_components(_graph(size, *forward), connection="strong")[1]
    return np.asarray(labels, dtype=np.int64)


def weak_components(size: int, forward: tuple[Ints, Ints]) -> Ints:
    """Return each node's component when directions are ignored, numbered from 0."""
    labels = connected_components(_graph(size, *forward), directed=False)[1]
    return np.asarray(labels, dtype=np.int64)


def _graph(size: int, tail: Ints, head: Ints) -> csr_array:
    return csr_array((np.ones(len(tail), np.int8), (tail, head)), shape=(size, size))

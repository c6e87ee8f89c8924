"""Integer maximum flows, minimum cuts and strong components over arrays of arcs (scipy.csgraph)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

if TYPE_CHECKING:
    from allocation.balanced.network import Amounts, Bools, Ints

CEILING = 2**31 - 1
"""scipy's capacities are 32-bit and wrap silently beyond it."""

ENOUGH = 2**30
"""Of two opposite arcs: scipy adds one's flow to the other's capacity, also in 32 bits."""


def max_flow(size: int, arcs: tuple[Ints, Ints, Amounts], source: int, sink: int) -> Amounts:
    """Return a maximum flow on each arc (tail, head, capacity), exact for integers of any size.

    No two arcs may be parallel or opposite.
    """
    tail, head, cap = arcs
    if len(cap) == 0:
        return np.zeros(0, np.int64)
    if int(cap.max()) <= CEILING:
        return _max_flow_32(size, (tail, head, cap.astype(np.int64)), source, sink)
    return _refined(size, (tail, head, cap.astype(object)), source, sink)


def _refined(size: int, arcs: tuple[Ints, Ints, Amounts], source: int, sink: int) -> Amounts:
    """Return a maximum flow of large capacities, some bits at a time from the highest.

    A maximum flow of the capacities without their last bits leaves a cut without room; so with
    `step` bits more, at most arcs · 2^step < 2^30 is left to add, and residual capacities may be
    cut to `ENOUGH` (capacity scaling: Edmonds & Karp, JACM 19, 1972).
    """
    tail, head, cap = arcs
    step = max(1, 30 - len(cap).bit_length())
    shift = -(-max(0, int(cap.max()).bit_length() - 30) // step) * step
    both = np.concatenate([tail, head]), np.concatenate([head, tail])
    flow: Amounts = np.zeros(len(cap), dtype=object)
    while True:
        room = np.concatenate([(cap >> shift) - flow, flow])
        more = (*both, np.minimum(room, ENOUGH).astype(np.int64))
        flow = flow + _max_flow_32(size, more, source, sink)[: len(cap)]
        if shift == 0:
            return flow
        shift -= step
        flow = flow * (1 << step)


def _max_flow_32(size: int, arcs: tuple[Ints, Ints, Ints], source: int, sink: int) -> Ints:
    tail, head, cap = arcs
    if int(cap.max()) > CEILING:
        raise OverflowError(int(cap.max()))
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

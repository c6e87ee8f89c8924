"""The residual argument: whether any expert's load could rise at the cost of larger ones only.

A plan is leximin-optimal exactly where, for every load v, no residual cycle raises an expert of
load v while lowering only experts of loads above v: the difference from a better plan splits into
such cycles, and one of them is a better plan (Megiddo, Mathematical Programming 7, 1974, for flows;
docs/balanced.md has the proof). A raised expert lies on such a cycle exactly where both ends of
its stem are in one strong component of the residual graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.flows import residual, strong_components, weak_components

if TYPE_CHECKING:
    from allocation.balanced.network import Bools, Ints, Network


def improvable(net: Network, rank: Ints, up: Bools, down: Bools) -> Ints:
    """Return the numbers of experts whose load could rise at the cost of larger ones only.

    `rank` orders the loads (equal loads, equal ranks); `up` and `down` say for every arc, outer
    then inner, whether its flow can rise and fall.
    """
    tail, head = (np.concatenate([net.outer[end], net.inner[end]]) for end in (0, 1))
    first = len(net.groups)
    stems = np.zeros(len(tail), dtype=bool)
    stems[first : first + len(net.experts)] = True
    part = weak_components(net.size, _without_hub(tail, head))
    step = np.zeros(len(tail), np.int64)
    step[stems] = _rank_within(part[net.first_expert : net.first_limit], rank)
    at = np.arange(len(tail))
    found: list[Ints] = []
    for now in range(int(step.max(initial=0)) + 1):
        falls = down[at] & (~stems[at] | (step[at] > now))
        labels = strong_components(net.size, residual(tail[at], head[at], up[at], falls))
        inside = labels[tail[at]] == labels[head[at]]
        found.append(at[inside & stems[at] & (step[at] == now) & up[at]] - first)
        at = at[inside]
        higher = np.zeros(int(labels.max(initial=0)) + 1, dtype=bool)
        higher[labels[head[at[stems[at] & (step[at] > now)]]]] = True
        at = at[higher[labels[tail[at]]]]
        if len(at) == 0:
            break
    return np.sort(np.concatenate(found))


def _without_hub(tail: Ints, head: Ints) -> tuple[Ints, Ints]:
    keep = (tail > 0) & (head > 0)
    return tail[keep], head[keep]


def _rank_within(part: Ints, rank: Ints) -> Ints:
    """Return the rank of each expert's load among the distinct loads of its part, from 0."""
    order = np.lexsort((rank, part))
    new_part = np.diff(part[order], prepend=-1) != 0
    new_rank = np.diff(rank[order], prepend=-1) != 0
    steps = np.cumsum(new_rank | new_part)
    first = np.maximum.accumulate(np.where(new_part, steps, 0))
    found = np.empty(len(rank), np.int64)
    found[order] = steps - first
    return found

"""Among all flows with the same loads, one whose pair chances are as even as is practical.

Loads are unique, pair chances are not. Arcs that no residual cycle touches are settled; within
each other strong component every pair of a cell may carry at most r times the cell's even share,
and the smallest r (in sixteenths) that still carries the loads is found by bisection over maximum
flows. r is kept large enough that a plan lists about `BUDGET` pairs, or eight a seat where that
is more: beyond it evenness would only make the published plan longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.flows import CEILING, max_flow, residual, strong_components

if TYPE_CHECKING:
    from allocation.balanced.levels import Exact
    from allocation.balanced.network import Bools, Ints, Network

BUDGET = 48_000
PAIRS_A_SEAT = 8
FINEST = 1 << 24
"""Largest common denominator within a component for which evening is tried."""
GRID = 16


@dataclass(frozen=True)
class _Loose:
    """The arcs inside strong components, in integers over each component's denominator."""

    arcs: Ints
    part: Ints  # of each arc
    denominator: Ints  # of each arc
    flow: Ints
    cap: Ints
    share: Ints  # of pairs: the cell's flow over these arcs; 0 for stems of limits
    among: Ints  # of pairs: how many arcs share it


def spread(net: Network, exact: Exact) -> tuple[Ints, Ints]:
    """Return numerator and denominator of the flow of every inner arc."""
    num, den = exact.flow_num.copy(), exact.flow_den.copy()
    loose = _loose(net, exact)
    if loose is None:
        return num, den
    seats = int(net.room[net.first_cell :].sum()) // net.unit
    budget = max(BUDGET, PAIRS_A_SEAT * seats)
    pairs = len(net.pair_expert)
    low = np.full(int(loose.part.max()) + 1, max(GRID, -(-GRID * pairs // budget)), np.int64)
    high = np.maximum(low, _needed(loose, len(low)))
    best = loose.flow.copy()
    while (low < high).any():
        trial = (low + high) // 2
        flow, fits = _carry(net, loose, trial)
        better = fits[loose.part] & (low < high)[loose.part]
        best[better] = flow[better]
        high = np.where(fits, trial, high)
        low = np.where(fits, low, np.minimum(trial + 1, high))
    num[loose.arcs], den[loose.arcs] = best, loose.denominator
    return num, den


def _loose(net: Network, exact: Exact) -> _Loose | None:
    tail, head, cap = net.inner
    num, den = exact.flow_num, exact.flow_den
    full = cap * (den // net.unit)
    labels = strong_components(net.size, residual(tail, head, num < full, num > 0))
    arcs = np.flatnonzero(labels[tail] == labels[head])
    if len(arcs) == 0:
        return None
    arcs = arcs[np.argsort(labels[tail[arcs]], kind="stable")]
    part = np.unique(labels[tail[arcs]], return_inverse=True)[1]
    cuts = np.searchsorted(part, np.arange(int(part.max()) + 2))
    common = np.array(
        [
            lcm(*np.unique(den[arcs[a:b]]).tolist())
            for a, b in zip(cuts[:-1], cuts[1:], strict=True)
        ],
        dtype=object,
    )
    coarse = np.array([int(one) <= FINEST for one in common])[part]
    arcs, part = arcs[coarse], np.unique(part[coarse], return_inverse=True)[1]
    if len(arcs) == 0:
        return None
    denominator = np.array([int(one) for one in common if int(one) <= FINEST], np.int64)[part]
    flow = num[arcs] * (denominator // den[arcs])
    is_pair = arcs < len(net.pair_expert)
    share, among = np.zeros(len(arcs), np.int64), np.ones(len(arcs), np.int64)
    key = part[is_pair] * net.size + net.pair_cell[arcs[is_pair]]
    at = np.unique(key, return_inverse=True)[1]
    total = np.zeros(int(at.max(initial=-1)) + 1, np.int64)
    np.add.at(total, at, flow[is_pair])
    share[is_pair], among[is_pair] = total[at], np.bincount(at)[at]
    room = cap[arcs] * (denominator // net.unit)
    return _Loose(arcs, part, denominator, flow, room, share, among)


def _needed(loose: _Loose, count: int) -> Ints:
    """Return the smallest r of every part under which its present flow fits."""
    needed = np.zeros(count, np.int64)
    some = loose.share > 0
    times = -(-GRID * loose.flow[some] * loose.among[some] // loose.share[some])
    np.maximum.at(needed, loose.part[some], times)
    return needed


def _carry(net: Network, loose: _Loose, times: Ints) -> tuple[Ints, Bools]:
    """Return a flow with the same loads under r = `times`, and the parts that it serves."""
    tail, head = net.inner[0][loose.arcs], net.inner[1][loose.arcs]
    even = -(-times[loose.part] * loose.share // (GRID * loose.among))
    pair = loose.arcs < len(net.pair_expert)
    caps = np.minimum(np.where(pair, np.minimum(loose.cap, even), loose.cap), CEILING)
    supply = np.zeros(net.size, np.int64)
    np.add.at(supply, tail, loose.flow)
    np.subtract.at(supply, head, loose.flow)
    gets, owes = np.flatnonzero(supply > 0), np.flatnonzero(supply < 0)
    source, sink = net.size, net.size + 1
    arcs = (
        np.concatenate([tail, np.full(len(gets), source), owes]),
        np.concatenate([head, gets, np.full(len(owes), sink)]),
        np.concatenate([caps, supply[gets], -supply[owes]]),
    )
    flow = max_flow(net.size + 2, arcs, source, sink)
    part_of = np.zeros(net.size, np.int64)
    part_of[tail] = loose.part
    part_of[head] = loose.part
    fits = np.ones(len(times), dtype=bool)
    fits[part_of[owes[flow[len(flow) - len(owes) :] < -supply[owes]]]] = False
    return flow[: len(loose.arcs)], fits

"""Among all flows with the same loads, one whose pair chances are as even as is practical.

Loads are unique, pair chances are not. Arcs that no residual cycle touches are settled. Within
every other strong component each pair of a cell may carry at most r times the cell's even share,
and the smallest r (in sixteenths) that still carries the loads is found by bisection over maximum
flows. Where a component has no conflict r is 1: every chance is the even share.

A plan is published, so that its length matters: of a large cell only a sample of its pairs, fixed
by a hash of their numbers, takes part beside those that the loads already use: about `BUDGET` in
all, or `PAIRS_A_SEAT` for every seat where that is more.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.flows import CEILING, max_flow, residual, strong_components

if TYPE_CHECKING:
    from allocation.balanced.levels import Exact
    from allocation.balanced.network import Bools, Ints, Network

BUDGET = 12_000
PAIRS_A_SEAT = 6
FINEST = 1 << 20
"""Largest common denominator within a component for which evening is tried."""
GRID = 16
COMMON_BITS = 256
"""Exact even shares are sought while all parts together need no finer denominator."""


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
    low = np.full(int(loose.part.max()) + 1, GRID, np.int64)
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
    arcs = np.flatnonzero((labels[tail] == labels[head]) & ((num > 0) | _sampled(net)))
    if len(arcs) == 0:
        return None
    arcs = arcs[np.argsort(labels[tail[arcs]], kind="stable")]
    part = np.unique(labels[tail[arcs]], return_inverse=True)[1]
    cuts = np.searchsorted(part, np.arange(int(part.max()) + 2))
    common = np.array(
        [min(lcm(*np.unique(den[arcs[a:b]]).tolist()), 2 * FINEST) for a, b in pairwise(cuts)],
        dtype=np.int64,
    )
    coarse = (common <= FINEST)[part]
    arcs, part = arcs[coarse], part[coarse]
    if len(arcs) == 0:
        return None
    old, part = np.unique(part, return_inverse=True)
    denominator = common[old][part]
    flow = num[arcs] * (denominator // den[arcs])
    share, among = _shares(net, arcs, part, flow)
    fine = _fineness(part, share, among, denominator, net)[part]
    room = cap[arcs] * (denominator // net.unit)
    return _Loose(arcs, part, denominator * fine, flow * fine, room * fine, share * fine, among)


def _sampled(net: Network) -> Bools:
    """Return which inner arcs may take part: all stems of limits, and a sample of large cells."""
    pairs, cells = len(net.pair_expert), len(net.cells)
    column = net.pair_cell - net.first_cell
    seats = net.room[net.first_cell :] // net.unit
    wanted = np.maximum(PAIRS_A_SEAT * seats, BUDGET * seats // max(1, int(seats.sum())))
    eligible = np.maximum(1, np.bincount(column, minlength=cells))
    threshold = np.minimum(1 << 32, (wanted << 32) // eligible)
    taken = np.ones(pairs + len(net.limits), dtype=bool)
    taken[:pairs] = _hash(net.pair_expert - net.first_expert, column) < threshold[column]
    return taken


def _hash(row: Ints, column: Ints) -> Ints:
    """Return 32 well-mixed bits of two numbers (the finaliser of SplitMix64, Steele et al. 2014).

    Nothing secret or random hangs on them: they only say which pairs a long plan leaves out.
    """
    mixed = (row.astype(np.uint64) << np.uint64(32)) | column.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(32)).astype(np.int64)


def _shares(net: Network, arcs: Ints, part: Ints, flow: Ints) -> tuple[Ints, Ints]:
    is_pair = arcs < len(net.pair_expert)
    share, among = np.zeros(len(arcs), np.int64), np.ones(len(arcs), np.int64)
    key = part[is_pair] * net.size + net.pair_cell[arcs[is_pair]]
    at = np.unique(key, return_inverse=True)[1]
    total = np.zeros(int(at.max(initial=-1)) + 1, np.int64)
    np.add.at(total, at, flow[is_pair])
    share[is_pair], among[is_pair] = total[at], np.bincount(at)[at]
    return share, among


def _fineness(part: Ints, share: Ints, among: Ints, denominator: Ints, net: Network) -> Ints:
    """Return by how much to multiply every part's denominator so that even shares are whole.

    Where that is too much, a power of two that gives an even share at least `GRID` units, or as
    many as fit. So it is where a draw has many parts, whose denominators the rounding would have
    to bring to one: powers of two keep it small.
    """
    count = int(part.max()) + 1
    start = np.searchsorted(part, np.arange(count + 1))
    found = np.ones(count, np.int64)
    # Amounts at a cell stay within 32 bits.
    biggest = int(net.room[net.first_cell :].max()) // net.unit
    common = 1
    for one, (a, b) in enumerate(pairwise(start.tolist())):
        some = share[a:b] > 0
        if not some.any():
            continue
        most = max(1, min(FINEST, CEILING // biggest) // int(denominator[a]))
        parts_of = among[a:b][some] // np.gcd(share[a:b][some], among[a:b][some])
        exact = lcm(*np.unique(parts_of).tolist())
        enough = int((GRID * among[a:b][some] // share[a:b][some]).max()) + 1
        together = lcm(common, exact)
        if exact <= most and together.bit_length() <= COMMON_BITS:
            found[one], common = exact, together
        else:
            found[one] = 1 << (min(most, enough).bit_length() - 1)
    return found


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

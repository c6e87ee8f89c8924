"""Among all flows with the same loads, one whose pair chances are as even as is practical.

Loads are unique, pair chances are not. Arcs that no residual cycle touches are settled. Within
every other strong component each pair of a cell may carry at most r times the cell's even share;
the smallest r (in sixteenths) that still carries the loads is found by bisection over maximum
flows, then the largest s so that every pair carries at least s times the even share. Where a
component has no conflict both are 1: every chance is the even share.

Of large cells only a sample of the pairs takes part (sampling.py), beside those that the loads use.
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
    from allocation.balanced.network import Amounts, Bools, Ints, Network

FINEST = 1 << 20
"""Largest common denominator within a component for which evening is tried."""
GRID = 16
COMMON_BITS = 256
"""Exact even shares are sought while all parts together need no finer denominator."""
ARCS = 1 << 15
"""Of a part with more arcs than a `GRID`th of it, the even share has fewer units than `GRID`.

A step of the rounding settles the arcs of its cycle whose fraction is the nearest to an integer:
the coarser the fractions, the more. In large parts, whose cycles are long, that is what decides
how long a draw takes.
"""


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


def spread(net: Network, exact: Exact, few: Bools) -> tuple[Amounts, Amounts]:
    """Return numerator and denominator of the flow of every inner arc.

    `few` says which of them may be given a flow that `exact` doesn't use.
    """
    num, den = exact.flow_num.copy(), exact.flow_den.copy()
    loose = _loose(net, exact, few)
    if loose is None:
        return num, den
    count = int(loose.part.max()) + 1
    most, none = np.maximum(GRID, _needed(loose, count)), np.zeros(count, np.int64)
    high, flow = _bisect(net, loose, np.full(count, GRID, np.int64), most, none, loose.flow)
    _, best = _bisect(net, loose, np.full(count, GRID, np.int64), none, high, flow)
    num[loose.arcs], den[loose.arcs] = best, loose.denominator
    return num, den


def _bisect(
    net: Network, loose: _Loose, wished: Ints, known: Ints, other: Ints, flow: Ints
) -> tuple[Ints, Ints]:
    """Return every part's bound nearest to `wished` that carries the loads, and a flow under it.

    `flow` is one under the bound `known`. Where `other` is 0 the bound is an upper one; else
    `other` is the upper one and the bound sought is the lower one.
    """
    best = flow.copy()
    while (gap := wished != known).any():
        trial = (wished + known + (wished > known)) // 2
        bounds = (trial, other) if other.any() else (other, trial)
        found, fits = _carry(net, loose, *bounds)
        better = (fits & gap)[loose.part]
        best[better] = found[better]
        known = np.where(fits, trial, known)
        # What didn't fit is excluded: the next wish is one step nearer to what is known.
        wished = np.where(fits, wished, trial + np.sign(known - wished))
    return known, best


def _loose(net: Network, exact: Exact, few: Bools) -> _Loose | None:
    tail, head, cap = net.inner
    num, den = exact.flow_num, exact.flow_den
    arcs = np.flatnonzero((num > 0) | few)
    rises = num[arcs] < cap[arcs] * (den[arcs] // net.unit)
    labels = strong_components(net.size, residual(tail[arcs], head[arcs], rises, num[arcs] > 0))
    arcs = arcs[labels[tail[arcs]] == labels[head[arcs]]]
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
    flow = (num[arcs] * (denominator // den[arcs])).astype(np.int64)
    share, among = _shares(net, arcs, part, flow)
    fine = _fineness(part, share, among, denominator, net)[part]
    room = cap[arcs] * (denominator // net.unit)
    return _Loose(arcs, part, denominator * fine, flow * fine, room * fine, share * fine, among)


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

    Where that is too much, or the part is large, a power of two that gives an even share at least
    `_units` units, or as many as fit. So it is where a draw has many parts, whose denominators the
    rounding would have to bring to one: powers of two keep it small.
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
        enough = int((_units(b - a) * among[a:b][some] // share[a:b][some]).max()) + 1
        together = lcm(common, exact)
        if _units(b - a) == GRID and exact <= most and together.bit_length() <= COMMON_BITS:
            found[one], common = exact, together
        else:
            found[one] = 1 << (min(most, enough).bit_length() - 1)
    return found


def _units(arcs: int) -> int:
    return min(GRID, max(1, ARCS // arcs))


def _needed(loose: _Loose, count: int) -> Ints:
    """Return the smallest r of every part under which its present flow fits."""
    needed = np.zeros(count, np.int64)
    some = loose.share > 0
    times = -(-GRID * loose.flow[some] * loose.among[some] // loose.share[some])
    np.maximum.at(needed, loose.part[some], times)
    return needed


def _carry(net: Network, loose: _Loose, least: Ints, most: Ints) -> tuple[Ints, Bools]:
    """Return a flow with the same loads within s = `least` and r = `most`, and whom it serves."""
    tail, head = net.inner[0][loose.arcs], net.inner[1][loose.arcs]
    whole = GRID * loose.among
    even = -(-most[loose.part] * loose.share // whole)
    pair = loose.arcs < len(net.pair_expert)
    caps = np.minimum(np.where(pair, np.minimum(loose.cap, even), loose.cap), CEILING)
    floor = np.where(pair, np.minimum(least[loose.part] * loose.share // whole, caps), 0)
    supply = np.zeros(net.size, np.int64)
    np.add.at(supply, tail, loose.flow - floor)
    np.subtract.at(supply, head, loose.flow - floor)
    gets, owes = np.flatnonzero(supply > 0), np.flatnonzero(supply < 0)
    source, sink = net.size, net.size + 1
    arcs = (
        np.concatenate([tail, np.full(len(gets), source), owes]),
        np.concatenate([head, gets, np.full(len(owes), sink)]),
        np.concatenate([caps - floor, supply[gets], -supply[owes]]),
    )
    flow = max_flow(net.size + 2, arcs, source, sink)
    part_of = np.zeros(net.size, np.int64)
    part_of[tail] = loose.part
    part_of[head] = loose.part
    fits = np.ones(len(most), dtype=bool)
    fits[part_of[owes[flow[len(flow) - len(owes) :] < -supply[owes]]]] = False
    return flow[: len(loose.arcs)] + floor, fits

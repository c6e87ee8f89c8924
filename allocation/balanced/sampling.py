"""A sample of the pairs of large draws: what a plan may use beyond what it must.

A plan is published, so that its length matters, and a flow over few pairs is found sooner. Every
cell and every expert keeps a number of its pairs in proportion to its seats and its mean load,
those of the lowest hash, so that the sample is the same on every platform: about `BUDGET` pairs
in all, or, where that is more, `SIDE` for every seat from either side (`SLACK` times what the
pair cap asks for, where that is more).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.flows import weak_components

if TYPE_CHECKING:
    from allocation.balanced.network import Bools, Ints, Network

BUDGET = 12_000
SIDE = 2
SLACK = 1.25
CANDIDATES = 8
"""Only pairs that could be among the lowest are sorted: hashes up to this many times the share."""


def sample(net: Network) -> Bools:
    """Return which inner arcs are in the sample: all stems of limits, and some of the pairs."""
    pairs, cells, experts = len(net.pair_expert), len(net.cells), len(net.experts)
    row, column = net.pair_expert - net.first_expert, net.pair_cell - net.first_cell
    seats = net.room[net.first_cell :] // net.unit
    total = max(1, int(seats.sum()))
    a_seat = max(SIDE, -int(-SLACK * net.unit // net.pair_cap), BUDGET // (2 * total))
    of_cell = seats * a_seat
    block = weak_components(net.size, net.inner[:2])
    staff = np.bincount(block[net.first_expert : net.first_limit], minlength=net.size)
    owed = np.bincount(block[net.first_cell :], weights=of_cell, minlength=net.size)
    own = block[net.first_expert : net.first_limit]
    of_expert = -(-owed.astype(np.int64)[own] // staff[own])
    mixed = _hash(row, column)
    near = np.zeros(pairs, dtype=bool)
    for side, wanted, count in ((column, of_cell, cells), (row, of_expert, experts)):
        eligible = np.maximum(1, np.bincount(side, minlength=count))
        near |= mixed < np.minimum(1 << 32, ((CANDIDATES * wanted) << 32) // eligible)[side]
    at = np.flatnonzero(near)
    taken = np.zeros(pairs + len(net.limits), dtype=bool)
    taken[pairs:] = True
    for side, wanted in ((column, of_cell), (row, of_expert)):
        taken[at[_lowest(side[at], mixed[at], wanted)]] = True
    return taken


def _lowest(side: Ints, mixed: Ints, wanted: Ints) -> Bools:
    """Return which pairs are among the `wanted` of their side with the lowest hashes."""
    order = np.lexsort((mixed, side))
    ordered = side[order]
    first = np.searchsorted(ordered, np.arange(len(wanted)))
    found = np.zeros(len(side), dtype=bool)
    found[order] = np.arange(len(side)) - first[ordered] < wanted[ordered]
    return found


def _hash(row: Ints, column: Ints) -> Ints:
    """Return 32 well-mixed bits of two numbers (the finaliser of SplitMix64, Steele et al. 2014).

    Nothing secret or random hangs on them: they only say which pairs a long plan leaves out.
    """
    mixed = (row.astype(np.uint64) << np.uint64(32)) | column.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(32)).astype(np.int64)

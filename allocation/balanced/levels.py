"""Leximin loads without limits of scope `draw`: decomposition by minimum cuts.

The loads that fill every seat are the bases of a polymatroid (the source-side cuts of a transport
network), so their leximin-optimal point is Fujishige's lexicographically optimal base
(Mathematics of Operations Research 5, 1980) and is found by divide and conquer: share a part's
seats equally; where a maximum flow can't, the minimum cut splits the part into experts who get
less and experts who get more, every arc across it saturated or empty for good (Groenevelt,
European Journal of Operational Research 54, 1991).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.flows import max_flow, reachable, residual, weak_components

if TYPE_CHECKING:
    from allocation.balanced.network import Amounts, Bools, Ints, Network


class Infeasible(Exception):  # noqa: N818 - never leaves the package: told in words by shortage.py
    """The seats can't be filled."""


@dataclass(frozen=True)
class Exact:
    """Exact loads of experts and flows of inner arcs: integers over `*_den` (units included)."""

    load_num: Amounts
    load_den: Amounts
    flow_num: Amounts
    flow_den: Amounts


def level(total: int, caps: Ints) -> tuple[int, int]:
    """Return the fraction λ with Σ min(λ, cap) = total; Infeasible where the caps are too small."""
    left, ordered = total, np.sort(caps)
    for at, cap in enumerate(ordered.tolist()):
        count = len(ordered) - at
        if left <= cap * count:
            common = gcd(left, count)
            return left // common, count // common
        left -= cap
    if left > 0:
        raise Infeasible
    return 0, 1


class _Parts:
    """The parts still to be solved; -1 is no part. Every live arc has both ends in one part."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.tail, self.head, self.cap = net.inner
        # Net flow that a node gets (+) or owes (-) over arcs that are settled; cells owe seats.
        self.stub = np.zeros(net.size, np.int64)
        self.stub[net.first_cell :] = -net.room[net.first_cell :]
        self.part = weak_components(net.size, (self.tail, self.head))
        self.part[: net.first_expert] = -1
        self.live = np.arange(len(self.tail))
        self.is_expert = np.zeros(net.size, dtype=bool)
        self.is_expert[net.first_expert : net.first_limit] = True
        self.load_num = np.zeros(net.size, np.int64)
        self.load_den = np.ones(net.size, np.int64)
        self.flow_num = np.zeros(len(self.tail), np.int64)
        self.flow_den = np.full(len(self.tail), net.unit, np.int64)

    def shares(self, count: int) -> tuple[Ints, Ints]:
        """Return λ of every part as numerators and denominators."""
        p, q = np.zeros(count, np.int64), np.ones(count, np.int64)
        inside = self.part >= 0
        owed = np.zeros(count, np.int64)
        np.subtract.at(owed, self.part[inside], self.stub[inside])
        experts = np.flatnonzero(inside & self.is_expert)
        experts = experts[np.argsort(self.part[experts], kind="stable")]
        cuts = np.searchsorted(self.part[experts], np.arange(count + 1))
        for one in range(count):
            caps = self.net.room[experts[cuts[one] : cuts[one + 1]]]
            p[one], q[one] = level(int(owed[one]), caps)
        return p, q

    def open_arcs(self) -> Ints:
        """Return the arcs inside parts that are still to be solved."""
        part = self.part[self.tail]
        return np.flatnonzero((part >= 0) & (part == self.part[self.head]))

    def round(self, *, split: bool) -> None:
        """Share equally in every part over the live arcs; settle those that can.

        `split` the others at their cut, or leave them as they are.
        """
        labels, part = np.unique(self.part, return_inverse=True)
        self.part = part - int(labels[0] == -1)
        count = len(labels) - int(labels[0] == -1)
        p, q = self.shares(count)
        nodes = np.flatnonzero(self.part >= 0)
        local = np.zeros(self.net.size, np.int64)
        local[nodes] = np.arange(len(nodes))
        of, stub = self.part[nodes], self.stub[nodes] * q[self.part[nodes]]
        expert = np.flatnonzero(self.is_expert[nodes])
        fair = np.minimum(p[of[expert]], self.net.room[nodes[expert]] * q[of[expert]])
        gets, owes = np.flatnonzero(stub > 0), np.flatnonzero(stub < 0)
        source, sink = len(nodes), len(nodes) + 1
        tail, head = self.tail[self.live], self.head[self.live]
        cap = self.cap[self.live] * q[self.part[tail]]
        arcs = (
            np.concatenate([local[tail], np.full(len(expert) + len(gets), source), owes]),
            np.concatenate([local[head], expert, gets, np.full(len(owes), sink)]),
            np.concatenate([cap, fair, stub[gets], -stub[owes]]),
        )
        flow = max_flow(len(nodes) + 2, arcs, source, sink)
        full = np.ones(count, dtype=bool)
        full[of[owes[flow[len(flow) - len(owes) :] < -stub[owes]]]] = False
        self._settle(full, flow, q, nodes[expert], fair)
        if split and not full.all():
            up, down = flow < arcs[2], flow > 0
            side = reachable(len(nodes) + 2, residual(arcs[0], arcs[1], up, down), source)
            self._split(full, nodes, side[: len(nodes)])
        self.part[nodes[full[of]]] = -1
        self.live = self.open_arcs()

    def _settle(self, full: Bools, flow: Ints, q: Ints, experts: Ints, fair: Ints) -> None:
        part = self.part[self.tail[self.live]]
        done = full[part]
        at = self.live[done]
        self.flow_num[at] = flow[: len(self.live)][done]
        self.flow_den[at] = q[part[done]] * self.net.unit
        settled = full[self.part[experts]]
        self.load_num[experts[settled]] = fair[settled]
        self.load_den[experts[settled]] = q[self.part[experts[settled]]] * self.net.unit

    def _split(self, full: Bools, nodes: Ints, side: Bools) -> None:
        old = self.part.copy()
        split = ~full[old[nodes]]
        self.part[nodes[split]] = 2 * old[nodes[split]] + side[split]
        kept = nodes[~split]
        self.part[kept] = 2 * old[kept]
        touched = np.unique(self.part[nodes[split]])
        staffed = np.unique(self.part[nodes[split & self.is_expert[nodes]]])
        if len(staffed) < len(touched) or len(touched) < 2 * int((~full).sum()):
            raise Infeasible
        on_side = np.zeros(self.net.size, dtype=bool)
        on_side[nodes] = side
        tail, head = self.tail[self.live], self.head[self.live]
        crossing = self.live[~full[old[tail]] & on_side[tail] & ~on_side[head]]
        self.flow_num[crossing] = self.cap[crossing]
        np.subtract.at(self.stub, self.tail[crossing], self.cap[crossing])
        np.add.at(self.stub, self.head[crossing], self.cap[crossing])


def decompose(net: Network, few: Bools) -> Exact:
    """Return the leximin-optimal loads and a flow with them; raises Infeasible.

    A part that can share equally over `few` arcs needs no others: equal is as good as it gets.
    """
    parts = _Parts(net)
    parts.live = np.flatnonzero(few)
    parts.round(split=False)
    while (parts.part >= 0).any():
        parts.round(split=True)
    experts = slice(net.first_expert, net.first_limit)
    return Exact(parts.load_num[experts], parts.load_den[experts], parts.flow_num, parts.flow_den)

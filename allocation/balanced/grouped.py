"""Leximin loads with limits of scope `draw`, level by level, on the whole circulation.

With groups on the expert side the loads are the meet of two polymatroids, which need not have a
Lorenz-dominant point, so the parts can't be cut at an average. Instead each part's smallest load t
is raised as far as Hoffman's circulation theorem allows: a maximum flow with lower bound t on
every expert, and Newton steps on the violated cut (Radzik, "Fractional combinatorial
optimization", 1998) until it fits. What no residual cycle can change any more is settled; the
strong components of the residual graph are parts of their own for the next level.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from allocation.balanced.chances import FINEST_BITS
from allocation.balanced.flows import (
    max_flow,
    reachable,
    residual,
    strong_components,
    weak_components,
)
from allocation.balanced.levels import Exact, Infeasible
from allocation.balanced.residuals import improvable
from allocation.errors import LockError

if TYPE_CHECKING:
    from allocation.balanced.network import Amounts, Bools, Ints, Network


class _Circulation:
    """Live arcs and parts; a part's amounts are in units of 1/(unit·scale).

    Denominators of settled experts multiply where groups of many sizes meet in one part: before
    64 bits could overflow, the arrays change to Python integers.
    """

    def __init__(self, net: Network, few: Bools) -> None:
        self.net = net
        inner, outer = net.inner, net.outer
        self.tail, self.head = (np.concatenate([outer[end], inner[end]]) for end in (0, 1))
        self.kind: type = np.int64
        self.cap: Amounts = np.concatenate([outer[2], inner[2]])
        # No sum of capacities, shared among all experts, is beyond this many units of 1/scale.
        self.most = sum(self.cap.tolist()) * max(1, len(net.experts))
        self.outer_count = len(outer[0])
        self.levelled = np.zeros(len(self.tail), dtype=bool)  # stems of experts
        self.levelled[len(net.groups) : self.outer_count] = True
        self.stub: Amounts = np.zeros(net.size, dtype=self.kind)
        seats = net.room[net.first_cell :]
        self.stub[net.first_cell :] = -seats
        self.stub[0] = seats.sum()
        self.live = np.concatenate(
            [np.arange(self.outer_count), self.outer_count + np.flatnonzero(few)]
        )
        self.part = weak_components(net.size, (self.tail[self.live], self.head[self.live]))
        self.scale: Amounts = np.ones(net.size, dtype=self.kind)  # by node, equal within a part
        self.num: Amounts = np.zeros(len(self.tail), dtype=self.kind)
        self.den: Amounts = np.full(len(self.tail), net.unit, dtype=self.kind)

    def run(self) -> None:
        """Settle one level in every part."""
        if self.most * int(self.scale.max()) >= 1 << 62:
            self.kind = object
            self.cap, self.stub, self.scale, self.num, self.den = (
                one.astype(object) for one in (self.cap, self.stub, self.scale, self.num, self.den)
            )
        labels, self.part = np.unique(self.part, return_inverse=True)
        count = len(labels)
        p, q = self._start(count)
        while True:
            flow, caps, stub = self._flow(p, q)
            short = self._short(flow, caps, stub, count)
            if not short.any():
                break
            self._newton(p, q, short, flow, caps, stub)
        self._record(flow[: len(self.live)], p, q)
        self._split(flow[: len(self.live)], caps, q)

    def _start(self, count: int) -> tuple[Amounts, Amounts]:
        """Return a level no smaller than the best: the mean load, or the smallest capacity."""
        p: Amounts = np.zeros(count, dtype=self.kind)
        q: Amounts = np.ones(count, dtype=self.kind)
        arcs = self.live[self.levelled[self.live]]
        of = self.part[self.head[arcs]]
        members = np.bincount(of, minlength=count)
        owed: Amounts = np.zeros(count, dtype=self.kind)
        nodes = np.arange(self.net.first_expert, self.net.size)
        np.subtract.at(owed, self.part[nodes], self.stub[nodes])
        beyond = int(self.cap.max()) * int(self.scale.max()) + 1
        least: Amounts = np.full(count, beyond, dtype=self.kind)
        np.minimum.at(least, of, self.cap[arcs] * self.scale[self.head[arcs]])
        for one in np.flatnonzero(members).tolist():
            total, among = int(owed[one]), int(members[one])
            if total > least[one] * among:
                total, among = int(least[one]), 1
            p[one], q[one] = _lowest(total, among)
        return p, q

    def _flow(self, p: Amounts, q: Amounts) -> tuple[Amounts, Amounts, Amounts]:
        """Return the flow above the lower bounds, arc capacities and net supplies at level p/q."""
        live, net = self.live, self.net
        tail, head, levelled = self.tail[live], self.head[live], self.levelled[live]
        of = self.part[tail]
        caps = self.cap[live] * self.scale[tail] * q[of]
        caps[levelled] -= p[of[levelled]]
        stub = self.stub * q[self.part]
        np.add.at(stub, head[levelled], p[of[levelled]])
        np.subtract.at(stub, tail[levelled], p[of[levelled]])
        gets, owes = np.flatnonzero(stub > 0), np.flatnonzero(stub < 0)
        source, sink = net.size, net.size + 1
        arcs = (
            np.concatenate([tail, np.full(len(gets), source), owes]),
            np.concatenate([head, gets, np.full(len(owes), sink)]),
            np.concatenate([caps, stub[gets], -stub[owes]]),
        )
        return max_flow(net.size + 2, arcs, source, sink), caps, stub

    def _short(self, flow: Amounts, caps: Amounts, stub: Amounts, count: int) -> Bools:
        short = np.zeros(count, dtype=bool)
        owes = np.flatnonzero(stub < 0)
        filled = flow[len(flow) - len(owes) :]
        short[self.part[owes[filled < -stub[owes]]]] = True
        gets = np.flatnonzero(stub > 0)
        pushed = flow[len(caps) : len(caps) + len(gets)]
        short[self.part[gets[pushed < stub[gets]]]] = True
        return short

    def _newton(
        self, p: Amounts, q: Amounts, short: Bools, flow: Amounts, caps: Amounts, stub: Amounts
    ) -> None:
        """Lower the level of every short part to where its violated cut just holds."""
        size, live = self.net.size, self.live
        tail, head = self.tail[live], self.head[live]
        inner = flow[: len(live)]
        gets = np.flatnonzero(stub > 0)
        wanting = gets[flow[len(caps) : len(caps) + len(gets)] < stub[gets]]
        back = residual(tail, head, inner < caps, inner > 0)
        arcs = (
            np.concatenate([back[0], np.full(len(wanting), size)]),
            np.concatenate([back[1], wanting]),
        )
        side = reachable(size + 1, arcs, size)[:size]
        excess: Amounts = np.zeros(len(p), dtype=self.kind)
        np.add.at(excess, self.part[side], self.stub[side])
        out = side[tail] & ~side[head]
        np.subtract.at(excess, self.part[tail[out]], self.cap[live[out]] * self.scale[tail[out]])
        into = ~side[tail] & side[head] & self.levelled[live]
        bounds = np.bincount(self.part[head[into]], minlength=len(p))
        for one in np.flatnonzero(short).tolist():
            if bounds[one] == 0 or excess[one] > 0:
                raise Infeasible
            p[one], q[one] = _lowest(-int(excess[one]), int(bounds[one]))

    def _record(self, flow: Amounts, p: Amounts, q: Amounts) -> None:
        of = self.part[self.tail[self.live]]
        bound = np.where(self.levelled[self.live], p[of], 0)
        self.num[self.live] = flow + bound
        self.den[self.live] = self.net.unit * self.scale[self.tail[self.live]] * q[of]

    def _split(self, flow: Amounts, caps: Amounts, q: Amounts) -> None:
        tail, head = self.tail[self.live], self.head[self.live]
        scale = self.scale * q[self.part]
        if int(scale.max()).bit_length() > FINEST_BITS:
            raise LockError(
                "too-fine",
                "the exact levels under these limits of scope draw need a common denominator "
                f"beyond {FINEST_BITS} bits: partition the draw, or drop a limit",
                bits=FINEST_BITS,
            )
        self.stub *= q[self.part]
        self.scale = scale
        labels = strong_components(self.net.size, residual(tail, head, flow < caps, flow > 0))
        # A stem whose bound is its capacity is settled even where a cycle passes by it.
        across = (labels[tail] != labels[head]) | (caps == 0)
        amount = self.num[self.live[across]]
        np.subtract.at(self.stub, tail[across], amount)
        np.add.at(self.stub, head[across], amount)
        self.part = labels
        # Only parts that still hold an expert's stem have a level to find.
        inside = self.live[~across]
        open_parts = np.zeros(int(labels.max()) + 1, dtype=bool)
        open_parts[labels[self.head[inside[self.levelled[inside]]]]] = True
        self.live = inside[open_parts[labels[self.tail[inside]]]]
        closed = ~open_parts[labels]
        self.stub[closed], self.scale[closed] = 0, 1
        self._reduce(labels, np.flatnonzero(~closed))

    def _reduce(self, labels: Ints, nodes: Ints) -> None:
        order = nodes[np.argsort(labels[nodes], kind="stable")]
        cuts = np.flatnonzero(np.diff(labels[order], prepend=-1, append=-1))
        for begin, end in pairwise(cuts.tolist()):
            some = order[begin:end]
            common = gcd(int(self.scale[some[0]]), int(np.gcd.reduce(np.abs(self.stub[some]))))
            self.stub[some] //= common
            self.scale[some] //= common


def _lowest(numerator: int, denominator: int) -> tuple[int, int]:
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def level_by_level(net: Network, few: Bools) -> Exact:
    """Return the leximin-optimal loads and a flow with them; raises Infeasible or LockError.

    They are sought over `few` of the inner arcs first: where no residual cycle over all arcs
    betters what is found there, it is the best of all.
    """
    if not few.all():
        try:
            found = _solve(net, few)
        except Infeasible:
            pass
        else:
            if not len(_improvable(net, found)):
                return found[1]
    return _solve(net, np.ones(len(few), dtype=bool))[1]


def _solve(net: Network, few: Bools) -> tuple[tuple[Amounts, Amounts], Exact]:
    """Return flows of the stems of groups and experts, and the exact loads and inner flows."""
    work = _Circulation(net, few)
    while len(work.live):
        work.run()
    loads = slice(len(net.groups), work.outer_count)
    inner = slice(work.outer_count, None)
    outer = work.num[: work.outer_count], work.den[: work.outer_count]
    return outer, Exact(work.num[loads], work.den[loads], work.num[inner], work.den[inner])


def _improvable(net: Network, found: tuple[tuple[Amounts, Amounts], Exact]) -> Ints:
    """Return the experts whose load a residual cycle over all arcs could better."""
    (outer_num, outer_den), exact = found
    num = np.concatenate([outer_num, exact.flow_num]).astype(object)
    den = np.concatenate([outer_den, exact.flow_den])
    # Python integers: two products of large amounts are compared.
    cap = np.concatenate([net.outer[2], net.inner[2]]).astype(object)
    loads = [
        Fraction(*one) for one in zip(exact.load_num.tolist(), exact.load_den.tolist(), strict=True)
    ]
    place = {value: at for at, value in enumerate(sorted(set(loads)))}
    rank = np.array([place[value] for value in loads], dtype=np.int64)
    return improvable(net, rank, num * net.unit < cap * den, num > 0)

from __future__ import annotations

import random
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest

from allocation import balanced
from allocation.balanced import chances, flows, grouped, network
from allocation.balanced.flows import CEILING, max_flow
from allocation.errors import LockError
from allocation.snapshot import Snapshot
from tests.allocation.balanced.instances import record, rounds
from tests.allocation.balanced.test_plan import loads


def filled(snapshot: dict, order: random.Random) -> dict:
    """The snapshot with some plan that fills every seat, equal or not."""
    net = network.build(Snapshot.from_record({**snapshot, "plan": []}))
    cells = np.arange(net.first_cell, net.size)
    room = net.outer[2].copy()
    tight = order.sample(range(len(room)), len(room) // 3)
    for at in tight:  # some experts are held down where the seats can be filled without them
        held = room.copy()
        held[at] //= 2
        if _flow(net, held, cells)[-len(cells) :].sum() == net.room[cells].sum():
            room = held
    flow = _flow(net, room, cells)[len(net.outer[0]) :][: len(net.inner[0])]
    return {**snapshot, "plan": chances.write(net, flow, np.full(len(flow), net.unit))}


def _flow(net: network.Network, room: np.ndarray, cells: np.ndarray) -> np.ndarray:
    tail = np.concatenate([net.outer[0], net.inner[0], cells])
    head = np.concatenate([net.outer[1], net.inner[1], np.full(len(cells), net.size)])
    return max_flow(
        net.size + 1,
        (tail, head, np.concatenate([room, net.inner[2], net.room[cells]])),
        0,
        net.size,
    )


@pytest.mark.parametrize("limited", [False, True])
def test_a_plan_passes_exactly_where_its_loads_are_the_leximin_ones(limited: bool) -> None:
    """On 120 random rounds an uneven plan of the best loads passes, one of other loads doesn't."""
    uneven = refused = 0
    for seed in range(120):
        snapshot = rounds(seed, limited=limited)
        try:
            best = balanced.plan(snapshot)
        except LockError:
            continue
        net = network.build(Snapshot.from_record(best))
        exact = grouped.level_by_level(net, np.ones(len(net.inner[0]), dtype=bool))
        other = {**snapshot, "plan": chances.write(net, exact.flow_num, exact.flow_den)}
        balanced.check(Snapshot.from_record(other))
        assert loads(other) == loads(best)
        uneven += other["plan"] != best["plan"]
        other = filled(snapshot, random.Random(seed))
        if loads(other) == loads(best):
            balanced.check(Snapshot.from_record(other))
            continue
        with pytest.raises(LockError) as caught:
            balanced.check(Snapshot.from_record(other))
        assert caught.value.code == "plan-unequal"
        refused += 1
    assert uneven > 10
    assert refused > 20


def test_flows_of_large_capacities_are_exact() -> None:
    """On 60 random graphs with capacities of 60 bits the flow is the maximum, as networkx finds."""
    for seed in range(60):
        order = random.Random(seed)
        pairs = [(a, b) for a in range(9) for b in range(a + 1, 9) if order.random() < 0.5]
        tail, head = (np.array([pair[end] for pair in pairs], dtype=np.int64) for end in (0, 1))
        cap = np.array([order.randrange(1 << 60) for _ in pairs], dtype=object)
        flow = max_flow(9, (tail, head, cap), 0, 8)
        graph = nx.DiGraph()
        graph.add_nodes_from(range(9))
        for (a, b), most in zip(pairs, cap, strict=True):
            graph.add_edge(a, b, capacity=most)
        assert sum(flow[tail == 0]) == nx.maximum_flow_value(graph, 0, 8), seed
        assert all(0 <= one <= most for one, most in zip(flow, cap, strict=True))
        assert all(sum(flow[head == v]) == sum(flow[tail == v]) for v in range(1, 8))


def test_capacities_never_reach_scipy_beyond_32_bits() -> None:
    """The inner flow refuses a capacity that scipy would wrap; the largest one it takes."""
    ends = (np.array([0, 1]), np.array([1, 2]))
    assert max_flow(3, (*ends, np.array([CEILING, CEILING])), 0, 2).tolist() == [CEILING] * 2
    with pytest.raises(OverflowError):
        flows._max_flow_32(3, (*ends, np.array([CEILING + 1, 1])), 0, 2)


def test_a_denominator_beyond_the_verifiers_reach_is_refused() -> None:
    """Chances whose common denominator has more than 8,192 bits aren't added up."""
    primes = [p for p in range(3, 10_000, 2) if all(p % q for q in range(3, int(p**0.5) + 1, 2))]
    experts = [{"id": f"E{at:04}"} for at in range(2 * len(primes))]
    snapshot = record(experts, [{"id": "P", "seats": {"S": len(primes)}}])
    rows = []
    for at, prime in enumerate(primes):
        for step, part in enumerate((Fraction(1, prime), Fraction(prime - 1, prime))):
            rows.append([f"E{2 * at + step:04}", "P", "S", part.numerator, part.denominator])
    with pytest.raises(LockError) as caught:
        balanced.check(Snapshot.from_record({**snapshot, "plan": rows}))
    assert caught.value.code == "too-fine"

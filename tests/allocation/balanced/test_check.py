from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from allocation import balanced
from allocation.balanced import chances, network
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
def test_a_filled_plan_passes_exactly_where_its_loads_are_the_leximin_ones(limited: bool) -> None:
    """Of 200 arbitrary plans that keep every rule, those with other loads are refused."""
    passed = refused = 0
    for seed in range(200):
        snapshot = rounds(seed, limited=limited)
        try:
            best = balanced.plan(snapshot)
        except LockError:
            continue
        other = filled(snapshot, random.Random(seed))
        found = Snapshot.from_record(other)
        if loads(other) == loads(best):
            balanced.check(found)
            passed += 1
            continue
        with pytest.raises(LockError) as caught:
            balanced.check(found)
        assert caught.value.code == "plan-unequal"
        refused += 1
    assert passed > 5
    assert refused > 20


def test_capacities_of_32_bits_are_guarded() -> None:
    """A capacity that scipy would wrap to a negative number is refused; the largest is not."""
    ends = (np.array([0, 1]), np.array([1, 2]))
    assert max_flow(3, (*ends, np.array([CEILING, CEILING])), 0, 2).tolist() == [CEILING] * 2
    with pytest.raises(LockError) as caught:
        max_flow(3, (*ends, np.array([CEILING + 1, 1])), 0, 2)
    assert caught.value.code == "too-fine"


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

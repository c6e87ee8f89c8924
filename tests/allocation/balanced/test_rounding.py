from __future__ import annotations

from hashlib import sha256

import pytest

from allocation import balanced
from allocation.errors import LockError
from allocation.snapshot import Snapshot
from tests.allocation.balanced.instances import record, rounds
from tests.allocation.balanced.reference import draw


@pytest.mark.parametrize("limited", [False, True])
def test_seats_equal_a_naive_reading_of_the_page(limited: bool) -> None:
    """The resumed walk over integers draws what restarted walks over fractions draw."""
    compared = 0
    for number in range(150):
        try:
            planned = balanced.plan(rounds(number, limited=limited))
        except LockError:
            continue
        seed = sha256(str(number).encode()).digest()
        seats = balanced.draw(Snapshot.from_record(planned), seed)["seats"]
        assert seats == draw(planned, seed, []), number
        compared += 1
    assert compared > 40


def test_a_plan_that_is_no_flow_is_not_drawn() -> None:
    """Chances that don't fill a seat end in an error, not in an empty seat."""
    snapshot = record([{"id": "A"}, {"id": "B"}], [{"id": "P"}])
    snapshot["plan"] = [["A", "P", "S", 1, 2], ["B", "P", "S", 1, 3]]
    with pytest.raises(LockError) as caught:
        balanced.draw(Snapshot.from_record(snapshot), b"\0" * 32)
    assert caught.value.code == "plan-cell"

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import balanced, verify
from allocation.canonical import canonical
from allocation.errors import AllocationError, LockError
from allocation.snapshot import Snapshot
from tests.allocation.verify.making import balanced_record

QUICK = settings(
    max_examples=40, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
LIMITS = st.sampled_from(
    [
        (),
        (("employer", "draw", 3),),
        (("province", "draw", 8), ("employer", "draw", 4)),
        (("province", "cell", 1),),
        (("employer", "draw", 4), ("province", "cell", 1), ("employer", "cell", 1)),
    ]
)
CAPS = st.sampled_from([(1, 2), (2, 3), (1, 1)])


def planned(seed: int, limits: Any, cap: tuple[int, int]) -> dict[str, Any] | None:
    """Return a planned snapshot, or None where no plan exists."""
    try:
        return balanced_record(seed=seed, limits=limits, cap=cap, experts=30, dossiers=7)[0]
    except LockError:
        return None


def refusal(record: dict[str, Any]) -> str | None:
    """Return why verify.py refuses a plan, or None."""
    try:
        verify.Balanced(verify.Snapshot(record, canonical(record))).check()
    except verify.Refused as error:
        return error.code
    return None


@QUICK
@given(st.integers(0, 200), LIMITS, CAPS, st.binary(min_size=32, max_size=32))
def test_both_implementations_accept_the_plan_and_seat_the_same(
    seed: int, limits: Any, cap: tuple[int, int], drawn: bytes
) -> None:
    """The plan passes both checks and the rounding gives the same seats for any seed."""
    record = planned(seed, limits, cap)
    if record is None:
        return
    assert refusal(record) is None
    snapshot = verify.Snapshot(record, canonical(record))
    theirs = balanced.draw(Snapshot.from_record(record), drawn)["seats"]
    assert verify.Balanced(snapshot).rounded(drawn) == theirs


@QUICK
@given(st.integers(0, 200), LIMITS, CAPS, st.data())
def test_both_implementations_refuse_the_same_unfair_plans(
    seed: int, limits: Any, cap: tuple[int, int], data: st.DataObject
) -> None:
    """A little chance moved between two experts of a cell is judged alike by both checks."""
    record = planned(seed, limits, cap)
    if record is None:
        return
    rows = record["plan"]
    one = data.draw(st.sampled_from(rows))
    others = [row for row in rows if row[1:3] == one[1:3] and row is not one]
    if not others:
        return
    two = data.draw(st.sampled_from(others))
    common = one[4] * two[4] * data.draw(st.integers(1, 50))
    one[3:], two[3:] = (
        [one[3] * common // one[4] - 1, common],
        [two[3] * common // two[4] + 1, common],
    )
    if one[3] == 0:
        rows.remove(one)
    for row in (one, two):
        shared = verify.math.gcd(row[3], row[4])
        row[3:] = [row[3] // shared, row[4] // shared]
    try:
        balanced.check(Snapshot.from_record(record))
    except AllocationError:
        assert refusal(record) is not None
    else:
        assert refusal(record) is None


def test_an_unfair_plan_names_who_could_have_more() -> None:
    """The refusal of a plan that favours somebody says whose load could rise."""
    record = planned(3, (), (1, 1))
    assert record is not None
    cell = record["plan"][0][1:3]
    rows = [row for row in record["plan"] if row[1:3] == cell]
    rows[0][3:], rows[1][3:] = [rows[0][3] * 2, rows[0][4] * 2], [rows[1][3] * 2, rows[1][4] * 2]
    common = rows[0][4] * rows[1][4]
    rows[0][3:] = [rows[0][3] * rows[1][4] - 1, common]
    rows[1][3:] = [rows[1][3] * (common // rows[1][4]) + 1, common]
    with pytest.raises(verify.Refused) as caught:
        verify.Balanced(verify.Snapshot(record, canonical(record))).check()
    assert caught.value.code == "plan-unfair"

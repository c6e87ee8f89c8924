from __future__ import annotations

from fractions import Fraction

import pytest

from allocation import balanced
from allocation.errors import LockError, RecordError
from tests.allocation.balanced.instances import record, rounds
from tests.allocation.balanced.reference import leximin


def refusal(snapshot: dict) -> LockError:
    """The error with which planning refuses."""
    with pytest.raises(LockError) as caught:
        balanced.plan(snapshot)
    return caught.value


def test_a_cell_without_enough_experts_is_named() -> None:
    """Cells, seats, eligible experts and the absence of a remedy by the pair cap are told."""
    experts = [{"id": f"E{at}"} for at in range(5)]
    conflicts = [(f"E{at}", "DB") for at in range(3)]
    panels = [{"id": "A"}, {"id": "B", "seats": {"S": 3}}]
    error = refusal(record(experts, panels, conflicts))
    assert error.code == "too-few"
    assert error.facts["cells"] == [["B", "S"]]
    assert (error.facts["needed"], error.facts["eligible"]) == (3, ["E3", "E4"])
    assert error.facts["seatable"] == [2, 1]
    assert error.facts["would_do"] is None
    assert "3 seats of S of panel B can't be filled: 2 eligible experts" in str(error)


def test_the_pair_cap_that_would_do_is_exactly_the_smallest() -> None:
    """On random rounds the named cap fills every seat and any smaller one doesn't."""
    found = 0
    for seed in range(300):
        snapshot = rounds(seed, limited=seed % 2 == 1)
        try:
            balanced.plan(snapshot)
            continue
        except LockError as error:
            cap = error.facts["would_do"]
        if cap is None:
            assert leximin({**snapshot, "pair_cap": [1, 1]}) is None, seed
            continue
        balanced.plan({**snapshot, "pair_cap": cap})
        smaller = Fraction(*cap) - Fraction(1, 1000)
        error = refusal({**snapshot, "pair_cap": [smaller.numerator, smaller.denominator]})
        assert error.code == "too-few"
        found += 1
    assert found > 10


def test_full_limits_and_capacities_are_told() -> None:
    """A limit of the draw, one of a cell and a used-up capacity are named with their numbers."""
    experts = [{"id": f"E{at}", "employer": "U"} for at in range(4)]
    panels = [{"id": "A"}, {"id": "B"}]
    error = refusal(record(experts, panels, limits=[("employer", "draw", 1)]))
    assert error.facts["full_groups"] == [["employer", "U", 1]]
    assert "at most 1 of employer U in the draw" in str(error)
    two = [{"id": "A", "seats": {"S": 2}}]
    error = refusal(record(experts, two, limits=[("employer", "cell", 1)]))
    assert error.facts["full_limits"] == [["A", "S", "employer", "U", 1]]
    assert "at most 1 of employer U in S of panel A" in str(error)
    error = refusal(record(experts[:1], panels))
    assert error.facts["full_experts"] == ["E0"]


def test_limits_that_break_exactness_are_refused_with_what_to_use_instead() -> None:
    """Panel limits over several strata, and crossing employers and provinces, are refused."""
    experts = [{"id": f"E{at}", "stratum": "ST"[at % 2]} for at in range(6)]
    panels = [{"id": "A", "seats": {"S": 1, "T": 1}}]
    error = refusal(record(experts, panels, limits=[("employer", "panel", 1)]))
    assert error.code == "limit-crosses"
    assert error.facts["instead"] == ["cell", "draw", "lottery"]
    crossing = [
        {"id": f"E{at}", "employer": "UUV"[at], "province": "PQP"[at]} for at in range(3)
    ]  # fmt: skip
    for scope in ("draw", "cell"):
        limits = [("employer", scope, 1), ("province", scope, 1)]
        error = refusal(record(crossing, [{"id": "A"}], limits=limits))
        assert error.code == "limit-crosses"
        assert (error.facts["employer"], error.facts["province"]) == ("U", "P")
        assert "lottery" in error.facts["instead"]


def test_what_is_no_balanced_snapshot_is_refused() -> None:
    """A dealt panel, another method, a bad pair cap each get their own error."""
    assert refusal(record([{"id": "E"}], [{"id": "A", "deal": True}])).code == "deal"
    good = record([{"id": "E"}], [{"id": "A"}])
    for cap in ([2, 1], [0, 1], [1], None, [1.5, 2], [True, 1]):
        with pytest.raises(RecordError):
            balanced.plan({**good, "pair_cap": cap})
    lottery = {key: value for key, value in good.items() if key not in {"pair_cap", "plan"}}
    with pytest.raises((LockError, RecordError)):
        balanced.plan({**lottery, "method": "lottery"})


def test_amounts_beyond_62_bits_are_refused() -> None:
    """A pair cap whose denominator would overflow is refused; one of 32 bits is kept exactly."""
    experts = [{"id": f"E{at}"} for at in range(3)]
    many = [{"id": f"E{at:04}"} for at in range(1200)]
    three = [{"id": "A", "seats": {"S": 3}}]
    planned = balanced.plan(record(experts, [{"id": "A"}], pair_cap=(2**31, 2**31 + 1)))
    assert [row[3:] for row in planned["plan"]] == [[1, 3]] * 3
    error = refusal(record(experts, three, pair_cap=(2**31, 2**31 + 1)))
    assert error.facts["would_do"] == [1, 1]
    error = refusal(record(many, three, pair_cap=(1, 2**52)))
    assert error.code == "too-fine"

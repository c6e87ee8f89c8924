from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pytest

from allocation import balanced
from allocation.errors import LockError
from allocation.snapshot import Snapshot
from tests.allocation.balanced.instances import record, rounds
from tests.allocation.balanced.reference import eligible, leximin


def loads(planned: dict) -> dict[str, Fraction]:
    """Every expert's expected number of seats."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for expert, _, _, top, bottom in planned["plan"]:
        found[expert] += Fraction(top, bottom)
    return found


@pytest.mark.parametrize("limited", [False, True])
def test_loads_equal_an_independent_linear_program(limited: bool) -> None:
    """On 220 solvable random rounds the exact loads are those of iterated linear programs."""
    solved = refused = 0
    for seed in range(1_000):
        snapshot = rounds(seed, limited=limited)
        wanted = leximin(snapshot)
        if wanted is None:
            refused += 1
            with pytest.raises(LockError, match="can't be filled"):
                balanced.plan(snapshot)
            continue
        found = loads(balanced.plan(snapshot))
        got = [float(found[one["id"]]) for one in snapshot["experts"]]
        assert got == pytest.approx(wanted, abs=1e-7), seed
        solved += 1
        if solved == 110:
            break
    assert solved == 110
    assert refused > 10


@pytest.mark.parametrize("limited", [False, True])
def test_every_rule_holds_as_fractions(limited: bool) -> None:
    """Seats, pair cap, capacities and limits of a plan hold exactly, on 120 random rounds."""
    for seed in range(1_000, 1_120):
        snapshot = rounds(seed, limited=limited)
        try:
            planned = balanced.plan(snapshot)
        except LockError:
            continue
        experts = {one["id"]: one for one in planned["experts"]}
        known = {(one["id"], panel, stratum) for one, panel, stratum in eligible(planned)}
        cells: dict[tuple, Fraction] = defaultdict(Fraction)
        limits: dict[tuple, Fraction] = defaultdict(Fraction)
        for expert, panel, stratum, top, bottom in planned["plan"]:
            assert (expert, panel, stratum) in known
            chance = Fraction(top, bottom)
            assert 0 < chance <= Fraction(*planned["pair_cap"])
            cells[panel, stratum] += chance
            for limit in planned["limits"]:
                value = experts[expert][limit["field"]]
                where = (panel, stratum) if limit["scope"] == "cell" else ()
                limits[limit["field"], limit["scope"], limit["max"], value, *where] += chance
        wanted = {(p["id"], s): n for p in planned["panels"] for s, n in p["seats"].items()}
        assert cells == wanted
        assert all(found <= key[2] for key, found in limits.items())
        assert all(found <= experts[name]["capacity"] for name, found in loads(planned).items())
        assert planned["plan"] == sorted(planned["plan"])
        assert balanced.check(Snapshot.from_record(planned)) is not None


def test_without_conflicts_every_chance_is_the_even_share() -> None:
    """Ten experts, two panels of two seats, no conflict: every chance is exactly 1/5."""
    experts = [{"id": f"E{at}"} for at in range(10)]
    planned = balanced.plan(record(experts, [{"id": p, "seats": {"S": 2}} for p in "AB"]))
    assert [row[3:] for row in planned["plan"]] == [[1, 5]] * 20


def test_a_conflict_moves_the_chance_to_another_panel() -> None:
    """An expert barred from one panel keeps an equal load through the other."""
    experts = [{"id": f"E{at}"} for at in range(4)]
    planned = balanced.plan(record(experts, [{"id": "A"}, {"id": "B"}], [("E0", "DA")]))
    assert set(loads(planned).values()) == {Fraction(1, 2)}
    assert ["E0", "B", "S", 1, 2] in planned["plan"]


def test_the_plan_of_the_same_snapshot_is_the_same() -> None:
    """Planning twice, or over an earlier plan, gives the same bytes, and the stages are told."""
    snapshot = rounds(3)
    stages: list[str] = []
    first = balanced.plan(snapshot, stages.append)
    assert balanced.plan(first) == first
    assert stages == ["network", "levels", "evening"]


def test_a_capacity_that_is_the_level_is_settled() -> None:
    """An expert whose capacity equals the level while others go on doesn't stop the search."""
    planned = balanced.plan(
        record(
            [{"id": "E0", "capacity": 1, "employer": "U"}]
            + [{"id": f"E{at}", "capacity": 3, "employer": "U"} for at in range(1, 4)],
            [{"id": f"P{at}", "seats": {"S": 2}} for at in range(4)],
            limits=[("employer", "draw", 8)],
        )
    )
    assert loads(planned) == {
        "E0": 1,
        "E1": Fraction(7, 3),
        "E2": Fraction(7, 3),
        "E3": Fraction(7, 3),
    }


def grouped_round(sizes: list[int]) -> dict:
    """Employers of these sizes, each limited to three seats, and six experts without employer."""
    experts = [
        {"id": f"E{size:02}-{at:02}", "employer": f"U{size}", "capacity": 3}
        for size in sizes
        for at in range(size)
    ]
    experts += [{"id": f"F{at}", "capacity": 40} for at in range(6)]
    panels = [{"id": f"P{at:02}", "seats": {"S": 2}} for at in range(40)]
    conflicts = [
        (expert["id"], f"DP{at:02}")
        for number, expert in enumerate(experts)
        for at in range(40)
        if (number * 37 + at * 11) % 29 == 0
    ]
    return record(experts, panels, conflicts, [("employer", "draw", 3)], (1, 1))


def test_groups_of_many_sizes_are_exact_beyond_32_bits() -> None:
    """Eight employers of coprime sizes, each at its limit, need denominators beyond 32 bits."""
    sizes = [7, 11, 13, 17, 19, 23, 29, 31]
    planned = balanced.plan(grouped_round(sizes))
    balanced.check(Snapshot.from_record(planned))
    found = loads(planned)
    assert all(found[f"E{size:02}-00"] == Fraction(3, size) for size in sizes)
    assert {found[f"F{at}"] for at in range(6)} == {Fraction(80 - 3 * len(sizes), 6)}


def test_chances_too_fine_for_a_record_are_refused() -> None:
    """Thirteen coprime sizes would need denominators beyond 2^53: refused in words."""
    with pytest.raises(LockError) as caught:
        balanced.plan(grouped_round([7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]))
    assert caught.value.code == "too-fine"

"""The list under quotas equals the best of all lists tried one by one."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.quotas import Choice, Entry, choose

PROVINCES = ("a", "b", "c")
CATEGORIES = ("x", "y")


@st.composite
def instances(
    draw: st.DrawFn,
) -> tuple[list[Entry], int | None, dict[str, int], dict[str, int]]:
    """Return small instances with many equal costs, so that ties are common."""
    count = draw(st.integers(1, 8))
    entries = [
        Entry(
            f"d{number}",
            draw(st.sampled_from(PROVINCES)),
            draw(st.sampled_from(CATEGORIES)),
            draw(st.integers(0, 5)),
        )
        for number in range(count)
    ]
    most = draw(st.dictionaries(st.sampled_from(PROVINCES), st.integers(0, 3)))
    least = draw(st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 2)))
    low = sum(least.values())
    total = draw(st.none() | st.integers(low, max(low, 6)))
    return entries, total, most, least


def brute_force(
    entries: list[Entry], total: int | None, most: dict[str, int], least: dict[str, int]
) -> tuple[int, int, int, list[frozenset[str]]]:
    """Return size, units of minima reached, cost, and all the best lists."""

    def measures(chosen: tuple[Entry, ...]) -> tuple[int, int, int]:
        met = sum(
            min(need, sum(entry.category == name for entry in chosen))
            for name, need in least.items()
        )
        return -len(chosen), -met, sum(entry.cost for entry in chosen)

    legal = [
        chosen
        for size in range(len(entries) + 1)
        if total is None or size <= total
        for chosen in combinations(entries, size)
        if all(sum(e.province == name for e in chosen) <= cap for name, cap in most.items())
    ]
    best = min(measures(chosen) for chosen in legal)
    lists = [
        frozenset(entry.id for entry in chosen) for chosen in legal if measures(chosen) == best
    ]
    return (*best, lists)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(instances())
def test_choice_is_the_best_of_all_lists(
    instance: tuple[list[Entry], int | None, dict[str, int], dict[str, int]],
) -> None:
    """Size, minima reached, cost and the tied entries equal those of exhaustive search."""
    entries, total, most, least = instance
    size, met, cost, lists = brute_force(*instance)
    choice = choose(entries, total, most, least)
    assert choice.taken in lists
    assert len(choice.taken) == -size
    assert sum(entry.cost for entry in entries if entry.id in choice.taken) == cost
    in_all = frozenset.intersection(*lists)
    in_some = frozenset.union(*lists)
    assert choice.tied == in_some - in_all
    assert sum(choice.short.values()) == sum(least.values()) + met


@settings(max_examples=60, deadline=None, derandomize=True)
@given(instances(), st.randoms(use_true_random=False))
def test_order_of_entries_does_not_matter(
    instance: tuple[list[Entry], int | None, dict[str, int], dict[str, int]], random: object
) -> None:
    """Shuffled entries give the same choice, down to the ids."""
    entries, total, most, least = instance
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(shuffled, total, most, least) == choose(entries, total, most, least)


def test_huge_costs_decide_exactly() -> None:
    """Costs that differ by one beyond the reach of floats still decide."""
    entries = [Entry("a", "p", "x", 10**40 + 1), Entry("b", "p", "x", 10**40)]
    assert choose(entries, 1) == Choice(frozenset({"b"}), frozenset(), {})


@pytest.mark.parametrize("count", [2000])
def test_large_rounds_are_quick_enough_to_be_exact(count: int) -> None:
    """Two thousand dossiers under quotas that bind keep every quota."""
    entries = [Entry(f"d{n:04d}", f"p{n % 31}", f"c{n % 6}", n // 7) for n in range(count)]
    choice = choose(entries, 120, dict.fromkeys((f"p{n}" for n in range(31)), 5), {"c5": 30})
    chosen = [entry for entry in entries if entry.id in choice.taken]
    assert len(chosen) == 120
    assert max(sum(e.province == f"p{n}" for e in chosen) for n in range(31)) <= 5
    assert sum(e.category == "c5" for e in chosen) >= 30

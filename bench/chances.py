"""Whether exchangeable experts have equal chances: chi-square tests over many seeds.

Experts that no rule tells apart must be seated equally often. Who sits takes a seat from others,
so their counts are not independent: for exchangeable experts with chance m of a seat and chance p
that two given ones both sit, Σ(O − E)²/E is chi-square of N − 1 degrees of freedom times
(m − p)/m, and is divided by that, with m and p as measured.
Run: python bench/chances.py [seeds]
"""

from __future__ import annotations

import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from scipy.stats import chi2

from allocation import lottery
from allocation.hashing import Seeded
from allocation.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SEEDS = 20_000
LEAST = 0.001  # a fair draw falls below once in a thousand tests; seeds are fixed, so never anew


def snapshot() -> Snapshot:
    """Return 36 experts in three groups, three panels of unequal size, conflicts and a limit."""
    experts = [
        {"id": f"e{n:02}", "stratum": "ab"[n % 2], "employer": f"g{n // 2}" if n < 24 else "",
         "province": "", "capacity": 1, "identity": "0" * 64}
        for n in range(36)
    ]  # fmt: skip
    panel = {"class": "c", "deal": False}
    record = {
        "protocol": "review-draw/v1", "draw_id": "bench/draw/1", "method": "lottery",
        "experts": experts,
        "panels": [
            panel | {"id": "P1", "seats": {"a": 3, "b": 1}, "dossiers": ["D1"]},
            panel | {"id": "P2", "seats": {"a": 1, "b": 2}, "dossiers": ["D2"]},
            panel | {"id": "P3", "seats": {"a": 2}, "dossiers": ["D3"]},
        ],
        "dossiers": [{"id": f"D{n}", "class": "c", "province": ""} for n in (1, 2, 3)],
        "conflicts": [
            {"expert": f"e{n:02}", "dossier": "D1", "rule": "own"} for n in range(24, 30)
        ],
        "limits": [{"field": "employer", "scope": "draw", "max": 1}],
        "sources": [{"kind": "public", "name": "numbers", "date": "2026-03-02"}],
        "locked_at": "2026-03-01T00:00:00Z",
    }  # fmt: skip
    return Snapshot.from_record(record)


def groups(experts: Sequence[str]) -> dict[str, list[str]]:
    """Return the experts that no rule tells apart.

    Of the first 24 each shares the employer with one of the other stratum, six more have a
    conflict with the first panel, the last six neither.
    """
    found: dict[str, list[str]] = {}
    for name in experts:
        n = int(name[1:])
        kind = "shared employer" if n < 24 else "conflict with P1" if n < 30 else "free"
        found.setdefault(f"stratum {'ab'[n % 2]}, {kind}", []).append(name)
    return found


def uniform(counts: Mapping[str, int], names: Sequence[str], factor: float) -> tuple[float, float]:
    """Return the corrected chi-square statistic and its p-value."""
    expected = sum(counts[name] for name in names) / len(names)
    statistic = sum((counts[name] - expected) ** 2 for name in names) / expected / factor
    return statistic, float(chi2.sf(statistic, len(names) - 1))


def main() -> int:
    """Print every test; 1 where one fails."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    locked = snapshot()
    names = [one.id for one in locked.experts]
    seated: Counter[str] = Counter()
    squares: Counter[str] = Counter()
    first: Counter[str] = Counter()
    chosen: Counter[str] = Counter()
    attempts = 0
    kinds = groups(names)
    for number in range(seeds):
        seed = sha256(b"chances %d" % number).digest()
        result: dict[str, Any] = lottery.draw(locked, seed)
        attempts += result["attempt"] + 1
        first[result["order"][0]] += 1
        sitting = {seat["expert"] for seat in result["seats"]}
        seated.update(sitting)
        for kind, members in kinds.items():
            squares[kind] += len(sitting.intersection(members)) ** 2
        chosen[str(Seeded(seed).below(7, b"bench"))] += 1
    tests = [
        ("first place in the order", *uniform(first, names, 1.0), len(names)),
        ("below(7)", *uniform(chosen, [str(n) for n in range(7)], 1.0), 7),
    ]
    for kind, members in sorted(kinds.items()):
        size = len(members)
        mean = sum(seated[name] for name in members) / seeds / size
        pairs = (squares[kind] / seeds - mean * size) / (size * (size - 1))
        factor = (mean - pairs) / mean
        tests.append((f"seated: {kind}", *uniform(seated, members, factor), size))
    print(f"{seeds:,} seeds, {attempts / seeds:.3f} walks a draw")
    print(f"{'':44} {'χ²':>7} {'df':>3} {'p':>7}")
    for name, statistic, p, size in tests:
        print(f"{name:44} {statistic:7.2f} {size - 1:3} {p:7.4f}")
    return 1 if any(p < LEAST for _, _, p, _ in tests) else 0


if __name__ == "__main__":
    sys.exit(main())

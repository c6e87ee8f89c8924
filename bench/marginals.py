"""How often experts and pairs are drawn, beside the published chances: 5,000 draws of one round.

    python bench/marginals.py

The round has five strata, two panels of fixed dossiers, a pair cap and limits of both kinds. Fails
where the mean squared z of a frequency lies outside 0.95 to 1.05, or a rule was ever broken.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import balanced
from allocation.balanced import chances, network, seats
from allocation.snapshot import Snapshot
from bench.support.rounds import snapshot

DRAWS = 5_000
LIMITS = 0.95, 1.05


def a_round() -> dict[str, Any]:
    record = snapshot(1_000, 2, 5, 4, 1, shared=True, held=4)
    record["pair_cap"] = [1, 4]
    for one in record["experts"]:
        one["employer"] = one["province"] + "/" + one["employer"]
    record["limits"] = [
        {"field": "employer", "scope": "draw", "max": 2},
        {"field": "province", "scope": "cell", "max": 1},
    ]
    return balanced.plan(record)


def _count(part: tuple[int, int]) -> tuple[Counter[tuple[str, str]], int]:
    """Draw some seeds; return how often each pair sat, and how many rules were broken."""
    record = a_round()
    found = Snapshot.from_record(record)
    net = network.build(found)
    plan = chances.read(net, record["plan"])
    totals = chances.add_up(net, plan)
    counts: Counter[tuple[str, str]] = Counter()
    broken = 0
    for number in range(*part):
        drawn = seats.draw_seats(net, plan, totals, sha256(f"seed {number}".encode()).digest())
        counts.update((seat["expert"], seat["panel"]) for seat in drawn)
        broken += _broken(found, drawn)
    return counts, broken


def _broken(found: Snapshot, drawn: list[dict[str, str]]) -> int:
    """Count the rules that a draw breaks: strata, seats, conflicts, capacity, limits."""
    experts = {one.id: one for one in found.experts}
    where = {dossier: panel.id for panel in found.panels for dossier in panel.dossiers}
    barred = {(one.expert, where[one.dossier]) for one in found.conflicts}
    cells = Counter((seat["panel"], seat["stratum"]) for seat in drawn)
    wanted = {(p.id, name): count for p in found.panels for name, count in p.seats.items()}
    sits = Counter(seat["expert"] for seat in drawn)
    employers = Counter(experts[seat["expert"]].employer for seat in drawn)
    provinces = Counter(
        (seat["panel"], seat["stratum"], experts[seat["expert"]].province) for seat in drawn
    )
    return (
        (cells != wanted)
        + sum((seat["expert"], seat["panel"]) in barred for seat in drawn)
        + sum(experts[seat["expert"]].stratum != seat["stratum"] for seat in drawn)
        + sum(count > experts[name].capacity for name, count in sits.items())
        + sum(count > 2 for count in employers.values())
        + sum(count > 1 for count in provinces.values())
    )


def marginals(draws: int = DRAWS) -> int:
    """Print the mean squared z of expert and pair frequencies; it is 1 where chances are exact.

    Return 1 where it lies outside the limits or a rule was broken, else 0.
    """
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_count, [(0, draws // 2), (draws // 2, draws)]))
    counts = parts[0][0] + parts[1][0]
    plan = a_round()["plan"]
    pair = {(str(row[0]), str(row[1])): row[3] / row[4] for row in plan}
    expert: dict[str, float] = defaultdict(float)
    for (name, _), chance in pair.items():
        expert[name] += chance
    sat: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sat[name] += count
    broken = parts[0][1] + parts[1][1]
    good = broken == 0
    print(f"marginals: {draws:,} draws, {len(expert):,} experts, {len(pair):,} pairs")
    compared = {
        "experts": [(chance, sat[name]) for name, chance in expert.items()],
        "pairs": [(chance, counts[names]) for names, chance in pair.items()],
    }
    for title, rows in compared.items():
        p, n = np.array(rows, dtype=float).T
        z = ((n - draws * p) ** 2 / (draws * p * (1 - p)))[p < 1]
        good &= bool(LIMITS[0] <= z.mean() <= LIMITS[1])
        print(f"    mean squared z of {title} = {z.mean():.3f} (limit {LIMITS[0]} to {LIMITS[1]})")
    print(f"    rules broken = {broken} (limit 0)")
    return int(not good)


if __name__ == "__main__":
    sys.exit(marginals())

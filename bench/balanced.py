"""Time and memory of the balanced method; figures against their limits.

    python bench/balanced.py                    the sizes up to 20,000 × 20,000
    python bench/balanced.py --growth FILE.svg  1,000 to 20,000, as a plot
    python bench/balanced.py --only NAME        one of: panels, dossiers, large, whole

Every size runs in a process of its own, so that its peak memory is its own. Seconds are those of
the processor, which an idle machine's clock shows too (one thread); the clock stands beside them.
Fails where a limit is broken. Beyond 20,000: partitions.py; chances beside frequencies:
marginals.py.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import balanced
from allocation.balanced import chances, checks, levels, network, sampling, seats, spread
from allocation.snapshot import Snapshot
from bench.support.rounds import GIB, snapshot


def panels() -> dict[str, Any]:
    """20 panels of five strata, eight dossiers each, 2,000 experts."""
    return snapshot(2_000, 20, 5, 1, 1, shared=True, held=8)


def dossiers() -> dict[str, Any]:
    """1,000 dossiers of three reviews, 800 experts of load 6."""
    return snapshot(800, 1_000, 1, 3, 6, shared=False)


def large(size: int = 20_000) -> dict[str, Any]:
    """As many dossiers as experts, three reviews each, load 6, strata of 129 experts."""
    return snapshot(size, size, size // 129, 3, 6, shared=False)


def measure(name: str, size: int = 0) -> dict[str, float]:
    """Plan, check and draw one size; seconds, rows and peak bytes of this process."""
    record = {"panels": panels, "dossiers": dossiers, "large": large}[name](
        *([size] if size else [])
    )
    clock = time.perf_counter()
    start = time.process_time()
    planned = balanced.plan(record)
    plan = time.process_time() - start
    found = Snapshot.from_record(planned)
    start = time.process_time()
    balanced.check(found)
    check = time.process_time() - start
    start = time.process_time()
    drawn = balanced.draw(found, sha256(name.encode()).digest())["seats"]
    draw = time.process_time() - start
    clock = time.perf_counter() - clock
    wanted = sum(sum(panel["seats"].values()) for panel in record["panels"])
    if len(drawn) != wanted:
        raise SystemExit(f"{name}: {len(drawn)} of {wanted} seats")
    return {
        "pairs": len(network.build(found).pair_expert),
        "plan": plan,
        "check": check,
        "draw": draw,
        "clock": clock,
        "rows": len(planned["plan"]),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def whole(size: int = 20_000, each: int = 125) -> dict[str, float]:
    """One component without strata: every expert eligible for `each` random dossiers."""
    rng = np.random.default_rng(4)
    rows = np.repeat(np.arange(size), each)
    columns = rng.integers(0, size, len(rows))
    keys = np.unique(rows * size + columns)
    clock = time.perf_counter()
    start = time.process_time()
    first, cells = 1, 1 + size
    net = network.Network(
        tuple(f"E{at:06}" for at in range(size)), (), (),
        tuple((f"P{at:06}", "S") for at in range(size)),
        np.zeros(1 + 2 * size, np.int64),
        np.concatenate([[0], np.full(size, 6 * 2), np.full(size, 3 * 2)]).astype(np.int64),
        keys // size + first, keys % size + cells, keys % size + cells, 1, 2,
    )  # fmt: skip
    few = sampling.sample(net)
    rows_of = chances.write(net, *spread.spread(net, levels.decompose(net, few), few))
    plan = time.process_time() - start
    start = time.process_time()
    found = chances.read(net, rows_of)
    totals = chances.add_up(net, found)
    checks.check_amounts(net, found, totals)
    checks.check_leximin(net, found, totals)
    check = time.process_time() - start
    start = time.process_time()
    seats.draw_seats(net, found, totals, bytes(32))
    return {
        "pairs": len(keys),
        "plan": plan,
        "check": check,
        "draw": time.process_time() - start,
        "clock": time.perf_counter() - clock,
        "rows": len(rows_of),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def apart(function: Any, *arguments: Any) -> Any:
    """Return the function's value from a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def tell(title: str, found: dict[str, float], limits: dict[str, float]) -> bool:
    """Print one size and its ratios to the limits; return whether all are kept."""
    print(
        f"{title}: {found['pairs']:,.0f} pairs, plan {found['plan']:.2f} s, "
        f"check {found['check']:.2f} s, draw {found['draw']:.2f} s "
        f"(all by the clock {found['clock']:.1f} s), "
        f"{found['rows']:,.0f} chances published, peak {found['peak'] / GIB:.2f} GiB"
    )
    both = found | {"plan and draw": found["plan"] + found["draw"]}
    for name, limit in limits.items():
        print(f"    {name} / limit = {both[name] / limit:.2f}")
    return all(both[name] <= limit for name, limit in limits.items())


def growth(picture: Path) -> None:
    """Plot seconds of plan and draw from 1,000 × 1,000 to 20,000 × 20,000."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "balanced"
    sizes = [1_000, 2_000, 5_000, 10_000, 20_000]
    found = [apart(measure, "large", size) for size in sizes]
    joined = [apart(whole, size) for size in sizes]
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for title, rows, style in (("in strata", found, "-"), ("one component", joined, "--")):
        for size, one in zip(sizes, rows, strict=True):
            tell(f"{size:,} × {size:,}, {title}", one, {})
        for key, marker, colour in (("plan", "o", "C0"), ("draw", "s", "C1")):
            axes.loglog(
                sizes, [one[key] for one in rows], marker=marker, linestyle=style, color=colour,
                label=f"{key}, {title}",
            )  # fmt: skip
    straight = [found[0]["plan"] * size / sizes[0] for size in sizes]
    axes.loglog(sizes, straight, color="0.6", linestyle=":", label="linear growth")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="experts and dossiers (3 reviews each)", ylabel="processor seconds, one core")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(picture, metadata={"Date": None})


SIZES: dict[str, tuple[str, dict[str, float]]] = {
    "panels": ("20 panels × 2,000 experts", {"plan and draw": 1.0}),
    "dossiers": ("1,000 dossiers × 800 experts", {"plan and draw": 1.0}),
    "large": (
        "20,000 dossiers × 20,000 experts in 155 strata",
        {"plan": 30.0, "draw": 15.0, "peak": 1.5 * GIB},
    ),
    "whole": (
        "20,000 × 20,000 in one component",
        {"plan": 30.0, "draw": 15.0, "peak": 1.5 * GIB},
    ),
}


def main() -> int:
    """Run what is asked for; 1 where a limit was broken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=list(SIZES))
    parser.add_argument("--growth", type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    if options.growth:
        growth(options.growth)
        return 0
    kept = [
        tell(title, apart(whole) if name == "whole" else apart(measure, name), limits)
        for name, (title, limits) in SIZES.items()
        if options.only in {None, name}
    ]
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())

"""Time, memory and marginals of the balanced method; figures against their limits.

    python bench/balanced.py                    the marginals and the sizes up to 20,000 × 20,000
    python bench/balanced.py --partitioned      400,000 × 200,000 in 200 disciplines
    python bench/balanced.py --partitioned 20   a tenth of it
    python bench/balanced.py --growth FILE.svg  1,000 to 20,000, as a plot
    python bench/balanced.py --only NAME        one of: marginals, panels, dossiers, large, whole

Every size runs in a process of its own, so that its peak memory is its own. Seconds are those of
the processor, which an idle machine's clock shows too (one thread); the clock stands beside them.
Generators have fixed seeds: experts and dossiers of 31 provinces, nobody reviews a dossier of the
own province.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from allocation import balanced
from allocation.balanced import chances, checks, levels, network, sampling, seats, spread
from allocation.canonical import canonical
from allocation.snapshot import Snapshot

GIB = 1 << 30
DRAWS = 5_000


def snapshot(
    experts: int, panels: int, strata: int, each: int, capacity: int, *, shared: bool, held: int = 1
) -> dict[str, Any]:
    """A round; `shared`: every panel has seats in every stratum, else in one of them."""
    rng = random.Random(f"{experts} {panels} {strata}")
    names = [f"S{at:03}" for at in range(strata)]
    people = [
        {
            "id": f"E{at:06}", "stratum": names[at % strata], "employer": f"U{rng.randrange(2000)}",
            "province": f"P{rng.randrange(31):02}", "capacity": capacity, "identity": "00" * 32,
        }
        for at in range(experts)
    ]  # fmt: skip
    boards, dossiers = [], []
    for at in range(panels):
        own = [f"D{at:06}-{part}" for part in range(held)]
        dossiers += [
            {"id": name, "class": "c", "province": f"P{rng.randrange(31):02}"} for name in own
        ]
        cells = names if shared else [names[at % strata]]
        boards.append({
            "id": f"P{at:06}", "class": "c", "seats": dict.fromkeys(cells, each), "dossiers": own,
            "deal": False,
        })  # fmt: skip
    home: dict[tuple[str, str], list[str]] = defaultdict(list)
    province = {one["id"]: one["province"] for one in dossiers}
    for board in boards:
        for name in board["seats"]:
            for dossier in board["dossiers"]:
                home[name, province[dossier]].append(dossier)
    conflicts = [
        {"expert": one["id"], "dossier": dossier, "rule": "province"}
        for one in people
        for dossier in sorted(home[one["stratum"], one["province"]])
    ]
    return {
        "protocol": "review-draw/v1", "draw_id": "bench/draw/1", "method": "balanced",
        "experts": people, "panels": boards, "dossiers": dossiers, "conflicts": conflicts,
        "limits": [], "pair_cap": [1, 2], "plan": [],
        "sources": [{"kind": "public", "name": "lottery", "date": "2026-03-01"}],
        "locked_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip


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


def tell(title: str, found: dict[str, float], limits: dict[str, float]) -> None:
    """Print one size and its ratios to the limits (below 1: kept)."""
    print(
        f"{title}: {found['pairs']:,.0f} pairs, plan {found['plan']:.2f} s, "
        f"check {found['check']:.2f} s, draw {found['draw']:.2f} s "
        f"(all by the clock {found['clock']:.1f} s), "
        f"{found['rows']:,.0f} chances published, peak {found['peak'] / GIB:.2f} GiB"
    )
    both = found | {"plan and draw": found["plan"] + found["draw"]}
    for name, limit in limits.items():
        print(f"    {name} / limit = {both[name] / limit:.2f}")


# Marginals: the frequencies of 5,000 draws against the published chances.


def _marginal_round() -> dict[str, Any]:
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
    record = _marginal_round()
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


def marginals(draws: int = DRAWS) -> None:
    """Print the mean squared z of expert and pair frequencies; it is 1 where chances are exact."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_count, [(0, draws // 2), (draws // 2, draws)]))
    counts = parts[0][0] + parts[1][0]
    plan = _marginal_round()["plan"]
    pair = {(row[0], row[1]): row[3] / row[4] for row in plan}
    expert: Counter[str] = Counter()
    for (name, _), chance in pair.items():
        expert[name] += chance
    sat: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sat[name] += count
    print(f"marginals: {draws:,} draws, {len(expert):,} experts, {len(pair):,} pairs")
    for title, chance, seen in (("experts", expert, sat), ("pairs", pair, counts)):
        p = np.array([chance[key] for key in chance])
        n = np.array([seen[key] for key in chance])
        z = ((n - draws * p) ** 2 / (draws * p * (1 - p)))[p < 1]
        print(f"    mean squared z of {title} = {z.mean():.3f} (limit 0.95 to 1.05)")
    print(f"    rules broken = {parts[0][1] + parts[1][1]} (limit 0)")


# Partitions and growth.


def partitioned(disciplines: int = 200) -> None:
    """Plan, check and draw 2,000 dossiers × 1,000 experts a discipline by the command, 2 processes.

    The limit of time is in proportion to the number of disciplines; 200 of them are the whole.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.mkdir()
        record = snapshot(1_000, 2_000, 2, 3, 8, shared=False)
        for at in range(disciplines):
            one = record | {"draw_id": f"bench/{at}/draw/1", "locked_at": "2026-01-01T00:00:00Z"}
            rng = random.Random(at)  # another assignment of provinces to the experts
            names = sorted({expert["province"] for expert in record["experts"]})
            turned = dict(zip(names, rng.sample(names, len(names)), strict=True))
            one["experts"] = [
                expert | {"province": turned[expert["province"]]} for expert in record["experts"]
            ]
            one["conflicts"] = _home_conflicts(one)
            (source / f"discipline-{at:03}.json").write_bytes(canonical(one))
        entries = Path(folder, "entries.json")
        entries.write_bytes(canonical([{"kind": "public", "key": "1.2.3./"}]))
        start = time.perf_counter()
        command = [
            sys.executable, "-m", "allocation.balanced", "--partitions", str(source),
            "--out", str(Path(folder, "out")), "--workers", "2", "--sources", str(entries),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
            peak = _watch(running)
        seconds = time.perf_counter() - start
    if running.returncode:
        raise SystemExit("a partition was refused")
    print(
        f"partitioned: {disciplines * 2_000:,} dossiers × {disciplines * 1_000:,} experts in "
        f"{disciplines} disciplines, {seconds:.0f} s, peak {peak / GIB:.2f} GiB over all processes"
    )
    limit = 1200 * disciplines / 200
    print(f"    time / limit = {seconds / limit:.2f}, memory / limit = {peak / GIB / 8:.2f}")


def _home_conflicts(record: dict[str, Any]) -> list[dict[str, str]]:
    stratum = {d: next(iter(p["seats"])) for p in record["panels"] for d in p["dossiers"]}
    home: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in record["dossiers"]:
        home[stratum[one["id"]], one["province"]].append(one["id"])
    return [
        {"expert": one["id"], "dossier": dossier, "rule": "province"}
        for one in record["experts"]
        for dossier in home[one["stratum"], one["province"]]
    ]


def _watch(running: subprocess.Popen[bytes]) -> int:
    """Return the largest resident memory of the process and its children together, bytes."""
    peak = 0
    stop = threading.Event()
    while running.poll() is None:
        tree = {running.pid}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, parent = (
                    int(status.parent.name),
                    int(status.read_text().rsplit(")", 1)[1].split()[1]),
                )
            except (OSError, ValueError):
                continue
            if parent in tree:
                tree.add(pid)
        pages = 0
        for pid in tree:
            try:
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
        peak = max(peak, pages * os.sysconf("SC_PAGE_SIZE"))
        stop.wait(1)
    return peak


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


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["marginals", *SIZES])
    parser.add_argument("--partitioned", type=int, nargs="?", const=200, metavar="DISCIPLINES")
    parser.add_argument("--growth", type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    if options.partitioned:
        partitioned(options.partitioned)
    if options.growth:
        growth(options.growth)
    if options.partitioned or options.growth:
        return
    if options.only in {None, "marginals"}:
        marginals()
    for name, (title, limits) in SIZES.items():
        if options.only in {None, name}:
            tell(title, apart(whole) if name == "whole" else apart(measure, name), limits)


if __name__ == "__main__":
    main()

"""The table of docs/statistics.md: top-31 precision of all methods in six kinds of round.

    python bench/simulate.py [ROUNDS [SEED [FIGURES.csv]]]

FIGURES.csv is written for the picture of the methods (docs/statistics_pictures.py). Prints the
table and fails where the default does worse than plain REML by more than 0.003 in some setting, or
stays under 0.725 with unequal noise and careless experts.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path

# Small systems: threads of the linear algebra would cost more than they give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from scoring.simulate import Outcome, simulate, table

LEAST_GAIN = -0.003
LEAST_PRECISION = 0.725


def write(outcomes: list[Outcome], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["setting", "method", "rounds", "precision", "se"])
        for outcome in outcomes:
            for name, values in outcome.precisions.items():
                figures = (f"{outcome.mean(name):.4f}", f"{outcome.error(name):.4f}")
                writer.writerow([outcome.setting.name, name, len(values), *figures])


def main() -> int:
    given = sys.argv[1:]
    rounds, seed = (int(value) for value in (given[:2] + ["100", "0"][len(given[:2]) :]))
    begin = time.perf_counter()
    outcomes = simulate(rounds, seed)
    print(table(outcomes))
    print(f"\n{rounds} rounds a setting, seed {seed}, {time.perf_counter() - begin:.0f} s")
    if len(given) > 2:
        write(outcomes, Path(given[2]))
    failed = [
        outcome.setting.name
        for outcome in outcomes
        if outcome.mean("auto") - outcome.mean("REML BLUP") < LEAST_GAIN
        or (outcome.setting.careless and outcome.mean("auto") < LEAST_PRECISION)
    ]
    for name in failed:
        print(f"under what must hold: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

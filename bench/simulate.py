"""The table of docs/statistics.md: top-31 precision of all methods in six kinds of round.

    python bench/simulate.py [ROUNDS] [SEED]

Prints the table and fails where the default does worse than plain REML by more than 0.003 in some
setting, or stays under 0.725 with unequal noise and careless experts.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

# Small systems: threads of the linear algebra would cost more than they give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from scoring.simulate import simulate, table

LEAST_GAIN = -0.003
LEAST_PRECISION = 0.725


def main() -> int:
    rounds, seed = (int(value) for value in (sys.argv[1:] + ["100", "0"][len(sys.argv) - 1 :]))
    begin = time.perf_counter()
    outcomes = simulate(rounds, seed)
    print(table(outcomes))
    print(f"\n{rounds} rounds a setting, seed {seed}, {time.perf_counter() - begin:.0f} s")
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

"""How often flags are raised: in rounds where nobody is odd, and on what was planted.

    python bench/flags.py [ROUNDS]

Prints, for ROUNDS (100) simulated rounds each: the share of clean rounds with a flag of each kind
(where experts differ in leniency alone, the correction promises at most 5 % a kind), the share of
careless experts that are flagged and of the others that are, and the share of copying pairs found.
Fails where a kind is raised in so many rounds of equal experts that 5 % is out of the question
(three standard errors).
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

# Small systems: threads of the linear algebra would cost more than they give.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from scoring.fit import fit
from scoring.flags import flags
from scoring.ratings import Ratings
from scoring.simulate_rounds import SETTINGS, Setting, simulate_round

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("lenient or severe", "inconsistent", "central", "far_apart", "agreement")
LEVEL = 0.05
PANELS = Setting("panels of seven", 7, 1.0, dossiers=40, experts=7)


def raised(ratings: Ratings) -> list[tuple[str, tuple[str, ...]]]:
    report = flags(ratings, fit(ratings, draws=1).record())
    return [
        (
            "lenient or severe" if flag["code"] in {"lenient", "severe"} else flag["code"],
            tuple(flag["experts"]),
        )
        for flag in report["flags"]
    ]


def clean(setting: Setting, rounds: int, *, alike: bool) -> list[float]:
    """Return in what share of clean rounds each kind was raised.

    `alike` keeps to the model's own law, whole points included; otherwise experts use the scale
    differently, as `exp(N(0, 0.2^2))`, which two kinds look at.
    """
    count: Counter[str] = Counter()
    for turn in range(rounds):
        generator = np.random.default_rng([21, turn])
        truth = simulate_round(setting, generator)
        ratings = truth.ratings
        if alike:
            z = truth.quality[ratings.dossier] + truth.leniency[ratings.reviewer]
            z += generator.standard_normal(len(z))
            ratings = rescored(ratings, np.round(60 + 13 * z))
        count.update({code for code, _ in raised(ratings)})
    return [count[kind] / rounds for kind in KINDS]


def rescored(ratings: Ratings, score: NDArray[np.float64]) -> Ratings:
    return Ratings.from_rows(
        [ratings.dossiers[i] for i in ratings.dossier],
        [ratings.reviewers[j] for j in ratings.reviewer],
        score,
    )


def careless(rounds: int) -> tuple[float, float]:
    """Return the share of careless experts with any flag, and of the others."""
    hits = others = 0
    for turn in range(rounds):
        truth = simulate_round(SETTINGS[4], np.random.default_rng([22, turn]))
        names = {truth.ratings.reviewers[j] for j in np.flatnonzero(truth.scale == 0)}
        flagged = {name for _, experts in raised(truth.ratings) for name in experts}
        hits += len(flagged & names)
        others += len(flagged - names)
    return hits / (3 * rounds), others / (57 * rounds)


def copies(rounds: int) -> tuple[float, float]:
    """Return the share of copying pairs found in a panel of seven, and of other pairs flagged."""
    hits = others = 0
    for turn in range(rounds):
        ratings = simulate_round(PANELS, np.random.default_rng([23, turn])).ratings
        score = ratings.score.copy()
        one, two = (ratings.reviewer == j for j in (0, 1))
        score[two] = score[one]
        found = raised(rescored(ratings, score))
        pairs = [set(experts) for code, experts in found if code == "agreement"]
        hits += {ratings.reviewers[0], ratings.reviewers[1]} in pairs
        others += sum(pair != set(ratings.reviewers[:2]) for pair in pairs)
    return hits / rounds, others / (20 * rounds)


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    bound = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / rounds)
    failed = False
    print("| clean rounds | " + " | ".join(KINDS) + " |")
    print("|---|" + "---|" * len(KINDS))
    for setting in (SETTINGS[1], PANELS):
        for alike in (True, False):
            shares = clean(setting, rounds, alike=alike)
            failed = failed or (alike and max(shares) > bound)
            name = f"{setting.name}, scales {'equal' if alike else 'unequal'}"
            print(f"| {name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")
    print(
        "\nunequal noise: careless experts flagged {:.2f}, others {:.4f}".format(*careless(rounds))
    )
    print("panel of seven, 40 dossiers: copies found {:.2f}, others {:.4f}".format(*copies(rounds)))
    print(f"{rounds} rounds each")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

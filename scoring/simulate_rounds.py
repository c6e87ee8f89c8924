"""Simulated rounds with a known truth: who is really good, and who scored how.

A dossier has quality q ~ N(0, 1), an expert leniency l ~ N(0, b^2), scale s = exp(N(0, 0.2^2))
and noise of standard deviation d, 1 or exp(N(0, 0.4^2)). The latent judgement is
z = s q + l + d N(0, 1); a careless expert's is l + N(0, 1.3^2) whatever the dossier. The score is
6 + 1.3 z, rounded and cut to 0-10. Each dossier in a random order gets its experts at random
among those with the least load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring.ratings import Ratings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MIDDLE = 6.0
SLOPE = 1.3
CARELESS_NOISE = 1.3


@dataclass(frozen=True)
class Setting:
    """One kind of round; `panels` > 1 deals dossiers and experts into panels in a ring.

    The first expert of each panel is the bridge to the panel before and scores for both.
    """

    name: str
    reviews: int
    leniency: float
    unequal: bool = False
    careless: int = 0
    panels: int = 1
    dossiers: int = 155
    experts: int = 60


SETTINGS = (
    Setting("5 reviews, b = 0.5", 5, 0.5),
    Setting("5 reviews, b = 1", 5, 1.0),
    Setting("7 reviews, b = 1", 7, 1.0),
    Setting("3 reviews, b = 1", 3, 1.0),
    Setting("5, b = 1, unequal noise, 3 careless experts", 5, 1.0, unequal=True, careless=3),
    Setting("5, b = 1, four panels, one bridge each", 5, 1.0, panels=4),
)


@dataclass(frozen=True, eq=False)
class Round:
    """Scores with the truth behind them; arrays are over dossiers, then over experts."""

    ratings: Ratings
    quality: NDArray[np.float64]
    leniency: NDArray[np.float64]
    scale: NDArray[np.float64]
    noise: NDArray[np.float64]


def simulate_round(setting: Setting, generator: np.random.Generator) -> Round:
    """Return one round; scale and noise of a careless expert are 0 and 1.3, in latent units."""
    n, m = setting.dossiers, setting.experts
    quality = generator.standard_normal(n)
    leniency = setting.leniency * generator.standard_normal(m)
    scale = np.exp(0.2 * generator.standard_normal(m))
    noise = np.exp(0.4 * generator.standard_normal(m)) if setting.unequal else np.ones(m)
    careless = generator.permutation(m)[: setting.careless]
    scale[careless], noise[careless] = 0.0, CARELESS_NOISE
    dossier, expert = assign(setting, generator)
    z = scale[expert] * quality[dossier] + leniency[expert]
    z += noise[expert] * generator.standard_normal(len(z))
    score = np.clip(np.round(MIDDLE + SLOPE * z), 0, 10)
    width = len(str(max(n, m)))
    ratings = Ratings.from_rows(
        [f"d{i:0{width}d}" for i in dossier], [f"e{j:0{width}d}" for j in expert], score
    )
    return Round(ratings, quality, leniency, scale, noise)


def assign(
    setting: Setting, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return who scores what as two codes a rating: every dossier has `reviews` experts."""
    load = np.zeros(setting.experts)
    dossier, expert = [], []
    pools = _pools(setting)
    for i in generator.permutation(setting.dossiers):
        pool = pools[i % setting.panels]
        # Least loaded first, in random order within a load.
        order = np.lexsort((generator.random(len(pool)), load[pool]))
        picked = pool[order[: setting.reviews]]
        load[picked] += 1
        dossier += [i] * setting.reviews
        expert += list(picked)
    return np.array(dossier), np.array(expert)


def _pools(setting: Setting) -> Sequence[NDArray[np.int64]]:
    """Return each panel's experts: an equal share, and the first of the next panel's."""
    shares = np.array_split(np.arange(setting.experts), setting.panels)
    if setting.panels == 1:
        return shares
    return [np.append(share, shares[(k + 1) % len(shares)][0]) for k, share in enumerate(shares)]

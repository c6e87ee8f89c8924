"""Each reviewer's own noise variance, shrunken to the common one by empirical Bayes.

Given the fit, reviewer j has a residual mean square s_j² on ν_j degrees of freedom (ratings less
leverages). With a scaled inverse chi-squared law of d degrees of freedom around σ² for the true
variances, s_j²/σ² follows F(ν_j, d); d and σ² are found by maximum likelihood, and a variance is
estimated by (d σ² + ν_j s_j²) / (d + ν_j) (Smyth 2004, Stat. Appl. Genet. Mol. Biol. 3(1), who
matches moments instead). Weights and mixed model are fitted in turn until they agree. Where
reviewers are alike d is infinite, every weight is one and the fit is the plain one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from scoring.reml import maximise

if TYPE_CHECKING:
    from scoring.arrays import Floats
    from scoring.equations import Spread
    from scoring.layout import Layout
    from scoring.reml import Point
    from scoring.streams import Stream

SUPPORT = 4.0  # twice the gain in log likelihood from which the data support unequal noise
ROUNDS = 50
AGREED = 1e-5  # largest change of a log variance in the last round
LEAST_FREEDOM = 0.5  # fewer degrees of freedom tell nothing of a reviewer's noise
GRID = np.geomspace(1e-3, 2.0, 12)  # of 1/d; at its lower edge reviewers are alike
ZOOMS, NEWTON = 2, 12


@dataclass(frozen=True, eq=False)
class Noise:
    """Shrunken variances: `ratio` (levels,) to the common one, `freedom` d + ν of each.

    `prior` is d (infinite: alike); `support` twice the log likelihood it gains over alike.
    """

    ratio: Floats
    freedom: Floats
    prior: float
    support: float

    def drawn(self, stream: Stream, count: int) -> Floats:
        """Return `count` draws (count, levels) of the ratios from their posterior."""
        half = (count + 1) // 2
        uniform = stream.uniform(half, len(self.ratio))
        both = np.concatenate((uniform, 1.0 - uniform))[:count]
        chi = 2.0 * special.gammaincinv(self.freedom / 2.0, both)
        drawn: Floats = self.ratio * self.freedom / chi
        return drawn


def shrink(square: Floats, freedom: Floats) -> Noise:
    """Return the shrunken variances for sums of squares on degrees of freedom, (levels,) each."""
    alike = Noise(np.ones(len(square)), np.full(len(square), np.inf), np.inf, 0.0)
    told = freedom > LEAST_FREEDOM
    if not told.any() or not float(square[told].sum()) > 0:
        return alike
    rest, degrees = square[told], freedom[told]
    prior, common, height = _prior(rest, degrees)
    support = 2 * (height - _alike(rest, degrees))
    if not np.isfinite(prior) or support <= 0:
        return alike
    held = np.where(told, freedom, 0.0)
    ratio = (prior + np.where(told, square, 0.0) / common) / (prior + held)
    return Noise(ratio, prior + held, prior, support)


def _alike(square: Floats, freedom: Floats) -> float:
    """Return the log likelihood of one variance for all."""
    common = float(square.sum() / freedom.sum())
    logs = -freedom / 2 * np.log(2 * common) - square / (2 * common) - special.gammaln(freedom / 2)
    return float(logs.sum())


def _prior(square: Floats, freedom: Floats) -> tuple[float, float, float]:
    """Return the likeliest d (infinite at the edge), its common variance and log likelihood."""
    grid = GRID
    for _ in range(ZOOMS):
        heights, _ = _likelihoods(square, freedom, grid)
        best = int(np.argmax(heights))
        if best == 0 and grid is GRID:
            return np.inf, 1.0, -np.inf
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        grid = np.geomspace(low, high, len(GRID))
    heights, _ = _likelihoods(square, freedom, grid)
    best = int(np.clip(np.argmax(heights), 1, len(grid) - 2))
    before, here, after = heights[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    inverse = grid[best] * (grid[best + 1] / grid[best]) ** float(np.clip(shift, -1, 1))
    heights, commons = _likelihoods(square, freedom, np.array([inverse]))
    return float(1 / inverse), float(commons[0]), float(heights[0])


def _likelihoods(square: Floats, freedom: Floats, inverses: Floats) -> tuple[Floats, Floats]:
    """Return for each 1/d the log likelihood at the common variance that maximises it, and that."""
    prior = 1 / inverses[:, None]
    logs = np.full((len(inverses), 1), np.log(square.sum() / freedom.sum()))
    for _ in range(NEWTON):  # the score falls in the log of the common variance
        part = square / (square + prior * np.exp(logs))
        pull = (freedom + prior) * part
        score = (pull - freedom).sum(axis=1, keepdims=True)
        bend = (pull * (1 - part)).sum(axis=1, keepdims=True)
        logs = logs + np.clip(score / np.maximum(bend, 1e-300), -1, 1)
    scaled = prior * np.exp(logs)
    heights = special.gammaln((freedom + prior) / 2) - special.gammaln(prior / 2)
    heights = heights - special.gammaln(freedom / 2) - freedom / 2 * np.log(scaled)
    heights = heights - (freedom + prior) / 2 * np.log1p(square / scaled)
    return heights.sum(axis=1), np.exp(logs[:, 0])


def residual_squares(layout: Layout, point: Point, known: Spread) -> tuple[Floats, Floats]:
    """Return each reviewer's residual sum of squares, in noise units, and degrees of freedom."""
    who = layout.row if layout.swapped else layout.col
    levels = len(layout.rows if layout.swapped else layout.cols)
    weight = point.equations.weight
    error = point.rest / weight
    square = np.bincount(who, error**2, levels) / point.noise
    leverage = np.bincount(who, weight * known.rating, levels)
    return square, np.bincount(who, minlength=levels).astype(float) - leverage


def fit_noise(layout: Layout, plain: Point, *, always: bool) -> tuple[Point, Noise] | None:
    """Return the fit with each reviewer's noise, or None where the data don't support it.

    `always` skips the question, unless reviewers are exactly alike.
    """
    who = layout.row if layout.swapped else layout.col
    point = plain
    noise = shrink(*residual_squares(layout, point, point.equations.spread()))
    if not np.isfinite(noise.prior) or (noise.support < SUPPORT and not always):
        return None
    for _ in range(ROUNDS):
        before = noise.ratio
        point = maximise(layout, 1 / noise.ratio[who], point.tau)
        noise = shrink(*residual_squares(layout, point, point.equations.spread()))
        if not np.isfinite(noise.prior):
            return None
        if float(np.abs(np.log(noise.ratio / before)).max()) < AGREED:
            break
    return point, noise

"""The joint posterior of quality and leniency, the uncertainty of the variances included.

With few column levels the posterior of (√τ_u, √τ_v) is laid out on a grid: for each τ_u one
eigendecomposition of the reduced system gives likelihood, means and variances for every τ_v at
once. With many levels the variances are known so well that the first-order spread
∂(u, v)/∂τ · Cov(τ) · ∂(u, v)/∂τ' is enough (Kass and Steffey 1989, J. Am. Stat. Assoc. 84).
Prior: 1/σ² for the noise, half-Cauchy with scale CAUCHY for √τ (Gelman 2006, Bayesian Anal. 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from scoring.equations import Seen
from scoring.node import Node
from scoring.reml import CEILING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scoring.arrays import Floats
    from scoring.equations import Spread
    from scoring.layout import Layout
    from scoring.noise import Noise
    from scoring.reml import Point
    from scoring.streams import Stream

GRID_LEVELS = 200  # up to so many column levels the variances are integrated over
OUTER, INNER = 9, 15  # nodes of the grid
REACH = 4.5  # half-width of the grid in standard deviations
CAUCHY = 2.0
NOISE_DRAWS = 32
BLOCK = 2**22  # numbers in a block of draws


Pair = tuple["Floats", "Floats"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Means and variances over the posterior, in the layout's units.

    Of u and v (`effect`) and of μ + u and μ + v (`total`), for the rows and for the columns.
    """

    mean: float
    mean_variance: float
    effect: Pair
    effect_variance: Pair
    total: Pair
    total_variance: Pair


@dataclass(frozen=True, eq=False)
class Scenario:
    """A node with the τ_v that go with it and their posterior weights."""

    node: Node
    tau: Floats
    weight: Floats


class GridPosterior:
    """The posterior as a mixture over variances around a point."""

    def __init__(self, point: Point, scenarios: list[Scenario]) -> None:
        self.point = point
        total = sum(float(scenario.weight.sum()) for scenario in scenarios)
        self.scenarios = [Scenario(item.node, item.tau, item.weight / total) for item in scenarios]

    def spread(self) -> Spread:
        """Return the conditional variances at the estimated variances."""
        return self.point.equations.spread()

    def moments(self) -> Moments:
        """Return the mixture's moments."""
        sums: list[Floats] = []
        for item in self.scenarios:
            mean, row, col = item.node.centers(item.tau)
            values = (mean, row, col, mean + row, mean + col)
            scale = item.node.quadratic(item.tau) / max(item.node.freedom - 2, 1)
            parts: list[Floats] = [value @ item.weight for value in values]
            for value, variance in zip(values, item.node.variances(item.tau), strict=True):
                parts.append((value**2 + scale * variance) @ item.weight)
            sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else [*parts]
        first = sums[:5]
        second = [np.maximum(b - a**2, 0.0) for a, b in zip(first, sums[5:], strict=True)]
        return Moments(
            mean=float(first[0]),
            mean_variance=float(second[0]),
            effect=(first[1], first[2]),
            effect_variance=(second[1], second[2]),
            total=(first[3], first[4]),
            total_variance=(second[3], second[4]),
        )

    def draws(self, side: int, count: int, stream: Stream) -> Iterator[Floats]:
        """Yield blocks of joint draws (levels, k) of u (side 0) or v (side 1), `count` in all.

        Draws come in pairs mirrored at the conditional mean, which halves the work and takes the
        noise out of whatever is linear in the effects.
        """
        pairs = (count + 1) // 2
        flat = np.concatenate([item.weight for item in self.scenarios])
        places = (np.arange(pairs) + 0.5) / pairs * float(np.cumsum(flat)[-1])
        taken = np.minimum(np.searchsorted(np.cumsum(flat), places), len(flat) - 1)
        times = np.bincount(taken, minlength=len(flat))
        start = 0
        for item in self.scenarios:
            here = times[start : start + len(item.tau)]
            start += len(item.tau)
            taus = np.repeat(item.tau, here)
            step = max(1, BLOCK // (len(item.node.pull) + len(item.node.values)))
            for first in range(0, len(taus), step):
                yield from _mirrored(item.node, taus[first : first + step], side, stream)


def _mirrored(node: Node, tau: Floats, side: int, stream: Stream) -> Iterator[Floats]:
    freedom = max(node.freedom, 1)
    scale = np.sqrt(node.quadratic(tau) / stream.chi_square(freedom, len(tau)))
    center = node.centers(tau)[1 + side]
    away = node.deviations(tau, stream)[1 + side] * scale
    yield center + away
    yield center - away


class PlugInPosterior:
    """The normal posterior at the estimated variances, with their first-order spread added."""

    def __init__(self, point: Point, noise: Noise | None = None) -> None:
        self.point = point
        self.unsure = _unsure(point, noise)
        self.seen: Seen | None = None
        values, vectors = np.linalg.eigh(point.covariance())
        first, second = point.pull
        self.directions = [
            (
                float(first.mean * step[0] + second.mean * step[1]),
                first.row * step[0] + second.row * step[1],
                first.col * step[0] + second.col * step[1],
            )
            for step in (vectors * np.sqrt(np.maximum(values, 0.0))).T
            if step.any()
        ]

    def spread(self) -> Spread:
        """Return the conditional variances, the better for the draws taken so far."""
        return self.point.equations.spread(self.seen)

    def moments(self) -> Moments:
        """Return the conditional means, and variances with the mean's and the variances' own."""
        point, known = self.point, self.spread()
        solution = point.solution
        variances = [
            np.asarray(known.mean),
            known.row + known.mean * known.row_lean**2,
            known.col + known.mean * known.col_lean**2,
            known.row + known.mean * (1 + known.row_lean) ** 2,
            known.col + known.mean * (1 + known.col_lean) ** 2,
        ]
        variances = [point.noise * variance for variance in variances]
        for k in (1, 2, 3, 4):
            variances[k] = variances[k] + self.unsure[(k - 1) % 2]
        for mean, row, col in self.directions:
            for k, move in enumerate((mean, row, col, mean + row, mean + col)):
                variances[k] = variances[k] + np.asarray(move) ** 2
        return Moments(
            mean=float(solution.mean),
            mean_variance=float(variances[0]),
            effect=(solution.row, solution.col),
            effect_variance=(variances[1], variances[2]),
            total=(solution.mean + solution.row, solution.mean + solution.col),
            total_variance=(variances[3], variances[4]),
        )

    def draws(self, side: int, count: int, stream: Stream) -> Iterator[Floats]:
        """Yield blocks of joint draws, as `GridPosterior.draws`."""
        equations, solution = self.point.equations, self.point.solution
        levels = len(solution.row) + len(solution.col)
        pairs = (count + 1) // 2
        step = max(1, BLOCK // levels)
        center = (solution.row, solution.col)[side]
        for first in range(0, pairs, step):
            here = min(step, pairs - first)
            drawn = equations.deviations(here, stream)
            if drawn.square is not None:
                self._note(drawn.square, here)
            away = (drawn.row, drawn.col)[side] * np.sqrt(self.point.noise)
            for direction in self.directions:
                away += np.multiply.outer(direction[1 + side], stream.normal(here))
            if self.unsure[side].any():
                away += np.sqrt(self.unsure[side])[:, None] * stream.normal(len(away), here)
            yield center[:, None] + away
            yield center[:, None] - away

    def _note(self, square: Pair, count: int) -> None:
        if self.seen is not None:
            square = (square[0] + self.seen.square[0], square[1] + self.seen.square[1])
            count += self.seen.count
        self.seen = Seen(square, count)


def _unsure(point: Point, noise: Noise | None) -> Pair:
    """Return what not knowing the reviewers' noise adds to the variances of u and v.

    To first order: log σ_j² has variance trigamma((d + ν_j)/2), and moves an effect by its share
    of the reviewer's residuals.
    """
    equations, layout = point.equations, point.equations.layout
    if noise is None:
        return np.zeros(len(layout.rows)), np.zeros(len(layout.cols))
    own, others = (layout.row, layout.col) if layout.swapped else (layout.col, layout.row)
    reviewers, dossiers = len(noise.freedom), len(layout.cols if layout.swapped else layout.rows)
    vague = special.polygamma(1, noise.freedom / 2)
    by_reviewer = np.bincount(own, point.rest, reviewers) ** 2 * vague
    by_dossier = np.bincount(others, point.rest**2 * vague[own], dossiers)
    row, col = (by_reviewer, by_dossier) if layout.swapped else (by_dossier, by_reviewer)
    row_pull = equations.tau[0] * equations.gain
    col_pull = equations.tau[1] / (1.0 + equations.tau[1] * equations.col_sum)
    return row_pull**2 * row, col_pull**2 * col


Posterior = GridPosterior | PlugInPosterior


def posterior(layout: Layout, point: Point, noise: Noise | None, stream: Stream) -> Posterior:
    """Return the posterior around a point of maximal restricted likelihood.

    Where it is averaged over variances at all, it is so over draws of the reviewers' own `noise`
    too.
    """
    if len(layout.cols) > GRID_LEVELS or max(point.tau) >= CEILING:
        return PlugInPosterior(point, noise)
    grid = _grid(layout, point)
    if noise is None:
        return GridPosterior(point, grid)
    who = layout.row if layout.swapped else layout.col
    return GridPosterior(point, _mixed(layout, grid, noise.drawn(stream, NOISE_DRAWS)[:, who]))


def _mixed(layout: Layout, grid: list[Scenario], ratios: Floats) -> list[Scenario]:
    """Return one scenario for each draw of the noise, with τ_u spread over its posterior."""
    roots = np.sqrt([item.node.tau for item in grid])
    ends = np.cumsum([item.weight.sum() for item in grid])
    places = (np.arange(len(ratios)) + 0.5) / len(ratios) * ends[-1]
    half = (roots[1] - roots[0]) / 2 if len(roots) > 1 else 0.0
    taken = np.interp(
        places, np.concatenate(([0.0], ends)), np.append(roots - half, roots[-1] + half)
    )
    tau = grid[0].tau
    prior = 1 / (1 + tau / CAUCHY**2)
    scenarios = []
    for root, ratio in zip(taken, ratios, strict=True):
        node = Node(layout, float(root) ** 2, 1 / ratio)
        height = node.criterion(tau)
        density = np.exp((height.min() - height) / 2) * prior
        scenarios.append(Scenario(node, tau, density / density.sum()))
    return scenarios


def _grid(layout: Layout, point: Point) -> list[Scenario]:
    weight = point.equations.weight
    nodes: dict[float, Node] = {}

    def node(root: float) -> Node:
        if root not in nodes:
            nodes[root] = Node(layout, root**2, weight)
        return nodes[root]

    mode = np.sqrt(np.array(point.tau))
    inner_near = _axis(lambda s: _rise(node(mode[0]), s), mode[1], _scale(point, 1), INNER)
    inner = inner_near if layout.live[1] else np.zeros(1)

    def outer_rise(root: float) -> float:
        return float(node(root).criterion(inner**2).min() - base)

    base = float(node(mode[0]).criterion(mode[1:] ** 2)[0])
    outer = _axis(outer_rise, mode[0], _scale(point, 0), OUTER) if layout.live[0] else np.zeros(1)
    prior = 1 / (1 + (inner / CAUCHY) ** 2)
    scenarios = []
    for root in outer:
        height = node(float(root)).criterion(inner**2) - base
        density = np.exp(-height / 2) * prior / (1 + (root / CAUCHY) ** 2)
        scenarios.append(Scenario(node(float(root)), inner**2, density))
    return scenarios


def _rise(node: Node, root: float) -> float:
    """Return how much −2 log L_R at √τ_v exceeds its least value on a coarse grid."""
    grid = np.concatenate(([0.0], np.geomspace(1e-4, 1e3, 60)))
    return float(node.criterion(np.array([root**2]))[0] - node.criterion(grid).min())


def _scale(point: Point, k: int) -> float:
    """Return the posterior standard deviation of √τ_k as the curvature at the mode tells it."""
    tau, information = point.tau[k], max(float(point.information[k, k]), 1e-12)
    if tau > 0:
        return float(np.sqrt(point.covariance()[k, k] / (4 * tau)))
    slope = max(float(point.slope[k]), 0.0)
    deep = REACH**2
    return float(
        np.sqrt((np.sqrt(slope**2 + 2 * deep * information) - slope) / information) / REACH
    )


def _axis(rise: Callable[[float], float], mode: float, scale: float, nodes: int) -> Floats:
    """Return midpoints of equal intervals that cover the posterior of √τ."""
    low, high = max(0.0, mode - REACH * scale), mode + REACH * scale
    for _ in range(8):
        if rise(high) > REACH**2 / 2:
            break
        high = mode + 1.5 * (high - mode)
    for _ in range(8):
        if low == 0 or rise(low) > REACH**2 / 2:
            break
        low = max(0.0, mode - 1.5 * (mode - low))
    return low + (np.arange(nodes) + 0.5) / nodes * (high - low)

"""Restricted maximum likelihood by average information.

The criterion −2 log L_R of (τ_u, τ_v), the variances in units of the noise, has the common noise
variance profiled out: σ² = y'Py / (n − 1). Steps use the average of observed and expected
information, which needs solves but no further traces (Gilmour, Thompson and Cullis 1995,
Biometrics 51; Johnson and Thompson 1995, J. Dairy Sci. 78), in logarithms of τ, with exact zeros
tried wherever a step points there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scoring.equations import Equations, Solution
from scoring.iterative import IterativeEquations

if TYPE_CHECKING:
    from scoring.arrays import Floats
    from scoring.layout import Layout

FLOOR = 1e-7  # a variance below this share of the noise is zero
CEILING = 1e7  # noise below this share of a variance is zero: the data are exactly additive
LONGEST = 3.0  # step in log τ
TOLERANCE = 1e-8  # of the last step in log τ; it is taken, so what is left is smaller still
MANY_TOLERANCE = 2e-6  # the same with many levels, where the average information is nearly exact
START_TOLERANCE = 1e-3  # of a start by conjugate gradients
NEAR = 2e-4  # last step in log τ that may be taken by first-order extrapolation
NUDGE = 0.02  # in log τ, of a finite difference
STEPS = 100
LEAST_NOISE = 1e-12  # scores being of order 1
LEAST_INFORMATION = 0.05  # on log τ; a standard deviation of 6 there says "unknown"
ROUNDING = 1e-11  # of the criterion
EXACT_LEVELS = 3000  # column levels up to which the equations are factored
COARSE = (0.02, 0.2, 1.0, 5.0)
CHEAP_LEVELS = 1200  # column levels up to which factoring is cheaper than a good start
COARSE_LEVELS = 200  # up to so many column levels the start is the best point of a coarse grid


@dataclass(frozen=True, eq=False)
class Point:
    """The criterion at one (τ_u, τ_v), with the solution and what a step needs.

    `noise` is σ², `rest` P·y (n,), `slope` (2,) and `information` (2, 2) of −2 log L_R per unit
    of τ, the noise profiled out; `size` (2,) is |Z'Py|² / σ²; `pull` holds ∂(μ, u, v)/∂τ for
    each factor, which costs nothing more.
    """

    tau: tuple[float, float]
    equations: Equations | IterativeEquations
    solution: Solution
    noise: float
    criterion: float
    rest: Floats
    slope: Floats
    information: Floats
    size: Floats
    pull: tuple[Solution, Solution]

    def covariance(self) -> Floats:
        """Return the asymptotic covariance (2, 2) of τ; zero for a variance at its boundary.

        Also zero for additive data, where τ is a ceiling and no estimate.
        """
        out = np.zeros((2, 2))
        free = [k for k in (0, 1) if 0 < self.tau[k] < CEILING]
        if free:
            scale = np.array([self.tau[k] for k in free])
            values, vectors = np.linalg.eigh(
                self.information[np.ix_(free, free)] * np.outer(scale, scale)
            )
            inverse = (vectors / np.maximum(values, LEAST_INFORMATION)) @ vectors.T
            out[np.ix_(free, free)] = 2 * inverse * np.outer(scale, scale)
        return out


Kind = type[Equations] | type[IterativeEquations]


def evaluate(
    layout: Layout, tau: tuple[float, float], weight: Floats, kind: Kind = Equations
) -> Point:
    """Return the criterion and its derivatives at τ for noise variances in ratio 1/weight."""
    equations = kind(layout, tau, weight)
    solution = equations.solve(layout.score)
    error = layout.score - equations.fitted(solution)
    rest = error * weight
    quadratic = float(error @ rest)
    for variance, effect in zip(tau, (solution.row, solution.col), strict=True):
        quadratic += float(effect @ effect) / variance if variance > 0 else 0.0
    freedom = len(layout) - 1
    noise = max(quadratic / freedom, np.finfo(float).tiny ** 0.5)
    criterion = freedom * (1 + np.log(2 * np.pi * noise)) + equations.log_determinant
    sums = (equations.sum_rows(rest), equations.sum_cols(rest))
    size = np.array([part @ part for part in sums]) / noise
    spread = np.stack((sums[0][layout.row], sums[1][layout.col]), axis=1)
    moved = equations.solve(spread)
    projected = ((spread - equations.fitted(moved)).T * weight).T
    information = spread.T @ projected / noise - np.outer(size, size) / freedom
    return Point(
        tau=tau,
        equations=equations,
        solution=solution,
        noise=noise,
        criterion=float(criterion),
        rest=rest,
        slope=np.array(equations.traces()) - size,
        information=(information + information.T) / 2,
        size=size,
        pull=(
            Solution(-moved.mean[0], sums[0] - moved.row[:, 0], -moved.col[:, 0]),
            Solution(-moved.mean[1], -moved.row[:, 1], sums[1] - moved.col[:, 1]),
        ),
    )


def maximise(layout: Layout, weight: Floats, start: tuple[float, float] | None = None) -> Point:
    """Return the point of maximal restricted likelihood; factors that are not live stay at 0."""
    few = len(layout.cols) <= COARSE_LEVELS
    exact = len(layout.cols) <= EXACT_LEVELS
    cheap = len(layout.cols) <= CHEAP_LEVELS
    if few and start is None:
        point = _coarse(layout, weight)
    else:
        first = moments(layout) if start is None else start
        point = evaluate(layout, first, weight, Equations if cheap else IterativeEquations)
    if cheap:
        return _climb(point, TOLERANCE if few else MANY_TOLERANCE)
    point = _climb(point, START_TOLERANCE if exact else TOLERANCE)
    if not exact:
        return point
    return _finish(evaluate(layout, point.tau, weight), _curvature(point))


def _curvature(point: Point) -> Floats:
    """Return the second derivatives in log τ by finite differences along live variances."""
    tau = np.array(point.tau)
    out = point.information * np.outer(tau, tau)
    here = point.slope * tau
    for k in (0, 1):
        if tau[k] > 0:
            moved = tau * np.exp(NUDGE * (np.arange(2) == k))
            there = _elsewhere(point, (float(moved[0]), float(moved[1])))
            out[:, k] = (there.slope * moved - here) / NUDGE
    return (out + out.T) / 2


def _finish(point: Point, curvature: Floats) -> Point:
    """Return the maximum close to a point, whose second derivatives there are given.

    A last step shorter than NEAR is not worth a factorisation: effects and noise move with their
    derivatives, which leaves an error of the order of its square.
    """
    for _ in range(STEPS):
        free = [k for k in (0, 1) if point.tau[k] > 0]
        if any(point.slope[k] < 0 for k in (0, 1) if k not in free):
            return _climb(point, TOLERANCE)
        if not free:
            return point
        step = _direction(point, free, curvature)
        if float(np.abs(step).max()) < NEAR:
            return _extrapolated(point, step)
        following = _descend(point, step)
        if following is None:
            return point
        point = following
    return point


def _extrapolated(point: Point, step: Floats) -> Point:
    tau = np.array(point.tau) * np.exp(step)
    move = tau - np.array(point.tau)
    first, second = point.pull
    solution = Solution(
        point.solution.mean + move[0] * first.mean + move[1] * second.mean,
        point.solution.row + move[0] * first.row + move[1] * second.row,
        point.solution.col + move[0] * first.col + move[1] * second.col,
    )
    freedom = len(point.equations.layout) - 1
    noise = point.noise * (1 - float(point.size @ move) / freedom)
    criterion = point.criterion + float(point.slope @ move) / 2
    return replace(
        point,
        tau=(float(tau[0]), float(tau[1])),
        solution=solution,
        noise=noise,
        criterion=criterion,
    )


def _climb(point: Point, tolerance: float) -> Point:
    """Return the maximum that steps from a point lead to."""
    live = point.equations.layout.live
    refused: set[int] = set()
    for _ in range(STEPS):
        point = _try_zero(point, refused)
        free = [k for k in (0, 1) if live[k] and (point.tau[k] > 0 or point.slope[k] < 0)]
        if not free:
            return point
        step = _direction(point, free)
        following = _descend(point, step)
        settled = following is None or float(np.abs(step).max()) < tolerance
        point = following or point
        if settled:
            return point
    return point


def _coarse(layout: Layout, weight: Floats) -> Point:
    """Return the best of the moments' estimate and the points of a coarse grid."""
    grids = [COARSE if live else (0.0,) for live in layout.live]
    starts = [moments(layout), *((first, second) for first in grids[0] for second in grids[1])]
    points = [evaluate(layout, tau, weight) for tau in starts]
    return min(points, key=lambda point: point.criterion)


def moments(layout: Layout) -> tuple[float, float]:
    """Return τ by MIVQUE(0): quadratic forms of the scores set equal to their expectations.

    Rao 1971, J. Multivar. Anal. 1. Not below 0.01, since it is a place to start from.
    """
    total = len(layout)
    sizes = [
        np.bincount(layout.row, minlength=len(layout.rows)).astype(float),
        np.bincount(layout.col, minlength=len(layout.cols)).astype(float),
    ]
    score = layout.score - layout.score.mean()
    sums = [
        np.bincount(layout.row, score, len(layout.rows)),
        np.bincount(layout.col, score, len(layout.cols)),
    ]
    squares = [float(size @ size) for size in sizes]
    both = float((sizes[0][layout.row] * sizes[1][layout.col]).sum())
    cubes = [float((size**3).sum()) for size in sizes]
    gram = np.empty((3, 3))
    for k in (0, 1):
        gram[k, k] = squares[k] - 2 * cubes[k] / total + (squares[k] / total) ** 2
        gram[k, 2] = gram[2, k] = total - squares[k] / total
    gram[0, 1] = gram[1, 0] = total - 2 * both / total + squares[0] * squares[1] / total**2
    gram[2, 2] = total - 1
    forms = np.array([sums[0] @ sums[0], sums[1] @ sums[1], score @ score])
    live = [k for k in (0, 1) if layout.live[k]]
    used = [*live, 2]
    found = np.linalg.lstsq(gram[np.ix_(used, used)], forms[used], rcond=None)[0]
    noise = max(float(found[-1]), 1e-3 * float(forms[2]) / total, 1e-300)
    tau = [0.0, 0.0]
    for k, value in zip(live, found, strict=False):
        tau[k] = float(np.clip(value / noise, 0.01, 100.0))
    return tau[0], tau[1]


def _elsewhere(point: Point, tau: tuple[float, float]) -> Point:
    equations = point.equations
    return evaluate(equations.layout, tau, equations.weight, type(equations))


def _try_zero(point: Point, refused: set[int]) -> Point:
    """Return the point with a variance at exactly 0 where that is no worse; each is tried once."""
    for k in (0, 1):
        away = point.slope[k] / max(point.information[k, k], 1e-300)
        if point.tau[k] <= 0 or k in refused or 0 < away < point.tau[k] or point.slope[k] <= 0:
            continue
        tau = (0.0, point.tau[1]) if k == 0 else (point.tau[0], 0.0)
        other = _elsewhere(point, tau)
        worse = other.criterion > point.criterion  # never true of the NaN of large rounds
        if not worse and other.slope[k] >= 0:
            return other
        refused.add(k)
    return point


def _direction(point: Point, free: list[int], curvature: Floats | None = None) -> Floats:
    """Return the step in log τ; a variance at zero that should grow is restarted at FLOOR."""
    tau = np.maximum(np.array(point.tau), FLOOR)
    slope = (point.slope * tau)[free]
    if curvature is None:
        curvature = point.information * np.outer(tau, tau)
    information = curvature[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(information)
    values = np.maximum(values, max(1e-8 * float(values.max()), LEAST_NOISE))
    step = np.zeros(2)
    step[free] = -(vectors @ ((vectors.T @ slope) / values))
    longest = float(np.abs(step).max())
    return step * min(1.0, LONGEST / longest) if longest > 0 else step


def _descend(point: Point, step: Floats) -> Point | None:
    """Return the first point along the halved steps that isn't worse, or None."""
    allowed = point.criterion + ROUNDING * abs(point.criterion) + ROUNDING
    start = np.where(step != 0, np.maximum(point.tau, FLOOR), point.tau)
    for _ in range(30):
        tau = np.minimum(start * np.exp(step), CEILING)
        tau = np.where(tau <= FLOOR, np.where(step < 0, 0.0, tau), tau)
        if (tau == np.array(point.tau)).all():
            return None
        following = _elsewhere(point, (float(tau[0]), float(tau[1])))
        if not following.criterion > allowed:
            return following
        step = step / 2
    return None

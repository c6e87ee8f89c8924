"""Posterior draws, intervals, expected ranks and chances."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.equations import Equations
from scoring.fit import fit
from scoring.layout import lay_out
from scoring.node import Node
from scoring.posterior import GridPosterior, PlugInPosterior, posterior
from scoring.ratings import Ratings
from scoring.reml import maximise
from scoring.streams import Stream
from scoring.summaries import ranks_and_chances


def a_round(seed: int, dossiers: int = 14, reviewers: int = 6, reviews: int = 4) -> Ratings:
    """A simulated round."""
    generator = np.random.default_rng(seed)
    left = np.repeat(np.arange(dossiers), reviews)
    right = np.concatenate([generator.permutation(reviewers)[:reviews] for _ in range(dossiers)])
    score = generator.normal(0, 1, dossiers)[left] + generator.normal(0, 0.7, reviewers)[right]
    score = score + generator.normal(0, 0.8, len(left))
    return Ratings.from_rows([f"{k:03d}" for k in left], [f"{k:03d}" for k in right], score)


def dense(ratings: Ratings, tau: tuple[float, float], weight: np.ndarray) -> np.ndarray:
    """The inverse of the full mixed model equations: mean, then rows, then columns."""
    layout = lay_out(ratings)
    rows, cols = len(layout.rows), len(layout.cols)
    frame = np.zeros((len(layout), 1 + rows + cols))
    frame[:, 0] = 1
    frame[np.arange(len(layout)), 1 + layout.row] = 1
    frame[np.arange(len(layout)), 1 + rows + layout.col] = 1
    penalty = np.concatenate(([0], np.full(rows, 1 / tau[0]), np.full(cols, 1 / tau[1])))
    inverse: np.ndarray = np.linalg.inv(frame.T * weight @ frame + np.diag(penalty))
    return inverse


def weights(count: int) -> np.ndarray:
    """Unequal weights."""
    return np.random.default_rng(0).uniform(0.5, 2, count)


def test_variances_are_those_of_the_full_equations() -> None:
    """Schur complement and eigenvectors give the same variances as inverting everything."""
    ratings, tau = a_round(1), (1.3, 0.6)
    layout, weight = lay_out(ratings), weights(56)
    inverse = dense(ratings, tau, weight)
    rows = len(layout.rows)
    spread = Equations(layout, tau, weight).spread()
    mean, row, col, row_total, col_total = Node(layout, tau[0], weight).variances(
        np.array([tau[1]])
    )
    diagonal = np.diagonal(inverse)
    np.testing.assert_allclose(mean[0], diagonal[0])
    np.testing.assert_allclose(row[:, 0], diagonal[1 : 1 + rows])
    np.testing.assert_allclose(col[:, 0], diagonal[1 + rows :])
    total = diagonal + diagonal[0] + 2 * inverse[0]
    np.testing.assert_allclose(row_total[:, 0], total[1 : 1 + rows])
    np.testing.assert_allclose(col_total[:, 0], total[1 + rows :])
    known = inverse[1:, 1:] - np.outer(inverse[0, 1:], inverse[0, 1:]) / inverse[0, 0]
    np.testing.assert_allclose(spread.row, np.diagonal(known)[:rows])
    np.testing.assert_allclose(spread.col, np.diagonal(known)[rows:])
    np.testing.assert_allclose(spread.mean, inverse[0, 0])
    frame = np.zeros((len(layout), 1 + rows + len(layout.cols)))
    frame[:, 0] = 1
    frame[np.arange(len(layout)), 1 + layout.row] = 1
    frame[np.arange(len(layout)), 1 + rows + layout.col] = 1
    np.testing.assert_allclose(spread.rating, ((frame @ inverse) * frame).sum(axis=1))


def test_centers_are_the_blups() -> None:
    """Both ways to solve give the same effects, and likelihoods that differ by a constant."""
    ratings = a_round(2)
    layout, weight = lay_out(ratings), weights(56)
    node = Node(layout, 0.9, weight)
    taus = np.array([0.0, 0.4, 2.0])
    mean, row, col = node.centers(taus)
    apart = []
    for k, tau in enumerate(taus):
        equations = Equations(layout, (0.9, float(tau)), weight)
        solution = equations.solve(layout.score)
        np.testing.assert_allclose(mean[k], solution.mean)
        np.testing.assert_allclose(row[:, k], solution.row, atol=1e-12)
        np.testing.assert_allclose(col[:, k], solution.col, atol=1e-12)
        rest = weight * (layout.score - equations.fitted(solution))
        quadratic = float(rest @ layout.score)
        assert node.quadratic(taus)[k] == pytest.approx(quadratic)
        level = (len(layout) - 1) * np.log(quadratic) + equations.log_determinant
        apart.append(node.criterion(taus)[k] - level)
    assert np.ptp(apart) < 1e-9


def test_draws_have_the_moments() -> None:
    """Draws of both kinds of posterior have its means and variances, pairs their mirror."""
    ratings = a_round(3)
    layout = lay_out(ratings)
    point = maximise(layout, np.ones(len(ratings)))
    grid = posterior(layout, point, None, Stream(0, 2))
    assert isinstance(grid, GridPosterior)
    for belief, tolerance in ((grid, 0.15), (PlugInPosterior(point), 0.06)):
        moments = belief.moments()
        for side in (0, 1):
            draws = np.concatenate(list(belief.draws(side, 20_000, Stream(4, 1))), axis=1)
            assert draws.shape[1] == 20_000
            np.testing.assert_allclose(draws.mean(axis=1), moments.effect[side], atol=0.02)
            np.testing.assert_allclose(
                draws.var(axis=1), moments.effect_variance[side], rtol=tolerance
            )


def test_intervals_are_wider_than_plug_in() -> None:
    """With few levels the variances' own uncertainty shows in the intervals."""
    ratings = a_round(5, dossiers=8, reviewers=4, reviews=3)
    found = fit(ratings)
    half = (found.dossiers["high"] - found.dossiers["low"]) / 2
    assert (half > 1.05 * 1.96 * found.dossiers["se"]).all()


def test_quick_coverage() -> None:
    """Intervals of small rounds cover about 95 %, chances mean what they say."""
    covered, plug_in, brier = [], [], []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        quality = generator.normal(0, 1, 30)
        left = np.repeat(np.arange(30), 4)
        right = np.concatenate([generator.permutation(10)[:4] for _ in range(30)])
        score = quality[left] + generator.normal(0, 0.7, 10)[right] + generator.normal(0, 1, 120)
        names = [f"{k:03d}" for k in left], [f"{k:03d}" for k in right]
        rows = fit(Ratings.from_rows(*names, score), top=6, draws=400).dossiers
        covered.append(np.mean((rows["low"] <= quality) & (quality <= rows["high"])))
        plug_in.append(np.mean(np.abs(rows["effect"] - quality) <= 1.96 * rows["se"]))
        listed = np.argsort(np.argsort(-quality)) < 6
        brier.append(np.mean((rows["p_top"] - listed) ** 2))
    assert 0.925 < np.mean(covered) < 0.975
    assert np.mean(plug_in) < np.mean(covered)
    assert np.mean(brier) < 0.1


def test_ranks_and_chances() -> None:
    """Ranks are counted from the best; equal values share their places."""
    draws = np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 2.0]])
    ranks, chances, number = ranks_and_chances([draws], 3, 1)
    assert number == 2
    assert ranks.tolist() == [(1 + 2.5) / 2, (2 + 2.5) / 2, (3 + 1) / 2]
    assert chances.tolist() == [0.5, 0.0, 0.5]
    ranks, chances, _ = ranks_and_chances([np.ones((4, 3))], 4, 2)
    assert ranks.tolist() == [2.5] * 4
    assert chances.tolist() == [0.5] * 4


def test_chances_sum_to_places() -> None:
    """Chances add up to the places, expected ranks to the sum of ranks."""
    rows = fit(a_round(6), top=5).dossiers
    assert rows["p_top"].sum() == pytest.approx(5)
    assert rows["expected_rank"].sum() == pytest.approx(14 * 15 / 2)


def test_stream_never_changes() -> None:
    """The first numbers of a stream, as any version of the libraries must give them."""
    uniform = Stream(7, 1).uniform(3)
    bits = np.random.PCG64(np.random.SeedSequence([7, 1])).random_raw(3)
    assert uniform.tolist() == [((int(raw) >> 11) + 0.5) / 2**53 for raw in bits]
    normal = Stream(7, 1).normal(2, 50_000)
    assert abs(normal.mean()) < 0.02
    assert normal.std() == pytest.approx(1, abs=0.02)
    chi = Stream(7, 2).chi_square(5.0, 50_000)
    assert chi.mean() == pytest.approx(5, abs=0.1)
    assert Stream(7, 1).uniform(1) != Stream(7, 2).uniform(1)
    assert Stream(7, 1).uniform(1) != Stream(8, 1).uniform(1)

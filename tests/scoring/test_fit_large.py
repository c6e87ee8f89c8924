"""Large rounds: conjugate gradients and stochastic traces against factorisation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from scoring import reml
from scoring.equations import Equations
from scoring.fit import fit
from scoring.iterative import IterativeEquations
from scoring.layout import Layout, lay_out
from scoring.posterior import PlugInPosterior
from scoring.ratings import Ratings
from scoring.streams import Stream


@cache
def a_round(
    dossiers: int = 600, reviewers: int = 500, reviews: int = 4, leniency: float = 0.7
) -> Ratings:
    """A sparse round without structure."""
    generator = np.random.default_rng(dossiers)
    left = np.repeat(np.arange(dossiers), reviews)
    right = np.concatenate(
        [generator.choice(reviewers, reviews, replace=False) for _ in range(dossiers)]
    )
    score = generator.normal(0, 1, dossiers)[left]
    score = score + generator.normal(0, 1, reviewers)[right] * leniency
    score = score + generator.normal(0, 1, len(left))
    return Ratings.from_rows([f"{k:05d}" for k in left], [f"{k:05d}" for k in right], score)


@cache
def panels(number: int = 60, dossiers: int = 10, reviewers: int = 5) -> Ratings:
    """Complete panels that share nobody: short cycles everywhere."""
    generator = np.random.default_rng(9)
    left = np.repeat(np.arange(number * dossiers), reviewers)
    right = (left // dossiers) * reviewers + np.tile(np.arange(reviewers), number * dossiers)
    score = generator.normal(0, 1, number * dossiers)[left]
    score = score + generator.normal(0, 0.7, number * reviewers)[right]
    score = score + generator.normal(0, 1, len(left))
    return Ratings.from_rows([f"{k:05d}" for k in left], [f"{k:05d}" for k in right], score)


def both(layout: Layout, tau: tuple[float, float]) -> tuple[Equations, IterativeEquations]:
    """The two kinds of equations at the same place, with unequal weights."""
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(layout))
    return Equations(layout, tau, weight), IterativeEquations(layout, tau, weight)


def as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds of the tests count as too large for any factorisation."""
    monkeypatch.setattr(reml, "CHEAP_LEVELS", 100)
    monkeypatch.setattr(reml, "EXACT_LEVELS", 100)


@pytest.mark.parametrize("tau", [(1.0, 0.5), (4.0, 2.0), (1.0, 0.0), (0.0, 0.5), (0.0, 0.0)])
def test_solutions_and_traces(tau: tuple[float, float]) -> None:
    """Both give the same solutions, and traces within what their error says."""
    layout = lay_out(a_round())
    exact, large = both(layout, tau)
    values = np.stack((layout.score, layout.score**2), axis=1)
    first, second = exact.solve(values), large.solve(values)
    np.testing.assert_allclose(second.mean, first.mean, rtol=1e-8)
    np.testing.assert_allclose(second.row, first.row, atol=1e-8)
    np.testing.assert_allclose(second.col, first.col, atol=1e-8)
    np.testing.assert_allclose(large.traces(), exact.traces(), rtol=3e-4)


@pytest.mark.parametrize("round_", [a_round, panels], ids=["sparse", "panels"])
def test_conditional_variances(round_: object) -> None:
    """SDs agree: closely on sparse graphs, within the draws' noise on complete panels."""
    layout = lay_out(round_())  # type: ignore[operator]
    weight = np.ones(len(layout))
    exact = reml.evaluate(layout, (1.0, 0.5), weight)
    large = reml.evaluate(layout, (1.0, 0.5), weight, IterativeEquations)
    belief = PlugInPosterior(large)
    assert sum(block.shape[1] for block in belief.draws(0, 400, Stream(0, 1))) == 400
    expected, found = exact.equations.spread(), belief.spread()
    for name in ("row", "col"):
        ratio = np.sqrt(getattr(found, name) / getattr(expected, name))
        assert abs(ratio.mean() - 1) < 0.01
        assert np.abs(ratio - 1).max() < 0.06
    assert found.mean == pytest.approx(expected.mean, rel=1e-6)
    np.testing.assert_allclose(found.row_lean, expected.row_lean, rtol=1e-4)


def test_reml_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coarse start, warm start with one factorisation, and no factorisation meet at one point."""
    ratings = a_round()
    layout, weight = lay_out(ratings), np.ones(len(ratings))
    monkeypatch.setattr(reml, "CHEAP_LEVELS", 100)
    warm = reml.maximise(layout, weight)
    monkeypatch.setattr(reml, "EXACT_LEVELS", 100)
    large = reml.maximise(layout, weight)
    monkeypatch.setattr(reml, "CHEAP_LEVELS", 3000)
    many = reml.maximise(layout, weight)
    monkeypatch.setattr(reml, "COARSE_LEVELS", 3000)
    exact = reml.maximise(layout, weight)
    np.testing.assert_allclose(many.tau, exact.tau, rtol=5e-7)
    np.testing.assert_allclose(warm.tau, exact.tau, rtol=5e-7)
    np.testing.assert_allclose(large.tau, exact.tau, rtol=5e-4)
    assert warm.noise == pytest.approx(exact.noise, rel=5e-7)
    assert warm.criterion == pytest.approx(exact.criterion, abs=1e-7)
    np.testing.assert_allclose(warm.solution.row, exact.solution.row, atol=1e-6)
    np.testing.assert_allclose(large.solution.row, exact.solution.row, atol=1e-3)


def test_boundary_without_a_criterion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without leniency its variance ends at zero, or close to it, with no factorisation too."""
    ratings = a_round(leniency=0.0)
    exact = fit(ratings, draws=4, noise="common").variances
    as_large(monkeypatch)
    large = fit(ratings, draws=4, noise="common").variances
    for name, value in exact.items():
        assert large[name] == pytest.approx(value, rel=2e-3, abs=1e-4)


def test_record_of_a_large_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of a large round has all its fields, repeats, and says what it lacks."""
    as_large(monkeypatch)
    first = fit(a_round(), top=60, draws=100).record()
    assert first == fit(a_round(), top=60, draws=100).record()
    assert first["reml_criterion"] is None
    assert first["reasons"]["reml_criterion"] == "too_many_levels"
    assert {"code": "approximate_deviations"} in first["warnings"]
    entry = first["dossiers"][0]
    assert all(entry[name] is not None for name in ("effect", "se", "low", "expected_rank"))
    assert sum(row["p_top"] for row in first["dossiers"]) == pytest.approx(60)

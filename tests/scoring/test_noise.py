"""Reviewers' own noise: found where it is, absent where it isn't."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.fit import fit
from scoring.layout import lay_out
from scoring.noise import SUPPORT, residual_squares, shrink
from scoring.ratings import Ratings
from scoring.reml import maximise
from scoring.streams import Stream


def a_round(seed: int, unequal: float, careless: int = 0) -> tuple[Ratings, np.ndarray, np.ndarray]:
    """A round of 100 dossiers and 40 reviewers, its quality and its noise SDs."""
    generator = np.random.default_rng(seed)
    quality, leniency = generator.normal(0, 1, 100), generator.normal(0, 0.7, 40)
    noise = np.exp(unequal * generator.standard_normal(40))
    noise[:careless] = 4.0
    dossier = np.repeat(np.arange(100), 5)
    reviewer = np.concatenate([generator.permutation(40)[:5] for _ in range(100)])
    score = quality[dossier] + leniency[reviewer] + noise[reviewer] * generator.normal(0, 1, 500)
    ratings = Ratings.from_rows(
        [f"d{code:03d}" for code in dossier], [f"r{code:03d}" for code in reviewer], score
    )
    return ratings, quality, noise


def test_costs_nothing_where_reviewers_are_alike() -> None:
    """With equal noise the default is plain REML, to the last bit, in nearly every round."""
    same = 0
    for seed in range(8):
        ratings, _, _ = a_round(seed, 0.0)
        found, plain = fit(ratings, draws=10), fit(ratings, noise="common", draws=10)
        if found.noise == "common":
            same += 1
            np.testing.assert_array_equal(found.dossiers["effect"], plain.dossiers["effect"])
    assert same >= 7


def test_finds_careless_reviewers() -> None:
    """Reviewers who guess get a large variance and little weight, and quality gains by it."""
    gains = []
    for seed in range(6):
        ratings, quality, _ = a_round(seed, 0.3, careless=4)
        found, plain = fit(ratings, draws=10), fit(ratings, noise="common", draws=10)
        assert found.noise == "expert"
        noise = found.reviewers["noise"]
        assert noise[:4].min() > 1.5 * np.median(noise)
        errors = [np.mean((each.dossiers["effect"] - quality) ** 2) for each in (found, plain)]
        gains.append(errors[1] / errors[0])
    assert np.mean(gains) > 1.1


def test_shrinks_between_own_and_common() -> None:
    """An estimate lies between a reviewer's own variance and the common one."""
    generator = np.random.default_rng(1)
    freedom = generator.integers(3, 15, 300).astype(float)
    truth = 8 / generator.chisquare(8, 300)
    square = truth * generator.chisquare(freedom)
    noise = shrink(square, freedom)
    assert 5 < noise.prior < 13
    own = square / freedom
    assert np.corrcoef(np.log(noise.ratio), np.log(truth))[0, 1] > 0.6
    spread = np.log(noise.ratio).std()
    assert spread < np.log(own).std()
    assert noise.freedom == pytest.approx(noise.prior + freedom)


def test_prior_maximises_the_likelihood_of_f() -> None:
    """Prior and common variance are where the F density of the mean squares is highest."""
    from scipy import stats

    generator = np.random.default_rng(2)
    freedom = generator.integers(4, 20, 200).astype(float)
    square = 6 / generator.chisquare(6, 200) * generator.chisquare(freedom)
    noise = shrink(square, freedom)
    # the common variance follows from any reviewer's shrunken ratio
    k = 0
    held = noise.ratio[k] * (noise.prior + freedom[k]) - noise.prior
    scale = square[k] / held

    def height(prior: float, center: float) -> float:
        terms = stats.f.logpdf(square / freedom / center, freedom, prior) - np.log(center)
        return float(terms.sum())

    best = height(noise.prior, scale)
    for prior, center in ((1.05, 1), (0.95, 1), (1, 1.02), (1, 0.98)):
        assert height(noise.prior * prior, scale * center) < best
    alike = stats.gamma.logpdf(
        square / freedom, freedom / 2, scale=2 / freedom * square.sum() / freedom.sum()
    ).sum()
    assert noise.support == pytest.approx(2 * (best - alike), rel=1e-6)


def test_alike_reviewers_have_no_prior() -> None:
    """Mean squares that vary as chance alone has it support nothing but one variance."""
    generator = np.random.default_rng(3)
    supported = 0
    for _ in range(200):
        freedom = generator.integers(3, 20, 60).astype(float)
        supported += shrink(generator.chisquare(freedom), freedom).support > SUPPORT
    assert supported <= 10


def test_degrees_of_freedom_add_up() -> None:
    """Leverages are those of the fit: residual sum of squares over freedom is the noise."""
    ratings, _, _ = a_round(4, 0.0)
    layout = lay_out(ratings)
    point = maximise(layout, np.ones(len(ratings)))
    square, freedom = residual_squares(layout, point, point.equations.spread())
    assert square.sum() / freedom.sum() == pytest.approx(1.0, rel=1e-6)
    assert (freedom > 0).all()


def test_draws_have_the_posterior() -> None:
    """Drawn ratios have the inverse chi-squared law around the estimate, the same each time."""
    noise = shrink(*_unequal())
    drawn = noise.drawn(Stream(1, 2), 2000)
    assert (drawn == noise.drawn(Stream(1, 2), 2000)).all()
    np.testing.assert_allclose((1 / drawn).mean(axis=0), 1 / noise.ratio, rtol=0.05)


def _unequal() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    freedom = np.full(40, 10.0)
    return 4 / generator.chisquare(4, 40) * generator.chisquare(10, 40), freedom


def test_nothing_to_tell() -> None:
    """No degrees of freedom, or no residuals, leave reviewers alike."""
    for square, freedom in ((np.ones(3), np.zeros(3)), (np.zeros(3), np.ones(3))):
        noise = shrink(square, freedom)
        assert np.isinf(noise.prior)
        assert (noise.ratio == 1).all()

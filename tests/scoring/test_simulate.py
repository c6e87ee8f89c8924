"""The generator is the one that was agreed, and the methods keep their order."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.comparison import compare
from scoring.errors import ScoringError
from scoring.fit import fit
from scoring.ratings import Ratings
from scoring.simulate import simulate, table
from scoring.simulate_methods import estimates, least_squares, oracle, precision
from scoring.simulate_rounds import SETTINGS, Setting, simulate_round


def test_settings_are_the_six_of_the_table() -> None:
    """Reviews, leniency, carelessness and panels of the six settings."""
    kinds = [(s.reviews, s.leniency, s.unequal, s.careless, s.panels) for s in SETTINGS]
    assert kinds == [
        (5, 0.5, False, 0, 1),
        (5, 1.0, False, 0, 1),
        (7, 1.0, False, 0, 1),
        (3, 1.0, False, 0, 1),
        (5, 1.0, True, 3, 1),
        (5, 1.0, False, 0, 4),
    ]
    assert {(s.dossiers, s.experts) for s in SETTINGS} == {(155, 60)}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_loads_are_even_and_reviews_exact(setting: Setting) -> None:
    """Each dossier has its reviews; experts' loads differ by at most one in a single pool."""
    ratings = simulate_round(setting, np.random.default_rng(1)).ratings
    assert set(np.bincount(ratings.dossier)) == {setting.reviews}
    loads = np.bincount(ratings.reviewer, minlength=60)
    if setting.panels == 1:
        assert loads.max() - loads.min() <= 1
    assert ratings.score.min() >= 0
    assert ratings.score.max() <= 10
    assert np.all(ratings.score == np.round(ratings.score))


def test_the_generator_has_the_moments_that_it_says() -> None:
    """Variance of scores, share of the dossier and spread of scale, over forty large rounds."""
    setting = Setting("x", 5, 1.0, unequal=True, careless=3)
    rounds = [simulate_round(setting, np.random.default_rng([2, k])) for k in range(40)]
    scale = np.concatenate([r.scale[r.scale > 0] for r in rounds])
    noise = np.concatenate([r.noise[r.scale > 0] for r in rounds])
    assert np.log(scale).std() == pytest.approx(0.2, rel=0.05)
    assert np.log(noise).std() == pytest.approx(0.4, rel=0.05)
    assert {int((r.scale == 0).sum()) for r in rounds} == {3}
    assert all(np.all(r.noise[r.scale == 0] == 1.3) for r in rounds)
    leniency = np.concatenate([r.leniency for r in rounds])
    assert leniency.std() == pytest.approx(1, rel=0.05)


def test_least_squares_is_that_of_dummies() -> None:
    """Effects equal least squares on dummy variables, up to a constant."""
    ratings = simulate_round(SETTINGS[3], np.random.default_rng(3)).ratings
    columns = np.hstack((np.eye(155)[ratings.dossier], np.eye(60)[ratings.reviewer]))
    solution = np.linalg.lstsq(columns, ratings.score, rcond=None)[0][:155]
    found = least_squares(ratings)
    assert found - found.mean() == pytest.approx(solution - solution.mean(), abs=1e-8)


def test_precision_counts_every_way_to_break_a_tie() -> None:
    """By hand: two sure, two places for four that tie, one of them truly good."""
    quality = np.array([5.0, 4, 3, 2, 1, 0])
    estimate = np.array([9.0, 7, 7, 9, 7, 7])
    # True best four: 0, 1, 2, 3. Above the line 0 and 3; of the four tied, two are true.
    assert precision(estimate, quality, 4) == pytest.approx((2 + 0.5 * 2) / 4)
    assert precision(np.full(6, np.nan), quality, 3) == pytest.approx(0.5)


def test_the_oracle_and_the_model_beat_the_mean() -> None:
    """Over sixteen rounds the order is oracle, model, mean, trimmed mean; and it repeats."""
    outcomes = simulate(16, 5, settings=SETTINGS[1:2])
    (outcome,) = outcomes
    means = {name: outcome.mean(name) for name in outcome.precisions}
    assert means["oracle"] >= means["REML BLUP"] > means["mean"] > means["trimmed"]
    few = simulate(2, 5, settings=SETTINGS[1:2])
    assert table(few) == table(simulate(2, 5, settings=SETTINGS[1:2]))
    assert outcome.error("auto", "auto") == 0


def test_the_default_is_one_of_the_two_models() -> None:
    """`auto` is either the common or the experts' own noise, and the oracle is not the mean."""
    truth = simulate_round(SETTINGS[4], np.random.default_rng(6))
    found = estimates(truth)
    same = [np.array_equal(found["auto"], found[name]) for name in ("REML BLUP", "expert noise")]
    assert any(same)
    assert np.corrcoef(oracle(truth), truth.quality)[0, 1] > 0.8


def test_wrong_options_are_refused() -> None:
    """One round, no places, more places than dossiers and a negative seed are errors."""
    for rounds, top, seed in ((1, 31, 0), (2, 0, 0), (2, 156, 0), (2, 31, -1)):
        with pytest.raises(ScoringError):
            simulate(rounds, seed, top=top)


def test_methods_side_by_side() -> None:
    """Ranks share the better place, and a dossier of one review has no trimmed mean."""
    rows = [
        ("a", "x", 8),
        ("a", "y", 6),
        ("a", "z", 7),
        ("b", "x", 8),
        ("b", "y", 7),
        ("b", "z", 6),
    ]
    rows += [("c", "x", 9)]
    dossiers, experts, scores = zip(*rows, strict=True)
    record = fit(Ratings.from_rows(dossiers, experts, scores), draws=1).record()
    found = {entry["id"]: entry for entry in compare(record)}
    assert [found[name]["raw"]["rank"] for name in "abc"] == [2, 2, 1]
    assert found["c"]["trimmed"] == {"value": None, "rank": None}
    assert found["a"]["trimmed"]["value"] == 7
    assert {entry["adjusted"]["rank"] for entry in found.values()} <= {1, 2, 3}
    for entry in found.values():
        assert entry["moved"] == entry["raw"]["rank"] - entry["adjusted"]["rank"]

"""Flags find what was planted, stay silent in clean rounds, and rest on exact algebra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import chi2

from scoring.errors import ScoringError
from scoring.fit import fit
from scoring.flags import flags, holm
from scoring.flags_experts import halo, leniency, spread
from scoring.flags_model import Model, Variances
from scoring.flags_pairs import agreement
from scoring.ratings import Ratings
from scoring.simulate_rounds import SETTINGS, simulate_round

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clean(seed: int = 1) -> Ratings:
    """Return a round in which nobody is odd."""
    return simulate_round(SETTINGS[1], np.random.default_rng([7, seed])).ratings


def rescored(ratings: Ratings, score: NDArray[np.float64]) -> Ratings:
    """Return the same reviews with other scores."""
    return Ratings.from_rows(
        [ratings.dossiers[i] for i in ratings.dossier],
        [ratings.reviewers[j] for j in ratings.reviewer],
        score,
    )


def found(ratings: Ratings, **more: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Return the codes and experts of a round's flags, influence left out."""
    report = flags(ratings, fit(ratings, top=31, draws=200).record(), **more)
    return [
        (flag["code"], tuple(flag["experts"]))
        for flag in report["flags"]
        if flag["code"] != "influence"
    ]


def small() -> tuple[Ratings, Variances]:
    """Return twelve dossiers and five experts with unequal noise, for dense algebra."""
    generator = np.random.default_rng(4)
    pairs = [(i, j) for i in range(12) for j in range(5) if (i + 2 * j) % 5 < 3]
    score = generator.normal(60, 5, len(pairs))
    ratings = Ratings.from_rows([p[0] for p in pairs], [p[1] for p in pairs], score)
    return ratings, Variances(9.0, 4.0, np.array([1.0, 2.0, 3.0, 1.5, 8.0]))


def dense(
    ratings: Ratings, variances: Variances, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean + quality, all residuals and their covariance, from the matrix of all ratings."""
    i, j, y = ratings.dossier[kept], ratings.reviewer[kept], ratings.score[kept]
    z = np.eye(len(ratings.dossiers))[i]
    u = np.eye(len(ratings.reviewers))[j]
    noise = np.diag(variances.noise[j])
    v = noise + variances.dossier * z @ z.T + variances.reviewer * u @ u.T
    inverse = np.linalg.inv(v)
    ones = np.ones((len(y), 1))
    p = inverse - inverse @ ones @ ones.T @ inverse / float((ones.T @ inverse @ ones)[0, 0])
    mean = float((ones.T @ inverse @ y)[0] / (ones.T @ inverse @ ones)[0, 0])
    quality = variances.dossier * z.T @ p @ y
    return mean + quality, noise @ p @ y, noise @ p @ noise


def test_the_model_equals_dense_algebra() -> None:
    """Qualities, residuals with their covariance, and the estimates without each expert."""
    ratings, variances = small()
    everything = np.ones(len(ratings), bool)
    quality, residual, covariance = dense(ratings, variances, everything)
    model = Model(ratings, variances)
    assert model.mean + model.quality == pytest.approx(quality)
    for j in range(len(ratings.reviewers)):
        rows = model.of(j)
        found_residual, found_covariance = model.residuals(j)
        assert found_residual == pytest.approx(residual[rows])
        assert found_covariance == pytest.approx(covariance[np.ix_(rows, rows)])
        moved = model.without(j)
        assert moved is not None
        assert moved == pytest.approx(dense(ratings, variances, ratings.reviewer != j)[0])


def test_the_model_equals_the_fit() -> None:
    """With a fit's variances it gives the fit's own effects of dossiers and reviewers."""
    ratings = clean()
    record = fit(ratings, noise="common", draws=1).record()
    variance = record["variance"]
    alike = np.full(len(ratings.reviewers), variance["residual"])
    model = Model(ratings, Variances(variance["dossier"], variance["reviewer"], alike))
    assert model.quality == pytest.approx([d["effect"] for d in record["dossiers"]], abs=1e-6)
    assert model.leniency == pytest.approx([r["effect"] for r in record["reviewers"]], abs=1e-6)


def test_one_expert_alone_has_no_round_without() -> None:
    """Without the only expert nothing is left, and that is no crash."""
    ratings = Ratings.from_rows("abcdef", ["x"] * 6, [1, 2, 3, 4, 5, 7])
    assert Model(ratings, Variances(1.0, 0.0, np.ones(1))).without(0) is None


def test_a_clean_round_raises_few_flags() -> None:
    """Of 12 clean rounds with six kinds of flag at 5 %, not more than a handful raise any."""
    raised = [found(clean(seed)) for seed in range(12)]
    assert sum(map(bool, raised)) <= 4


def test_a_planted_lenient_expert_is_flagged_with_events() -> None:
    """Eight points more on every dossier stand out, and the events show the scores."""
    ratings = clean(2)
    more = ratings.score + 8.0 * (ratings.reviewer == 7)
    planted = rescored(ratings, more)
    report = flags(planted, fit(planted, top=31, draws=200).record())
    name = planted.reviewers[7]
    (flag,) = [flag for flag in report["flags"] if flag["code"] == "lenient"]
    assert flag["experts"] == [name]
    assert flag["p"] < 0.05
    assert flag["figures"]["low"] > 0
    assert 0 < len(flag["events"]) <= 10
    assert np.mean([e["score"] - e["expected"] for e in flag["events"]]) > 2
    (figures,) = [entry for entry in report["experts"] if entry["id"] == name]
    assert figures["leniency"] == flag["figures"]["leniency"]
    assert {"infit", "outfit", "spread", "enters", "leaves", "noise_sd"} <= set(figures)


def test_a_planted_careless_expert_is_inconsistent() -> None:
    """Scores that jump between 0 and 10 whatever the dossier give a large infit."""
    ratings = clean(3)
    jump = np.where(np.arange(len(ratings)) % 2, 0.0, 10.0)
    planted = rescored(ratings, np.where(ratings.reviewer == 9, jump, ratings.score))
    codes = found(planted)
    assert ("inconsistent", (planted.reviewers[9],)) in codes
    assert ("far_apart", (planted.reviewers[9],)) in codes


def test_a_planted_expert_of_one_score_is_central() -> None:
    """Six for everybody is central tendency."""
    ratings = clean(4)
    planted = rescored(ratings, np.where(ratings.reviewer == 5, 6.0, ratings.score))
    assert ("central", (planted.reviewers[5],)) in found(planted)


def test_a_planted_pair_that_shares_its_scores_is_flagged() -> None:
    """Two experts on twelve common dossiers, one a copy of the other, and only they."""
    generator = np.random.default_rng(8)
    quality = generator.normal(60, 6, 12)
    table = quality[:, None] + generator.normal(0, 3, 8) + generator.normal(0, 4, (12, 8))
    table[:, 3] = table[:, 6] + 2
    cells = [(f"d{i:02d}", f"e{j}", table[i, j]) for i in range(12) for j in range(8)]
    dossiers, experts, scores = zip(*cells, strict=True)
    ratings = Ratings.from_rows(dossiers, experts, scores)
    report = flags(ratings, fit(ratings, draws=200).record())
    pairs = [flag for flag in report["flags"] if flag["code"] == "agreement"]
    assert [flag["experts"] for flag in pairs] == [["e3", "e6"]]
    assert pairs[0]["figures"]["shared"] == len(pairs[0]["events"]) == 12
    assert pairs[0]["figures"]["ratio"] == pytest.approx(0, abs=1e-12)
    assert report["pairs"] == 28
    assert "influence" in report["reasons"]


def test_a_planted_halo_is_flagged() -> None:
    """One expert gives every chapter of a dossier the same score; the others differ."""
    generator = np.random.default_rng(9)
    cells = [(f"d{i:02d}", f"e{j}") for i in range(20) for j in range(6)]
    quality = np.repeat(generator.normal(0, 8, 20), 6)
    chapters = {}
    for chapter in ("I", "II", "III", "IV"):
        scores = generator.normal(60, 10, len(cells)) + quality
        scores[[e == "e2" for _, e in cells]] = 70
        chapters[chapter] = Ratings.from_rows([d for d, _ in cells], [e for _, e in cells], scores)
    total = rescored(chapters["I"], np.mean([r.score for r in chapters.values()], axis=0))
    report = flags(total, fit(total, draws=200).record(), chapters=chapters)
    (flag,) = [flag for flag in report["flags"] if flag["code"] == "halo"]
    assert flag["experts"] == ["e2"]
    assert flag["figures"]["dossiers"] == 20
    assert halo(chapters)["e2"]["difference"] < -5
    assert halo({"I": chapters["I"]}) == {}


def test_influence_names_a_decided_place_that_one_expert_made() -> None:
    """An expert who alone holds a dossier in the list is named, with the dossier's chance."""
    ratings = clean(5)
    record = fit(ratings, top=31, draws=200).record()
    report = flags(ratings, record)
    chances = {entry["id"]: entry["p_top"] for entry in record["dossiers"]}
    for flag in report["flags"]:
        if flag["code"] == "influence":
            assert flag["p"] is None
            assert all(
                chances[e["dossier"]] >= 0.9 or chances[e["dossier"]] <= 0.1 for e in flag["events"]
            )
    changes = [len(entry["enters"]) for entry in report["experts"]]
    assert changes == [len(entry["leaves"]) for entry in report["experts"]]
    assert 0 < max(changes) < 10
    # A forged fit that calls everything decided turns every change into a flag.
    for entry in record["dossiers"]:
        entry["p_top"] = 0.0
    forged = [f for f in flags(ratings, record)["flags"] if f["code"] == "influence"]
    assert len(forged) == sum(bool(entry["enters"]) for entry in report["experts"])


def test_agreement_is_the_chi_square_of_differences() -> None:
    """Three shared dossiers by hand, rounding allowed for."""
    ratings = Ratings.from_rows("aabbcc", "xyxyxy", [5, 4, 6, 6, 9, 7])
    pairs = agreement(ratings, np.array([1.0, 2.0]), step=1.0)
    squares = np.var([1, 0, 2]) * 3
    assert pairs.shared.tolist() == [3]
    assert pairs.ratio[0] == pytest.approx(squares / 2 / 3)
    assert pairs.p[0] == pytest.approx(chi2.cdf((squares + 2 / 6) / 3, 2))


def test_the_rounding_allowance_keeps_the_chance_of_equal_differences() -> None:
    """Scores in whole points: the low tail at "all equal" is no less than how often that happens.

    And not more than twice as much, so that it still finds something.
    """
    generator = np.random.default_rng(10)
    sd = 1.3
    scores = np.round(generator.normal(0, sd, (60_000, 3, 2)) + generator.uniform(0, 1, 2))
    equal = np.ptp(scores[..., 0] - scores[..., 1], axis=1) == 0
    ratings = Ratings.from_rows("aabbcc", "xyxyxy", [5, 4, 6, 5, 9, 8])
    p = float(agreement(ratings, np.full(2, sd**2 + 1 / 12), step=1.0).p[0])
    assert equal.mean() < p < 2 * equal.mean()


def test_holm_by_hand() -> None:
    """Sorted p times what is left, never falling, never above 1; None isn't counted."""
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_figures_that_cannot_be_told_are_none() -> None:
    """Too few scores, no variance of leniency, no expected spread: None, never NaN."""
    assert leniency(1.0, 1.0, 1.0) is None
    assert leniency(1.96, 0.6, 1.36) == pytest.approx(0.05, abs=1e-3)
    assert spread(np.ones(4), 1.0, 1.0)["ratio"] is None
    assert spread(np.ones(9), 0.0, 1.0)["low"] is None


def test_boundary_rounds_give_reasons() -> None:
    """Constant scores and dossiers without spread: no flags and a reason, no crash."""
    for scores in ([5.0] * 9, [1.0, 2.0, 3.0] * 3):
        ratings = Ratings.from_rows(list("aaabbbccc"), list("xyz" * 3), scores)
        report = flags(ratings, fit(ratings, top=1, draws=200).record())
        assert report["flags"] == []
        assert report["reasons"]["all"]


def test_a_design_that_cannot_tell_leniency_says_so() -> None:
    """Experts of one dossier each have no leniency: a reason, no crash, no flag for it."""
    generator = np.random.default_rng(12)
    scores = np.repeat(generator.normal(60, 9, 8), 4) + generator.normal(0, 2, 32)
    each = Ratings.from_rows(np.repeat(np.arange(8), 4), np.arange(32), scores)
    report = flags(each, fit(each, top=3, draws=200).record())
    assert report["reasons"]["leniency"]
    assert {flag["code"] for flag in report["flags"]} <= {"influence"}
    assert len(report["experts"]) == 32


def test_a_single_expert_is_no_round_to_compare() -> None:
    """One expert on every dossier: quality and noise can't be told apart, and it is said."""
    alone = Ratings.from_rows(np.arange(8), ["x"] * 8, [61.0, 70, 55, 80, 66, 72, 58, 90])
    report = flags(alone, fit(alone, top=3, draws=200).record())
    assert report["reasons"]
    assert report["flags"] == []


def test_wrong_input_is_refused() -> None:
    """Ratings without experts, and a fit of other ratings, are errors."""
    nameless = Ratings.from_rows("aabb", None, [1, 2, 3, 5])
    with pytest.raises(ScoringError, match="don't name their experts"):
        flags(nameless, {})
    ratings = clean()
    other = Ratings.from_rows("aabb", "xyxy", [1, 2, 3, 5])
    with pytest.raises(ScoringError, match="dossiers are not those"):
        flags(ratings, fit(other, draws=1).record())

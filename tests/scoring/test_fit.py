"""The fit on published data, on awkward data and under relabelling."""

from __future__ import annotations

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ScoringError
from scoring.fit import Fit, fit
from scoring.ratings import Ratings

VECTORS = Path(__file__).parents[1] / "vectors" / "stats"


def read(name: str, dossier: str, reviewer: str | None, score: str) -> Ratings:
    """The ratings of a test vector."""
    return Ratings.from_csv(
        VECTORS / f"{name}.csv", dossier=dossier, reviewer=reviewer, score=score
    )


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a test vector."""
    with (VECTORS / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


class TestPublished:
    def test_dyestuff(self) -> None:
        """One-way data give the closed form of a balanced design, and lme4's criterion."""
        found = fit(read("Dyestuff", "Batch", None, "Yield"), noise="common")
        assert found.variances["dossier"] == pytest.approx(1764.05, rel=1e-7)
        assert found.variances["residual"] == pytest.approx(2451.25, rel=1e-7)
        assert math.isnan(found.variances["reviewer"])
        assert found.record()["variance"]["reviewer"] is None
        assert found.reasons["variance.reviewer"] == "no_reviewers"
        assert found.mean == pytest.approx(1527.5, rel=1e-12)
        assert found.mean_se == pytest.approx(19.3834122, abs=1e-7)
        assert found.criterion == pytest.approx(319.6542768, abs=1e-7)
        for entry, place in zip(rows("Dyestuff_lme4_blup_Batch"), range(6), strict=True):
            assert found.ratings.dossiers[place] == entry["level"]
            assert found.dossiers["effect"][place] == pytest.approx(float(entry["blup"]), rel=1e-6)
            assert found.dossiers["se"][place] == pytest.approx(float(entry["condsd"]), rel=1e-6)

    def test_dyestuff2(self) -> None:
        """A variance at its boundary is exactly zero, with a warning and honest intervals."""
        found = fit(read("Dyestuff2", "Batch", None, "Yield"), noise="common")
        assert found.variances["dossier"] == 0.0
        assert found.variances["residual"] == pytest.approx(13.8063096, abs=5e-8)
        assert found.criterion == pytest.approx(161.8282778, abs=1e-7)
        assert found.mean_se == pytest.approx(0.678388031232524, rel=1e-9)
        assert {"code": "boundary", "variance": "dossier"} in found.warnings
        assert (found.dossiers["effect"] == 0).all()
        assert (found.dossiers["low"] < 0).all()
        assert (found.dossiers["high"] > 0).all()

    def test_penicillin(self) -> None:
        """A crossed design gives the true optimum, and BLUPs and conditional SDs as lme4's."""
        found = fit(read("Penicillin", "plate", "sample", "diameter"), noise="common")
        assert found.variances["dossier"] == pytest.approx(0.716908212560, rel=1e-9)
        assert found.variances["reviewer"] == pytest.approx(3.730917874396, rel=1e-9)
        assert found.variances["residual"] == pytest.approx(0.302415458937, rel=1e-9)
        assert found.mean == pytest.approx(22.9722222, abs=5e-8)
        assert found.criterion == pytest.approx(330.8605890, abs=5e-8)
        for name, ids, columns in (
            ("plate", found.ratings.dossiers, found.dossiers),
            ("sample", found.ratings.reviewers, found.reviewers),
        ):
            expected = {entry["level"]: entry for entry in rows(f"Penicillin_lme4_blup_{name}")}
            assert set(ids) == set(expected)
            for place, level in enumerate(ids):
                entry = expected[level]
                assert columns["effect"][place] == pytest.approx(float(entry["blup"]), abs=1e-4)
                assert columns["se"][place] == pytest.approx(float(entry["condsd"]), abs=1e-4)

    def test_real_panel(self) -> None:
        """A real grant panel with gaps agrees with lme4 as far as its optimiser went."""
        found = fit(read("aibs_panel", "prop", "judge", "y"), noise="common")
        assert found.variances["dossier"] == pytest.approx(63.163075, rel=1e-5)
        assert found.variances["reviewer"] == pytest.approx(0.453518, rel=2e-5)
        assert found.variances["residual"] == pytest.approx(5.282081, rel=2e-6)
        assert found.mean == pytest.approx(14.902104, abs=1e-4)
        assert found.criterion == pytest.approx(1397.942182, abs=5e-7)
        columns = {"prop": found.dossiers, "judge": found.reviewers}
        ids = {"prop": found.ratings.dossiers, "judge": found.ratings.reviewers}
        for entry in rows("aibs_panel_lme4_ranef"):
            place = ids[entry["grpvar"]].index(entry["grp"])
            column = columns[entry["grpvar"]]
            assert column["effect"][place] == pytest.approx(float(entry["condval"]), abs=1e-4)
            assert column["se"][place] == pytest.approx(float(entry["condsd"]), abs=1e-4)

    def test_real_panel_is_at_the_optimum(self) -> None:
        """No variances near the estimates have a lower criterion, computed densely."""
        ratings = read("aibs_panel", "prop", "judge", "y")
        found = fit(ratings, noise="common")
        names = ("dossier", "reviewer", "residual")
        best = [found.variances[name] for name in names]
        least = dense_criterion(ratings, best)
        assert found.criterion == pytest.approx(least, abs=1e-8)
        for which, factor in itertools.product(range(3), (1 - 2e-4, 1 + 2e-4)):
            near = [value * (factor if k == which else 1) for k, value in enumerate(best)]
            assert dense_criterion(ratings, near) > least
        for which in range(3):  # the slope in the logarithm vanishes: six digits are right
            step = 1e-4
            up = [value * (1 + step if k == which else 1) for k, value in enumerate(best)]
            down = [value * (1 - step if k == which else 1) for k, value in enumerate(best)]
            slope = (dense_criterion(ratings, up) - dense_criterion(ratings, down)) / (2 * step)
            bend = (
                dense_criterion(ratings, up) - 2 * least + dense_criterion(ratings, down)
            ) / step**2
            assert abs(slope / bend) < 2e-6

    @pytest.mark.parametrize(
        ("panel", "expected"),
        [
            ("p1", (0.421904762, 1.981904762, 0.724761905)),
            ("p2", (2.276190476, 0.014285714, 0.272380952)),
            ("p3", (1.074285714, 0.736190476, 0.990476190)),
        ],
    )
    def test_mock_panels(self, panel: str, expected: tuple[float, float, float]) -> None:
        """Complete panels give their analysis of variance components."""
        found = fit(snsf(panel), noise="common")
        for name, value in zip(("dossier", "reviewer", "residual"), expected, strict=True):
            assert found.variances[name] == pytest.approx(value, rel=1e-7, abs=1e-9)

    def test_mock_panel_ranks(self) -> None:
        """Expected ranks follow those published for another prior, in order and size."""
        published = [2.44, 4.06, 4.09, 4.12, 5.08, 6.19, 7.34, 7.26, 8.43]
        published += [9.42, 10.4, 11.4, 13.0, 13.0, 13.7]
        found = fit(snsf("p1"), noise="common")
        order = [found.ratings.dossiers.index(f"#{number}") for number in range(1, 16)]
        ranks = found.dossiers["expected_rank"][order]
        assert np.abs(ranks - published).max() < 0.6
        assert np.corrcoef(ranks, published)[0, 1] > 0.995


def snsf(panel: str) -> Ratings:
    """One of the three mock panels."""
    kept = [row for row in rows("snsf_mock") if row["panel"] == panel]
    return Ratings.from_rows(
        [row["proposal"] for row in kept],
        [row["assessor"] for row in kept],
        [row["num_grade"] for row in kept],
    )


def dense_criterion(ratings: Ratings, variances: list[float]) -> float:
    """-2 log restricted likelihood from the covariance matrix of all ratings, by definition."""
    same_dossier = ratings.dossier[:, None] == ratings.dossier
    same_reviewer = ratings.reviewer[:, None] == ratings.reviewer
    covariance = variances[0] * same_dossier + variances[1] * same_reviewer
    covariance = covariance + variances[2] * np.eye(len(ratings))
    inverse = np.linalg.inv(covariance)
    information = inverse.sum()
    mean = inverse.sum(axis=0) @ ratings.score / information
    rest = ratings.score - mean
    logs = np.linalg.slogdet(covariance)[1] + np.log(information)
    return float((len(ratings) - 1) * np.log(2 * np.pi) + logs + rest @ inverse @ rest)


def small_round(seed: int, dossiers: int = 12, reviewers: int = 6, reviews: int = 4) -> Ratings:
    """A simulated round; scores are multiples of 1/8, so that moving them is exact."""
    generator = np.random.default_rng(seed)
    picks = [generator.permutation(reviewers)[:reviews] for _ in range(dossiers)]
    quality, leniency = generator.normal(0, 1, dossiers), generator.normal(0, 0.7, reviewers)
    left, right, scores = [], [], []
    for dossier, picked in enumerate(picks):
        for reviewer in picked:
            value = 5 + quality[dossier] + leniency[reviewer] + generator.normal(0, 0.8)
            left.append(f"d{dossier:02d}")
            right.append(f"r{reviewer:02d}")
            scores.append(round(8 * value) / 8)
    return Ratings.from_rows(left, right, scores)


def columns_of(ratings: Ratings) -> tuple[list[str], list[str], list[float]]:
    """The three columns again."""
    left = [ratings.dossiers[code] for code in ratings.dossier]
    right = [ratings.reviewers[code] for code in ratings.reviewer]
    return left, right, ratings.score.tolist()


def plain(found: Fit) -> dict[str, object]:
    """The record without what names the input."""
    record = found.record()
    record.pop("input")
    return record


class TestInvariance:
    @settings(max_examples=15, derandomize=True, deadline=None)
    @given(st.integers(0, 10**6), st.randoms(use_true_random=False))
    def test_order_and_labels(self, seed: int, random: object) -> None:
        """Shuffled rows and renamed, reordered ids give the same bits for every id."""
        ratings = small_round(seed)
        left, right, scores = columns_of(ratings)
        order = list(range(len(scores)))
        random.shuffle(order)  # type: ignore[attr-defined]
        names = {
            name: f"x{random.random()}-{name}" for name in ratings.dossiers + ratings.reviewers
        }  # type: ignore[attr-defined]
        other = Ratings.from_rows(
            [names[left[k]] for k in order],
            [names[right[k]] for k in order],
            [scores[k] for k in order],
        )
        first, second = fit(ratings, top=4), fit(other, top=4)
        assert first.variances == second.variances
        assert first.criterion == second.criterion
        for mine, theirs, ids, others in (
            (first.dossiers, second.dossiers, ratings.dossiers, other.dossiers),
            (first.reviewers, second.reviewers, ratings.reviewers, other.reviewers),
        ):
            place = [others.index(names[name]) for name in ids]
            for column, values in mine.items():
                np.testing.assert_array_equal(theirs[column][place], values, err_msg=column)

    def test_type(self) -> None:
        """Integers, floats of any size, text and Python numbers give the same record."""
        left, right, scores = columns_of(small_round(3))
        whole = [round(score) for score in scores]
        records = [
            fit(Ratings.from_rows(left, right, kind)).record()
            for kind in (
                whole,
                [str(value) for value in whole],
                np.array(whole, np.int8),
                np.array(whole, np.float32),
                np.array(whole, np.float64),
            )
        ]
        assert all(record == records[0] for record in records)

    @settings(max_examples=10, derandomize=True, deadline=None)
    @given(st.integers(0, 10**6), st.integers(-50, 50), st.sampled_from([0.25, 3.0, 10.0]))
    def test_shift_and_scale(self, seed: int, shift: int, scale: float) -> None:
        """Moving and stretching the scores moves and stretches the estimates, nothing else."""
        ratings = small_round(seed)
        left, right, scores = columns_of(ratings)
        moved = fit(Ratings.from_rows(left, right, [shift + scale * x for x in scores]), top=4)
        still = fit(ratings, top=4)
        assert moved.mean == pytest.approx(shift + scale * still.mean, rel=1e-7, abs=1e-6)
        for name, value in still.variances.items():
            assert moved.variances[name] == pytest.approx(scale**2 * value, rel=1e-6, abs=1e-9)
        for column in ("effect", "se", "low", "high"):
            expected = scale * still.dossiers[column]
            np.testing.assert_allclose(moved.dossiers[column], expected, rtol=1e-5, atol=1e-6)
        expected = shift + scale * still.dossiers["estimate"]
        np.testing.assert_allclose(moved.dossiers["estimate"], expected, rtol=1e-6, atol=1e-6)
        # Chances come of 4,000 draws, whose rounding differs from processor to processor.
        np.testing.assert_allclose(moved.dossiers["p_top"], still.dossiers["p_top"], atol=0.02)

    def test_bytes_repeat(self) -> None:
        """The same call gives the same bytes; another seed moves nothing but chances."""
        ratings = small_round(5)
        first = json.dumps(fit(ratings, top=4).record())
        assert first == json.dumps(fit(ratings, top=4).record())
        other = fit(ratings, top=4, seed=1).record()
        assert [row["effect"] for row in other["dossiers"]] == [
            row["effect"] for row in json.loads(first)["dossiers"]
        ]
        assert json.dumps(other) != first

    def test_indistinguishable(self) -> None:
        """Dossiers with the same scores by the same reviewers get the same chances."""
        left = ["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3
        scores = [3.0, 4.0, 5.0] * 2 + [1.0, 2.0, 2.5] + [5.0, 6.0, 8.0]
        found = fit(Ratings.from_rows(left, list("xyz") * 4, scores), top=2)
        for column in ("effect", "low", "expected_rank", "p_top"):
            assert found.dossiers[column][0] == pytest.approx(found.dossiers[column][1], rel=1e-12)


AWKWARD: dict[str, tuple[str, str, list[float], set[str]]] = {
    "one rating": ("a", "x", [3], {"no_variation", "not_estimable"}),
    "constant scores": ("aabb", "xyxy", [3, 3, 3, 3], {"no_variation"}),
    "one dossier": ("aaaa", "wxyz", [1, 2, 3, 5], {"not_estimable"}),
    "one reviewer": ("wxyz", "aaaa", [1, 2, 3, 5], {"not_estimable"}),
    "one review each": ("abcdef", "xxyyzz", [1, 2, 3, 5, 8, 9], {"not_estimable", "few_reviews"}),
    "every rating alone": ("abc", "xyz", [1, 2, 4], {"not_estimable", "disconnected"}),
    "two islands": ("aabbccdd", "xyxyuvuv", [1, 2, 3, 4, 1, 2, 3, 7], {"disconnected"}),
    "exactly additive": ("aabbcc", "xyxyxy", [1, 2, 3, 4, 7, 8], {"boundary"}),
    "all agree": ("aabbcc", "xyxyxy", [1, 1, 3, 3, 7, 7], {"boundary"}),
    "only leniency": ("aabbcc", "xyxyxy", [1, 5, 1, 5, 1, 5], {"boundary", "constant_reviewer"}),
    "a chain": ("aabbcc", "uvvwwx", [1, 2, 3, 3, 3, 4], {"few_ratings"}),
    "one gap": ("aaabbbcc", "xyzxyzxy", [1, 2, 3, 2, 2, 4, 5, 6], {"unequal_reviews"}),
    "pure noise": ("aaabbbccc", "xyzxyzxyz", [1, 9, 5, 9, 5, 1, 5, 1, 9], {"boundary"}),
    "huge": ("aaabbbccc", "xyzxyzxyz", [1e9, 2e9, 3e9, 2e9, 2e9, 5e9, 4e9, 9e9, 7e9], set()),
    "tiny": (
        "aaabbbccc",
        "xyzxyzxyz",
        [1e-9, 2e-9, 3e-9, 2e-9, 2e-9, 5e-9, 4e-9, 9e-9, 7e-9],
        set(),
    ),
    "far off": ("aabbcc", "xyxyxy", [1e9 + k for k in (1, 2, 3, 5, 7, 8)], set()),
}


class TestAwkward:
    @pytest.mark.parametrize("noise", ["common", "expert", "auto"])
    @pytest.mark.parametrize("name", sorted(AWKWARD))
    def test_named(self, name: str, noise: str) -> None:
        """Awkward data give named warnings and finite numbers or null, and JSON takes them."""
        left, right, scores, codes = AWKWARD[name]
        record = fit(Ratings.from_rows(left, right, scores), top=2, noise=noise).record()
        assert codes <= {warning["code"] for warning in record["warnings"]}
        json.dumps(record, allow_nan=False)
        told = {warning.get("variance") for warning in record["warnings"]}
        assert all(
            record["variance"][key] or key in told or "no_variation" in codes
            for key in record["variance"]
        )
        for entry in record["dossiers"]:
            assert (entry["effect"] is None) == (entry["low"] is None)
            if entry["low"] is not None:
                assert entry["low"] <= entry["effect"] + 1e-9 * abs(entry["effect"])
                assert entry["high"] >= entry["effect"] - 1e-9 * abs(entry["effect"])

    def test_additive_is_exact(self) -> None:
        """Without noise the residual variance is zero and scores are taken apart exactly."""
        left, right, scores, _ = AWKWARD["exactly additive"]
        found = fit(Ratings.from_rows(left, right, scores), top=1)
        assert found.variances["residual"] == 0
        assert found.dossiers["effect"] == pytest.approx([-8 / 3, -2 / 3, 10 / 3], abs=1e-5)
        assert found.dossiers["expected_rank"].tolist() == [3, 2, 1]
        assert found.dossiers["p_top"].tolist() == [0, 0, 1]

    def test_constant_scores_share_places(self) -> None:
        """Where nobody differs all have the same chance."""
        found = fit(Ratings.from_rows("aabbcc", "xyxyxy", [2] * 6), top=2)
        assert found.dossiers["p_top"] == pytest.approx([2 / 3] * 3)
        assert found.dossiers["expected_rank"].tolist() == [2, 2, 2]
        assert found.variances == {"dossier": 0, "reviewer": 0, "residual": 0}

    def test_warnings_name_levels(self) -> None:
        """Warnings of thin data name who it is."""
        ratings = Ratings.from_rows("aaabbbccc" + "d", "xyzxyzxyz" + "x", [*range(9), 4])
        warnings = {entry["code"]: entry for entry in fit(ratings).record()["warnings"]}
        assert warnings["few_reviews"]["dossiers"] == ["d"]
        assert warnings["few_ratings"]["reviewers"] == ["x", "y", "z"]
        assert warnings["unequal_reviews"] == {"code": "unequal_reviews", "fewest": 1, "most": 3}

    @settings(max_examples=60, derandomize=True, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)),
            min_size=1,
            max_size=14,
            unique_by=lambda row: row[:2],
        ),
        st.sampled_from(["auto", "expert"]),
    )
    def test_anything_fits(self, table: list[tuple[int, int, int]], noise: str) -> None:
        """Any small table of ratings gives a record without NaN, and chances that add up."""
        left, right, scores = zip(*table, strict=True)
        record = fit(Ratings.from_rows(left, right, scores), top=1, noise=noise, draws=20).record()
        json.dumps(record, allow_nan=False)
        chances = [entry["p_top"] for entry in record["dossiers"]]
        if None not in chances:
            assert sum(chances) == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"top": 0}, "top"),
            ({"noise": "none"}, "noise"),
            ({"draws": 0}, "draws"),
            ({"seed": -1}, "seed"),
        ],
    )
    def test_refusals(self, arguments: dict[str, object], code: str) -> None:
        """Arguments out of range are refused by name."""
        with pytest.raises(ScoringError) as caught:
            fit(small_round(1), **arguments)  # type: ignore[arg-type]
        assert caught.value.code == code


class TestCompeting:
    def test_only_those_that_compete_rank_and_take_places(self) -> None:
        """Ranks and chances count those that compete alone; everything else stays as it was."""
        ratings = read("Penicillin", "plate", "sample", "diameter")
        samples = ratings.dossiers[:4]
        rest = ratings.dossiers[4:]
        whole = fit(ratings, top=5).record()
        found = fit(ratings, top=5, competing=rest).record()
        assert found["competing"] == len(rest)
        assert whole["competing"] is None
        for one, before in zip(found["dossiers"], whole["dossiers"], strict=True):
            raced = {"expected_rank", "p_top"}
            assert {k: one[k] for k in one if k not in raced} == {
                k: before[k] for k in before if k not in raced
            }
            outside = one["id"] in samples
            assert (one["expected_rank"] is None) == outside == (one["p_top"] is None)
        inside = [one for one in found["dossiers"] if one["id"] in rest]
        assert sum(one["p_top"] for one in inside) == pytest.approx(5)
        n = len(rest)
        assert sum(one["expected_rank"] for one in inside) == pytest.approx(n * (n + 1) / 2)

    def test_all_competing_is_as_without(self) -> None:
        """Naming every dossier gives the figures that naming none gives."""
        ratings = read("Penicillin", "plate", "sample", "diameter")
        one, other = (
            fit(ratings, top=3, competing=who).record() for who in (None, ratings.dossiers)
        )
        assert one["dossiers"] == other["dossiers"]

    def test_equal_scores_share_the_places_of_those_that_compete(self) -> None:
        """Without variation the competing share the places; the others and strangers have none."""
        ratings = Ratings.from_rows("aabbcc", "xyxyxy", [5.0] * 6)
        found = fit(ratings, top=1, competing=("a", "b", "nobody")).record()
        assert [one["p_top"] for one in found["dossiers"]] == [0.5, 0.5, None]
        assert [one["expected_rank"] for one in found["dossiers"]] == [1.5, 1.5, None]

    def test_nobody_competing(self) -> None:
        """Where nobody competes the fit stands and no one has a rank."""
        ratings = read("Penicillin", "plate", "sample", "diameter")
        found = fit(ratings, top=3, competing=()).record()
        assert {one["expected_rank"] for one in found["dossiers"]} == {None}

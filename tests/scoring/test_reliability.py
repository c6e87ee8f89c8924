"""Agreement coefficients against published values, other libraries and their definitions."""

from __future__ import annotations

import csv
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa as reference_kappa

from scoring.ratings import Ratings
from scoring.reliability import reliability
from scoring.reliability_alpha import LEVELS, krippendorff
from scoring.reliability_icc import KINDS, correlations
from scoring.reliability_ranks import fleiss_kappa, kendall_w

VECTORS = Path(__file__).parents[1] / "vectors" / "stats"


def wide(name: str) -> Ratings:
    """Return a vector with one row an observer and one column a unit."""
    with (VECTORS / name).open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    cells = [(unit, judge, cell) for judge, row in enumerate(rows) for unit, cell in enumerate(row)]
    units, judges, scores = zip(*cells, strict=True)
    return Ratings.from_rows(units, judges, [cell or None for cell in scores])


def shrout_fleiss() -> Ratings:
    """Return the table of six targets and four judges."""
    path = VECTORS / "shrout_fleiss_1979.csv"
    return Ratings.from_csv(path, dossier="t", reviewer="r", score="y")


def rows(table: list[list[float | None]]) -> Ratings:
    """Return ratings of a table with one row a dossier, one column an expert."""
    cells = [(i, j, score) for i, row in enumerate(table) for j, score in enumerate(row)]
    dossiers, experts, scores = zip(*cells, strict=True)
    return Ratings.from_rows(dossiers, experts, scores)


def test_the_six_published_correlations() -> None:
    """Shrout and Fleiss's own example gives their six values to twelve digits."""
    published = {
        "1,1": 0.165741768405,
        "2,1": 0.289763779528,
        "3,1": 0.714840714841,
        "1,k": 0.442797133679,
        "2,k": 0.620050547599,
        "3,k": 0.909315542377,
    }
    found = correlations(shrout_fleiss())
    assert found.values == pytest.approx(published, abs=1e-12)
    assert (found.k, found.method) == (4, "anova")


def test_correlations_with_gaps_use_reml_and_stay_near() -> None:
    """One missing cell of 24 moves no correlation far, and the method says what was done."""
    full = shrout_fleiss()
    keep = np.arange(len(full)) != 9
    labels = [full.dossiers[i] for i in full.dossier[keep]]
    experts = [full.reviewers[j] for j in full.reviewer[keep]]
    gap = correlations(Ratings.from_rows(labels, experts, full.score[keep]))
    assert gap.method == "reml"
    assert gap.k == pytest.approx(6 / (5 / 4 + 1 / 3))
    for kind in KINDS:
        assert gap.values[kind] == pytest.approx(correlations(full).values[kind], abs=0.12)


def test_reml_of_a_gapless_table_agrees_with_its_mean_squares() -> None:
    """The two routes meet: the crossed REML components give ICC(2,1) and ICC(3,1) of ANOVA."""
    from scoring.fit import fit

    variance = fit(shrout_fleiss(), noise="common", draws=1).record()["variance"]
    quality, judge, rest = (variance[name] for name in ("dossier", "reviewer", "residual"))
    found = correlations(shrout_fleiss()).values
    assert found["2,1"] == pytest.approx(quality / (quality + judge + rest), rel=1e-6)
    assert found["3,1"] == pytest.approx(quality / (quality + rest), rel=1e-6)


def test_the_four_published_alphas() -> None:
    """Krippendorff's example with missing values gives his four coefficients."""
    published = {
        "nominal": 0.743421052632,
        "ordinal": 0.815387503755,
        "interval": 0.849107142857,
        "ratio": 0.797402774712,
    }
    found = {
        level: alpha.value for level, alpha in krippendorff(wide("krippendorff_2011.csv")).items()
    }
    assert found == pytest.approx(published, abs=1e-12)


def by_definition(ratings: Ratings, level: str) -> float:
    """Return alpha from all pairs, one by one, as the formula is written."""
    units = [
        [float(score) for score in ratings.score[ratings.dossier == i]]
        for i in range(len(ratings.dossiers))
    ]
    units = [unit for unit in units if len(unit) > 1]
    values = sorted(score for unit in units for score in unit)

    def between(c: float, k: float) -> float:
        low, high = min(c, k), max(c, k)
        inside = sum(low <= value <= high for value in values)
        return inside - (values.count(low) + values.count(high)) / 2

    def delta(c: float, k: float) -> float:
        if c == k:
            return 0.0
        kinds = {
            "nominal": 1.0,
            "ordinal": between(c, k) ** 2,
            "interval": (c - k) ** 2,
            "ratio": ((c - k) / (c + k)) ** 2,
        }
        return kinds[level]

    observed = sum(
        delta(c, k) / (len(unit) - 1) for unit in units for c, k in permutations(unit, 2)
    )
    expected = sum(delta(c, k) for c, k in permutations(values, 2)) / (len(values) - 1)
    return 1 - observed / expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.lists(st.none() | st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=6
    )
)
def test_alpha_is_its_definition(table: list[list[float | None]]) -> None:
    """On any table with gaps all four alphas equal the sum over pairs, or say why not."""
    if all(cell is None for row in table for cell in row):
        return
    ratings = rows(table)
    for level, alpha in krippendorff(ratings).items():
        if alpha.value is None:
            assert alpha.reason in {"no dossier has two scores", "all scores are equal"}
        else:
            assert alpha.value == pytest.approx(by_definition(ratings, level), abs=1e-9)


def test_alpha_of_ratios_needs_a_least_zero() -> None:
    """Negative scores leave the ratio level undefined, and only that."""
    alpha = krippendorff(rows([[-1, 2], [3, 4], [0, 0]]))
    assert alpha["ratio"].value is None
    assert "negative" in str(alpha["ratio"].reason)
    assert all(alpha[level].value is not None for level in LEVELS[:3])


def test_alpha_of_many_distinct_scores() -> None:
    """Two thousand distinct totals go through blocks: the ratio level equals its definition."""
    generator = np.random.default_rng(5)
    table = (60 + 10 * generator.standard_normal((700, 3))).tolist()
    ratings = rows(table)
    assert len(np.unique(ratings.score)) == 2100
    values = ratings.score
    share = (values[:, None] - values[None, :]) / (values[:, None] + values[None, :])
    expected = float(np.sum(share**2)) / (len(values) - 1)
    observed = 0.0
    for row in np.asarray(table):
        part = (row[:, None] - row[None, :]) / (row[:, None] + row[None, :])
        observed += float(np.sum(part**2)) / 2
    assert krippendorff(ratings)["ratio"].value == pytest.approx(1 - observed / expected)


def test_the_published_tasting() -> None:
    """Tasting 126 gives W 0.3294 with p 0.0238."""
    found = kendall_w(wide("wine126_ranks.csv"))
    assert not isinstance(found, str)
    assert found == (pytest.approx(0.3294, abs=5e-5), pytest.approx(0.0238, abs=5e-5))


def test_w_with_ties_is_the_mean_rank_correlation() -> None:
    """W = (1 + (m - 1) r) / m with r the mean Spearman correlation, where ties are equal in kind.

    Kendall & Gibbons, section 6.4; with the correction for ties it holds exactly where each
    expert has the same ties.
    """
    scores = [[1, 2, 2], [2, 1, 2], [2, 2, 1], [3, 4, 4], [4, 3, 3.5]]
    found = kendall_w(rows([list(row) for row in scores]))
    assert not isinstance(found, str)
    columns = np.array([[1, 2.5, 2.5, 4, 5], [2.5, 1, 2.5, 5, 4], [2.5, 2.5, 1, 5, 4]])
    mean = (np.corrcoef(columns).sum() - 3) / 6
    assert found[0] == pytest.approx((1 + 2 * mean) / 3)


FLEISS_1971 = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_kappa_equals_that_of_statsmodels() -> None:
    """A table of counts with equal numbers gives the kappa of statsmodels."""
    table = [
        [float(level) for level, count in enumerate(row) for _ in range(count)]
        for row in FLEISS_1971
    ]
    found = fleiss_kappa(rows([list(row) for row in table]))
    assert found == pytest.approx(float(reference_kappa(np.array(FLEISS_1971))), abs=1e-12)
    assert found == pytest.approx(0.210, abs=5e-4)


def test_kappa_with_unequal_numbers() -> None:
    """Two dossiers in full agreement, one in none: by hand from the definition."""
    found = fleiss_kappa(rows([[1, 1, 1], [2, 2, None], [1, 2, None], [1, None, None]]))
    # Agreement 1, 1, 0; shares 4/7 and 3/7 of the seven scores of dossiers with two or more.
    chance = (4 / 7) ** 2 + (3 / 7) ** 2
    assert found == pytest.approx((2 / 3 - chance) / (1 - chance))


def test_the_report_has_a_reason_for_every_null() -> None:
    """Constant scores, single scores, gaps: null and a reason, no crash and no NaN."""
    tables: list[list[list[float | None]]] = [
        [[5, 5], [5, 5], [5, 5]],
        [[1, None], [None, 2], [3, None]],
        [[1, 2], [2, None], [3, 1]],
        [[4]],
        [[4, 5]],
    ]
    for table in tables:
        report = reliability(rows(table))
        figures = {
            **{f"icc.{kind}": value for kind, value in report["icc"].items()},
            **{f"krippendorff_alpha.{k}": v for k, v in report["krippendorff_alpha"].items()},
            **{k: report[k] for k in ("kendall_w", "kendall_p", "fleiss_kappa", "separation")},
        }
        assert {name for name, value in figures.items() if value is None} == set(report["reasons"])
        assert all(report["reasons"].values())
        numbers = [value for value in figures.values() if isinstance(value, float)]
        assert np.isfinite(numbers).all()


def test_without_experts_only_one_way_figures_remain() -> None:
    """Scores that don't name their expert have no ICC(2,.) or (3,.), and the reason says so."""
    ratings = Ratings.from_csv(
        VECTORS / "Dyestuff.csv", dossier="Batch", reviewer=None, score="Yield"
    )
    report = reliability(ratings)
    assert report["icc"]["1,1"] == pytest.approx(1764.05 / (1764.05 + 2451.25), rel=1e-6)
    assert report["icc"]["2,1"] is None
    assert "which expert" in report["reasons"]["icc.2,1"]
    assert report["separation"]["reliability"] == pytest.approx(
        5 * 1764.05 / (5 * 1764.05 + 2451.25), rel=0.12
    )

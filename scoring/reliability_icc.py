"""The six intraclass correlations of Shrout and Fleiss, also where cells are missing.

A correlation is a ratio of variance components: t of the dossiers, r of the experts, e of the
rest; k is the number of scores a dossier.

1,1  t1 / (t1 + e1)        1,k  t1 / (t1 + e1 / k)         one-way: experts are not told apart
2,1  t / (t + r + e)       2,k  t / (t + (r + e) / k)      these experts stand for others
3,1  t / (t + e)           3,k  t / (t + e / k)            these experts only

Complete data: the components are those of the analysis of variance, negative ones included, which
gives Shrout and Fleiss's own formulas (Psychological Bulletin 86, 1979). With missing cells they
are REML's, of the one-way and of the crossed model, and k is the harmonic mean of the numbers of
scores, so that the variance of a mean of k scores is right on average. With complete data and
components that aren't negative the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.fit import fit
from scoring.ratings import Ratings

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


@dataclass(frozen=True)
class Components:
    """Variance components: `dossier`, `reviewer` (0 in the one-way model) and `residual`."""

    dossier: float
    reviewer: float
    residual: float


@dataclass(frozen=True)
class Correlations:
    """The six by name; None where `reasons` has the name. `method` is "anova" or "reml"."""

    values: Mapping[str, float | None]
    reasons: Mapping[str, str]
    k: float | None
    method: str


def correlations(ratings: Ratings, crossed: Mapping[str, Any] | None = None) -> Correlations:
    """Return the six correlations.

    `crossed` is the record of the ratings' plain REML fit, where the caller has it already.
    """
    counts = np.bincount(ratings.dossier)
    if len(ratings.dossiers) < 2:
        return _none("it takes two dossiers")
    if counts.max() < 2:
        return _none("no dossier has two scores")
    if np.ptp(ratings.score) == 0:
        return _none("all scores are equal")
    k = float(len(counts) / np.sum(1 / counts))
    complete = len(ratings) == len(ratings.dossiers) * len(ratings.reviewers)
    unknown = "the design can't tell its variance components apart"
    one: Components | None
    two: Components | None = None
    if ratings.anonymous:
        unknown = "the scores don't say which expert gave them"
        one = _reml(crossed or fit(ratings, noise="common", draws=1).record(), one_way=True)
    elif complete:
        one, two = _anova(ratings)
    else:
        one = _reml(fit(_one_way(ratings), noise="common", draws=1).record(), one_way=True)
        two = _reml(crossed or fit(ratings, noise="common", draws=1).record())
    values: dict[str, float | None] = dict.fromkeys(KINDS)
    reasons: dict[str, str] = {}
    for kind in KINDS:
        parts = one if kind[0] == "1" else two
        if parts is None:
            reasons[kind] = unknown
            continue
        found = _ratio(kind, parts, k)
        if found is None:
            reasons[kind] = "its variance components are all zero"
        values[kind] = found
    return Correlations(values, reasons, k, "anova" if complete else "reml")


def _none(reason: str) -> Correlations:
    return Correlations(dict.fromkeys(KINDS), dict.fromkeys(KINDS, reason), None, "none")


def _one_way(ratings: Ratings) -> Ratings:
    dossiers = [ratings.dossiers[code] for code in ratings.dossier]
    return Ratings.from_rows(dossiers, None, ratings.score)


def _ratio(kind: str, parts: Components, k: float) -> float | None:
    reviewer = parts.reviewer if kind[0] == "2" else 0.0
    error = (reviewer + parts.residual) / (k if kind.endswith("k") else 1.0)
    whole = parts.dossier + error
    return parts.dossier / whole if whole > 0 else None


def _anova(ratings: Ratings) -> tuple[Components, Components]:
    """Return the one-way and two-way components of a complete table from its mean squares."""
    n, k = len(ratings.dossiers), len(ratings.reviewers)
    table = ratings.score.reshape(n, k) - ratings.score.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    between = k * float(np.sum(rows**2)) / (n - 1)
    within = float(np.sum((table - rows[:, None]) ** 2)) / (n * (k - 1))
    judges = n * float(np.sum(columns**2)) / (k - 1)
    rest = table - rows[:, None] - columns[None, :]
    error = float(np.sum(rest**2)) / ((n - 1) * (k - 1))
    return (
        Components((between - within) / k, 0.0, within),
        Components((between - error) / k, (judges - error) / n, error),
    )


def _reml(record: Mapping[str, Any], *, one_way: bool = False) -> Components | None:
    """Return a fit's components; None where the design can't tell them apart."""
    variance = record["variance"]
    reviewer = 0.0 if one_way else variance["reviewer"]
    known = (variance["dossier"], reviewer, variance["residual"])
    return None if None in known else Components(*known)

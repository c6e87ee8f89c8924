"""Kendall's W with ties, and Fleiss' kappa with unequal numbers of scores.

W: Kendall & Gibbons, Rank Correlation Methods, 5th ed. 1990, chapter 6: mid-ranks, corrected for
ties; every expert must have ranked every dossier. p by chi-square with n - 1 degrees of freedom.
Kappa: Fleiss, Measuring nominal scale agreement among many raters, 1971; where dossiers have
unequal numbers of scores each dossier's agreement is taken among its own pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2, rankdata

if TYPE_CHECKING:
    from scoring.ratings import Ratings


def kendall_w(ratings: Ratings) -> tuple[float, float] | str:
    """Return W and its p value, or the reason why it isn't defined."""
    experts, dossiers = len(ratings.reviewers), len(ratings.dossiers)
    if ratings.anonymous or len(ratings) != experts * dossiers:
        return "not every expert scored every dossier"
    if experts < 2 or dossiers < 2:
        return "it takes two experts and two dossiers"
    # Rows are sorted by dossier, then reviewer, and complete.
    table = ratings.score.reshape(dossiers, experts).T
    ranks = rankdata(table, axis=1)
    ties = sum(
        float(np.sum(counts.astype(float) ** 3 - counts))
        for row in table
        for counts in (np.unique(row, return_counts=True)[1],)
    )
    spread = float(np.sum((ranks.sum(axis=0) - experts * (dossiers + 1) / 2) ** 2))
    most = experts**2 * (dossiers**3 - dossiers) - experts * ties
    if most <= 0:
        return "every expert gave one score to all dossiers"
    w = 12 * spread / most
    return w, float(chi2.sf(experts * (dossiers - 1) * w, dossiers - 1))


def fleiss_kappa(ratings: Ratings) -> float | str:
    """Return kappa with each distinct score as a category, or why it isn't defined."""
    counts = np.bincount(ratings.dossier, minlength=len(ratings.dossiers))
    kept = counts[ratings.dossier] >= 2
    if not kept.any():
        return "no dossier has two scores"
    unit, score = ratings.dossier[kept], ratings.score[kept]
    values, code = np.unique(score, return_inverse=True)
    if len(values) == 1:
        return "all scores are equal"
    size = np.bincount(unit)[np.unique(unit)].astype(float)
    cells, equal = np.unique(unit * len(values) + code, return_counts=True)
    pairs = np.bincount(cells // len(values), equal * (equal - 1.0))[np.unique(unit)]
    agreement = float(np.mean(pairs / (size * (size - 1))))
    shares = np.bincount(code) / len(code)
    by_chance = float(np.sum(shares**2))
    return (agreement - by_chance) / (1 - by_chance)

"""Pairs of experts who agree beyond what the model explains.

On the dossiers that two experts share, quality cancels in the difference of their scores and
leniency is a constant: over m dossiers the differences' sum of squares about their mean, over the
sum of both noise variances, is chi-square with m - 1 degrees of freedom. A value far too small
means that one knew the other's scores, or that both copied a third. Rounding to a step u makes
equal scores likelier than the law says; u^2 / 6 a difference is added before the tail is taken,
which errs on the side of the experts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scoring.ratings import Ratings

SHARED = 3


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs with at least three shared dossiers, sorted; arrays of one length.

    `first` and `second` are reviewer codes, `shared` counts, `ratio` the differences' variance
    over the expected one, `p` the low tail.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shared: NDArray[np.int64]
    ratio: NDArray[np.float64]
    p: NDArray[np.float64]


def agreement(ratings: Ratings, noise: NDArray[np.float64], step: float) -> Pairs:
    """Return the pairs' agreement; `noise` is each reviewer's variance, `step` the scores'."""
    one, two = _row_pairs(ratings.dossier)
    left, right = ratings.reviewer[one], ratings.reviewer[two]  # rows are sorted: left < right
    key, code, shared = np.unique(
        left * len(ratings.reviewers) + right, return_inverse=True, return_counts=True
    )
    difference = ratings.score[one] - ratings.score[two]
    means = np.bincount(code, difference, minlength=len(key)) / np.maximum(shared, 1)
    squares = np.bincount(code, (difference - means[code]) ** 2, minlength=len(key))
    first, second = key // len(ratings.reviewers), key % len(ratings.reviewers)
    expected = noise[first] + noise[second]
    kept = (shared >= SHARED) & (expected > 0)
    first, second, shared = first[kept], second[kept], shared[kept]
    squares, expected = squares[kept], expected[kept]
    freedom = shared - 1
    hidden = freedom * step**2 / 6
    return Pairs(
        first,
        second,
        shared,
        squares / freedom / expected,
        np.asarray(chi2.cdf((squares + hidden) / expected, freedom)),
    )


def _row_pairs(dossier: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of rows of one dossier, the earlier row first."""
    one, two = [], []
    rows = np.arange(len(dossier))
    for lag in range(1, int(np.bincount(dossier).max())):
        same = rows[:-lag][dossier[lag:] == dossier[:-lag]]
        one.append(same)
        two.append(same + lag)
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *one]), np.concatenate([empty, *two])

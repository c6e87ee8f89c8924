"""The additive model solved densely for its diagnosis, the variances taken from a fit.

Leniencies are eliminated; what is left is C x = r for x = (qualities, mean). The inverse of C
gives the covariance of an expert's residuals, and what the estimates become without that expert,
exactly and without a new fit: an expert's part of C stands in the rows of its own dossiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scoring.ratings import Ratings


@dataclass(frozen=True)
class Variances:
    """Variances of quality and leniency, and each expert's noise variance, shape (reviewers,)."""

    dossier: float
    reviewer: float
    noise: NDArray[np.float64]


class Model:
    """The solved model; `quality` (dossiers,), `mean`, `leniency` (reviewers,)."""

    def __init__(self, ratings: Ratings, variances: Variances) -> None:
        self.ratings = ratings
        self.variances = variances
        n, m = len(ratings.dossiers), len(ratings.reviewers)
        self.rows = np.argsort(ratings.reviewer, kind="stable")
        counts = np.bincount(ratings.reviewer, minlength=m)
        self.starts = np.concatenate(([0], np.cumsum(counts)))
        self.weight = 1 / variances.noise
        total = counts * self.weight
        # s_j: the conditional variance of a leniency given everything else.
        self.shrink = variances.reviewer / (1 + total * variances.reviewer)
        table = np.zeros((n + 1, m))
        table[ratings.dossier, ratings.reviewer] = self.weight[ratings.reviewer]
        table[n] = total
        matrix = -(table * self.shrink) @ table.T
        own = table[:n].sum(axis=1)
        matrix[np.arange(n), np.arange(n)] += own + 1 / variances.dossier
        matrix[:n, n] += own
        matrix[n, :n] += own
        matrix[n, n] += total.sum()
        self.inverse = np.linalg.inv((matrix + matrix.T) / 2)
        # Scores less a number near their mean keep their digits.
        self.center = float(ratings.score.mean())
        self.right = np.zeros(n + 1)
        for j in range(m):
            index, right = self._right(j)
            self.right[index] += right
        self.solution = self.inverse @ self.right
        self.quality = self.solution[:n]
        self.mean = float(self.solution[n] + self.center)
        away = ratings.score - self.mean - self.quality[ratings.dossier]
        sums = np.bincount(ratings.reviewer, away, minlength=m)
        self.leniency = self.shrink * self.weight * sums

    def of(self, reviewer: int) -> NDArray[np.int64]:
        """Return the rows of a reviewer's ratings, by dossier."""
        return np.asarray(self.rows[self.starts[reviewer] : self.starts[reviewer + 1]])

    def _right(self, reviewer: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return a reviewer's part of r: the indices (its dossiers, then the mean) and values."""
        rows = self.of(reviewer)
        score = self.ratings.score[rows] - self.center
        weight, shrink = self.weight[reviewer], self.shrink[reviewer]
        right = weight * (score - shrink * weight * score.sum())
        index = np.append(self.ratings.dossier[rows], len(self.ratings.dossiers))
        return index, np.append(right, right.sum())

    def residuals(self, reviewer: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return a reviewer's residuals y - mean - quality - leniency and their covariance."""
        rows = self.of(reviewer)
        dossier = self.ratings.dossier[rows]
        fitted = self.mean + self.quality[dossier] + self.leniency[reviewer]
        index = np.append(dossier, len(self.ratings.dossiers))
        weight, shrink = self.weight[reviewer], self.shrink[reviewer]
        size = len(rows)
        # mean + quality_i + leniency, as a combination of the unknowns that are left.
        combine = np.hstack((np.eye(size), np.ones((size, 1))))
        combine -= shrink * weight * np.append(np.ones(size), size)
        known = combine @ self.inverse[np.ix_(index, index)] @ combine.T + shrink
        covariance = self.variances.noise[reviewer] * np.eye(size) - known
        return self.ratings.score[rows] - fitted, covariance

    def without(self, reviewer: int) -> NDArray[np.float64] | None:
        """Return mean + quality of every dossier had the reviewer not scored, (dossiers,).

        None where no rating would be left.
        """
        if len(self.of(reviewer)) == len(self.ratings):
            return None
        index, right = self._right(reviewer)
        size = len(index) - 1
        weight, shrink = self.weight[reviewer], self.shrink[reviewer]
        part = np.zeros((size + 1, size + 1))
        part[:size, :size] = weight * np.eye(size) - shrink * weight**2
        part[:size, size] = part[size, :size] = part[:size, :size].sum(axis=1)
        part[size, size] = part[:size, size].sum()
        columns = self.inverse[:, index]
        partial = self.solution - columns @ right
        inner = np.eye(size + 1) - columns[index] @ part
        moved = partial + columns @ (part @ np.linalg.solve(inner, partial[index]))
        return np.asarray(moved[:-1] + moved[-1] + self.center)

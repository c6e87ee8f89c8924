"""Krippendorff's alpha with missing ratings, at four levels of measurement.

alpha = 1 - D_o / D_e: disagreement observed within dossiers over that expected if all scores of
rateable dossiers (those with at least two) were dealt anew. Source: Krippendorff, Computing
Krippendorff's alpha-reliability, 2011. The squared differences:

nominal   1 for unequal scores
ordinal   (g_c - g_k)^2, with g the mid-rank of a score among all: the published sum over the
          scores between c and k, less half of both ends, telescopes to that difference
interval  (c - k)^2
ratio     ((c - k) / (c + k))^2, for scores that are not negative

Ordinal and interval are sums of squares and need no matrix of coincidences, so that thousands of
distinct totals cost no more than ten levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scoring.ratings import Ratings

BLOCK = 512
LEVELS = ("nominal", "ordinal", "interval", "ratio")


@dataclass(frozen=True)
class Alpha:
    """One coefficient, or None with the reason why it isn't defined."""

    value: float | None
    reason: str | None = None


def krippendorff(ratings: Ratings) -> dict[str, Alpha]:
    """Return alpha at each of the four levels of measurement."""
    counts = np.bincount(ratings.dossier, minlength=len(ratings.dossiers))
    kept = counts[ratings.dossier] >= 2
    unit, score = ratings.dossier[kept], ratings.score[kept]
    if not kept.any():
        reason = "no dossier has two scores"
        return dict.fromkeys(LEVELS, Alpha(None, reason))
    values, code = np.unique(score, return_inverse=True)
    if len(values) == 1:
        return dict.fromkeys(LEVELS, Alpha(None, "all scores are equal"))
    weight = 1.0 / (counts[unit] - 1)
    totals = np.bincount(code).astype(float)
    middle = np.cumsum(totals) - totals / 2
    return {
        "nominal": _nominal(unit, code, weight, totals),
        "ordinal": _squares(unit, middle[code], weight),
        "interval": _squares(unit, score, weight),
        "ratio": _ratio(unit, values, code, weight, totals),
    }


def _squares(
    unit: NDArray[np.int64], score: NDArray[np.float64], weight: NDArray[np.float64]
) -> Alpha:
    """Return alpha for the squared difference; over pairs, sums of squares about means."""
    centred = score - score.mean()
    size = np.bincount(unit)
    sums = np.bincount(unit, centred)
    means = np.divide(sums, size, out=np.zeros(len(sums)), where=size > 0)
    # Ordered pairs of a dossier: twice its size times the sum of squares about its mean.
    observed = 2 * np.sum(weight * size[unit] * (centred - means[unit]) ** 2)
    expected = 2 * len(score) * np.sum(centred**2) / (len(score) - 1)
    return Alpha(float(1 - observed / expected))


def _nominal(
    unit: NDArray[np.int64],
    code: NDArray[np.int64],
    weight: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> Alpha:
    n = len(code)
    cell = unit * len(totals) + code
    _, inverse, equal = np.unique(cell, return_inverse=True, return_counts=True)
    size = np.bincount(unit)[unit]
    observed = np.sum(weight * (size - equal[inverse]))
    expected = (n * n - np.sum(totals**2)) / (n - 1)
    return Alpha(float(1 - observed / expected))


def _ratio(
    unit: NDArray[np.int64],
    values: NDArray[np.float64],
    code: NDArray[np.int64],
    weight: NDArray[np.float64],
    totals: NDArray[np.float64],
) -> Alpha:
    if values[0] < 0:
        return Alpha(None, "a score is negative, and ratios need a zero that is the least")
    order = np.argsort(unit, kind="stable")
    ends = np.flatnonzero(np.diff(unit[order], append=-1)) + 1
    observed = 0.0
    begin = 0
    for end in ends.tolist():  # within a dossier there are few scores: all pairs at once
        rows = order[begin:end]
        observed += float(weight[rows[0]] * _ratios(values[code[rows]], values[code[rows]]).sum())
        begin = end
    expected = sum(
        float(totals[low : low + BLOCK] @ _ratios(values[low : low + BLOCK], values) @ totals)
        for low in range(0, len(values), BLOCK)
    ) / (len(code) - 1)
    return Alpha(1 - observed / expected)


def _ratios(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared differences in proportion to the sum, 0 for two zeros."""
    total = left[:, None] + right[None, :]
    share = np.divide(
        left[:, None] - right[None, :], total, out=np.zeros(total.shape), where=total > 0
    )
    return np.asarray(share**2)

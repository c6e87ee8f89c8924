"""Figures of each expert, with the chance of one so far out if all were alike.

consistency   infit and outfit: squared residuals over what the model leads to expect, summed
              before dividing, or divided and averaged (Wright & Masters 1982, chapter 5; 1 is as
              expected). The sum's law is matched by a chi-square with the same first two moments
              (Satterthwaite 1946), from the exact covariance of the residuals.
spread        the variance of an expert's own scores over that of quality and noise together;
              leniency cancels, and the law is chi-square. Far below 1: central tendency.
halo          how far an expert's chapter scores of a dossier lie apart, less what others found on
              the same dossier; Student's t over dossiers.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2, norm
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scoring.flags_model import Model
    from scoring.ratings import Ratings

FEW = 5


def leniency(effect: float, se: float, variance: float) -> float | None:
    """Return the two-sided p of a leniency among the experts'; None where it can't be told.

    An estimate shrunken to its conditional mean has the variance of leniency less the
    conditional variance.
    """
    known = variance - se**2
    if known <= 0:
        return None
    return float(2 * norm.sf(abs(effect) / np.sqrt(known)))


def consistency(model: Model, reviewer: int) -> dict[str, float | None]:
    """Return `infit`, `outfit` and the p of an infit so large; None for fewer than five scores."""
    residual, covariance = model.residuals(reviewer)
    if len(residual) < FEW:
        return {"infit": None, "outfit": None, "p": None}
    variance = np.diagonal(covariance)
    trace, square = float(variance.sum()), float(np.sum(covariance**2))
    if variance.min() <= 0:
        return {"infit": None, "outfit": None, "p": None}
    infit = float(residual @ residual) / trace
    freedom = trace**2 / square
    return {
        "infit": infit,
        "outfit": float(np.mean(residual**2 / variance)),
        "p": float(chi2.sf(infit * freedom, freedom)),
    }


def spread(score: NDArray[np.float64], expected: float, step: float) -> dict[str, float | None]:
    """Return the ratio of an expert's own variance to the expected one, and both tails' p.

    Rounding to `step` hides up to step^2 / 12 (Sheppard 1898): the low tail allows for it.
    """
    if len(score) < FEW or expected <= 0:
        return {"ratio": None, "low": None, "high": None}
    freedom = len(score) - 1
    ratio = float(np.var(score, ddof=1)) / expected
    hidden = step**2 / 12 / expected
    return {
        "ratio": ratio,
        "low": float(chi2.cdf((ratio + hidden) * freedom, freedom)),
        "high": float(chi2.sf(ratio * freedom, freedom)),
    }


def halo(chapters: Mapping[str, Ratings]) -> dict[str, dict[str, Any]]:
    """Return per expert `difference`, `p` (low tail) and `events`, the flattest dossiers.

    `difference` is the mean, over dossiers that others scored too, of the standard deviation
    across chapters less the mean of the others'; experts with fewer than five such dossiers are
    left out.
    """
    own: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (dossier, reviewer), values in _across(chapters).items():
        if len(values) > 1:
            own[dossier][reviewer] = float(np.std(values, ddof=1))
    apart: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for dossier, found in own.items():
        total = sum(found.values())
        for reviewer, value in found.items():
            if len(found) > 1:
                others = (total - value) / (len(found) - 1)
                apart[reviewer].append((value - others, dossier))
    return {
        reviewer: _low(sorted(differences))
        for reviewer, differences in apart.items()
        if len(differences) >= FEW
    }


def _low(differences: list[tuple[float, str]]) -> dict[str, Any]:
    values = np.array([value for value, _ in differences])
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    p = float(student.cdf(mean / error, len(values) - 1)) if error > 0 else float(mean >= 0)
    return {"difference": mean, "p": p, "events": differences}


def _across(chapters: Mapping[str, Ratings]) -> dict[tuple[str, str], list[float]]:
    """Return the chapter scores of each review."""
    reviews: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for _, ratings in sorted(chapters.items()):
        codes = zip(ratings.dossier, ratings.reviewer, ratings.score.tolist(), strict=True)
        for i, j, score in codes:
            reviews[ratings.dossiers[i], ratings.reviewers[j]].append(score)
    return dict(reviews)

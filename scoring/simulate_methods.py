"""The methods that simulated rounds compare, each a score a dossier, and their precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scoring.fit import fit
from scoring.simulate_rounds import MIDDLE, SLOPE, Round
from scoring.summaries import raw_means, trimmed_means, z_means

if TYPE_CHECKING:
    from scoring.arrays import Floats
    from scoring.ratings import Ratings


def least_squares(ratings: Ratings) -> Floats:
    """Return dossier effects of the additive model by least squares, without any shrinkage.

    Experts' effects are eliminated; what the design leaves free takes the solution of least norm.
    """
    n, m = len(ratings.dossiers), len(ratings.reviewers)
    table = np.zeros((n, m))
    table[ratings.dossier, ratings.reviewer] = 1
    load = table.sum(axis=0)
    means = np.bincount(ratings.reviewer, ratings.score, minlength=m) / load
    left = np.diag(table.sum(axis=1)) - (table / load) @ table.T
    right = np.bincount(ratings.dossier, ratings.score - means[ratings.reviewer], minlength=n)
    return np.asarray(np.linalg.pinv(left, rcond=1e-10, hermitian=True) @ right)


def blups(ratings: Ratings) -> dict[str, Floats]:
    """Return the model's effects with common noise, with each expert's own, and by default.

    The default ("auto") is one of the other two, so that two fits give all three.
    """
    auto = fit(ratings, noise="auto", draws=1)
    own = auto.noise == "expert"
    other = fit(ratings, noise="common" if own else "expert", draws=1)
    by_default, besides = auto.dossiers["effect"], other.dossiers["effect"]
    return {
        "REML BLUP": besides if own else by_default,
        "auto": by_default,
        "expert noise": by_default if own else besides,
    }


def oracle(truth: Round) -> Floats:
    """Return the mean of quality given the scores and every expert's leniency, scale and noise.

    Rounding to whole points adds a variance of 1/12 point; cutting to 0-10 is left aside.
    """
    ratings = truth.ratings
    j = ratings.reviewer
    latent = (ratings.score - MIDDLE) / SLOPE - truth.leniency[j]
    precision = 1 / (truth.noise[j] ** 2 + 1 / 12 / SLOPE**2)
    information = np.bincount(ratings.dossier, truth.scale[j] ** 2 * precision)
    evidence = np.bincount(ratings.dossier, truth.scale[j] * precision * latent)
    return np.asarray(evidence / (1 + information))


def estimates(truth: Round) -> dict[str, Floats]:
    """Return every method's estimates of one round, each of shape (dossiers,)."""
    ratings = truth.ratings
    return {
        "mean": raw_means(ratings),
        "trimmed": trimmed_means(ratings),
        "z-score": z_means(ratings),
        "least squares": least_squares(ratings),
        **blups(ratings),
        "oracle": oracle(truth),
    }


def precision(estimate: Floats, quality: Floats, top: int) -> float:
    """Return the share of the truly best `top` among the estimated ones.

    Where estimates tie at the line, every way to break the tie counts alike: the expectation is
    exact and needs no random numbers. A dossier without an estimate (NaN) comes last.
    """
    values = np.round(np.nan_to_num(estimate, nan=-np.inf), 9)
    best = np.zeros(len(quality), bool)
    best[np.argsort(-quality)[:top]] = True
    line = np.sort(values)[-top]
    above, level = values > line, values == line
    share = (top - above.sum()) / level.sum()
    return float((best[above].sum() + share * best[level].sum()) / top)

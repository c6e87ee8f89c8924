"""The methods that simulated rounds compare, each a score a dossier, and their precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scoring.comparison import raw_means, trimmed_means, z_means
from scoring.fit import fit
from scoring.simulate_rounds import MIDDLE, SLOPE, Round

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from scoring.ratings import Ratings


def least_squares(ratings: Ratings) -> NDArray[np.float64]:
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


def blup(ratings: Ratings, noise: str) -> NDArray[np.float64]:
    """Return the model's effects under a noise of "common", "expert" or "auto"."""
    record = fit(ratings, noise=noise, draws=1).record()
    effects = {entry["id"]: entry["effect"] for entry in record["dossiers"]}
    return np.array([effects[name] for name in ratings.dossiers])


def oracle(truth: Round) -> NDArray[np.float64]:
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


METHODS: Mapping[str, Callable[[Round], NDArray[np.float64]]] = {
    "mean": lambda truth: raw_means(truth.ratings),
    "trimmed": lambda truth: trimmed_means(truth.ratings),
    "z-score": lambda truth: z_means(truth.ratings),
    "least squares": lambda truth: least_squares(truth.ratings),
    "REML BLUP": lambda truth: blup(truth.ratings, "common"),
    "auto": lambda truth: blup(truth.ratings, "auto"),
    "expert noise": lambda truth: blup(truth.ratings, "expert"),
    "oracle": oracle,
}


def precision(estimate: NDArray[np.float64], quality: NDArray[np.float64], top: int) -> float:
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

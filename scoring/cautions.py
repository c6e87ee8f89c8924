"""Named warnings of a fit: what the data are too thin, or too regular, to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.summaries import counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scoring.arrays import Integers
    from scoring.ratings import Ratings

LEAST_REVIEWS = 3
LEAST_RATINGS = 5
NAMED = 1000  # ids in one warning; `count` always tells how many there are


def estimable(ratings: Ratings) -> dict[str, str]:
    """Return for each factor whose variance the design can't tell the reason why.

    A variance can be estimated if and only if its covariance pattern, centred, is not a linear
    combination of the other patterns; the Gram matrix of the three (dossier, reviewer, noise) is
    worked out in integers, so the answer is exact. Reasons: "single_level", "one_rating_each",
    "confounded".
    """
    total = len(ratings)
    sizes = {
        "dossier": counts(ratings.dossier, len(ratings.dossiers)),
        "reviewer": counts(ratings.reviewer, len(ratings.reviewers)),
    }
    reasons: dict[str, str] = {}
    if ratings.anonymous:
        reasons["reviewer"] = "no_reviewers"
    used: list[Integers] = [np.ones(total, np.int64)]
    codes = {"dossier": ratings.dossier, "reviewer": ratings.reviewer}
    for name in ("dossier", "reviewer"):
        if name in reasons:
            continue
        each = sizes[name][codes[name]]
        if len(sizes[name]) == 1:
            reasons[name] = "single_level"
        elif len(sizes[name]) == total:
            reasons[name] = "one_rating_each"
        elif _dependent([*used, each], total):
            reasons[name] = "confounded"
        else:
            used.append(each)
    return reasons


def _dependent(each: list[Integers], total: int) -> bool:
    """Say whether centred patterns are dependent; `each` is the size of every rating's level.

    Patterns of different factors meet in single cells only, since a pair is rated once.
    """
    size = len(each)
    gram = [[0] * size for _ in range(size)]
    sums = [int(sizes.sum()) for sizes in each]
    for a in range(size):
        for b in range(size):
            overlap = sums[a] if a == b else total
            across = int((each[a] * each[b]).sum())
            gram[a][b] = total**2 * overlap - 2 * total * across + sums[a] * sums[b]
    return _determinant(gram) == 0


def _determinant(matrix: list[list[int]]) -> int:
    if len(matrix) == 1:
        return matrix[0][0]
    return sum(
        (-1) ** k * entry * _determinant([row[:k] + row[k + 1 :] for row in matrix[1:]])
        for k, entry in enumerate(matrix[0])
        if entry
    )


def thin_data(ratings: Ratings) -> list[dict[str, Any]]:
    """Return the warnings that the numbers of ratings and constant reviewers give."""
    warnings: list[dict[str, Any]] = []
    per_dossier = counts(ratings.dossier, len(ratings.dossiers))
    few = np.flatnonzero(per_dossier < LEAST_REVIEWS)
    if len(few):
        facts = {"code": "few_reviews", "least": LEAST_REVIEWS}
        warnings.append(facts | _named("dossiers", ratings.dossiers, few))
    if per_dossier.min() != per_dossier.max():
        fewest, most = int(per_dossier.min()), int(per_dossier.max())
        warnings.append({"code": "unequal_reviews", "fewest": fewest, "most": most})
    if ratings.anonymous:
        return warnings
    per_reviewer = counts(ratings.reviewer, len(ratings.reviewers))
    few = np.flatnonzero(per_reviewer < LEAST_RATINGS)
    if len(few):
        facts = {"code": "few_ratings", "least": LEAST_RATINGS}
        warnings.append(facts | _named("reviewers", ratings.reviewers, few))
    lowest = np.full(len(ratings.reviewers), np.inf)
    highest = np.full(len(ratings.reviewers), -np.inf)
    np.minimum.at(lowest, ratings.reviewer, ratings.score)
    np.maximum.at(highest, ratings.reviewer, ratings.score)
    flat = np.flatnonzero((lowest == highest) & (per_reviewer > 1))
    if len(flat):
        warnings.append(
            {"code": "constant_reviewer"} | _named("reviewers", ratings.reviewers, flat)
        )
    return warnings


def _named(name: str, ids: Sequence[str], places: Integers) -> dict[str, Any]:
    return {"count": len(places), name: [ids[place] for place in places[:NAMED]]}

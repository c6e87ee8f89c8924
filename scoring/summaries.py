"""What is shown beside the model: plain and trimmed means, z-scores, the review graph, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scoring.arrays import Floats, Integers
    from scoring.ratings import Ratings


def counts(level: Integers, levels: int) -> Integers:
    """Return how many ratings each level has."""
    return np.bincount(level, minlength=levels).astype(np.int64)


def raw_means(ratings: Ratings) -> Floats:
    """Return the mean score of each dossier."""
    levels = len(ratings.dossiers)
    order = np.lexsort((ratings.score, ratings.dossier))
    sums = np.bincount(ratings.dossier[order], ratings.score[order], levels)
    return sums / counts(ratings.dossier, levels)


def trimmed_means(ratings: Ratings) -> Floats:
    """Return the mean of each dossier's scores without the highest and the lowest.

    NaN for fewer than three ratings: nothing, or nothing but the extremes, would be left.
    """
    levels = len(ratings.dossiers)
    order = np.lexsort((ratings.score, ratings.dossier))
    ends = np.cumsum(counts(ratings.dossier, levels))
    inside = np.ones(len(ratings), bool)
    inside[ends - 1] = False
    inside[np.concatenate(([0], ends[:-1]))] = False
    kept = order[inside]
    left = np.bincount(ratings.dossier[kept], minlength=levels)
    sums = np.bincount(ratings.dossier[kept], ratings.score[kept], levels)
    return np.where(left > 0, sums / np.maximum(left, 1), np.nan)


def z_means(ratings: Ratings) -> Floats:
    """Return each dossier's mean of the scores standardised within reviewers.

    A reviewer with one rating, or none but equal ones, has no z-scores; NaN for a dossier that
    only such reviewers rated.
    """
    levels = len(ratings.reviewers)
    order = np.lexsort((ratings.score, ratings.reviewer))
    who, score = ratings.reviewer[order], ratings.score[order]
    number = np.maximum(counts(who, levels), 1)
    away = score - (np.bincount(who, score, levels) / number)[who]
    spread = np.sqrt(np.bincount(who, away**2, levels) / np.maximum(number - 1, 1))
    scale = np.abs(np.bincount(who, np.abs(score), levels) / number)
    usable = spread[who] > 1e-12 * scale[who]
    z = np.zeros(len(ratings))
    z[order[usable]] = away[usable] / spread[who[usable]]
    known = np.zeros(len(ratings), bool)
    known[order[usable]] = True
    rated = np.bincount(ratings.dossier[known], minlength=len(ratings.dossiers))
    by_value = np.lexsort((z, ratings.dossier))
    sums = np.bincount(ratings.dossier[by_value], z[by_value], len(ratings.dossiers))
    return np.where(rated > 0, sums / np.maximum(rated, 1), np.nan)


def graph(ratings: Ratings) -> dict[str, Any]:
    """Return the size of the review graph and its connected components."""
    left, right = len(ratings.dossiers), len(ratings.reviewers)
    ones = np.ones(len(ratings), np.int8)
    edges = sparse.coo_array(
        (ones, (ratings.dossier, left + ratings.reviewer)), shape=(left + right, left + right)
    )
    number, label = csgraph.connected_components(edges.tocsr(), directed=False)
    sizes = np.bincount(label[:left], minlength=number)
    return {
        "dossiers": left,
        "reviewers": None if ratings.anonymous else right,
        "ratings": len(ratings),
        "components": None if ratings.anonymous else int(number),
        "largest_component": None if ratings.anonymous else int(sizes.max()),
    }


def ranks_and_chances(
    blocks: Iterable[Floats], levels: int, top: int | None
) -> tuple[Floats, Floats, int]:
    """Return expected ranks (1 is the best) and chances to be among the first `top`.

    From blocks (levels, k) of joint draws; levels equal in a draw share their places.
    """
    rank_sum = np.zeros(levels)
    top_sum = np.zeros(levels)
    number = 0
    for block in blocks:
        draws = -block.T
        order = np.argsort(draws, axis=1)
        ordered = np.take_along_axis(draws, order, axis=1)
        places, taken = _shares(ordered, top)
        rank_sum += np.bincount(order.ravel(), places.ravel(), levels)
        top_sum += np.bincount(order.ravel(), taken.ravel(), levels)
        number += len(draws)
    return rank_sum / number, top_sum / number, number


def _shares(ordered: Floats, top: int | None) -> tuple[Floats, Floats]:
    """Return for each place of sorted draws (k, levels) its rank and its share of the first `top`.

    Equal values, which only a variance of zero gives, share what their places have.
    """
    levels = ordered.shape[1]
    places = np.broadcast_to(np.arange(1.0, levels + 1), ordered.shape)
    taken = (places <= (top or 0)).astype(np.float64)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if tied.any():
        places = places.copy()
        for row in np.flatnonzero(tied):
            new = np.concatenate(([True], ordered[row, 1:] != ordered[row, :-1]))
            group = np.cumsum(new) - 1
            size = np.bincount(group)
            places[row] = (np.bincount(group, places[row]) / size)[group]
            taken[row] = (np.bincount(group, taken[row]) / size)[group]
    return places, taken

"""The plain methods beside the model: raw mean, trimmed mean, per-expert z-scores.

They are shown next to the adjusted estimates, never used by the list. Simulated rounds
(docs/statistics.md) put the trimmed mean below the plain mean, and z-scores below the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scoring.ratings import Ratings


def raw_means(ratings: Ratings) -> NDArray[np.float64]:
    """Return each dossier's mean score, shape (dossiers,)."""
    return _means(ratings, ratings.score, np.ones(len(ratings), bool))


def trimmed_means(ratings: Ratings) -> NDArray[np.float64]:
    """Return each dossier's mean without one highest and one lowest score, shape (dossiers,).

    NaN for fewer than three scores, of which nothing would be left.
    """
    order = np.lexsort((ratings.score, ratings.dossier))
    unit = ratings.dossier[order]
    first = np.flatnonzero(np.diff(unit, prepend=-1))
    last = np.append(first[1:], len(unit)) - 1
    kept = np.ones(len(unit), bool)
    kept[first] = kept[last] = False
    inner = np.empty(len(unit), bool)
    inner[order] = kept
    return _means(ratings, ratings.score, inner)


def z_means(ratings: Ratings) -> NDArray[np.float64]:
    """Return each dossier's mean of scores standardised within their expert, shape (dossiers,).

    An expert with fewer than two scores, or with equal ones, has no scale and is left out; NaN
    for a dossier that only such experts scored.
    """
    count = np.bincount(ratings.reviewer, minlength=len(ratings.reviewers))
    mean = np.bincount(ratings.reviewer, ratings.score) / count
    centred = ratings.score - mean[ratings.reviewer]
    squares = np.bincount(ratings.reviewer, centred**2)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.zeros(len(count)), where=count > 1))
    # Equal scores such as 0.1 leave a rounding error, not exactly zero.
    scaled = spread > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    usable = scaled[ratings.reviewer]
    z = np.divide(centred, spread[ratings.reviewer], out=np.zeros(len(centred)), where=usable)
    return _means(ratings, z, usable)


def compare(ratings: Ratings, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the methods side by side for a fit's record, sorted by id.

    Each entry has `id`, `n`, and per method (`raw`, `trimmed`, `z`, `adjusted`) its `value` and
    `rank`: 1 for the best, equal values share the better rank. None where it isn't defined.
    `adjusted` is mean + effect.
    """
    effects = {str(entry["id"]): entry["effect"] for entry in record["dossiers"]}
    adjusted = np.array([record["mean"] + effects[name] for name in ratings.dossiers])
    methods = {
        "raw": raw_means(ratings),
        "trimmed": trimmed_means(ratings),
        "z": z_means(ratings),
        "adjusted": adjusted,
    }
    ranks = {name: _ranks(values) for name, values in methods.items()}
    counts = np.bincount(ratings.dossier)
    return [
        {
            "id": dossier,
            "n": int(counts[i]),
            **{
                name: {
                    "value": None if np.isnan(values[i]) else float(values[i]),
                    "rank": None if np.isnan(values[i]) else int(ranks[name][i]),
                }
                for name, values in methods.items()
            },
        }
        for i, dossier in enumerate(ratings.dossiers)
    ]


def _means(
    ratings: Ratings, values: NDArray[np.float64], kept: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return each dossier's mean over the kept rows, NaN where there are none."""
    unit, size = ratings.dossier[kept], len(ratings.dossiers)
    count = np.bincount(unit, minlength=size)
    sums = np.bincount(unit, values[kept], minlength=size)
    return np.asarray(np.divide(sums, count, out=np.full(size, np.nan), where=count > 0))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return 1 plus the number of better values; values within rounding errors are equal."""
    known = np.nan_to_num(values, nan=-np.inf)
    rounded = np.round(known, 9)
    return 1 + len(rounded) - np.searchsorted(np.sort(rounded), rounded, side="right")

"""How far the experts agree: one report of all coefficients, null with a reason where undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.fit import fit
from scoring.reliability_alpha import krippendorff
from scoring.reliability_icc import correlations
from scoring.reliability_ranks import fleiss_kappa, kendall_w

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scoring.ratings import Ratings


def reliability(ratings: Ratings) -> dict[str, Any]:
    """Return the coefficients of a round's ratings.

    `icc` (Shrout & Fleiss) with `icc_k`, the scores a dossier that "k" stands for, and
    `icc_method`; `krippendorff_alpha` at four levels; `kendall_w`, `kendall_p`; `fleiss_kappa`
    with each score as a category; `separation`. `reasons` maps the name of each null
    (`icc.1,k`) to a sentence.
    """
    record = fit(ratings, noise="common", draws=1).record()
    reasons: dict[str, str] = {}
    icc = correlations(ratings, record)
    reasons |= {f"icc.{kind}": why for kind, why in icc.reasons.items()}
    alpha = krippendorff(ratings)
    for level, found in alpha.items():
        if found.reason is not None:
            reasons[f"krippendorff_alpha.{level}"] = found.reason
    ranks = kendall_w(ratings)
    if isinstance(ranks, str):
        reasons |= dict.fromkeys(("kendall_w", "kendall_p"), ranks)
    kappa = fleiss_kappa(ratings)
    if isinstance(kappa, str):
        reasons["fleiss_kappa"] = kappa
    separated = separation(record)
    if isinstance(separated, str):
        reasons["separation"] = separated
    return {
        "ratings": len(ratings),
        "dossiers": len(ratings.dossiers),
        "reviewers": None if ratings.anonymous else len(ratings.reviewers),
        "icc": dict(icc.values),
        "icc_k": icc.k,
        "icc_method": icc.method,
        "krippendorff_alpha": {level: found.value for level, found in alpha.items()},
        "kendall_w": None if isinstance(ranks, str) else ranks[0],
        "kendall_p": None if isinstance(ranks, str) else ranks[1],
        "fleiss_kappa": None if isinstance(kappa, str) else kappa,
        "separation": None if isinstance(separated, str) else separated,
        "reasons": dict(sorted(reasons.items())),
    }


def separation(record: Mapping[str, Any]) -> dict[str, float] | str:
    """Return how well a fit tells dossiers apart, or why it can't be said.

    `reliability` is the share of the variance of estimates that is true, R = 1 - (mean
    conditional variance) / (variance of quality); `index` G = sqrt(R / (1 - R)), the true spread
    in units of error; `strata` (4 G + 1) / 3, how many levels of quality can be held apart
    (Wright & Masters, Rating Scale Analysis, 1982, pages 105-106).
    """
    quality = record["variance"]["dossier"]
    if quality is None:
        return "the variance of quality can't be told from the scores"
    if quality <= 0:
        return "the variance of quality is at its boundary, zero"
    error = float(np.mean([entry["se"] ** 2 for entry in record["dossiers"]]))
    if error <= 0:
        return "the estimates have no error"
    share = 1 - error / quality
    if share <= 0:
        return "the scores say nothing about quality"
    index = float(np.sqrt(share / (1 - share)))
    return {"reliability": share, "index": index, "strata": (4 * index + 1) / 3}

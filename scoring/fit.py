"""The fit of a round: quality and leniency from ratings, with everything a list needs.

Model, methods and sources: docs/statistics.md. A fit is a pure function of the ratings, `top`,
`noise`, `draws` and `seed`; its record has the same bytes whenever it is computed again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring import summaries
from scoring.cautions import estimable, thin_data
from scoring.errors import ScoringError
from scoring.estimates import Frame, dossier_columns, reviewer_columns
from scoring.layout import lay_out
from scoring.noise import fit_noise
from scoring.posterior import posterior
from scoring.reml import CEILING, maximise
from scoring.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scoring.arrays import Bools, Floats
    from scoring.posterior import Posterior
    from scoring.ratings import Ratings
    from scoring.reml import Point

FORMAT = "scoring-fit/v1"
DIGITS = 10  # significant digits in a record; the last bits of a BLAS stay out of it
EXACT_POWER = 22  # powers of ten up to this are doubles
ZERO = 1e-13  # times the spread of the scores: what is smaller is a rounding error, shown as zero
SCALE_FREE = frozenset({"z_mean", "expected_rank", "p_top"})
LEAST_DRAWS, MOST_DRAWS = 200, 4000
DRAWN_VALUES = 600_000
DRAW_STREAM, NOISE_STREAM = 1, 2
NOISES = ("common", "expert", "auto")


@dataclass(frozen=True, eq=False)
class Fit:
    """Estimates of a round; arrays are in the order of `ratings.dossiers` and `.reviewers`.

    All in the units of the scores. NaN stands for what the data can't tell; a record has null
    there, and `reasons` or `warnings` says why. `variances` are keyed dossier, reviewer, residual;
    `dossiers` and `reviewers` hold one array per column of the record.
    """

    ratings: Ratings
    mean: float
    mean_se: float
    variances: dict[str, float]
    criterion: float
    noise: str
    top: int | None
    competing: int | None
    seed: int
    draws: int
    dossiers: dict[str, Floats]
    reviewers: dict[str, Floats]
    reasons: dict[str, str]
    warnings: tuple[dict[str, Any], ...]

    def record(self) -> dict[str, Any]:
        """Return the fit as a JSON object, both lists sorted by id."""
        ratings = self.ratings
        zero = ZERO * float(np.ptp(ratings.score))
        return {
            "format": FORMAT,
            "input": ratings.digest(),
            "noise": self.noise,
            "top": self.top,
            "competing": self.competing,
            "seed": self.seed,
            "draws": self.draws,
            "mean": _number(self.mean, zero),
            "mean_se": _number(self.mean_se),
            "variance": {name: _number(value) for name, value in self.variances.items()},
            "reasons": self.reasons,
            "reml_criterion": _number(self.criterion),
            "dossiers": _entries(ratings.dossiers, self.dossiers, zero),
            "reviewers": []
            if ratings.anonymous
            else _entries(ratings.reviewers, self.reviewers, zero),
            "graph": summaries.graph(ratings),
            "warnings": list(self.warnings),
        }


def fit(
    ratings: Ratings,
    *,
    top: int | None = None,
    competing: Collection[str] | None = None,
    noise: str = "auto",
    draws: int | None = None,
    seed: int = 0,
) -> Fit:
    """Return the fit of ratings.

    `top` is the number of places that `p_top` speaks of (None: it is null); `competing` the ids of
    the dossiers that rank and take places (None: all; ids without ratings are passed over): the
    others are fitted, and have null for `expected_rank` and `p_top`; `noise` is "common"
    (plain REML), "expert" (each reviewer's own variance, shrunken) or "auto" (the latter where the
    data support it); `draws` the number of posterior draws (None: as many as are cheap, at least
    200); `seed` that of their random numbers. ScoringError "top", "noise", "draws", "seed".
    """
    _check(top, noise, draws, seed)
    racing = _racing(ratings, competing)
    reasons = estimable(ratings)
    warnings = thin_data(ratings) + _structure(ratings, reasons)
    if ratings.score.min() == ratings.score.max():
        return _without_variation(ratings, top, racing, seed, reasons, warnings)
    layout = lay_out(
        ratings, dossiers="dossier" not in reasons, reviewers="reviewer" not in reasons
    )
    frame = Frame(ratings, layout, reasons)
    point = maximise(layout, np.ones(len(ratings)))
    own = None
    if noise != "common" and "reviewer" not in reasons and max(point.tau) < CEILING:
        own = fit_noise(layout, point, always=noise == "expert")
    if own is not None:
        point = own[0]
    belief = posterior(layout, point, own and own[1], Stream(seed, NOISE_STREAM))
    wanted = draws or _enough(ratings)
    simulated, drawn = _simulated(frame, belief, (top, racing), wanted, Stream(seed, DRAW_STREAM))
    moments, known = belief.moments(), belief.spread()
    variances = _variances(frame, point)
    noises = np.full(len(ratings.reviewers), variances["residual"])
    if own is not None:
        noises = noises * frame.by_id("reviewer", own[1].ratio)
    return Fit(
        ratings=ratings,
        mean=layout.center + layout.unit * float(point.solution.mean),
        mean_se=layout.unit * float(np.sqrt(known.mean * point.noise)),
        variances=variances,
        criterion=point.criterion + 2 * (len(ratings) - 1) * float(np.log(layout.unit)),
        noise="common" if own is None else "expert",
        top=top,
        competing=None if racing is None else int(racing.sum()),
        seed=seed,
        draws=drawn,
        dossiers=dossier_columns(frame, point, known, moments) | simulated,
        reviewers=reviewer_columns(frame, point, known, moments, noises),
        reasons=_reasons(reasons, point.criterion),
        warnings=(*warnings, *_boundaries(variances), *_approximate(point)),
    )


def _racing(ratings: Ratings, competing: Collection[str] | None) -> Bools | None:
    """Return which dossiers compete, in the order of the ratings; None for all."""
    if competing is None:
        return None
    ids = frozenset(competing)
    return np.array([name in ids for name in ratings.dossiers], bool)


def _simulated(
    frame: Frame,
    belief: Posterior,
    race: tuple[int | None, Bools | None],
    draws: int,
    stream: Stream,
) -> tuple[dict[str, Floats], int]:
    """Return the dossiers' columns that draws give, and how many were drawn.

    `race` is the number of places and who competes for them.
    """
    top, racing = race
    unknown = np.full(len(frame.ratings.dossiers), math.nan)
    columns = {"expected_rank": unknown, "p_top": unknown}
    if frame.reasons.get("dossier") not in {None, "single_level"}:
        return columns, 0
    if racing is not None and not racing.any():
        return columns, 0
    which = frame.which("dossier")
    levels = len((frame.layout.rows, frame.layout.cols)[which])
    blocks = belief.draws(which, draws, stream)
    lanes = None if racing is None else frame.lanes("dossier", racing)
    if lanes is not None:
        blocks = (block[lanes] for block in blocks)
    count = levels if lanes is None else len(lanes)
    ranks, chances, drawn = summaries.ranks_and_chances(blocks, count, top)
    columns["expected_rank"] = frame.alike("dossier", ranks, lanes)
    if top is not None:
        columns["p_top"] = frame.alike("dossier", chances, lanes)
    return columns, drawn


def _enough(ratings: Ratings) -> int:
    levels = len(ratings.dossiers) + len(ratings.reviewers)
    return int(np.clip(DRAWN_VALUES // levels, LEAST_DRAWS, MOST_DRAWS))


def _structure(ratings: Ratings, reasons: dict[str, str]) -> list[dict[str, Any]]:
    """Return the warnings that the review graph gives."""
    warnings: list[dict[str, Any]] = [
        {"code": "not_estimable", "variance": name, "reason": reason}
        for name, reason in reasons.items()
        if reason != "no_reviewers"
    ]
    components = summaries.graph(ratings)["components"]
    if components is not None and components > 1:
        warnings.append({"code": "disconnected", "components": components})
    return warnings


def _variances(frame: Frame, point: Point) -> dict[str, float]:
    """Return the variances by name, NaN for what can't be told; additive data have no noise."""
    scale = point.noise * frame.layout.unit**2
    found = {
        name: math.nan if name in frame.reasons else point.tau[frame.which(name)] * scale
        for name in ("dossier", "reviewer")
    }
    found["residual"] = 0.0 if max(point.tau) >= CEILING else scale
    return found


def _reasons(reasons: dict[str, str], criterion: float) -> dict[str, str]:
    """Return why fields of the record are null, by their paths."""
    why = {f"variance.{name}": reason for name, reason in reasons.items()}
    if math.isnan(criterion):
        why["reml_criterion"] = "too_many_levels"
    return why


def _boundaries(variances: dict[str, float]) -> list[dict[str, Any]]:
    return [
        {"code": "boundary", "variance": name} for name, value in variances.items() if value == 0
    ]


def _approximate(point: Point) -> list[dict[str, Any]]:
    """Return the warning that conditional SDs of a very large round are close, not exact.

    Above EXACT_LEVELS levels of the smaller factor nothing is factored, so that there is no
    criterion either (docs/statistics-figures.md says how close they come).
    """
    return [{"code": "approximate_deviations"}] if math.isnan(point.criterion) else []


def _without_variation(
    ratings: Ratings,
    top: int | None,
    racing: Bools | None,
    seed: int,
    reasons: dict[str, str],
    warnings: list[dict[str, Any]],
) -> Fit:
    """Return the fit of equal scores: nobody differs, and all share the places."""
    score = float(ratings.score[0])
    alone = len(ratings) == 1
    levels = len(ratings.dossiers), len(ratings.reviewers)
    nothing = [np.full(number, math.nan if alone else 0.0) for number in levels]
    means = [np.full(number, score) for number in levels]
    among = levels[0] if racing is None else int(racing.sum())
    runs = np.ones(levels[0], bool) if racing is None else racing
    share = min(1.0, top / max(among, 1)) if top else math.nan
    flat = [dict.fromkeys(("effect", "se", "low", "high"), zeros) for zeros in nothing]
    trimmed = summaries.trimmed_means(ratings)
    total = means[0] + nothing[0]
    dossiers = {
        "n": summaries.counts(ratings.dossier, levels[0]).astype(float),
        "raw_mean": means[0],
        "trimmed_mean": trimmed,
        "z_mean": np.full(levels[0], math.nan),
        "unshrunk": means[0],
        **flat[0],
        "estimate": means[0],
        "estimate_low": total,
        "estimate_high": total,
        "expected_rank": np.where(runs, (among + 1) / 2, math.nan),
        "p_top": np.where(runs, share, math.nan),
    }
    reviewers = {
        "n": summaries.counts(ratings.reviewer, levels[1]).astype(float),
        "raw_mean": means[1],
        **flat[1],
        "noise": nothing[1],
    }
    variance = math.nan if alone else 0.0
    return Fit(
        ratings=ratings,
        mean=score,
        mean_se=variance,
        variances={
            "dossier": math.nan if "dossier" in reasons else variance,
            "reviewer": math.nan if "reviewer" in reasons else variance,
            "residual": variance,
        },
        criterion=math.nan,
        noise="common",
        top=top,
        competing=None if racing is None else among,
        seed=seed,
        draws=0,
        dossiers=dossiers,
        reviewers=reviewers,
        reasons=_reasons(reasons, 0.0) | {"reml_criterion": "no_variation"},
        warnings=(*warnings, {"code": "no_variation"}),
    )


def _check(top: int | None, noise: str, draws: int | None, seed: int) -> None:
    if noise not in NOISES:
        message = f"noise must be one of {', '.join(NOISES)}, not {noise!r}"
        raise ScoringError("noise", message, noise=str(noise))
    if top is not None and top < 1:
        raise ScoringError("top", f"top must be at least 1, not {top}", top=top)
    if draws is not None and draws < 1:
        raise ScoringError("draws", f"draws must be at least 1, not {draws}", draws=draws)
    if seed < 0:
        raise ScoringError("seed", f"the seed must not be negative, not {seed}", seed=seed)


def _rounded(values: Floats, zero: float = 0.0) -> list[float | None]:
    """Return numbers as the record holds them: to DIGITS significant digits, None for NaN.

    What does not exceed `zero` in size is zero.

    A whole number below 10^DIGITS, times or over an exact power of ten, is the double nearest to
    that decimal, so that its shortest form shows no more digits.
    """
    known = np.isfinite(values) & (np.abs(values) > zero)
    size = np.where(known, np.abs(values), 1.0)
    shift = (DIGITS - 1 - np.floor(np.log10(size))).astype(np.int64)
    shift = np.clip(shift, -EXACT_POWER, EXACT_POWER)
    up, down = 10.0 ** np.maximum(shift, 0), 10.0 ** np.maximum(-shift, 0)
    whole = np.rint(np.where(known, values, 0.0) * up / down)
    shown = (whole * down / up + 0.0).tolist()
    if np.isnan(values).any():
        gone = np.isnan(values).tolist()
        return [None if nan else value for nan, value in zip(gone, shown, strict=True)]
    return list(shown)


def _number(value: float, zero: float = 0.0) -> float | None:
    """Return one number as the record holds it."""
    return _rounded(np.array([value]), zero)[0]


def _entries(ids: Sequence[str], columns: dict[str, Floats], zero: float) -> list[dict[str, Any]]:
    """Return one object for each id."""
    shown: list[Sequence[Any]] = [ids]
    for name, values in columns.items():
        least = ZERO if name in SCALE_FREE else zero
        shown.append(values.astype(np.int64).tolist() if name == "n" else _rounded(values, least))
    names = ["id", *columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*shown, strict=True)]

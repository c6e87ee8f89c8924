"""From the layout's levels and units back to ids and scores: the columns of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scoring import summaries

if TYPE_CHECKING:
    from scoring.arrays import Bools, Floats, Integers
    from scoring.equations import Spread
    from scoring.layout import Layout, Side
    from scoring.posterior import Moments, Pair
    from scoring.ratings import Ratings
    from scoring.reml import Point

    Columns = dict[str, Floats]

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Frame:
    """How the layout's levels and units map to those of the ratings."""

    ratings: Ratings
    layout: Layout
    reasons: dict[str, str]

    def which(self, name: str) -> int:
        """Return the side of the layout, 0 for rows and 1 for columns, that holds a factor."""
        return int((name == "reviewer") != self.layout.swapped)

    def levels(self, name: str) -> int:
        """Return how many ids a factor has."""
        return len(self.ratings.dossiers if name == "dossier" else self.ratings.reviewers)

    def by_id(self, name: str, values: Floats) -> Floats:
        """Return a level's values in the order of the ids; NaN where nothing can be told."""
        if self.reasons.get(name) in {None, "single_level"}:
            return self._side(name).scatter(values)
        return np.full(self.levels(name), np.nan)

    def lanes(self, name: str, wanted: Bools) -> Integers:
        """Return the levels of a factor whose ids are wanted, in the layout's order."""
        return np.flatnonzero(wanted[self._side(name).order])

    def alike(self, name: str, values: Floats, lanes: Integers | None = None) -> Floats:
        """Return simulated values by id, averaged over levels that the data can't tell apart.

        With `lanes` the values are those of these levels alone; the other ids have NaN.
        """
        group = self._side(name).group
        where = slice(None) if lanes is None else lanes
        own = group[where]
        mean = np.bincount(own, values) / np.maximum(np.bincount(own), 1)
        spread = np.full(len(group), np.nan)
        spread[where] = mean[own]
        return self.by_id(name, spread)

    def _side(self, name: str) -> Side:
        return (self.layout.rows, self.layout.cols)[self.which(name)]


def dossier_columns(frame: Frame, point: Point, known: Spread, moments: Moments) -> Columns:
    """Return the columns of the dossiers, but for those that draws give."""
    ratings, unit = frame.ratings, frame.layout.unit
    columns = {
        "n": summaries.counts(ratings.dossier, len(ratings.dossiers)).astype(float),
        "raw_mean": summaries.raw_means(ratings),
        "trimmed_mean": summaries.trimmed_means(ratings),
        "z_mean": summaries.z_means(ratings),
        "unshrunk": _unshrunk(frame, point),
        **_effects(frame, "dossier", point, known, moments),
    }
    which = frame.which("dossier")
    total = frame.by_id("dossier", moments.total[which])
    half = NORMAL_95 * np.sqrt(frame.by_id("dossier", moments.total_variance[which]))
    effect = frame.by_id("dossier", _effect_pair(point)[which])
    columns["estimate"] = frame.layout.center + unit * (point.solution.mean + effect)
    columns["estimate_low"] = frame.layout.center + unit * (total - half)
    columns["estimate_high"] = frame.layout.center + unit * (total + half)
    return columns


def reviewer_columns(
    frame: Frame, point: Point, known: Spread, moments: Moments, noise: Floats
) -> Columns:
    """Return the columns of the reviewers; `noise` is each one's variance, in score units."""
    ratings = frame.ratings
    levels = len(ratings.reviewers)
    number = summaries.counts(ratings.reviewer, levels)
    order = np.lexsort((ratings.score, ratings.reviewer))
    sums = np.bincount(ratings.reviewer[order], ratings.score[order], levels)
    return {
        "n": number.astype(float),
        "raw_mean": sums / number,
        **_effects(frame, "reviewer", point, known, moments),
        "noise": noise,
    }


def _effect_pair(point: Point) -> Pair:
    return point.solution.row, point.solution.col


def _effects(frame: Frame, name: str, point: Point, known: Spread, moments: Moments) -> Columns:
    which, unit = frame.which(name), frame.layout.unit
    conditional = (known.row, known.col)[which] * point.noise
    center = frame.by_id(name, moments.effect[which])
    half = NORMAL_95 * np.sqrt(frame.by_id(name, moments.effect_variance[which]))
    return {
        "effect": unit * frame.by_id(name, _effect_pair(point)[which]),
        "se": unit * np.sqrt(frame.by_id(name, np.maximum(conditional, 0.0))),
        "low": unit * (center - half),
        "high": unit * (center + half),
    }


def _unshrunk(frame: Frame, point: Point) -> Floats:
    """Return each dossier's weighted mean score less its reviewers' leniency, not shrunken."""
    layout, weight = frame.layout, point.equations.weight
    effects = _effect_pair(point)
    codes = (layout.row, layout.col)
    own = frame.which("dossier")
    if frame.reasons.get("dossier") not in {None, "single_level"}:
        return np.full(len(frame.ratings.dossiers), np.nan)
    corrected = layout.score - effects[1 - own][codes[1 - own]]
    levels = len(effects[own])
    mean = np.bincount(codes[own], weight * corrected, levels) / np.bincount(
        codes[own], weight, levels
    )
    return layout.center + layout.unit * frame.by_id("dossier", mean)

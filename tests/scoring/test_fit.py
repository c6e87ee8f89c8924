"""The fit on published data, on awkward data and under relabelling."""

from __future__ import annotations

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ScoringError
from scoring.fit import Fit, fit
from scoring.ratings import Ratings

VECTORS = Path(__file__).parents[1] / "vectors" / "stats"


def read(name: str, dossier: str, reviewer: str | None, score: str) -> Ratings:
    return Ratings.from_csv(
        VECTORS / f"{name}.csv", dossier=dossier, reviewer=reviewer, score=score
    )


def rows(name: str) -> list[dict[str, str]]:
    with (VECTORS / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def balanced(scores: np.ndarray) -> tuple[float, float, float]:
    """REML of a complete table with interior optimum, by the mean squares of the textbook."""
    left, right = scores.shape
    mean = scores.mean()
    rows_ms = right * ((scores.mean(axis=1) - mean) ** 2).sum() / (left - 1)
    cols_ms = left * ((scores.mean(axis=0) - mean) ** 2).sum() / (right - 1)
    rest = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + mean
    rest_ms = (rest**2).sum() / ((left - 1) * (right - 1))
    return (rows_ms - rest_ms) / right, (cols_ms - rest_ms) / left, rest_ms


class TestPublished:
    def test_dyestuff(self) -> None:
        """One-way data give the closed form of a balanced design, and lme4's criterion."""
        found = fit(read("Dyestuff", "Batch", None, "Yield"), noise="common")
        assert found.variances["dossier"] == pytest.approx(1764.05, rel=1e-7)
        assert found.variances["residual"] == pytest.approx(2451.25, rel=1e-7)
        assert math.isnan(found.variances["reviewer"])
        assert found.record()["variance"]["reviewer"] is None
        assert found.reasons["variance.reviewer"] == "no_reviewers"
        assert found.mean == pytest.approx(1527.5, rel=1e-12)
        assert found.mean_se == pytest.approx(19.3834122, abs=1e-7)
        assert found.criterion == pytest.approx(319.6542768, abs=1e-7)
        for entry, place in zip(rows("Dyestuff_lme4_blup_Batch"), range(6), strict=True):
            assert found.ratings.dossiers[place] == entry["level"]
            assert found.dossiers["effect"][place] == pytest.approx(float(entry["blup"]), rel=1e-6)
            assert found.dossiers["se"][place] == pytest.approx(float(entry["condsd"]), rel=1e-6)

    def test_dyestuff2(self) -> None:
        """A variance at its boundary is exactly zero, with a warning and honest intervals."""
        found = fit(read("Dyestuff2", "Batch", None, "Yield"), noise="common")
        assert found.variances["dossier"] == 0.0
        assert found.variances["residual"] == pytest.approx(13.8063096, abs=5e-8)
        assert found.criterion == pytest.approx(161.8282778, abs=1e-7)
        assert found.mean_se == pytest.approx(0.678388031232524, rel=1e-9)
        assert {"code": "boundary", "variance": "dossier"} in found.warnings
        assert (found.dossiers["effect"] == 0).all()
        assert (found.dossiers["low"] < 0).all()
        assert (found.dossiers["high"] > 0).all()

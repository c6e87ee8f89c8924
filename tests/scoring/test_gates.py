"""Gates: passed, failed and missing are three different things."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from scoring.errors import ScoringError
from scoring.gates import check_gates
from scoring.records import canonical
from scoring.rubric import load_rubric

RUBRIC = load_rubric("skills-base-2022")
EXACTLY: dict[str, Decimal | int | None] = {gate.indicator: gate.threshold for gate in RUBRIC.gates}


def test_a_figure_at_the_threshold_passes() -> None:
    """A dossier exactly at all thresholds passes every gate."""
    assert all(result.passed for result in check_gates(RUBRIC, EXACTLY))


def test_a_hair_below_fails_with_its_number() -> None:
    """19.999 % senior fails, and the facts carry article, figure, threshold and shortfall."""
    results = check_gates(RUBRIC, {**EXACTLY, "senior_share": Decimal("19.999")})
    (failed,) = [result for result in results if not result.passed]
    facts = failed.facts()
    assert (facts["gate"], facts["articles"], facts["status"]) == ("senior-share", [4], "failed")
    assert (facts["value"], facts["threshold"], facts["short"]) == ("19.999", 20, "0.001")
    assert canonical(facts)


def test_missing_is_neither_passed_nor_failed() -> None:
    """A figure that wasn't given is missing, not zero."""
    results = check_gates(RUBRIC, {**EXACTLY, "pass_rate": None})
    (missing,) = [result for result in results if result.missing]
    assert missing.gate.id == "pass-rate"
    assert not missing.passed
    assert missing.facts()["value"] is None
    assert missing.facts()["short"] is None
    assert {result.status for result in check_gates(RUBRIC, {})} == {"missing"}


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 20.5, True, "20"])
def test_an_inexact_figure_is_refused(value: Any) -> None:
    """A float, a NaN or a text is an error that names the indicator."""
    with pytest.raises(ScoringError) as caught:
        check_gates(RUBRIC, {**EXACTLY, "senior_share": value})
    assert caught.value.facts["indicator"] == "senior_share"

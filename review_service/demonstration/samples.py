"""The ratings of the samples: what anybody who was drawn would give, from a known truth."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from review_service.demonstration.walk import SAMPLES
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from review_service.tables import Round


def rater(row: Round) -> Callable[[str, str], dict[str, int]]:
    """Return rate(expert's pool number, dossier's number) → criterion → level."""
    sys.path.insert(0, str(SAMPLES.parent))  # samples/ is data beside the package, not part of it
    try:
        from samples.ratings import load_truth, rate
    finally:
        sys.path.remove(str(SAMPLES.parent))
    truth, rubric = load_truth(), rubric_of(row)
    return lambda expert, dossier: dict(rate(truth, expert, dossier, rubric))

"""Figures, what stands behind them, and the list, in one go and outside the request.

The three parts of a job (jobs/kinds.py): what is needed, the computation, and keeping all or none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from review_service.tables import Round
from review_service.workflows import results
from review_service.workflows.diagnosis import diagnosis_record, keep_diagnosis
from scoring.records import digest_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from review_service.workflows.base import Work

FIT_SHARE = 60  # percent of the progress that the fits are taken for


def results_record(
    given: Mapping[str, Any], progress: Callable[[int], None] = lambda _percent: None
) -> dict[str, Any]:
    """Return the records of `fit` and `diagnosis` of `results.fit_input`; pure."""
    fitted = results.fit_record(given, lambda percent: progress(percent * FIT_SHARE // 100))
    fitted = json.loads(json.dumps(fitted))  # as a reader of the stored record has it
    behind = diagnosis_record(
        {**given, "fit": digest_json(fitted), "total": fitted["total"]},
        lambda percent: progress(FIT_SHARE + percent * (100 - FIT_SHARE) // 100),
    )
    return {"fit": fitted, "diagnosis": behind}


def keep_results(work: Work, round_id: int, found: Mapping[str, Any]) -> dict[str, Any]:
    """Keep fit and diagnosis, and the list they lead to; refuses where reviews changed."""
    fitted = results.keep_fit(work, round_id, found["fit"])
    keep_diagnosis(work, round_id, found["diagnosis"])
    listed = results.run_selection(work, round_id)
    return {"fit": fitted.digest, "list": listed.digest}


def repeat_input(work: Work, round_id: int) -> dict[str, Any]:
    """Return what the fit is computed from, of a round in any state."""
    return results.input_of(work.session, work.one(Round, round_id))


def compare_again(work: Work, round_id: int, again: Mapping[str, Any]) -> dict[str, Any]:
    """Compare a fit computed again, and the list made of it, with the records kept."""
    row = work.one(Round, round_id)
    found = results.repeat(work.session, row, again)
    return {"compared": [list(one) for one in found]}

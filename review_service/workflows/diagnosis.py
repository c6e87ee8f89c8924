"""How far the experts agree, who stands out, what holds the reviews together: a stored record.

It is computed once beside the fit and kept with its digest, so that pages only read it. Whatever
it finds, the estimates and the list stay as they are (docs/statistics.md "Reliability and flags").
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from review_service.tables import Round
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.computations import keep, newest
from review_service.workflows.results import fit_input, ratings_of, scores
from scoring.design import Assumed, design
from scoring.design_graph import Plan
from scoring.errors import ScoringError
from scoring.flags import flags
from scoring.records import digest_json
from scoring.reliability import reliability
from scoring.rubric import Rubric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlmodel import Session

    from review_service.tables import Computation
    from review_service.workflows.base import Work
    from scoring.ratings import Ratings

DIGITS = 10  # significant digits in the record, as in a fit's: a BLAS's last bits stay out of it


def run_diagnosis(work: Work, round_id: int) -> Computation:
    """Look at the reviews behind the newest fit, and keep what is found."""
    return keep_diagnosis(work, round_id, diagnosis_record(diagnosis_input(work, round_id)))


def diagnosis_input(work: Work, round_id: int) -> dict[str, Any]:
    """Return what `diagnosis_record` needs: the reviews, and the fit of these very reviews."""
    given = fit_input(work, round_id)
    fitted = newest(work.session, round_id, "fit")
    if fitted is None:
        raise WorkflowError("fit-needed", round=given["round"])
    return given | {"fit": fitted.digest, "total": json.loads(fitted.record)["total"]}


def diagnosis_record(
    given: Mapping[str, Any], progress: Callable[[int], None] = lambda _percent: None
) -> dict[str, Any]:
    """Return the record: `flags`, `reliability`, `design` as scoring has them; pure.

    A part that can't be had is null, with its code in `refused`.
    """
    totals, chapters = scores(Rubric.from_record(given["rubric"]), given["reviews"])
    ratings = ratings_of(totals)
    if ratings.digest() != given["total"]["input"]:
        raise WorkflowError("fit-outdated", round=given["round"])
    by_chapter = {name: ratings_of(rows) for name, rows in chapters.items() if rows}
    parts: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("reliability", lambda: reliability(ratings)),
        ("flags", lambda: flags(ratings, given["total"], chapters=by_chapter)),
        ("design", lambda: _design(ratings, given["total"]["variance"])),
    ]
    record: dict[str, Any] = {"round": given["round"], "fit": given["fit"], "refused": {}}
    for number, (name, compute) in enumerate(parts):
        progress(100 * number // len(parts))
        try:
            record[name] = _rounded(compute())
        except ScoringError as error:
            record[name] = None
            record["refused"][name] = error.code
    return record


def keep_diagnosis(work: Work, round_id: int, record: dict[str, Any]) -> Computation:
    """Keep the record, if the fit that it is about is still the newest."""
    fitted = newest(work.session, round_id, "fit")
    row = work.one(Round, round_id, lock=True)
    if fitted is None or record["fit"] != fitted.digest:
        raise WorkflowError("fit-outdated", round=row.code)
    return keep(work, row, "diagnosis", record, digest_json(record))


def diagnosis(session: Session, row: Round) -> dict[str, Any] | None:
    """Return the record of the newest diagnosis with its `digest`; None where the fit is newer."""
    fitted, found = (newest(session, pk(row), kind) for kind in ("fit", "diagnosis"))
    if fitted is None or found is None:
        return None
    record: dict[str, Any] = json.loads(found.record)
    return record | {"digest": found.digest} if record["fit"] == fitted.digest else None


def _design(ratings: Ratings, variance: Mapping[str, float | None]) -> dict[str, Any]:
    """Return the report on the review graph as it came about, with the variances found."""
    pairs = [
        (ratings.dossiers[i], ratings.reviewers[j])
        for i, j in zip(ratings.dossier.tolist(), ratings.reviewer.tolist(), strict=True)
    ]
    assumed = Assumed(variance["reviewer"] or 0.0, variance["residual"] or 0.0)
    return design(Plan.from_pairs(pairs), assumed, add=0)


def _rounded(value: Any) -> Any:
    """Return a record whose numbers have the digits that repeat on every machine."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") + 0.0
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value

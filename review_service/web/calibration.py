"""Calibration: how far apart a panel's scores of the samples lie, once all have submitted them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, render_template

from review_service.web.access import access
from review_service.web.desk import expert_id, my_seats, pledged
from review_service.web.page import db, round_or_404
from review_service.workflows import calibration
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from review_service.tables import Round
    from review_service.workflows.calibration import Sample

blueprint = Blueprint("calibration", __name__)
WIDTH, EDGE = 600, 12  # of the strip of totals, in its own units


@blueprint.get("/desk/<code>/calibration")
@access("expert")
def mine(code: str) -> str:
    """The expert's own scores of the samples beside the panel's, which bear no names."""
    row = round_or_404(code)
    my_seats(row)
    if not pledged(row):
        abort(404)
    return _page(row, expert_id())


@blueprint.get("/rounds/<code>/calibration")
@access("staff", "approver", "inspector")
def index(code: str) -> str:
    """Panel by panel: who is awaited, then the spread, without names."""
    return _page(round_or_404(code), None)


def _page(row: Round, expert: int | None) -> str:
    spreads = calibration.spreads(db(), row, expert)
    return render_template(
        "desk/calibration.html",
        desk_round=row,
        round=None if expert else row,
        spreads=spreads,
        charts={
            (one.panel, sample.dossier.id): _strip(sample)
            for one in spreads
            for sample in one.samples
        },
        rubric=rubric_of(row),
        own=expert is not None,
        least=calibration.LEAST,
        median=median,
    )


def _strip(sample: Sample) -> dict[str, Any]:
    """Return the places of totals on a strip from the lowest to the highest ten that holds all."""
    if not sample.totals:
        return {"dots": [], "low": 0, "high": 0, "mine": None}
    low, high = 10 * (min(sample.totals) // 10), 10 * (max(sample.totals) // 10 + 1)

    def place(value: float) -> float:
        return round(EDGE + (value - low) / (high - low) * (WIDTH - 2 * EDGE), 1)

    return {
        "dots": [place(one) for one in sample.totals],
        "low": int(low),
        "high": int(high),
        "mine": None if sample.my_total is None else place(sample.my_total),
    }

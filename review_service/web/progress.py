"""Progress for staff: who is awaited, who has pledged, how far each expert is. Never a score."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import Approval, Dossier, Draw, Pledge, Review, Round, Seat
from review_service.web.access import access
from review_service.web.page import attempt, db, round_or_404
from review_service.web.shows import names_of
from review_service.workflows import amendments, reviews
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("progress", __name__)


@blueprint.get("/rounds/<code>/progress")
@access("staff", "approver", "inspector")
def index(code: str) -> str:
    """Counts by state, each a filter of the list below."""
    row = round_or_404(code)
    rows = experts(row)
    state = request.args.get("state", "")
    return render_template(
        "desk/progress.html",
        round=row,
        rows=[one for one in rows if not state or one["state"] == state],
        counts=Counter(one["state"] for one in rows),
        submitted=sum(one["submitted"] for one in rows),
        assigned=sum(one["assigned"] for one in rows),
        pledged=sum(one["pledged"] for one in rows),
        everybody=len(rows),
        state=state,
        amendments=waiting(row),
    )


def waiting(row: Round) -> list[dict[str, Any]]:
    """Return the amendments that wait: reason, dossier and how many levels change, no score."""
    query = select(Approval).where(
        Approval.round_id == row.id,
        Approval.subject == "amendment",
        Approval.status == "proposed",
    )
    found = []
    for one in db().exec(query):
        review = db().get(Review, one.content["review"])
        dossier = db().get(Dossier, review.dossier_id) if review else None
        if review is None or dossier is None:
            continue
        levels = one.content["levels"]
        changed = sum(review.levels.get(name) != level for name, level in levels.items())
        found.append({"proposal": one, "dossier": dossier, "changed": changed})
    return found


@blueprint.post("/rounds/<code>/amendments/<int:approval_id>")
@access("approver")
def decide(code: str, approval_id: int) -> Response:
    """Approve or reject an amendment of a submitted review."""
    row = round_or_404(code)
    proposal = db().get(Approval, approval_id)
    decision = request.form.get("decision", "")
    if proposal is None or proposal.round_id != row.id:
        abort(404)
    if decision not in {"approve", "reject"}:
        abort(400)
    attempt(
        _("Decided."),
        amendments.decide_amendment,
        approval_id,
        approve=decision == "approve",
        reason=request.form.get("reason", ""),
    )
    return redirect(url_for("progress.index", code=code), code=303)


def experts(row: Round) -> list[dict[str, Any]]:
    """Return every expert with an accepted seat: how many dossiers, drafts and submissions.

    `state` is none (nothing begun), draft, or submitted (all of them).
    """
    seats = (
        db()
        .exec(
            select(Seat, Draw)
            .join(Draw, col(Draw.id) == col(Seat.draw_pk))
            .where(Draw.round_id == row.id, Seat.status == "accepted")
            .order_by(col(Seat.panel), col(Seat.stratum), col(Seat.pseudonym))
        )
        .all()
    )
    names = {draw.id: names_of(row, draw) for _seat, draw in seats}
    signed = set(db().exec(select(Pledge.expert_id).where(Pledge.round_id == row.id)))
    states: dict[int, Counter[str]] = {}
    query = select(Review.expert_id, Review.status).where(Review.round_id == row.id)
    for expert, status in db().exec(query):
        states.setdefault(expert, Counter())[status] += 1
    found: dict[int, dict[str, Any]] = {}
    for seat, draw in seats:
        if seat.expert_id in found:
            found[seat.expert_id]["panels"].append(seat.panel)
            continue
        mine = states.get(seat.expert_id, Counter())
        assigned = len(reviews.assigned(db(), pk(row), seat.expert_id))
        begun = "draft" if mine else "none"
        found[seat.expert_id] = {
            "panels": [seat.panel],
            "stratum": seat.stratum,
            "pseudonym": seat.pseudonym,
            "who": names[draw.id].get(seat.pseudonym),
            "pledged": seat.expert_id in signed,
            "assigned": assigned,
            "drafts": mine["draft"],
            "submitted": mine["submitted"],
            "state": "submitted" if 0 < assigned <= mine["submitted"] else begun,
        }
    return list(found.values())

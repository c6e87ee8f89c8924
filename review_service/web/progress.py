"""Progress for staff: who is awaited, who has pledged, how far each expert is. Never a score."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import defer
from sqlmodel import col, func, select

from review_service.tables import Approval, Dossier, Draw, Pledge, Review, Round, Seat
from review_service.web.access import access
from review_service.web.languages import BEIJING
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, office, round_or_404
from review_service.web.paging import page_of
from review_service.web.seats import names_in
from review_service.workflows import amendments, calibration, deadlines, reminders, reviews
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.wrappers import Response

blueprint = Blueprint("progress", __name__)
# The form's text is long, and no list shows it.
_APPLICATION: Any = Dossier.application


@blueprint.get("/rounds/<code>/progress")
@access("staff", "approver", "inspector")
def index(code: str) -> str:
    """Counts by state, each a filter of the list below."""
    row = round_or_404(code)
    everybody = experts(row)
    state = request.args.get("state", "")
    rows = [one for one in everybody if _in_state(one, state)]
    page = page_of(len(rows), "progress.index", code)
    return render_template(
        "desk/progress.html",
        round=row,
        rows=_named(row, page.of(rows)),
        page=page,
        counts=Counter(one["state"] for one in everybody),
        late=sum(one["late"] for one in everybody),
        unfinished=sum(one["state"] != "submitted" for one in everybody),
        end=deadlines.round_end(row),
        samples=len(calibration.samples_of(db(), pk(row))),
        submitted=sum(one["submitted"] for one in everybody),
        assigned=sum(one["assigned"] for one in everybody),
        pledged=sum(one["pledged"] for one in everybody),
        everybody=len(everybody),
        state=state,
        amendments=waiting(row),
    )


def _in_state(one: dict[str, Any], state: str) -> bool:
    """Whether an expert is in a state of the figures above the list; without one, everybody is."""
    if state == "late":
        return bool(one["late"])
    if state == "unpledged":
        return not one["pledged"]
    return not state or one["state"] == state


def _named(row: Round, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return experts of a page with `who` they are, None while names are sealed."""
    names = names_in(row, [one["seat"] for one in rows])
    return [one | {"who": names.get((one["seat"].draw_pk, one["pseudonym"]))} for one in rows]


@blueprint.get("/rounds/<code>/progress/reviews")
@access("staff", "approver", "inspector")
def one_by_one(code: str) -> str:
    """Every review that is to be given, by expert and dossier, with its state; never a score."""
    row = round_or_404(code)
    state, everything = request.args.get("state", ""), _reviews(row)
    rows = [one for one in everything if not state or one[2] == state]
    page = page_of(len(rows), "progress.one_by_one", code)
    shown = page.of(rows)
    people = {one["pseudonym"]: one for one in _named(row, [one for one, *_ in shown])}
    query = select(Dossier).where(col(Dossier.id).in_({dossier for _, dossier, *_ in shown}))
    dossiers = {one.id: one for one in db().exec(query.options(defer(_APPLICATION)))}
    return render_template(
        "desk/reviews.html",
        round=row,
        rows=[
            {
                "expert": people[one["pseudonym"]],
                "dossier": dossiers[dossier],
                "state": status,
                "at": moment,
            }
            for one, dossier, status, moment in shown
        ],
        page=page,
        counts=Counter(one[2] for one in everything),
        everything=len(everything),
        state=state,
    )


def _reviews(row: Round) -> list[tuple[dict[str, Any], int, str, datetime | None]]:
    """Return (expert, dossier's row, state, moment) of every review that is to be given.

    By expert as `experts` lists them, samples first, then by the dossier's number.
    """
    stored = select(Review.expert_id, Review.dossier_id, Review.status, Review.submitted_at)
    given = {
        (expert, dossier): (status, moment)
        for expert, dossier, status, moment in db().exec(stored.where(Review.round_id == row.id))
    }
    numbers = select(Dossier.id, Dossier.status, Dossier.number).where(Dossier.round_id == row.id)
    order = {key: (status != "calibration", number) for key, status, number in db().exec(numbers)}
    assigned = reviews.assigned_to_all(db(), pk(row))
    return [
        (one, dossier, *given.get((expert, dossier), ("none", None)))
        for one in experts(row)
        for expert in [one["seat"].expert_id]
        for dossier in sorted(assigned[expert], key=order.__getitem__)
    ]


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

    `state` is none (nothing begun), draft, or submitted (all of them); `late` says that the end
    has passed with reviews open.
    """
    # Columns, not objects: of all these seats a page shows fifty.
    columns = col(Seat.id), col(Seat.draw_pk), col(Seat.expert_id), col(Seat.panel)
    seats = db().execute(
        sa.select(*columns, col(Seat.stratum), col(Seat.pseudonym))
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(col(Draw.round_id) == row.id, col(Seat.status) == "accepted")
        .order_by(col(Seat.panel), col(Seat.stratum), col(Seat.pseudonym))
    )
    signed = set(db().exec(select(Pledge.expert_id).where(Pledge.round_id == row.id)))
    begun = select(Review.expert_id, func.count()).where(
        Review.round_id == row.id, Review.status == "draft"
    )
    drafts = dict(db().exec(begun.group_by(col(Review.expert_id))).all())
    standings = reminders.standings(db(), row)
    now = office().tools.clock()
    found: dict[int, dict[str, Any]] = {}
    for seat in seats:
        if seat.expert_id in found:
            found[seat.expert_id]["panels"].append(seat.panel)
            continue
        one = standings[seat.expert_id]
        open_drafts = drafts.get(seat.expert_id, 0)
        stage = "draft" if open_drafts or one.submitted else "none"
        found[seat.expert_id] = {
            "seat": seat,
            "panels": [seat.panel],
            "stratum": seat.stratum,
            "pseudonym": seat.pseudonym,
            "pledged": seat.expert_id in signed,
            "assigned": one.assigned,
            "drafts": open_drafts,
            "submitted": one.submitted,
            "state": "submitted" if one.assigned > 0 and one.finished else stage,
            "due": one.due,
            "late": one.late(now),
            "extended": one.extended,
            "reminded": one.reminded,
        }
    return list(found.values())


def _seat(row: Round, seat_id: int) -> Seat:
    """Return an accepted seat of the round; 404 for any other."""
    seat = db().get(Seat, seat_id) or abort(404)
    draw = db().get(Draw, seat.draw_pk) or abort(404)
    if draw.round_id != row.id or seat.status != "accepted":
        abort(404)
    return seat


@blueprint.post("/rounds/<code>/progress/remind")
@access("staff")
def remind_many(code: str) -> Response:
    """Remind all who are late, or all who haven't finished, by one click."""
    row = round_or_404(code)
    late = request.form.get("who") == "late"
    attempt(_("The reminders are on their way."), reminders.remind_many, pk(row), late=late)
    send_soon()
    return redirect(url_for("progress.index", code=code), code=303)


@blueprint.post("/rounds/<code>/progress/<int:seat_id>/remind")
@access("staff")
def remind(code: str, seat_id: int) -> Response:
    """Remind one expert of open reviews."""
    row = round_or_404(code)
    seat = _seat(row, seat_id)
    attempt(_("The reminder is on its way."), reminders.remind, pk(row), seat.expert_id)
    send_soon()
    return redirect(url_for("progress.index", code=code), code=303)


@blueprint.post("/rounds/<code>/progress/<int:seat_id>/extend")
@access("staff")
def extend(code: str, seat_id: int) -> Response:
    """Give one expert more time, with a reason."""
    row = round_or_404(code)
    seat = _seat(row, seat_id)
    try:
        until = datetime.fromisoformat(request.form.get("until", "")).replace(tzinfo=BEIJING)
    except ValueError:
        abort(400)
    done = _("The expert has until %(time)s now.", time=until.strftime("%Y-%m-%d %H:%M"))
    reason = request.form.get("reason", "")
    attempt(done, deadlines.extend, pk(row), seat.expert_id, until, reason)
    return redirect(url_for("progress.index", code=code), code=303)

"""Seats after the draw: who is awaited, who accepted, who left, and who took their place."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import Draw, Invitation, LogEvent, Round, Seat
from review_service.web.access import access
from review_service.web.desk import invitation_link
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, office, round_or_404
from review_service.web.shows import names_of
from review_service.workflows import invitations
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("seats", __name__)
SEEN_BY = ("staff", "approver", "inspector")
# What staff may enter for an expert; "declined" and "conflict" are the expert's own to say.
STAFF_REASONS = ("unreachable", "timeout", "withdrawn", "other")


def chains(row: Round) -> list[dict[str, Any]]:
    """Return every seat of the round with what came of it, by draw, panel and stratum."""
    rows = (
        db()
        .exec(
            select(Seat, Draw)
            .join(Draw, col(Draw.id) == col(Seat.draw_pk))
            .where(Draw.round_id == row.id)
            .order_by(col(Draw.number), col(Seat.panel), col(Seat.stratum), col(Seat.id))
        )
        .all()
    )
    skipped = _skipped({draw.draw_id for _seat, draw in rows})
    names = {draw.id: names_of(row, draw) for _seat, draw in rows}
    open_letters = select(Invitation).where(col(Invitation.closed_at).is_(None))
    invited = {one.seat_id: one.answer_by for one in db().exec(open_letters)}
    by_id = {seat.id: seat for seat, _draw in rows}
    next_of = {seat.replaces_id: seat for seat, _draw in rows if seat.replaces_id}
    found = []
    for seat, draw in rows:
        key = (draw.draw_id, seat.panel, seat.stratum, seat.pseudonym, seat.dossier or None)
        found.append(
            {
                "seat": seat,
                "draw": draw,
                "who": names[draw.id].get(seat.pseudonym),
                "replaces": by_id.get(seat.replaces_id or 0),
                "next": next_of.get(seat.id or 0),
                "skipped": skipped.get(key, []),
                "answer_by": invited.get(seat.id or 0),
            }
        )
    return found


def _skipped(draw_ids: set[str]) -> dict[tuple[Any, ...], list[dict[str, str]]]:
    """Return who was skipped on the way to each replacement, from the log."""
    rows = db().exec(
        select(LogEvent.event).where(
            col(LogEvent.subject).in_(draw_ids), LogEvent.type == "seat.replaced"
        )
    )
    found = {}
    for text in rows:
        body = json.loads(text)["body"]
        key = (body["draw_id"], body["panel"], body["stratum"], body["vacated"], body["dossier"])
        found[key] = body["skipped"]
    return found


@blueprint.get("/rounds/<code>/seats")
@access(*SEEN_BY)
def index(code: str) -> str:
    """All seats with their state; the page brings itself up to date."""
    row = round_or_404(code)
    return render_template("draws/seats.html", **_listing(row))


@blueprint.get("/rounds/<code>/seats/now")
@access(*SEEN_BY)
def now(code: str) -> str:
    """The part of the page that changes, for the page to fetch."""
    return render_template("draws/seats_now.html", **_listing(round_or_404(code)))


def _listing(row: Round) -> dict[str, Any]:
    rows = chains(row)
    status = request.args.get("status", "")
    time = office().tools.clock()
    return {
        "round": row,
        "rows": [one for one in rows if not status or one["seat"].status == status],
        "counts": Counter(one["seat"].status for one in rows),
        "status": status,
        "uninvited": sum(
            one["seat"].status == "awaiting" and one["answer_by"] is None for one in rows
        ),
        "late": sum(bool(one["answer_by"] and one["answer_by"] < time) for one in rows),
        "reasons": STAFF_REASONS,
    }


@blueprint.post("/rounds/<code>/seats/<int:seat_id>/vacate")
@access("staff")
def vacate(code: str, seat_id: int) -> Response:
    """Staff vacate a seat (no answer, withdrawn); the next of the list takes it at once."""
    row = round_or_404(code)
    seat = db().get(Seat, seat_id) or abort(404)
    draw = db().get(Draw, seat.draw_pk) or abort(404)
    if draw.round_id != row.id:
        abort(404)
    reason = request.form.get("reason", "")
    if reason not in STAFF_REASONS:
        abort(400)
    note = request.form.get("note", "")
    done = _("The seat was vacated; the next of the list was taken where there is one.")
    attempt(done, invitations.replace, [pk(seat)], reason, note, invitation_link)
    send_soon()
    return redirect(url_for("seats.index", code=code), code=303)

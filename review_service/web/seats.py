"""Seats after the draw: who is awaited, who accepted, who left, and who took their place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from sqlalchemy.orm import load_only
from sqlmodel import case, col, func, select

from review_service.tables import Draw, DrawExpert, Expert, Invitation, LogEvent, Round, Seat
from review_service.web.access import access, role
from review_service.web.desk import invitation_link
from review_service.web.languages import language
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, names_open, office, round_or_404
from review_service.web.paging import Page, page_of
from review_service.web.words import word
from review_service.workflows import invitations
from review_service.workflows import log as logs
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa
    from werkzeug.wrappers import Response

blueprint = Blueprint("seats", __name__)
SEEN_BY = ("staff", "approver", "inspector")
STATUSES = ("awaiting", "accepted", "vacated")
_PSEUDONYM: Any = DrawExpert.pseudonym
_NAME: Any = DrawExpert.name
# What staff may enter for an expert; "declined" and "conflict" are the expert's own to say.
STAFF_REASONS = ("unreachable", "timeout", "withdrawn", "other")


def chains(row: Round, status: str, page: Page) -> list[dict[str, Any]]:
    """Return a page of the round's seats with what came of each, by draw, panel and stratum."""
    query = (
        select(Seat, Draw.draw_id)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id)
        .order_by(col(Draw.number), col(Seat.panel), col(Seat.stratum), col(Seat.id))
    )
    if status:
        query = query.where(Seat.status == status)
    rows = db().exec(page.narrow(query)).all()
    seats = [seat for seat, _draw_id in rows]
    skipped = _skipped({draw_id for seat, draw_id in rows if seat.status == "vacated"})
    names = names_in(row, seats)
    letters = _OPEN.where(col(Invitation.seat_id).in_([pk(one) for one in seats]))
    invited = dict(db().exec(letters).all())
    earlier = {one.id: one for one in _seats(Seat.id, [one.replaces_id for one in seats])}
    later = {one.replaces_id: one for one in _seats(Seat.replaces_id, [one.id for one in seats])}
    found = []
    for seat, draw_id in rows:
        key = (draw_id, seat.panel, seat.stratum, seat.pseudonym, seat.dossier or None)
        found.append(
            {
                "seat": seat,
                "who": names.get((seat.draw_pk, seat.pseudonym)),
                "replaces": earlier.get(seat.replaces_id),
                "next": later.get(seat.id),
                "skipped": skipped.get(key, []),
                "answer_by": invited.get(pk(seat)),
            }
        )
    return found


# Seat and moment by which its open letter is to be answered.
_OPEN = (
    select(Invitation.seat_id, func.max(Invitation.answer_by))
    .where(col(Invitation.closed_at).is_(None))
    .group_by(col(Invitation.seat_id))
)


def _seats(column: Any, keys: list[int | None]) -> Sequence[Seat]:
    wanted = [one for one in keys if one is not None]
    query = select(Seat).where(column.in_(wanted)).order_by(col(Seat.id))
    return db().exec(query).all() if wanted else ()


def names_in(
    row: Round, seats: Iterable[Seat | sa.Row[Any]]
) -> dict[tuple[int, str], tuple[str, str]]:
    """Return (draw, pseudonym) → (name, employer) of who sits, empty while names are sealed."""
    if not names_open(row):
        return {}
    people = select(DrawExpert, Expert.employer).join(
        Expert, col(Expert.id) == col(DrawExpert.expert_id)
    )
    wanted = people.options(load_only(_PSEUDONYM, _NAME)).where(
        col(DrawExpert.draw_pk).in_({one.draw_pk for one in seats}),
        col(DrawExpert.expert_id).in_({one.expert_id for one in seats}),
    )
    return {
        (one.draw_pk, one.pseudonym): (one.name, employer) for one, employer in db().exec(wanted)
    }


def _skipped(draw_ids: set[str]) -> dict[tuple[Any, ...], list[dict[str, str]]]:
    """Return who was skipped on the way to each replacement, from the log."""
    if not draw_ids:
        return {}
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


@dataclass(frozen=True)
class Totals:
    """A round's seats by status, those without an open letter, and those late to answer."""

    counts: dict[str, int]
    uninvited: int
    late: int


def totals(row: Round) -> Totals:
    """Count a round's seats, in one statement."""
    letter = _OPEN.subquery()
    answer_by = letter.c[1]
    late = func.sum(case((answer_by < office().tools.clock(), 1), else_=0))
    invited = func.count(answer_by)
    query = (
        select(Seat.status, func.count(), invited, late)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .outerjoin(letter, letter.c.seat_id == col(Seat.id))
        .where(Draw.round_id == row.id)
        .group_by(col(Seat.status))
    )
    found = {status: numbers for status, *numbers in db().exec(query)}
    everybody, lettered, _late = found.get("awaiting", (0, 0, 0))
    return Totals(
        {status: numbers[0] for status, numbers in found.items()},
        everybody - lettered,
        sum(numbers[2] for numbers in found.values()),
    )


@blueprint.get("/rounds/<code>/seats")
@access(*SEEN_BY)
def index(code: str) -> str:
    """All seats with their state; the page brings itself up to date."""
    row = round_or_404(code)
    return render_template("draws/seats.html", **_listing(row, totals(row)))


@blueprint.get("/rounds/<code>/seats/now")
@access(*SEEN_BY)
def now(code: str) -> Response:
    """The part of the page that changes, for the page to fetch; 304 where nothing did.

    On the day of a draw everybody has this page open. All that it shows is in the log, but for
    who is late, which time alone brings about.
    """
    row = round_or_404(code)
    count = totals(row)
    mark = f"{logs.head(db()).size}-{count.late}-{role()}-{language()}"
    if request.if_none_match.contains_weak(mark):
        return make_response("", 304)
    answer = make_response(render_template("draws/seats_now.html", **_listing(row, count)))
    answer.set_etag(mark)
    return answer


def _listing(row: Round, count: Totals) -> dict[str, Any]:
    status = request.args.get("status", "")
    status = status if status in STATUSES else ""
    total = count.counts.get(status, 0) if status else sum(count.counts.values())
    page = page_of(total, "seats.index", row.code)
    return {
        "round": row,
        "rows": chains(row, status, page),
        "page": page,
        "counts": count.counts,
        "status": status,
        "uninvited": count.uninvited,
        "late": count.late,
        "reasons": [(one, str(word("reason", one))) for one in STAFF_REASONS],
        "filters": _filters(),
    }


def _filters() -> dict[str, Any]:
    """Return what the address asks for, for links that come back to the same rows."""
    return {name: value for name in ("status", "page") if (value := request.args.get(name, ""))}


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
    return redirect(url_for("seats.index", code=code, **_filters()), code=303)

"""The front page and the overview of a round; language and text size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from sqlmodel import col, func, select

from review_service.tables import Conflict, Dossier, Draw, Expert, Review, Round, Seat
from review_service.web.access import access, public
from review_service.web.languages import LANGUAGES
from review_service.web.page import db, do, round_or_404
from review_service.workflows import reviews, rounds

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def index() -> str:
    """All rounds, newest first."""
    rows = db().exec(select(Round).order_by(col(Round.id).desc())).all()
    return render_template("home/index.html", rounds=rows)


@blueprint.post("/language/<code>")
@public
def switch_language(code: str) -> Response:
    """Switch the language and stay on the page."""
    if code not in LANGUAGES:
        abort(404)
    session["language"] = code
    target = request.form.get("next", "/")
    safe = target.startswith("/") and not target.startswith(("//", "/\\"))
    return redirect(target if safe else "/", code=303)


@blueprint.get("/rounds/<code>")
@access("staff", "approver", "inspector")
def overview(code: str) -> str:
    """Where the round stands, each count a link to its list."""
    row = round_or_404(code)
    count = _counter(row)
    return render_template(
        "home/overview.html",
        round=row,
        experts=db().exec(select(func.count()).select_from(Expert).where(Expert.in_use)).one(),
        dossiers=count(Dossier, Dossier.status == "admitted"),
        conflicts=count(Conflict, Conflict.status == "confirmed"),
        suspected=count(Conflict, Conflict.status == "suspected"),
        draws=db()
        .exec(select(Draw).where(Draw.round_id == row.id).order_by(col(Draw.number)))
        .all(),
        seats=_seat_counts(row),
        submitted=count(Review, Review.status == "submitted"),
        drafts=count(Review, Review.status == "draft"),
    )


@blueprint.post("/rounds/<code>/step")
@access("staff")
def step(code: str) -> Response:
    """Take the round to its next state."""
    row = round_or_404(code)
    steps = {
        "open": rounds.open_round,
        "review": reviews.start_reviewing,
        "close": rounds.close_reviewing,
        "unseal": rounds.unseal_names,
    }
    use_case = steps.get(request.form.get("to", "")) or abort(400)
    do(use_case, row.id or 0)
    return redirect(url_for("home.overview", code=code), code=303)


def _counter(row: Round):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a closure of two lines
    def count(table, condition) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
        query = select(func.count()).select_from(table).where(table.round_id == row.id, condition)
        return int(db().exec(query).one())

    return count


def _seat_counts(row: Round) -> dict[str, int]:
    query = (
        select(Seat.status, func.count())
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id)
        .group_by(Seat.status)
    )
    return dict(db().exec(query).all())

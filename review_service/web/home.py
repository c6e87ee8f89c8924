"""The front page, the overview of a round; language and text size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service.tables import Round
from review_service.web.access import access, public, role
from review_service.web.languages import LANGUAGES
from review_service.web.page import attempt, db, round_or_404, safe_next
from review_service.web.steps import counts_of, steps_of
from review_service.workflows import reviews, rounds
from review_service.workflows.base import pk
from review_service.workflows.draws import draws_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def index() -> str | Response:
    """All rounds for staff, the published ones for others; experts and inspectors have desks."""
    if role() == "expert":
        return redirect(url_for("desk.index"))
    if role() == "unit":
        return redirect(url_for("applications.index"))
    if role() in {"prefecture", "province"}:
        return redirect(url_for("recommending.index"))
    if role() == "inspector":
        return redirect(url_for("inspection.index"))
    query = select(Round).order_by(col(Round.id).desc())
    if role() not in {"staff", "approver", "inspector"}:
        query = query.where(col(Round.status).in_(("published", "final")))
    return render_template("home/index.html", rounds=db().exec(query).all())


@blueprint.post("/language/<code>")
@public
def switch_language(code: str) -> Response:
    """Switch the language and stay on the page."""
    if code not in LANGUAGES:
        abort(404)
    session["language"] = code
    return redirect(safe_next(), code=303)


@blueprint.post("/text-size")
@public
def switch_text() -> Response:
    """Switch large type on or off and stay on the page."""
    session["large_text"] = not session.get("large_text")
    return redirect(safe_next(), code=303)


@blueprint.get("/rounds/<code>")
@access("staff", "approver", "inspector")
def overview(code: str) -> str:
    """Where the round stands and what comes next, each count a link to its list."""
    row = round_or_404(code)
    count = counts_of(row)
    draws = draws_of(db(), pk(row))
    return render_template(
        "home/overview.html",
        round=row,
        rubric=rounds.rubric_of(row),
        steps=steps_of(row),
        experts=count.of("expert"),
        dossiers=count.of("dossier", "admitted"),
        received=count.of("dossier", "received"),
        conflicts=count.of("conflict", "confirmed"),
        suspected=count.of("conflict", "suspected"),
        draws=draws,
        drawn=any(one.status == "completed" for one in draws),
        awaiting=count.of("seat", "awaiting"),
        accepted=count.of("seat", "accepted"),
        vacated=count.of("seat", "vacated"),
        pledges=count.of("pledge"),
        submitted=count.of("review", "submitted"),
        drafts=count.of("review", "draft"),
        proposed=count.of("approval", "proposed"),
        approved=count.of("approval", "approved"),
    )


@blueprint.post("/rounds/<code>/step")
@access("staff")
def step(code: str) -> Response:
    """Take the round to its next state."""
    row = round_or_404(code)
    moves = {
        "open": (rounds.open_round, _("The round is open; rubric and rules are frozen.")),
        "review": (reviews.start_reviewing, _("Experts can score now.")),
        "close": (rounds.close_reviewing, _("Scoring is closed.")),
        "unseal": (rounds.unseal_names, _("Names are unsealed; the moment stands in the log.")),
    }
    use_case, done = moves.get(request.form.get("to", "")) or abort(400)
    attempt(done, use_case, pk(row))
    return redirect(url_for("home.overview", code=code), code=303)

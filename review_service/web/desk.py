"""The expert's desk: invitation, pledge, conflicts by dossier, and the list of dossiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlmodel import col, select
from wtforms import BooleanField, RadioField, TextAreaField, validators

from review_service.tables import Dossier, Draw, Pledge, Review, Round, Seat
from review_service.web.access import access
from review_service.web.choices import SelectChoice
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, office, round_or_404
from review_service.web.words import word
from review_service.workflows import calibration, deadlines, invitations, reviews
from review_service.workflows import desk as desks
from review_service.workflows.base import WorkflowError, pk
from review_service.workflows.rounds import rubric_of
from review_service.workflows.seats import dossiers_of
from scoring.rubric import shown

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from scoring.rubric import Rubric

blueprint = Blueprint("desk", __name__)
# Why an expert may not judge a dossier; the code enters the log, never words.
CONFLICTS = ("employed", "adviser", "kin", "prepared", "associate", "other-interest")


class DeclineForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """Why an invitation is declined."""

    reason = RadioField(
        _l("Reason"),
        choices=[
            SelectChoice("declined", _l("I can’t take part at that time")),
            SelectChoice("recusal", _l("I have a conflict of interest with this round")),
            SelectChoice("other", _l("Another reason")),
        ],
        validators=[validators.InputRequired(_l("Choose a reason."))],
    )
    note = TextAreaField(
        _l("In your words (optional; sealed, staff alone may open it)"),
        [validators.Length(max=1000)],
    )


class PledgeForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """The pledge; conflicts are read beside it, one answer a dossier."""

    confirm = BooleanField(
        _l("I have read the pledge and sign it."),
        [validators.InputRequired(_l("The pledge must be signed before any dossier opens."))],
    )


def expert_id() -> int:
    """Return the pool's row of the expert who is signed in; 404 for an account without one."""
    return int(current_user.expert_id or abort(404))


def my_seats(row: Round) -> list[tuple[Seat, Draw]]:
    """Return the seats that the expert has, or had, in a round; 404 where there is none."""
    found = db().exec(
        select(Seat, Draw)
        .join(Draw, col(Draw.id) == col(Seat.draw_pk))
        .where(Draw.round_id == row.id, Seat.expert_id == expert_id())
        .order_by(col(Seat.id))
    )
    return list(found.all()) or abort(404)


def pledged(row: Round) -> bool:
    """Whether the expert has signed the round's pledge."""
    return db().get(Pledge, (row.id, expert_id())) is not None


def my_reviews(row: Round) -> dict[int, Review]:
    """Return the expert's reviews in a round by dossier row."""
    query = select(Review).where(Review.round_id == row.id, Review.expert_id == expert_id())
    return {one.dossier_id: one for one in db().exec(query)}


def worklist(row: Round, rubric: Rubric) -> list[dict[str, Any]]:
    """Return the expert's dossiers, each with how far its review is and its total."""
    mine = my_reviews(row)
    held = calibration.holds_back(db(), row, expert_id())
    found = []
    for dossier in reviews.assigned(db(), pk(row), expert_id()):
        review = mine.get(pk(dossier))
        score = rubric.total(review.levels if review else {})
        needed = [one.id for one in rubric.criteria.values() if not one.optional]
        state = "none"
        if review:
            open_draft = "draft" if score.missing else "complete"
            state = "submitted" if review.status == "submitted" else open_draft
        found.append(
            {
                "dossier": dossier,
                "review": review,
                "state": state,
                "closed": held and dossier.status != "calibration",
                "done": len(needed) - len(score.missing),
                "needed": len(needed),
                "missing": [rubric.criteria[name] for name in score.missing],
                "chapters": {name: shown(part) for name, part in score.chapters.items()},
                "total": shown(score.total),
            }
        )
    return found


@blueprint.get("/desk")
@access("expert")
def index() -> str | Response:
    """The rounds in which the expert has a seat; straight to the round where there is one."""
    rows = (
        db()
        .exec(
            select(Round)
            .where(
                col(Round.id).in_(
                    select(Draw.round_id)
                    .join(Seat, col(Seat.draw_pk) == col(Draw.id))
                    .where(Seat.expert_id == expert_id())
                )
            )
            .order_by(col(Round.id).desc())
        )
        .all()
    )
    if len(rows) == 1 and not g.get("looked_at"):  # support may not see the round's page
        return redirect(url_for("desk.one", code=rows[0].code))
    return render_template("desk/index.html", rounds=rows)


@blueprint.get("/desk/<code>")
@access("expert")
def one(code: str) -> str:
    """Where the expert stands in a round: invitation, pledge, or the list of dossiers."""
    row = round_or_404(code)
    return _desk(row, DeclineForm())


def _desk(row: Round, decline: DeclineForm) -> str:
    held = my_seats(row)
    listed: list[dict[str, Any]] = [
        {"seat": one, "dossiers": to_review(one, draw)} for one, draw in held
    ]
    rubric = rubric_of(row)
    signed = pledged(row)
    accepted = any(seat.status == "accepted" for seat, _draw in held)
    return render_template(
        "desk/one.html",
        desk_round=row,
        rubric=rubric,
        invited=[one for one in listed if one["seat"].status == "awaiting"],
        chosen=chosen_seats(),
        accepted=accepted,
        signed=signed,
        rows=worklist(row, rubric) if accepted and signed else [],
        conflicts={name: word("rule", name) for name in CONFLICTS},
        decline=decline,
        due=deadlines.due_of(db(), row, expert_id()),
        time=office().tools.clock(),
        spreads=calibration.spreads(db(), row, expert_id()) if signed else [],
    )  # fmt: skip


def to_review(seat: Seat, draw: Draw) -> list[str]:
    """Return the numbers of the dossiers that a seat is to review."""
    return [seat.dossier] if seat.dossier else dossiers_of(draw, seat.panel)


def chosen_seats() -> list[int]:
    """Return the seats that were ticked in the form of an answer."""
    sent = request.form.getlist("seat")
    return [int(one) for one in sent if one.isascii() and one.isdigit() and len(one) < 12]


def _my_chosen(row: Round) -> list[int]:
    """Return the ticked seats; the same 404 for another's seat and for none."""
    mine, chosen = {seat.id for seat, _draw in my_seats(row)}, chosen_seats()
    return chosen if set(chosen) <= mine else abort(404)


@blueprint.post("/desk/<code>/seats/accept")
@access("expert")
def accept(code: str) -> Response:
    """Accept the ticked invitations."""
    row = round_or_404(code)
    chosen = _my_chosen(row)
    if not chosen:
        flash(_("Tick the seats that you answer for."), "error")
        return redirect(url_for("desk.one", code=code), code=303)
    done = attempt(_("Thank you. Please sign the pledge next."), invitations.accept_seats, chosen)
    target = "desk.one" if done is None or pledged(row) else "desk.pledge"
    return redirect(url_for(target, code=code), code=303)


@blueprint.post("/desk/<code>/seats/decline")
@access("expert")
def decline(code: str) -> Response | str:
    """Decline the ticked invitations; the next of the list is taken at once."""
    row = round_or_404(code)
    chosen = _my_chosen(row)
    form = DeclineForm()
    if not form.validate_on_submit():
        return _desk(row, form)
    if not chosen:
        flash(_("Tick the seats that you answer for."), "error")
        return redirect(url_for("desk.one", code=code), code=303)
    done = _("Thank you for answering. Another expert is asked now; there is nothing more to do.")
    reason, note = str(form.reason.data), form.note.data or ""
    attempt(done, invitations.replace, chosen, reason, note, invitation_link)
    send_soon()
    return redirect(url_for("desk.one", code=code), code=303)


@blueprint.route("/desk/<code>/pledge", methods=["GET", "POST"])
@access("expert")
def pledge(code: str) -> str | Response:
    """Sign the pledge and declare, dossier by dossier, whether there is a conflict."""
    row = round_or_404(code)
    my_seats(row)
    mine = reviews.assigned(db(), pk(row), expert_id())
    if not mine:
        abort(404)
    if pledged(row):
        return redirect(url_for("desk.one", code=code), code=303)
    form = PledgeForm()
    answers = {one.number: request.form.get(f"conflict-{one.number}", "") for one in mine}
    allowed = {"no", *CONFLICTS}
    unanswered = [number for number, answer in answers.items() if answer not in allowed]
    if form.is_submitted():
        valid = form.validate()
        if valid and not unanswered:
            done = attempt(
                _("Signed. The dossiers are open to you."),
                desks.sign_and_declare,
                pk(row),
                expert_id(),
                {number: answer for number, answer in answers.items() if answer != "no"},
                invitation_link,
            )
            send_soon()
            if done is not None:
                return redirect(url_for("desk.one", code=code), code=303)
    return render_template(
        "desk/pledge.html",
        desk_round=row,
        form=form,
        dossiers=mine,
        answers=answers,
        unanswered=unanswered if form.is_submitted() else [],
        conflicts={name: word("rule", name) for name in CONFLICTS},
    )


def invitation_link(token: str) -> str:
    """Return the address that a letter of invitation carries."""
    return url_for("invitations.answer", token=token, _external=True)


@blueprint.post("/desk/<code>/dossiers/<number>/conflict")
@access("expert")
def conflict(code: str, number: str) -> Response:
    """Declare a conflict found later: the dossier closes and a stand-in is taken for it."""
    row = round_or_404(code)
    rule = request.form.get("rule", "")
    if rule not in CONFLICTS:
        abort(400)
    mine = {one.number for one in reviews.assigned(db(), pk(row), expert_id())}
    if number not in mine:
        abort(404)
    done = _("Dossier %(number)s is closed to you; another expert takes it.", number=number)
    attempt(done, desks.recuse, pk(row), expert_id(), number, rule, invitation_link)
    send_soon()
    return redirect(url_for("desk.one", code=code), code=303)


@blueprint.route("/desk/<code>/check", methods=["GET", "POST"])
@access("expert")
def check(code: str) -> str | Response:
    """Look everything over once more, then submit; submitted means locked."""
    row = round_or_404(code)
    my_seats(row)
    if not pledged(row):
        return redirect(url_for("desk.pledge", code=code), code=303)
    rubric = rubric_of(row)
    rows = worklist(row, rubric)
    if request.method == "POST":
        chosen = set(request.form.getlist("dossier"))
        ready = [pk(one["dossier"]) for one in rows if one["dossier"].number in chosen]
        if not ready:
            flash(_("Nothing was chosen to submit."), "error")
        else:
            done = _("Submitted and locked: %(count)s. Thank you.", count=len(ready))
            attempt(done, desks.submit_all, pk(row), expert_id(), ready)
        return redirect(url_for("desk.check", code=code), code=303)
    return render_template("desk/check.html", desk_round=row, rubric=rubric, rows=rows)


def my_dossier(row: Round, number: str) -> Dossier:
    """Return a dossier the expert may open: pledged and assigned; else the same 404 as for none.

    WorkflowError where the calibration dossiers have to be submitted first.
    """
    if not pledged(row):
        abort(404)
    mine = reviews.assigned(db(), pk(row), expert_id())
    found = next((one for one in mine if one.number == number), None) or abort(404)
    if found.status != "calibration" and calibration.holds_back(db(), row, expert_id()):
        raise WorkflowError("calibration-first")
    return found

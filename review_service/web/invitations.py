"""Invitations by letter: the one-time link that an expert answers, and what staff send and see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    url_for,
)
from flask_babel import gettext as _
from sqlmodel import col, select

from review_service import mail
from review_service.tables import Draw, Letter, Round, Seat
from review_service.web.access import access, public
from review_service.web.desk import DeclineForm, chosen_seats, invitation_link, to_review
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, office, round_or_404
from review_service.workflows import invitations
from review_service.workflows.base import Actor, pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as Answer

blueprint = Blueprint("invitations", __name__)


def _asked(token: str) -> tuple[list[tuple[Seat, Draw]], Round]:
    """Return what an open invitation is about; the same 404 for a used, a late and no token."""
    held = invitations.seats_of_link(db(), token, office().tools.clock())
    pairs = [(one, db().get(Draw, one.draw_pk) or abort(404)) for one in held]
    return pairs, db().get(Round, pairs[0][1].round_id) or abort(404)


@blueprint.get("/invitation/<token>")
@public
def answer(token: str) -> str:
    """The invitation; whoever has the link is the expert it was sent to."""
    return _page(token, DeclineForm())


def _page(token: str, form: DeclineForm, *, nothing: bool = False) -> str:
    pairs, row = _asked(token)
    return render_template(
        "desk/invitation.html",
        desk_round=row,
        invited=[{"seat": one, "dossiers": to_review(one, draw)} for one, draw in pairs],
        token=token,
        decline=form,
        chosen=chosen_seats(),
        nothing=nothing,
    )


def _answered(
    token: str, pairs: list[tuple[Seat, Draw]], row: Round, *, accepted: bool
) -> str | Answer:
    """Go on to the seats that are still open, or say that all is answered."""
    if {pk(seat) for seat, _draw in pairs} <= set(chosen_seats()):
        return render_template("desk/answered.html", desk_round=row, accepted=accepted)
    flash(_("Your answer is kept. The seats below still wait for one."), "success")
    return redirect(url_for("invitations.answer", token=token), code=303)


@blueprint.post("/invitation/<token>/accept")
@public
def accept(token: str) -> str | Answer:
    """Accept the ticked seats by link; it ends with the last."""
    pairs, row = _asked(token)
    if not chosen_seats():
        return _page(token, DeclineForm(formdata=None), nothing=True)
    who = Actor("expert", pairs[0][0].pseudonym)
    office().do(who, invitations.accept, token, chosen_seats())
    return _answered(token, pairs, row, accepted=True)


@blueprint.post("/invitation/<token>/decline")
@public
def decline(token: str) -> str | Answer:
    """Decline the ticked seats by link; the next of the list is asked at once."""
    pairs, row = _asked(token)
    form = DeclineForm()
    if not form.validate_on_submit() or not chosen_seats():
        return _page(token, form, nothing=not chosen_seats())
    who = Actor("expert", pairs[0][0].pseudonym)
    reason, note = str(form.reason.data), form.note.data or ""
    office().do(who, invitations.decline, token, chosen_seats(), reason, note, invitation_link)
    send_soon()
    return _answered(token, pairs, row, accepted=False)


@blueprint.post("/rounds/<code>/seats/invite")
@access("staff")
def invite(code: str) -> Answer:
    """Invite everybody who is awaited and has no open invitation."""
    row = round_or_404(code)
    attempt(
        _("The invitations are on their way."), invitations.invite_all, pk(row), invitation_link
    )
    send_soon()
    return redirect(url_for("seats.index", code=code), code=303)


@blueprint.post("/rounds/<code>/seats/<int:seat_id>/invite")
@access("staff")
def again(code: str, seat_id: int) -> Answer:
    """Send an invitation again, with a new link and a new time; the earlier link ends."""
    row = round_or_404(code)
    seat = db().get(Seat, seat_id) or abort(404)
    draw = db().get(Draw, seat.draw_pk)
    if draw is None or draw.round_id != row.id:
        abort(404)
    attempt(_("The invitation was sent again."), invitations.invite_again, seat_id, invitation_link)
    send_soon()
    return redirect(url_for("seats.index", code=code), code=303)


@blueprint.post("/rounds/<code>/seats/expire")
@access("staff")
def expire(code: str) -> Answer:
    """Replace those whose time to answer has run out."""
    row = round_or_404(code)
    done = _("Those who did not answer in time were replaced.")
    attempt(done, invitations.expire, pk(row), invitation_link)
    send_soon()
    return redirect(url_for("seats.index", code=code), code=303)


@blueprint.get("/outbox")
@access("staff")
def outbox() -> str:
    """Letters and what came of them. Only a demonstration shows what they say.

    Elsewhere a letter's link is its addressee's alone, and a letter would say who was drawn.
    """
    rows = db().exec(select(Letter).order_by(col(Letter.id).desc()).limit(200)).all()
    open_letters = bool(current_app.config["DEMONSTRATION"])
    return render_template(
        "desk/outbox.html",
        rows=rows,
        open_letters=open_letters,
        server=mail.Server.from_environment() is not None,
        tries=mail.TRIES,
    )


@blueprint.post("/outbox/<int:letter_id>/again")
@access("staff")
def send_again(letter_id: int) -> Answer:
    """Let a letter that no server took be tried once more at once."""
    attempt(_("The letter is tried again."), mail.again, letter_id)
    send_soon()
    return redirect(url_for("invitations.outbox"), code=303)


@blueprint.get("/outbox/<int:letter_id>.ics")
@access("staff")
def calendar(letter_id: int) -> Response:
    """The review days of a letter, for a calendar; in a demonstration alone."""
    letter = db().get(Letter, letter_id)
    if not current_app.config["DEMONSTRATION"] or letter is None or not letter.calendar:
        abort(404)
    return Response(letter.calendar, mimetype="text/calendar")

"""Scoring away from the net: a workbook out, a look at what came back, then all of it or nothing.

Staff do it for an expert who has no network. They get the sheet without any level in it, for no
score is theirs to see before scoring closes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)  # fmt: skip
from flask_babel import gettext as _
from sqlmodel import select

from review_service.exchange.errors import ExchangeError
from review_service.exchange.scores import ScoreFile, ScoreRow, read_scores, write_scores
from review_service.tables import Draw, Review, Round, Seat
from review_service.web import aside
from review_service.web.access import access, actor
from review_service.web.desk import expert_id, my_seats, pledged
from review_service.web.evidence import sent_file
from review_service.web.languages import language
from review_service.web.page import attempt, db, round_or_404
from review_service.workflows import calibration, desk, reviews
from review_service.workflows.base import pk
from review_service.workflows.rounds import rubric_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Dossier

blueprint = Blueprint("sheets", __name__)
LARGEST = 10 * 2**20  # bytes; a sheet of fifteen dossiers has about 60 kB


@dataclass(frozen=True)
class Whose:
    """An expert's sheet in a round, and who handles it: the expert, or staff by a seat."""

    row: Round
    expert: int
    seat: Seat | None

    def url(self, action: str, **values: Any) -> str:
        """Return the address of `page`, `file` or `confirm` of this sheet."""
        if self.seat is None:
            names = {"page": "mine", "file": "my_file", "confirm": "confirm_mine"}
            return url_for(f"sheets.{names[action]}", code=self.row.code, **values)
        names = {"page": "theirs", "file": "their_file", "confirm": "confirm_theirs"}
        seat_id = self.seat.id
        return url_for(f"sheets.{names[action]}", code=self.row.code, seat_id=seat_id, **values)

    @property
    def back(self) -> str:
        """Return the page that the sheet belongs to."""
        endpoint = "desk.one" if self.seat is None else "progress.index"
        return url_for(endpoint, code=self.row.code)


def _mine(code: str) -> Whose:
    row = round_or_404(code)
    my_seats(row)
    if not pledged(row):
        abort(404)
    return Whose(row, expert_id(), None)


def _theirs(code: str, seat_id: int) -> Whose:
    row = round_or_404(code)
    seat = db().get(Seat, seat_id) or abort(404)
    draw = db().get(Draw, seat.draw_pk) or abort(404)
    if draw.round_id != row.id or seat.status != "accepted":
        abort(404)
    return Whose(row, seat.expert_id, seat)


@blueprint.route("/desk/<code>/sheet", methods=["GET", "POST"])
@access("expert")
def mine(code: str) -> str | Response:
    """The expert's own sheet: take it along, bring it back."""
    return _page(_mine(code))


@blueprint.get("/desk/<code>/sheet.xlsx")
@access("expert")
def my_file(code: str) -> Response:
    """The workbook, with what was scored online so far."""
    return _file(_mine(code))


@blueprint.post("/desk/<code>/sheet/<token>")
@access("expert")
def confirm_mine(code: str, token: str) -> Response:
    """Take the sheet in that was looked at."""
    return _confirm(_mine(code), token)


@blueprint.route("/rounds/<code>/seats/<int:seat_id>/sheet", methods=["GET", "POST"])
@access("staff")
def theirs(code: str, seat_id: int) -> str | Response:
    """An expert's sheet in the hands of staff."""
    return _page(_theirs(code, seat_id))


@blueprint.get("/rounds/<code>/seats/<int:seat_id>/sheet.xlsx")
@access("staff")
def their_file(code: str, seat_id: int) -> Response:
    """The workbook for an expert, without any level: scores aren't staff's to see."""
    return _file(_theirs(code, seat_id))


@blueprint.post("/rounds/<code>/seats/<int:seat_id>/sheet/<token>")
@access("staff")
def confirm_theirs(code: str, seat_id: int, token: str) -> Response:
    """Take an expert's sheet in that was looked at."""
    return _confirm(_theirs(code, seat_id), token)


def _open_dossiers(whose: Whose) -> list[tuple[Dossier, Review | None]]:
    """Return the dossiers that can be scored now, with the review so far."""
    query = select(Review).where(Review.round_id == whose.row.id, Review.expert_id == whose.expert)
    given = {one.dossier_id: one for one in db().exec(query)}
    held = calibration.holds_back(db(), whose.row, whose.expert)
    found = [
        (one, given.get(pk(one)))
        for one in reviews.assigned(db(), pk(whose.row), whose.expert)
        if one.status == "calibration" or not held
    ]
    return [(one, review) for one, review in found if not review or review.status == "draft"]


def _file(whose: Whose) -> Response:
    rows = [
        ScoreRow(
            dossier.number,
            review.version if review else 0,
            dict(review.levels) if review and whose.seat is None else {},
            dict(review.notes) if review and whose.seat is None else {},
            dossier.unit,
        )
        for dossier, review in _open_dossiers(whose)
    ]
    data = write_scores(rows, rubric_of(whose.row))
    who = f"-{whose.seat.pseudonym}" if whose.seat else ""
    return send_file(
        io.BytesIO(data), as_attachment=True, download_name=f"{whose.row.code}{who}-scores.xlsx"
    )


def _page(whose: Whose) -> str | Response:
    file: ScoreFile | None = None
    refusal = token = ""
    if request.method == "POST":
        data, name = sent_file()
        if not data or len(data) > LARGEST:
            refusal = _("Choose the filled .xlsx file, of 10 MB at most.")
        else:
            try:
                file = _read(whose, data, name)
            except ExchangeError as error:
                refusal = error.sentence(language())
            else:
                token = _keep(whose, data, name)
    states = _states(whose, file) if file else []
    return render_template(
        "desk/sheet.html",
        desk_round=whose.row,
        round=whose.row if whose.seat else None,
        whose=whose,
        file=file,
        refusal=refusal,
        token=token,
        states=states,
        older=[one for one in states if one["state"] != "fresh"],
        waiting=len(_open_dossiers(whose)),
        lang=language(),
    )


def _read(whose: Whose, data: bytes, name: str) -> ScoreFile:
    assigned = {one.number for one in reviews.assigned(db(), pk(whose.row), whose.expert)}
    return read_scores(data, name, rubric_of(whose.row), assigned)


def _states(whose: Whose, file: ScoreFile) -> list[dict[str, Any]]:
    """Return each row with whether it can be taken: fresh, older, submitted or closed."""
    query = select(Review).where(Review.round_id == whose.row.id, Review.expert_id == whose.expert)
    given = {one.dossier_id: one for one in db().exec(query)}
    ids = {one.number: pk(one) for one in reviews.assigned(db(), pk(whose.row), whose.expert)}
    able = {one.number for one, _review in _open_dossiers(whose)}
    needed = [one.id for one in rubric_of(whose.row).criteria.values() if not one.optional]
    found = []
    for row in file.rows:
        review = given.get(ids[row.dossier])
        state = "fresh"
        if review is not None and review.status == "submitted":
            state = "submitted"
        elif row.dossier not in able:
            state = "closed"
        elif row.version != (review.version if review else 0):
            state = "older"
        scored = sum(name in row.levels for name in needed)
        found.append({"row": row, "state": state, "scored": scored, "needed": len(needed)})
    return found


def _token(whose: Whose, data: bytes) -> str:
    """Return the name a file is kept under; only who brought it, for whom it was, can name it."""
    owner = f"{actor().id}/{whose.row.id}/{whose.expert}/".encode()
    return sha256(owner + data).hexdigest()


def _keep(whose: Whose, data: bytes, name: str) -> str:
    token = _token(whose, data)
    folder = aside.folder("sheets")
    (folder / token).write_bytes(data)
    (folder / f"{token}.name").write_text(name, encoding="utf-8")
    return token


def _confirm(whose: Whose, token: str) -> Response:
    if len(token) != 64 or not set(token) <= set("0123456789abcdef"):
        abort(404)
    path = aside.folder("sheets") / token
    if not path.exists() or _token(whose, path.read_bytes()) != token:
        abort(404)
    name = path.with_name(f"{token}.name")
    file = _read(whose, path.read_bytes(), name.read_text(encoding="utf-8"))
    fresh = [one["row"] for one in _states(whose, file) if one["state"] == "fresh"]
    if file.issues or not fresh:
        flash(_("Nothing of the sheet can be taken in."), "error")
        return redirect(whose.url("page"), code=303)
    submit = request.form.get("submit") == "yes"
    done = _("The sheet is taken in: %(count)s dossiers.", count=len(fresh))
    taken = attempt(done, desk.enter_sheet, pk(whose.row), whose.expert, fresh, submit=submit)
    if taken is None:
        return redirect(whose.url("page"), code=303)
    path.unlink(missing_ok=True)
    name.unlink(missing_ok=True)
    return redirect(whose.back, code=303)

"""Publicity: the list on a page for everybody, objections and their answers, the final list."""

from __future__ import annotations

import hmac
import io
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from flask import (
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask_babel import gettext as _

from review_service.tables import Dossier, Objection, ObjectionFile
from review_service.web.access import access, actor, public, role
from review_service.web.errors import sentence
from review_service.web.outcomes import SEEN_BY, blueprint, public_round
from review_service.web.page import attempt, db, draw_or_404, office, round_or_404
from review_service.web.shows import send_bundle
from review_service.workflows import objections, publicity, reselection
from review_service.workflows.base import Actor, NotFoundError, WorkflowError, pk
from review_service.workflows.computations import newest
from review_service.workflows.draws import draws_of
from review_service.workflows.rounds import competing

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Computation, Round

ANYBODY = Actor("public", "public")


def is_approved(row: Round, listed: Computation | None) -> bool:
    """Whether a second person approved this very list."""
    return listed is not None and publicity.approved(db(), pk(row), listed.digest)


@blueprint.get("/rounds/<code>/publicity")
@access(*SEEN_BY)
def publicity_page(code: str) -> str:
    """The calendar, publishing the approved list, objections and their answers, the final list."""
    row = round_or_404(code)
    calendar = publicity.calendar_of(db(), row)
    now = office().tools.clock()
    found = publicity.period(db(), row)
    received = objections.objections_of(db(), row)
    listed = newest(db(), pk(row), "list")
    pending = publicity.pending(db(), row) if row.status == "published" else None
    return render_template(
        "results/publicity.html",
        round=row,
        approved=is_approved(row, listed),
        vacant=publicity.vacant(db(), row) if row.status == "published" else [],
        selected=_selected(pending) if pending else None,
        period=found,
        over=found is not None and found.over(now),
        planned=publicity.count_period(now, row.rules["publicity_days"], calendar),
        calendar=calendar,
        objections=received,
        files=objections.files_of(db(), received),
        open_count=sum(one.status != "answered" for one in received),
        mine=actor().id,
        may_decide=role() == "approver",
    )


def _selected(listed: Computation) -> dict[str, Any]:
    """Return what a list selected again says: whom it takes in, and what it leaves open."""
    record: dict[str, Any] = json.loads(listed.record)
    kept = set(record["keeps"])
    names = record["selection"]["list"]
    return record | {
        "added": [one for one in names if one not in kept],
        "open": record["selection"]["open"],
    }


@blueprint.post("/rounds/<code>/publicity/calendar")
@access("staff")
def set_calendar(code: str) -> Response:
    """Keep the round's holidays and worked weekends, one ISO date a line."""
    row = round_or_404(code)
    days = [request.form.get(name, "").split() for name in ("holidays", "workdays")]
    attempt(_("The calendar is kept."), publicity.set_calendar, pk(row), *days)
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.post("/rounds/<code>/publicity")
@access("staff")
def publish(code: str) -> Response:
    """Publish the approved list; the page for the public opens at once."""
    row = round_or_404(code)
    attempt(_("Published."), publicity.publish_list, pk(row))
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.post("/rounds/<code>/publicity/reselect")
@access("staff")
def reselect(code: str) -> Response:
    """Fill the places that upheld objections emptied, by the round's own rules."""
    row = round_or_404(code)
    done = _("Selected again. Settle what is open, then propose the list to a second person.")
    attempt(done, reselection.reselect, pk(row), request.form.get("reason", ""))
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.post("/rounds/<code>/publicity/final")
@access("staff")
def finalise(code: str) -> Response:
    """Make the list final after its period."""
    row = round_or_404(code)
    attempt(_("The list is final."), publicity.finalise_list, pk(row))
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.post("/rounds/<code>/objections/<int:objection_id>/answer")
@access("staff")
def answer(code: str, objection_id: int) -> Response:
    """Propose an answer to an objection."""
    _objection(code, objection_id)
    attempt(
        _("The answer is proposed. A second person decides."),
        objections.propose_answer,
        objection_id,
        outcome=request.form.get("outcome", ""),
        removes=request.form.get("removes") == "yes",
        answer=request.form.get("answer", ""),
        reason=request.form.get("reason", ""),
    )
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.post("/rounds/<code>/objections/<int:objection_id>/decide")
@access("approver")
def decide_answer(code: str, objection_id: int) -> Response:
    """Approve an answer or send it back, never one's own."""
    _objection(code, objection_id)
    decision = request.form.get("decision", "")
    if decision not in {"approve", "reject"}:
        abort(400)
    approve = decision == "approve"
    attempt(
        _("Approved.") if approve else _("Rejected."),
        objections.decide_answer,
        objection_id,
        approve=approve,
        reason=request.form.get("reason", ""),
    )
    return redirect(url_for("results.publicity_page", code=code), code=303)


@blueprint.get("/rounds/<code>/objections/<int:objection_id>/files/<int:file_id>")
@access(*SEEN_BY)
def objection_file(code: str, objection_id: int, file_id: int) -> Response:
    """A file of an objection, always as a download."""
    _objection(code, objection_id)
    found = db().get(ObjectionFile, file_id)
    if found is None or found.objection_id != objection_id:
        abort(404)
    return send_file(
        io.BytesIO(found.data), found.media, as_attachment=True, download_name=found.name
    )


def _objection(code: str, objection_id: int) -> Objection:
    row = round_or_404(code)
    found = db().get(Objection, objection_id)
    return found if found is not None and found.round_id == row.id else abort(404)


@blueprint.get("/public/<code>")
@public
def published(code: str) -> str:
    """The list that stands, its period, what was objected, and the draws to verify."""
    row = public_round(code)
    numbers, record = publicity.published_numbers(db(), row)
    units = {one.number: one for one in competing(db(), pk(row))}
    found = publicity.period(db(), row)
    return render_template(
        "results/published.html",
        public_round=row,
        rows=sorted((units[one] for one in numbers), key=lambda one: (one.province, one.rank)),
        period=found,
        open=row.status == "published" and found and not found.over(office().tools.clock()),
        answered=[one for one in objections.objections_of(db(), row) if one.status == "answered"],
        draws=draws_of(db(), pk(row)),
        digest=record.digest,
        changes=publicity.changes(db(), row),
        units=units,
    )


@blueprint.get("/public/<code>/draws/<int:number>.zip")
@public
def bundle(code: str, number: int) -> Response:
    """The public bundle of a draw of a published round."""
    row = public_round(code)
    draw = draw_or_404(row, number)
    if draw.status != "completed":
        abort(404)
    return send_bundle(row, draw)


@blueprint.route("/public/<code>/objection", methods=["GET", "POST"])
@public
def objection(code: str) -> str | Response:
    """A form for anybody: name, contact, what is objected, files; the answer is a receipt."""
    row = public_round(code)
    found = publicity.period(db(), row)
    trouble = ""
    if request.method == "POST":
        if request.form.get("website"):  # a field that people don't see
            abort(400)
        try:
            made = office().do(
                ANYBODY, objections.receive_objection, pk(row), _statement(), source=_source()
            )
        except WorkflowError as error:
            trouble = sentence(error)
        else:
            session["receipt"] = made.receipt
            return redirect(url_for("results.receipt", code=code), code=303)
    return render_template(
        "public/objection.html",
        public_round=row,
        period=found,
        open=row.status == "published" and found and not found.over(office().tools.clock()),
        units=_listed(row),
        limits=objections,
        given=request.form,
        trouble=trouble,
    )


def _listed(row: Round) -> list[Dossier]:
    numbers = set(publicity.published_numbers(db(), row)[0])
    return [one for one in competing(db(), pk(row)) if one.number in numbers]


def _statement() -> objections.Statement:
    form = request.form
    sent = [one for one in request.files.getlist("files") if one.filename]
    return objections.Statement(
        name=form.get("name", ""),
        contact=form.get("contact", ""),
        text=form.get("text", ""),
        dossier=form.get("dossier", ""),
        files=tuple(
            objections.Received(one.filename or "", one.stream.read(objections.FILE_LIMIT + 1))
            for one in sent[: objections.FILES + 1]
        ),
    )


def _source() -> str:
    """Return a digest that tells senders apart and no address: the key is the application's."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, (request.remote_addr or "").encode(), sha256).hexdigest()[:24]


@blueprint.get("/public/<code>/receipt")
@public
def receipt(code: str) -> str:
    """What became of an objection, for who knows its receipt number."""
    row = public_round(code)
    fresh = session.pop("receipt", "") if not request.args.get("number") else ""
    number = request.args.get("number", "") or fresh
    found, missing = None, False
    if number:
        try:
            found = objections.by_receipt(db(), row, number)
        except NotFoundError:
            missing = True
    return render_template(
        "public/receipt.html",
        public_round=row,
        fresh=bool(fresh),
        number=number,
        found=found,
        missing=missing,
    )

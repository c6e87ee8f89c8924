"""Prefecture and province: the list in its order, one application to check, the recommendation."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlmodel import col, select

from review_service.exchange.form_docx import write_form
from review_service.tables import Recommendation, Round
from review_service.web.access import access, role
from review_service.web.dossiers import facts_of_form
from review_service.web.evidence import evidence_of, hand_out, keep, send_kept, sent_file
from review_service.web.page import attempt, db, round_or_404
from review_service.workflows import applications as cases
from review_service.workflows import recommending
from review_service.workflows.attachments import DOCX, PDF
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from review_service.tables import Application

blueprint = Blueprint("recommending", __name__)
ROLES = ("prefecture", "province")


def authority() -> recommending.Authority:
    """Return for which place the signed-in account acts."""
    return recommending.Authority.of(current_user, role())


@blueprint.get("/recommending")
@access(*ROLES)
def index() -> str:
    """The rounds, each with how many applications wait here and how many went up."""
    who = authority()
    rows = []
    for row in db().exec(select(Round).order_by(col(Round.id).desc())):
        found = recommending.applications_for(db(), who, pk(row))
        if found or row.status == "open":
            rows.append({"round": row, **_counts(who, row, found)})
    return render_template("recommending/index.html", who=who, rows=rows)


def _counts(who: recommending.Authority, row: Round, found: list[Application]) -> dict[str, Any]:
    return {
        "waiting": sum(one.stage == who.level for one in found),
        "passed": sum(who.has_passed(one) for one in found),
        "quota": row.rules[recommending.QUOTA[who.level]],
        "deadline": cases.deadline_of(row, who.level),
    }


@blueprint.get("/recommending/<code>")
@access(*ROLES)
def listing(code: str) -> str:
    """What has reached this level, in its order; ranking and recommending."""
    row, who = round_or_404(code), authority()
    found = recommending.applications_for(db(), who, pk(row))
    shown = [{"row": one, "rank": who.rank(one), **_summary(row, one)} for one in found]
    return render_template(
        "recommending/list.html",
        apply_round=row,
        who=who,
        held=[one for one in shown if one["row"].stage == who.level],
        others=[one for one in shown if one["row"].stage != who.level],
        made=recommending.recommendations(db(), pk(row), who),
        taken=sorted(recommending.ranks_taken(db(), who, pk(row))),
        **_counts(who, row, found),
    )


def _summary(row: Round, one: Application) -> dict[str, Any]:
    reading = cases.read_fields(one.fields)
    return {
        "failed": sum(not gate.passed for gate in reading.gates(row)),
        "sector": reading.sector,
        "category": reading.data.category,
    }


@blueprint.post("/recommending/<code>/ranks")
@access(*ROLES)
def ranks(code: str) -> Response:
    """Set the order; an empty box takes a rank away."""
    row = round_or_404(code)
    given = {
        int(name.removeprefix("rank-")): _number(text)
        for name, text in request.form.items()
        if name.startswith("rank-") and name[5:].isdecimal()
    }
    attempt(_("The order is saved."), recommending.rank_applications, authority(), pk(row), given)
    return redirect(url_for("recommending.listing", code=code), code=303)


def _number(text: str) -> int | None:
    """Return a rank; what is no number becomes 0, which the workflow refuses by name."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) < 6 else 0


@blueprint.post("/recommending/<code>/recommend")
@access(*ROLES)
def recommend(code: str) -> Response:
    """Recommend what lies here, in its order, with the stamped report as PDF."""
    row = round_or_404(code)
    back = redirect(url_for("recommending.listing", code=code), code=303)
    data, name = sent_file()
    file = keep(data, name, only=PDF)
    if file is not None:
        attempt(_("Recommended."), recommending.recommend, authority(), pk(row), file)
    return back


@blueprint.get("/recommending/<code>/reports/<int:made_id>")
@access(*ROLES)
def report(code: str, made_id: int) -> Response:
    """The stamped report of a recommendation that the authority may see."""
    row = round_or_404(code)
    made = recommending.recommendations(db(), pk(row), authority())
    found: Recommendation | None = next((one for one in made if one.id == made_id), None)
    if found is None:
        abort(404)
    return hand_out(found.digest, found.name, PDF)


def _seen(code: str, application_id: int) -> tuple[Round, recommending.Authority, Application]:
    row, who = round_or_404(code), authority()
    found = recommending.application_for(db(), who, application_id)
    if found.round_id != row.id:
        abort(404)
    return row, who, found


@blueprint.get("/recommending/<code>/<int:application_id>")
@access(*ROLES)
def one(code: str, application_id: int) -> str:
    """One application to check: conditions, form, evidence, and what can be done with it."""
    row, who, found = _seen(code, application_id)
    reading = cases.read_fields(found.fields)
    listed = [
        other.id
        for other in recommending.applications_for(db(), who, pk(row))
        if other.stage != "unit"
    ]
    at = listed.index(found.id)
    return render_template(
        "recommending/one.html",
        apply_round=row,
        who=who,
        application=found,
        reading=reading,
        gates=reading.gates(row),
        facts=facts_of_form(reading.data.application, contacts=True),
        evidence=evidence_of(pk(found)),
        steps=cases.steps_of(db(), pk(found)),
        before=listed[at - 1] if at else None,
        following=listed[at + 1] if at + 1 < len(listed) else None,
    )


@blueprint.post("/recommending/<code>/<int:application_id>")
@access(*ROLES)
def act(code: str, application_id: int) -> Response:
    """Confirm the seal, send back, decline, or take up again."""
    _row, who, found = _seen(code, application_id)
    what, reason = request.form.get("do", ""), request.form.get("reason", "")
    here = redirect(url_for("recommending.one", code=code, application_id=application_id), code=303)
    key, name = pk(found), request.form.get("seal", "")
    if what == "seal":
        done = _("The seal bears the form’s name.")
        attempt(done, recommending.check_seal, who, key, name)
    elif what == "return":
        back = attempt(_("Sent back."), recommending.return_application, who, key, reason)
        if back is not None and back.stage == "unit":
            return redirect(url_for("recommending.listing", code=code), code=303)
    elif what == "decline":
        attempt(_("Not recommended."), recommending.decline_application, who, key, reason)
    elif what == "reconsider":
        attempt(_("Taken up again."), recommending.reconsider_application, who, key)
    else:
        abort(400)
    return here


@blueprint.get("/recommending/<code>/<int:application_id>/form.docx")
@access(*ROLES)
def word_form(code: str, application_id: int) -> Response:
    """The application in the form's own layout."""
    _row, _who, found = _seen(code, application_id)
    data = io.BytesIO(write_form(cases.read_fields(found.fields).data))
    return send_file(data, as_attachment=True, download_name=f"{found.unit}.docx", mimetype=DOCX)


@blueprint.get("/recommending/<code>/<int:application_id>/evidence/<int:attachment_id>")
@access(*ROLES)
def evidence(code: str, application_id: int, attachment_id: int) -> Response:
    """A file of evidence, to keep."""
    _row, _who, found = _seen(code, application_id)
    return send_kept(pk(found), attachment_id)

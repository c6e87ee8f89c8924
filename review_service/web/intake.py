"""Intake at the ministry: paper originals, receipt, exceptions; a dossier as Word and print."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    abort,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask_babel import gettext as _
from sqlmodel import select

from review_service.exchange.form_docx import FormData, write_form
from review_service.exchange.form_layout import COVER, MAIN, SUPPLEMENT
from review_service.tables import Application, Dossier, PaperReceipt, Recommendation
from review_service.web.access import access
from review_service.web.desk import my_dossier
from review_service.web.dossiers import facts_of_form
from review_service.web.evidence import hand_out, send_kept
from review_service.web.page import attempt, db, dossier_or_404, round_or_404
from review_service.workflows import dossiers, papers, ways_back
from review_service.workflows.attachments import DOCX, PDF
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("intake", __name__)
SEEN_BY = ("staff", "approver", "inspector")
FIELDS = ("copies", "received_on", "seal", "kept_at", "note")
TYPED = "papers-typed"  # in the session, until the page has shown it


def _to_dossier(code: str, number: str) -> Response:
    return redirect(url_for("dossiers.one", code=code, number=number), code=303)


@blueprint.app_template_global()
def typed_papers(dossier: Dossier) -> dict[str, str]:
    """Return, once, what was typed about a dossier's papers and was refused."""
    typed: dict[str, str] = session.pop(TYPED, {})
    return typed if typed.get("dossier") == str(dossier.id) else {}


@blueprint.post("/rounds/<code>/dossiers/<number>/papers")
@access("staff")
def receive(code: str, number: str) -> Response:
    """Enter the paper originals of a dossier."""
    dossier = dossier_or_404(round_or_404(code), number)
    found = attempt(
        _("The papers are entered; the receipt can be printed."),
        papers.receive_papers,
        pk(dossier),
        copies=request.form.get("copies", 0, type=int),
        received_on=request.form.get("received_on", ""),
        seal_name=request.form.get("seal", ""),
        kept_at=request.form.get("kept_at", ""),
        note=request.form.get("note", ""),
    )
    if found is None:
        typed = {name: request.form.get(name, "")[:300] for name in FIELDS}
        session[TYPED] = typed | {"dossier": str(dossier.id)}
    return _to_dossier(code, number)


@blueprint.post("/rounds/<code>/dossiers/<number>/admit")
@access("staff")
def admit(code: str, number: str) -> Response:
    """Admit one dossier: with its papers, or by a reasoned exception."""
    dossier = dossier_or_404(round_or_404(code), number)
    attempt(
        _("The dossier is admitted to the review."),
        dossiers.admit_dossier,
        pk(dossier),
        exception=request.form.get("exception", ""),
        reason=request.form.get("reason", ""),
    )
    return _to_dossier(code, number)


@blueprint.post("/rounds/<code>/dossiers/<number>/return")
@access("staff")
def send_back(code: str, number: str) -> Response:
    """Send a dossier back to its province for correction, with a reason."""
    dossier = dossier_or_404(round_or_404(code), number)
    reason = request.form.get("reason", "")
    attempt(_("Sent back to the province."), ways_back.return_dossier, pk(dossier), reason)
    return redirect(url_for("dossiers.one", code=code, number=number), code=303)


@blueprint.get("/rounds/<code>/dossiers/<number>/receipt")
@access(*SEEN_BY)
def receipt(code: str, number: str) -> str:
    """The receipt for the papers, to print and sign."""
    row = round_or_404(code)
    dossier = dossier_or_404(row, number)
    found = db().get(PaperReceipt, pk(dossier)) or abort(404)
    return render_template("intake/receipt.html", round=row, dossier=dossier, receipt=found)


def form_of(dossier: Dossier) -> FormData:
    """Return a dossier's form, as the Word writer takes it."""
    record = dict(dossier.application)
    other = str(record.get("category_other", ""))
    return FormData(dossier.unit, dossier.credit_code, dossier.category, other, record)


@blueprint.get("/rounds/<code>/dossiers/<number>/form.docx")
@access(*SEEN_BY)
def word_form(code: str, number: str) -> Response:
    """The dossier in the form's own layout."""
    dossier = dossier_or_404(round_or_404(code), number)
    data = io.BytesIO(write_form(form_of(dossier)))
    name = f"{dossier.number}-{dossier.unit}.docx"
    return send_file(data, as_attachment=True, download_name=name, mimetype=DOCX)


@blueprint.get("/rounds/<code>/dossiers/<number>/print")
@access(*SEEN_BY)
def print_form(code: str, number: str) -> str:
    """The dossier to print, in the rows of the form."""
    row = round_or_404(code)
    dossier = dossier_or_404(row, number)
    return render_template(
        "intake/form.html",
        round=row,
        dossier=dossier,
        data=form_of(dossier),
        rows=MAIN,
        cover=COVER,
        supplement=SUPPLEMENT,
        facts=facts_of_form(dossier.application),
    )


@blueprint.get("/rounds/<code>/dossiers/<number>/evidence/<int:attachment_id>")
@access(*SEEN_BY)
def evidence(code: str, number: str, attachment_id: int) -> Response:
    """A file of evidence of a dossier, to keep."""
    return _evidence(dossier_or_404(round_or_404(code), number), attachment_id)


@blueprint.get("/desk/<code>/dossiers/<number>/evidence/<int:attachment_id>")
@access("expert")
def evidence_for_expert(code: str, number: str, attachment_id: int) -> Response:
    """The same for an expert who has pledged and to whom the dossier was dealt."""
    return _evidence(my_dossier(round_or_404(code), number), attachment_id)


def _evidence(dossier: Dossier, attachment_id: int) -> Response:
    query = select(Application.id).where(Application.dossier_id == dossier.id)
    application_id = db().exec(query).first() or abort(404)
    return send_kept(application_id, attachment_id)


@blueprint.get("/rounds/<code>/reports/<int:made_id>")
@access(*SEEN_BY)
def report(code: str, made_id: int) -> Response:
    """The stamped report of a province's or prefecture's recommendation."""
    row = round_or_404(code)
    made = db().get(Recommendation, made_id)
    if made is None or made.round_id != row.id:
        abort(404)
    return hand_out(made.digest, made.name, PDF)

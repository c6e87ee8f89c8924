"""A unit's application: the form of annex 2 online with autosave, as Word, and its evidence."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlmodel import col, select

from review_service.exchange.errors import ExchangeError
from review_service.exchange.form_docx import write_form
from review_service.exchange.form_reading import FormFile, read_form
from review_service.tables import Application, Round
from review_service.web.access import access
from review_service.web.applicationform import answer_of, form_parts
from review_service.web.errors import sentence
from review_service.web.evidence import evidence_of, keep, send_kept, sent_file
from review_service.web.languages import language
from review_service.web.page import attempt, db, do, round_or_404, saved_time
from review_service.workflows import applications as cases
from review_service.workflows import ways_back
from review_service.workflows.attachments import DOCX
from review_service.workflows.base import StaleError, WorkflowError, pk

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Response as Answer
    from werkzeug.wrappers import Response

blueprint = Blueprint("applications", __name__)


@blueprint.get("/applications")
@access("unit")
def index() -> str | Response:
    """The rounds that take applications, each with how far the unit's own has come."""
    mine = {
        one.round_id: one
        for one in db().exec(select(Application).where(Application.account_id == current_user.id))
    }
    query = select(Round).order_by(col(Round.id).desc())
    shown = [
        {"round": row, "application": mine.get(pk(row)), "deadline": cases.deadline_of(row, "unit")}
        for row in db().exec(query)
        if row.status == "open" or pk(row) in mine
    ]
    return render_template("applications/index.html", rows=shown)


def _mine(code: str) -> tuple[Round, Application]:
    """Return the round and the unit's own application in it; 404 where there is none."""
    row = round_or_404(code)
    found = cases.find_application(db(), pk(row), current_user.id)
    return row, found or abort(404)


def _due(row: Round, application: Application) -> datetime | None:
    """Return the last moment for the unit to submit, later once it was sent back from above."""
    return cases.deadline_of(row, cases.due_level(db(), application, "unit"))


@blueprint.post("/applications/<code>/begin")
@access("unit")
def begin(code: str) -> Response:
    """Begin the application."""
    row = round_or_404(code)
    done = _("Begun. What you type is saved by itself.")
    attempt(done, cases.begin_application, pk(row), current_user.id)
    return redirect(url_for("applications.one", code=code), code=303)


@blueprint.route("/applications/<code>", methods=["GET", "POST"])
@access("unit")
def one(code: str) -> str | Response:
    """The form; a post saves also without scripts, and goes on to the check."""
    row, application = _mine(code)
    typed = dict(application.fields)
    trouble, applicant, version = "", application.applicant, application.version
    if request.method == "POST":
        typed |= {path: request.form.get(path, "") for path in cases.PATHS}
        applicant = request.form.get("applicant", "")
        version = request.form.get("version", -1, type=int)
        try:
            do(
                cases.save_application, pk(application), current_user.id, typed,
                version=version, applicant=applicant,
            )  # fmt: skip
        except WorkflowError as error:
            trouble = sentence(error)
        else:
            return redirect(url_for("applications.check", code=code), code=303)
    if application.stage != "unit":
        return redirect(url_for("applications.check", code=code))
    reading = cases.read_fields(typed)
    return render_template(
        "applications/one.html",
        apply_round=row,
        application=application,
        applicant=applicant,
        version=version,
        parts=form_parts(row, typed, reading),
        reading=reading,
        answer=answer_of(row, reading, typed),
        gates=reading.gates(row),
        applicants=cases.APPLICANTS,
        evidence=evidence_of(pk(application)),
        deadline=_due(row, application),
        trouble=trouble,
        me=current_user.code,
    )


@blueprint.post("/applications/<code>/save")
@access("unit")
def save(code: str) -> tuple[Answer, int] | Answer:
    """Autosave: `{version, applicant, fields}` in; the new version, gates and problems out.

    409 tells that another window saved since `version` was read; nothing is overwritten.
    """
    row, application = _mine(code)
    sent = request.get_json(silent=True)
    fields = sent.get("fields") if isinstance(sent, dict) else None
    if not isinstance(sent, dict) or not isinstance(fields, dict):
        return jsonify(error=_("The request could not be understood.")), 400
    if not isinstance(sent.get("version"), int) or not all(
        isinstance(text, str) for text in fields.values()
    ):
        return jsonify(error=_("The request could not be understood.")), 400
    try:
        saved = do(
            cases.save_application, pk(application), current_user.id, fields,
            version=sent["version"], applicant=str(sent.get("applicant") or ""),
        )  # fmt: skip
    except StaleError as error:
        return jsonify(error=sentence(error), stored=error.facts.get("stored")), 409
    except WorkflowError as error:
        return jsonify(error=sentence(error)), 422
    return jsonify(
        version=saved.version,
        saved=saved_time(saved.saved_at),
        **answer_of(row, cases.read_fields(saved.fields), saved.fields),
    )


@blueprint.get("/applications/token")
@access("unit")
def token() -> Answer:
    """A fresh token for forms after signing in again, and for whom it is."""
    return jsonify(token=generate_csrf(), me=current_user.code)


@blueprint.get("/applications/<code>/check")
@access("unit")
def check(code: str) -> str:
    """Everything once more: what is missing, the conditions, the evidence; then submit."""
    row, application = _mine(code)
    reading = cases.read_fields(application.fields)
    return render_template(
        "applications/check.html",
        apply_round=row,
        application=application,
        reading=reading,
        problems=[(one, one.sentence(language())) for one in reading.issues],
        gates=reading.gates(row),
        evidence=evidence_of(pk(application)),
        steps=cases.steps_of(db(), pk(application)),
        deadline=_due(row, application),
        locked=cases.draw_made(db(), row) or row.status != "open",
        resumable=ways_back.may_resume(application),
    )


@blueprint.post("/applications/<code>/submit")
@access("unit")
def submit(code: str) -> Response:
    """Submit to the prefecture."""
    _row, application = _mine(code)
    done = _("Submitted to the prefecture. You will see here what comes of it.")
    attempt(done, cases.submit_application, pk(application), current_user.id)
    return redirect(url_for("applications.check", code=code), code=303)


@blueprint.post("/applications/<code>/withdraw")
@access("unit")
def withdraw(code: str) -> Response:
    """Withdraw the application with a reason, or take it up again."""
    _row, application = _mine(code)
    key = pk(application)
    if request.form.get("do") == "resume":
        done = _("Taken up again; it goes the whole way once more when you submit it.")
        attempt(done, ways_back.resume_application, key, current_user.id)
    else:
        reason = request.form.get("reason", "")
        done = _("The application is withdrawn.")
        attempt(done, ways_back.withdraw_application, key, current_user.id, reason)
    return redirect(url_for("applications.check", code=code), code=303)


@blueprint.get("/applications/<code>/form.docx")
@access("unit")
def word_form(code: str) -> Response:
    """The form as Word, with what has been filled in so far."""
    _row, application = _mine(code)
    data = write_form(cases.read_fields(application.fields).data)
    name = f"{_('Application')}-{code}.docx"
    return send_file(io.BytesIO(data), as_attachment=True, download_name=name, mimetype=DOCX)


@blueprint.post("/applications/<code>/form")
@access("unit")
def take_form(code: str) -> str | Response:
    """Take a filled Word form over, and report all that couldn't be read."""
    _row, application = _mine(code)
    back = redirect(url_for("applications.one", code=code), code=303)
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        flash(_("Choose a file."), "error")
        return back
    try:
        file = read_form(sent.read(), sent.filename)
    except ExchangeError as error:
        flash(error.sentence(language()), "error")
        return back
    done = _("The Word form was taken over; look through what stands in the form now.")
    version = request.form.get("version", -1, type=int)
    fields = _readable(file, application)
    saved = attempt(
        done, cases.save_application, pk(application), current_user.id, fields, version=version
    )
    if saved is None or not (file.issues or file.notices):
        return back
    return render_template(
        "applications/word.html",
        apply_round=_row,
        filename=sent.filename,
        taken=sum(1 for text in fields.values() if text),
        problems=[(one, one.sentence(language())) for one in file.issues],
        notices=[(one, one.sentence(language())) for one in file.notices],
    )


def _readable(file: FormFile, application: Application) -> dict[str, str]:
    """Return what could be read; a field that couldn't keeps what stands in the online form."""
    unread = {one.field for one in file.issues if one.code != "required"}
    typed = cases.typed_of(file.data, str(application.fields.get("sector", "")))
    return {path: text for path, text in typed.items() if path not in unread}


@blueprint.post("/applications/<code>/evidence")
@access("unit")
def attach(code: str) -> Response:
    """Put a file of evidence beside a section."""
    _row, application = _mine(code)
    back = redirect(url_for("applications.one", code=code) + "#evidence", code=303)
    data, name = sent_file()
    section = request.form.get("section", 0, type=int)
    about: dict[str, Any] = {
        "section": section,
        "title": request.form.get("title", ""),
        "pages": request.form.get("pages", ""),
    }
    file = keep(data, name)
    if file is not None:
        done = _("“%(name)s” was added.", name=file.name)
        attempt(done, cases.attach_file, pk(application), current_user.id, file, **about)
    return back


@blueprint.post("/applications/<code>/evidence/<int:attachment_id>/remove")
@access("unit")
def remove(code: str, attachment_id: int) -> Response:
    """Take a file of evidence away."""
    _row, application = _mine(code)
    attempt(_("Taken away."), cases.remove_file, pk(application), current_user.id, attachment_id)
    return redirect(url_for("applications.one", code=code) + "#evidence", code=303)


@blueprint.get("/applications/<code>/evidence/<int:attachment_id>")
@access("unit")
def evidence(code: str, attachment_id: int) -> Response:
    """A file of evidence, to keep."""
    _row, application = _mine(code)
    return send_kept(pk(application), attachment_id)

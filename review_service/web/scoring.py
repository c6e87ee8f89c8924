"""The scoring form, made from the frozen rubric, with an autosave that never overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from werkzeug.datastructures import MultiDict
from wtforms import IntegerField, RadioField, StringField, TextAreaField, validators

from review_service.storage import INTEGER_MOST
from review_service.web.access import access
from review_service.web.choices import SelectChoice
from review_service.web.desk import expert_id, my_dossier, my_reviews, my_seats, worklist
from review_service.web.dossiers import facts_of
from review_service.web.errors import sentence
from review_service.web.languages import either, language
from review_service.web.page import attempt, do, round_or_404, saved_time
from review_service.workflows import amendments, reviews
from review_service.workflows.autosave import autosave
from review_service.workflows.base import StaleError, WorkflowError, pk
from review_service.workflows.dossiers import gates_of
from review_service.workflows.rounds import rubric_of
from scoring.rubric import shown

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Response as Answer
    from werkzeug.wrappers import Response

    from review_service.tables import Dossier, Review, Round
    from scoring.rubric import Rubric

blueprint = Blueprint("scoring", __name__)
NOTE = 2000  # characters of a note
FORMS = 64  # classes of forms that a process keeps


_forms: dict[tuple[str, str, bool], type[FlaskForm]] = {}


def form_class(row: Round, *, amending: bool = False) -> type[FlaskForm]:
    """Return a form with a level and a note for each criterion, by the rubric that was frozen.

    A class for each rubric and language, made once.
    """
    key = (row.rubric_digest, language(), amending)
    if key not in _forms:
        if len(_forms) >= FORMS:
            _forms.clear()
        _forms[key] = _make_form(rubric_of(row), amending=amending)
    return _forms[key]


def _make_form(rubric: Rubric, *, amending: bool) -> type[FlaskForm]:
    fields: dict[str, Any] = {"version": IntegerField(validators=[validators.InputRequired()])}
    for one in rubric.criteria.values():
        fields[f"level-{one.id}"] = RadioField(
            either(one, "title"),
            choices=[SelectChoice(str(level), str(level)) for level in rubric.scale.levels()],
            validators=[validators.Optional()],
        )
        fields[f"note-{one.id}"] = TextAreaField(
            _("Evidence (page) and comment"), [validators.Length(max=NOTE)]
        )
    if amending:
        fields["reason"] = StringField(
            _("Reason for the change"), [validators.InputRequired(), validators.Length(max=500)]
        )
    return type("ReviewForm", (FlaskForm,), fields)


def _values(rubric: Rubric, review: Review | None) -> dict[str, Any]:
    values: dict[str, Any] = {"version": review.version if review else 0}
    for name in rubric.criteria:
        level = review.levels.get(name) if review else None
        values[f"level-{name}"] = None if level is None else str(level)
        values[f"note-{name}"] = review.notes.get(name, "") if review else ""
    return values


def _read(form: FlaskForm, rubric: Rubric) -> tuple[dict[str, int | None], dict[str, str]]:
    """Return the levels and notes of a validated form."""
    levels = {name: form[f"level-{name}"].data for name in rubric.criteria}
    notes = {name: (form[f"note-{name}"].data or "").strip() for name in rubric.criteria}
    return {name: int(level) if level else None for name, level in levels.items()}, notes


def _save(row: Round, dossier: Dossier, form: FlaskForm, rubric: Rubric) -> Review:
    levels, notes = _read(form, rubric)
    return do(
        reviews.save_review,
        pk(row),
        expert_id(),
        pk(dossier),
        levels=levels,
        notes=notes,
        version=form.version.data,
    )


@blueprint.route("/desk/<code>/dossiers/<number>", methods=["GET", "POST"])
@access("expert")
def one(code: str, number: str) -> str | Response:
    """The dossier beside the rubric. A post saves (also without scripts) and goes on."""
    row = round_or_404(code)
    my_seats(row)
    dossier = my_dossier(row, number)
    rubric = rubric_of(row)
    rows = _open(row, rubric)
    at = next(n for n, entry in enumerate(rows) if entry["dossier"].id == dossier.id)
    review = rows[at]["review"]
    following = rows[at + 1]["dossier"].number if at + 1 < len(rows) else None
    form = form_class(row)(data=_values(rubric, review))
    trouble = ""
    if form.is_submitted() and form.validate():
        try:
            _save(row, dossier, form, rubric)
        except WorkflowError as error:
            trouble = sentence(error)
        else:
            if following:
                return redirect(url_for("scoring.one", code=code, number=following), code=303)
            return redirect(url_for("desk.check", code=code), code=303)
    editable = row.status == "reviewing" and (review is None or review.status == "draft")
    return _page(row, dossier, form, rows, editable=editable, trouble=trouble)


def _open(row: Round, rubric: Rubric) -> list[dict[str, Any]]:
    """Return the expert's dossiers that may be opened now."""
    return [one for one in worklist(row, rubric) if not one["closed"]]


def _page(
    row: Round,
    dossier: Dossier,
    form: FlaskForm,
    rows: list[dict[str, Any]],
    *,
    editable: bool,
    trouble: str = "",
    amending: bool = False,
) -> str:
    at = next(n for n, entry in enumerate(rows) if entry["dossier"].id == dossier.id)
    review = rows[at]["review"]
    return render_template(
        "desk/score.html",
        desk_round=row,
        dossier=dossier,
        rubric=rubric_of(row),
        form=form,
        review=review,
        facts=facts_of(dossier),
        gates=gates_of(row, dossier),
        rows=rows,
        at=at,
        before=rows[at - 1]["dossier"].number if at else None,
        following=rows[at + 1]["dossier"].number if at + 1 < len(rows) else None,
        others=_others(row, dossier),
        editable=editable,
        amending=amending,
        amendable=review is not None
        and review.status == "submitted"
        and row.status in {"reviewing", "closed"},
        trouble=trouble,
        me=current_user.code,
    )


@blueprint.route("/desk/<code>/dossiers/<number>/amend", methods=["GET", "POST"])
@access("expert")
def amend(code: str, number: str) -> str | Response:
    """Ask for other levels on a submitted review, with a reason; a second person decides."""
    row = round_or_404(code)
    my_seats(row)
    dossier = my_dossier(row, number)
    rubric = rubric_of(row)
    rows = _open(row, rubric)
    review = my_reviews(row).get(pk(dossier))
    if review is None or review.status != "submitted":
        abort(404)
    form = form_class(row, amending=True)(data=_values(rubric, review))
    if form.validate_on_submit():
        levels, notes = _read(form, rubric)
        done = attempt(
            _("Asked for. The review changes once a second person approves."),
            amendments.propose_amendment,
            pk(review),
            expert_id(),
            levels={name: level for name, level in levels.items() if level is not None},
            notes=notes,
            reason=form.reason.data,
        )
        if done is not None:
            return redirect(url_for("scoring.one", code=code, number=number), code=303)
    return _page(row, dossier, form, rows, editable=True, amending=True)


def _others(row: Round, dossier: Dossier) -> dict[str, list[int]]:
    """Return the levels this expert gave to other dossiers, by criterion, to keep one's scale."""
    found: dict[str, list[int]] = {}
    for dossier_id, review in my_reviews(row).items():
        if dossier_id != dossier.id:
            for name, level in review.levels.items():
                found.setdefault(name, []).append(level)
    return {name: sorted(levels, reverse=True) for name, levels in found.items()}


@blueprint.post("/desk/<code>/dossiers/<number>/save")
@access("expert")
def save(code: str, number: str) -> tuple[Answer, int] | Answer:
    """Autosave: `{version, levels, notes}` in; the new version out, or why nothing was stored.

    409 tells that another window saved since `version` was read; nothing is overwritten.
    """
    sent: Any = request.get_json(silent=True)
    if _plain(sent):
        asked = {kind: sent.get(kind) or {} for kind in ("levels", "notes")}
        saved = do(autosave, code, number, expert_id(), version=sent["version"], **asked)
        if saved is not None:
            return _kept(saved.rubric, saved.version, saved.at, asked["levels"])
    row = round_or_404(code)
    dossier = my_dossier(row, number)
    rubric = rubric_of(row)
    if not isinstance(sent, dict):
        return jsonify(error=_("The request could not be understood.")), 400
    form = form_class(row)(formdata=_flat(sent))
    if not form.validate():
        texts = [text for messages in form.errors.values() for text in messages]
        return jsonify(error="；".join(map(str, texts))), 422
    try:
        review = _save(row, dossier, form, rubric)
    except StaleError as error:
        return jsonify(error=sentence(error), stored=error.facts.get("stored")), 409
    except WorkflowError as error:
        return jsonify(error=sentence(error)), 422
    return _kept(rubric, review.version, review.saved_at, review.levels)


def _plain(sent: Any) -> bool:
    """Whether an autosave has the types that the form would give it; if not, the form says why."""
    if not isinstance(sent, dict) or type(sent.get("version")) is not int:
        return False
    levels, notes = sent.get("levels") or {}, sent.get("notes") or {}
    return (
        0 <= sent["version"] < INTEGER_MOST
        and isinstance(levels, dict)
        and isinstance(notes, dict)
        and all(level is None or type(level) is int for level in levels.values())
        and all(isinstance(text, str) and len(text) <= NOTE for text in notes.values())
    )


def _kept(rubric: Rubric, version: int, at: datetime, levels: dict[str, int | None]) -> Answer:
    score = rubric.total(levels)
    return jsonify(
        version=version,
        saved=saved_time(at),
        missing=len(score.missing),
        total=shown(score.total),
    )


def _flat(sent: dict[str, Any]) -> MultiDict[str, str]:
    """Return what a browser would post for the JSON of an autosave."""
    flat = MultiDict({"version": str(sent.get("version", ""))})
    for kind in ("level", "note"):
        part = sent.get(f"{kind}s")
        for name, value in part.items() if isinstance(part, dict) else ():
            if value is not None:
                flat[f"{kind}-{name}"] = str(value)
    return flat


@blueprint.get("/desk/token")
@access("expert")
def token() -> Answer:
    """A fresh token for forms after signing in again, and for whom it is."""
    return jsonify(token=generate_csrf(), me=current_user.code)

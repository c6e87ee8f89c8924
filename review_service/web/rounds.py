"""A round's rules: made, changed while it is a draft, and read in plain words once frozen."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

from review_service.web.access import access
from review_service.web.page import attempt, round_or_404
from review_service.web.roundform import NewRound, RulesForm
from review_service.web.roundlines import filled
from review_service.workflows import rounds
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("rounds", __name__)
# The rules whose help says what they rest on, which readers want too; other help is for typing.
BASES = frozenset({
    "dossiers_per_prefecture", "dossiers_per_province", "deadline_prefecture", "deadline_province",
    "paper_copies", "organisers", "window_years", "same_prefecture", "method",
})  # fmt: skip


@blueprint.route("/rounds/new", methods=["GET", "POST"])
@access("staff")
def new() -> str | Response:
    """Make a round from a rubric, its panels and its rules."""
    form = NewRound(data=filled())
    if form.validate_on_submit():
        rules = form.rules()
        rules["list"]["rubric"] = form.rubric.data
        made = attempt(
            _("The round was made. Bring in experts and dossiers, then open it."),
            rounds.create_round,
            str(form.code.data),
            str(form.title.data),
            str(form.rubric.data),
            rules,
        )
        if made is not None:
            return redirect(url_for("home.overview", code=made.code), code=303)
    return render_template("rounds/form.html", form=form, round=None)


@blueprint.route("/rounds/<code>/edit", methods=["GET", "POST"])
@access("staff")
def edit(code: str) -> str | Response:
    """Change a draft's rules; once the round is open its rules are only read."""
    row = round_or_404(code)
    back = redirect(url_for("rounds.rules", code=code), code=303)
    if row.status != "draft" and request.method == "GET":
        return back
    form = RulesForm(data=filled(row))
    form.kept = rounds.DEFAULT_RULES | row.rules
    if not form.validate_on_submit():
        return render_template("rounds/form.html", form=form, round=row)
    done, title = _("The rules are changed."), str(form.title.data)
    attempt(done, rounds.change_round, pk(row), title, form.rules())
    return back


@blueprint.get("/rounds/<code>/rules")
@access("staff", "approver", "inspector")
def rules(code: str) -> str:
    """All that the round decided beforehand, with what each rule rests on."""
    row = round_or_404(code)
    form = RulesForm(data=filled(row), meta={"csrf": False})
    parts = [
        (
            key,
            title,
            [(one, value) for one in fields if _applies(form, one.name, value := _value(one))],
        )
        for key, title, fields in form.sections()
    ]
    return render_template(
        "rounds/rules.html",
        round=row,
        rubric=rounds.rubric_of(row),
        parts=parts,
        bases=BASES,
    )


def _applies(form: RulesForm, name: str, value: Any) -> bool:
    """Whether a rule means anything in this round: some are of one method, some only if given."""
    if name == "pair_cap":
        return bool(form.method.data != "lottery")
    if name == "zone_settle":
        return form.zone_low.data is not None
    return value is not None or not name.startswith(("limit_", "each_", "panels", "parties_"))


def _value(field: Any) -> Any:
    """Return a rule's value as words; None where nothing is set."""
    if field.type == "BooleanField":
        return _("yes") if field.data else _("no")
    if field.type == "RadioField":
        labels = {value: label for value, label, *_more in field.iter_choices()}
        return labels.get(field.data, field.data)
    if isinstance(field.data, datetime):
        return field.data.strftime("%Y-%m-%d %H:%M")
    if isinstance(field.data, Decimal):
        return f"{field.data:f}"
    if isinstance(field.data, float):
        return f"{field.data:g}"
    return None if field.data in {None, ""} else field.data

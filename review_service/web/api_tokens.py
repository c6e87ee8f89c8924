"""The administrator's page of API tokens: make one, see it once, revoke it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectMultipleField, StringField, validators, widgets

from review_service.web.access import access
from review_service.web.choices import SelectChoice
from review_service.web.page import attempt, db, do, office
from review_service.workflows import tokens
from review_service.workflows.base import WorkflowError

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("api_tokens", __name__)
SCOPES = {
    "rounds": _l("rounds that are not published yet"),
    "draws": _l("draws of rounds that are not published yet, by pseudonym"),
    "log": _l("the text of every event of the log"),
    "results": _l("figures of dossiers and the list, once scoring is closed"),
}


class TokenForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """What a new token is for, what it opens and how long."""

    name = StringField(
        _l("Who uses it, and for what"), [validators.InputRequired(), validators.Length(max=120)]
    )
    scopes = SelectMultipleField(
        _l("What it opens beyond what is public"),
        [validators.InputRequired(_l("Choose at least one."))],
        choices=[SelectChoice(code, text) for code, text in SCOPES.items()],
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    days = IntegerField(
        _l("Days until it ends"),
        [validators.InputRequired(), validators.NumberRange(1, tokens.MOST_DAYS)],
        default=90,
    )


@blueprint.get("/tokens")
@access("administrator")
def index() -> str:
    """All tokens that were ever made, and the form for a new one."""
    return _page(TokenForm())


def _page(form: TokenForm, made: str = "") -> str:
    return render_template(
        "api/tokens.html",
        form=form,
        made=made,
        rows=tokens.all_tokens(db()),
        scopes=SCOPES,
        now=office().tools.clock(),
    )


@blueprint.post("/tokens")
@access("administrator")
def create() -> str:
    """Make a token; this answer shows it, no later one can."""
    form = TokenForm()
    if not form.validate_on_submit():
        return _page(form)
    try:
        _row, made = do(
            tokens.create_token, str(form.name.data), form.scopes.data or [], form.days.data or 0
        )
    except WorkflowError:
        flash(_("That was refused; nothing was changed."), "error")
        return _page(form)
    return _page(TokenForm(formdata=None), made)


@blueprint.post("/tokens/<int:number>/revoke")
@access("administrator")
def revoke(number: int) -> Response:
    """End a token at once."""
    attempt(_("The token is revoked."), tokens.revoke_token, number)
    return redirect(url_for("api_tokens.index"), code=303)

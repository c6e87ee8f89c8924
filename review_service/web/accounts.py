"""One's own account; all accounts for administrators; what waits for a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, logout_user
from flask_security import url_for_security
from flask_wtf import FlaskForm
from sqlmodel import col, select
from wtforms import HiddenField, SelectField, StringField, validators

from review_service.exchange.places import PROVINCES
from review_service.tables import Account, AccountChange, ViewConsent
from review_service.web.access import access
from review_service.web.choices import SelectChoice
from review_service.web.links import link_address
from review_service.web.outgoing import send_soon
from review_service.web.page import attempt, db, office
from review_service.web.words import word
from review_service.workflows import account_changes
from review_service.workflows.accounts import ROLES, sign_out_everywhere
from review_service.workflows.base import pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

blueprint = Blueprint("accounts", __name__)
OPENED = tuple(role for role in ROLES if role != "expert")


class OpenForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """A new account, or an account's new role."""

    email = StringField(
        _l("E-mail address"),
        [
            validators.InputRequired(_l("An address is needed for the letter.")),
            validators.Length(max=200),
            validators.Regexp(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", message=_l("That is no address.")),
        ],
    )
    name = StringField(
        _l("Name"), [validators.InputRequired(_l("A name is needed.")), validators.Length(max=60)]
    )
    role = SelectField(
        _l("Role"), choices=lambda: [SelectChoice(one, word("role", one)) for one in OPENED]
    )
    province = SelectField(
        _l("Province (units, prefectures, provinces)"),
        choices=lambda: [SelectChoice("", "—"), *(SelectChoice(one, one) for one in PROVINCES)],
    )
    prefecture = StringField(
        _l("Prefecture (units, prefectures)"), [validators.Length(max=40)], default=""
    )


class RoleForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """An account's new role."""

    role = SelectField(
        _l("Role"), choices=lambda: [SelectChoice(one, word("role", one)) for one in OPENED]
    )
    province = StringField(default="")
    prefecture = StringField(default="")


class DecisionForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """Agreed or not."""

    decision = HiddenField(validators=[validators.AnyOf(("approve", "reject"))])


@blueprint.get("/account")
@access(*ROLES)
def mine() -> str:
    """One's own account: password, second factor, sessions, consent to be looked at."""
    now = office().tools.clock()
    query = select(ViewConsent).where(
        ViewConsent.account_id == current_user.id, col(ViewConsent.ended_at).is_(None)
    )
    consent = db().exec(query.where(ViewConsent.until > now)).first()
    return render_template("accounts/mine.html", consent=consent)


@blueprint.post("/account/sign-out-everywhere")
@access(*ROLES)
def sign_out() -> Response:
    """End every session of one's account, this one too."""
    attempt(_("You are signed out everywhere."), sign_out_everywhere, current_user.id)
    logout_user()
    return redirect(url_for_security("login"), code=303)


@blueprint.post("/account/view")
@access(*ROLES)
def allow() -> Response:
    """Let support look at one's pages."""
    done = _("Support may look at your pages for half an hour.")
    attempt(done, account_changes.allow_view, current_user.id)
    return redirect(url_for("accounts.mine"), code=303)


@blueprint.post("/account/view/withdraw")
@access(*ROLES)
def withdraw() -> Response:
    """End the consent at once."""
    attempt(_("Support can’t look any more."), account_changes.withdraw_view, current_user.id)
    return redirect(url_for("accounts.mine"), code=303)


@blueprint.route("/accounts", methods=["GET", "POST"])
@access("administrator")
def index() -> str | Response:
    """Every account. Of experts the code alone: who has an account was drawn."""
    form = OpenForm()
    if form.validate_on_submit():
        done = _("The account is opened.")
        opened = attempt(
            done, account_changes.open_account, link_address,
            email=str(form.email.data).strip(), name=str(form.name.data).strip(),
            role=str(form.role.data), province=str(form.province.data or ""),
            prefecture=str(form.prefecture.data or "").strip(),
        )  # fmt: skip
        send_soon()
        if opened is not None:
            if not opened.active:
                flash(_("It sleeps until a second person has agreed."), "info")
            return redirect(url_for("accounts.index"), code=303)
    now = office().tools.clock()
    return render_template(
        "accounts/index.html",
        form=form,
        rows=db().exec(select(Account).order_by(col(Account.code))).all(),
        role_of=account_changes.role_of,
        roles=OPENED,
        waiting={account.id for _change, account in account_changes.open_changes(db())},
        consents=account_changes.open_consents(db(), now),
    )


def _row(number: int) -> Account:
    return db().get(Account, number) or abort(404)


@blueprint.post("/accounts/<int:number>/role")
@access("administrator")
def role(number: int) -> Response:
    """Give an account another role."""
    row, form = _row(number), RoleForm()
    if form.validate_on_submit():
        attempt(
            _("The role is changed, or waits for a second person."),
            account_changes.change_role, pk(row), str(form.role.data),
            province=str(form.province.data or ""), prefecture=str(form.prefecture.data or ""),
        )  # fmt: skip
    else:
        flash(_("Choose a role."), "error")
    return redirect(url_for("accounts.index"), code=303)


@blueprint.post("/accounts/<int:number>/close")
@access("administrator")
def close(number: int) -> Response:
    """Close an account."""
    done = _("The account is closed.")
    attempt(done, account_changes.set_active, pk(_row(number)), active=False)
    return redirect(url_for("accounts.index"), code=303)


@blueprint.post("/accounts/<int:number>/reopen")
@access("administrator")
def reopen(number: int) -> Response:
    """Open a closed account again."""
    done = _("The account is open again.")
    attempt(done, account_changes.set_active, pk(_row(number)), active=True)
    return redirect(url_for("accounts.index"), code=303)


@blueprint.post("/accounts/<int:number>/renew")
@access("administrator")
def renew(number: int) -> Response:
    """Let somebody who lost password or second factor begin anew."""
    done = _("A letter is on its way, or the matter waits for a second person.")
    attempt(done, account_changes.renew_access, pk(_row(number)), link_address)
    send_soon()
    return redirect(url_for("accounts.index"), code=303)


@blueprint.get("/accounts/changes")
@access("administrator", "approver")
def changes() -> str:
    """What waits for a second person."""
    return render_template(
        "accounts/changes.html", rows=account_changes.open_changes(db()), form=DecisionForm()
    )


@blueprint.post("/accounts/changes/<int:number>")
@access("administrator", "approver")
def decide(number: int) -> Response:
    """Agree, or not."""
    form = DecisionForm()
    row = db().get(AccountChange, number) or abort(404)
    if form.validate_on_submit():
        approve = form.decision.data == "approve"
        done = _("Decided.")
        attempt(done, account_changes.decide_change, pk(row), link_address, approve=approve)
        send_soon()
    else:
        flash(_("Agree or refuse."), "error")
    return redirect(url_for("accounts.changes"), code=303)

"""Pages of one-time links: an expert asks for one and signs in by it; anybody sets a password."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_security import url_for_security, utils
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField, validators

from review_service.web.access import public
from review_service.web.outgoing import send_soon
from review_service.web.page import db, office
from review_service.workflows import links
from review_service.workflows.account_changes import role_of
from review_service.workflows.base import SYSTEM, Actor, NotFoundError, pk

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as Answer

    from review_service.tables import Account

blueprint = Blueprint("links", __name__)
PAUSE = 0.25  # seconds that an answer takes at least, whether a letter was written or not


class AskForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """Where the link is to go."""

    email = StringField(
        _l("E-mail address"),
        [validators.InputRequired(_l("Enter your e-mail address.")), validators.Length(max=200)],
    )


class PasswordForm(FlaskForm):  # type: ignore[misc]  # untyped library
    """A new password, typed twice."""

    password = PasswordField(
        _l("New password"),
        [validators.InputRequired(_l("Enter a password.")), validators.Length(max=200)],
        description=_l("At least 12 characters; a sentence is easier to keep than a riddle."),
    )
    again = PasswordField(
        _l("The same once more"),
        [validators.EqualTo("password", _l("The two are not the same."))],
    )


def link_address(purpose: str, token: str) -> str:
    """Return the address of a link."""
    endpoint = "links.enter" if purpose == "sign-in" else "links.choose"
    return url_for(endpoint, token=token, _external=True)


@blueprint.route("/sign-in/link", methods=["GET", "POST"])
@public
def ask() -> str:
    """Ask for a link; the answer is the same for every address, in words and in time."""
    form = AskForm()
    if not form.validate_on_submit():
        return render_template("accounts/ask.html", form=form, asked=False)
    begun = time.monotonic()
    office().do(SYSTEM, links.ask_to_sign_in, str(form.email.data), link_address)
    send_soon()  # also where no letter was written: the answer tells nothing
    time.sleep(max(0.0, PAUSE - (time.monotonic() - begun)))
    return render_template("accounts/ask.html", form=form, asked=True)


def _account(token: str, purpose: str) -> Account:
    account = links.account_of_link(db(), token, purpose, office().tools.clock())
    if not account.active:
        raise NotFoundError("link-over")
    return account


@blueprint.route("/sign-in/<token>", methods=["GET", "POST"])
@public
def enter(token: str) -> str | Answer:
    """Sign in by link. Opening it does nothing yet: programs that look into letters open links."""
    account = _account(token, "sign-in")
    if request.method == "GET":
        return render_template("accounts/enter.html", token=token)
    office().do(Actor(role_of(account), account.code), links.use_link, token, "sign-in")
    library = current_app.extensions["security"]
    person = library.datastore.find_user(id=pk(account))
    further = library.two_factor_plugins.tf_enter(person, None, "link", next_loc=None)
    if further:
        return further  # type: ignore[no-any-return]  # untyped library
    utils.login_user(person, remember=False, authn_via=["link"])
    return redirect(url_for("home.index"), code=303)


@blueprint.route("/password/<token>", methods=["GET", "POST"])
@public
def choose(token: str) -> str | Answer:
    """Set the password of an account by link; every session of it ends."""
    account, form = _account(token, "password"), PasswordForm()
    if form.validate_on_submit():
        library = current_app.extensions["security"]
        wrong, password = library.password_util.validate(
            form.password.data, is_register=False, user=account
        )
        if wrong:
            form.password.errors = [*form.password.errors, *wrong]
        else:
            actor = Actor(role_of(account), account.code)
            office().do(actor, links.set_password, token, str(utils.hash_password(password)))
            flash(_("Your password is set. Sign in with it."), "success")
            return redirect(url_for_security("login"), code=303)
    return render_template("accounts/choose.html", form=form, token=token)


@blueprint.get("/.well-known/security.txt")
@public
def security_txt() -> Response:
    """Where a weakness is reported (RFC 9116); only with a contact set."""
    contact = current_app.extensions["settings"].contact or abort(404)
    until = office().tools.clock() + timedelta(days=180)
    lines = (
        f"Contact: {contact}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: zh, en",
        f"Canonical: {url_for('links.security_txt', _external=True)}",
    )
    return Response("\n".join(lines) + "\n", mimetype="text/plain")

"""Support looks at a screen as another role: read only, with the holder's consent, logged.

While it lasts every page says so, every post is refused, and only pages without names of experts
and without scores open: the administrator's blindness stays whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, current_app, flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from review_service.tables import ViewConsent
from review_service.web.access import access, role
from review_service.web.page import db, do, office
from review_service.workflows import account_changes
from review_service.workflows.base import NotFoundError

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

blueprint = Blueprint("viewing", __name__)
# Pages that show neither an expert's name nor a score, whatever the round's state.
VIEWABLE = frozenset({
    "home.index", "home.overview", "rounds.new", "rounds.rules", "dossiers.index", "dossiers.one",
    "dossiers.provinces", "draws.room", "draws.one", "imports.upload", "log.checkpoint",
    "log.verify", "desk.index", "desk.pledge", "accounts.mine", "results.published",
    "applications.index", "applications.check", "recommending.index", "recommending.listing",
})  # fmt: skip
_FILES = frozenset({"static", "bootstrap.static", "security.static"})


@blueprint.post("/accounts/view/<int:consent_id>")
@access("administrator")
def begin(consent_id: int) -> Response:
    """Begin to look, where the account's holder has allowed it."""
    row = do(account_changes.begin_view, consent_id)
    session["view"] = row.id
    return redirect(url_for("home.index"), code=303)


@blueprint.post("/accounts/view/end")
@access("administrator")
def end() -> Response:
    """Stop looking."""
    number = session.pop("view", None)
    if number is not None:
        _ended(number)
    return redirect(url_for("accounts.index"), code=303)


def _ended(number: int) -> None:
    row = db().get(ViewConsent, number)
    if row is not None:
        do(account_changes.end_view, row.account_id)


def install(app: Flask) -> None:
    """Put the holder's account in the place of the administrator's, for pages that are looked at.

    Comes before the check of access, which then is that of the account that is looked at.
    """
    app.jinja_env.globals["looked_at"] = lambda: g.get("looked_at")

    @app.before_request
    def _look() -> None:
        number = session.get("view")
        if number is None or request.endpoint in _FILES or request.endpoint == "viewing.end":
            return
        if role() != "administrator":  # signed out, or another account meanwhile
            session.pop("view")
            return
        try:
            consent = account_changes.consent_of(db(), number, office().tools.clock())
        except NotFoundError:
            session.pop("view")
            _ended(number)
            flash(_("The consent has ended; these are your own pages again."), "info")
            return
        g.looked_at = current_user.code  # a refusal says it too, and offers to stop
        if request.method not in {"GET", "HEAD"} or request.endpoint not in VIEWABLE:
            abort(403)
        people = current_app.extensions["security"].datastore
        g._login_user = people.find_user(id=consent.account_id)  # noqa: SLF001 - where Flask-Login keeps it
